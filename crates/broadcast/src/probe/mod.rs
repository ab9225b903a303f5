//! What is in a source, before anything is started on it.
//!
//! ffprobe looks for a few seconds: first shortly, and once more for longer when pictures have no size
//! yet, because no key frame has come. All of it has a hard time limit, since ffprobe by itself waits
//! for a silent peer without end. Inputs are looked into at the same time.
//!
//! Listeners are not probed, nor are commands: the publisher would be lost by looking, and a command
//! may not be fit to run twice. Of them the summary says what the job declares (`expect`) or what is
//! usual, and the pictures get bars if their shape turns out to be another.

mod rate;
mod seen;
mod summary;

use std::{
    thread,
    time::{Duration, Instant},
};

use process::{Ffmpeg, probe::Kind};

pub use summary::{AudioStream, Summary, VideoStream};

use crate::{
    input::{Input, Source},
    job::ProbeMode,
    ladder::short_language,
    units::{BitRate, Size},
};
use seen::Seen;

/// Time limit of looking into an input, when none is given.
pub const LIMIT: Duration = Duration::from_secs(10);

/// How much media is looked at in the first try and in the second.
const WINDOWS: [Duration; 2] = [Duration::from_millis(1_500), Duration::from_secs(6)];

/// How much media is looked at for key frames and rates.
const PACKETS: &str = "%+2";

/// Why an input cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// ffprobe is missing or cannot be started.
    #[error(transparent)]
    Program(process::Error),
    /// It cannot be opened or read.
    #[error("input {title}: {reason}")]
    Unreadable {
        /// Position of the input.
        input: usize,
        /// The input, secrets masked.
        title: String,
        /// What ffprobe says, secrets masked.
        reason: String,
    },
    /// It can be opened, but nothing comes.
    #[error("input {title}: nothing came within {} s", after.as_secs_f32())]
    Silent {
        /// Position of the input.
        input: usize,
        /// The input, secrets masked.
        title: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// It cannot be looked into before the start, and the job requires that.
    #[error("input {title}: a {kind} input that waits cannot be looked into before the start")]
    Unknowable {
        /// Position of the input.
        input: usize,
        /// The input, secrets masked.
        title: String,
        /// Its kind.
        kind: &'static str,
    },
    /// It holds neither video nor sound.
    #[error("input {title}: there is neither video nor sound in it")]
    Empty {
        /// Position of the input.
        input: usize,
        /// The input, secrets masked.
        title: String,
    },
}

/// Looks into all inputs that can be looked into, see [`survey`].
pub fn inspect(
    ffmpeg: &Ffmpeg,
    inputs: &[(Input, Source)],
    limit: Duration,
) -> Result<Summary, Vec<Error>> {
    survey(ffmpeg, inputs, ProbeMode::Auto, limit)
}

/// Looks into all inputs at once, as far as `mode` says, and merges what they give; the first video
/// is taken. Each gets `limit`. Fails with what is wrong with every input.
pub fn survey(
    ffmpeg: &Ffmpeg,
    inputs: &[(Input, Source)],
    mode: ProbeMode,
    limit: Duration,
) -> Result<Summary, Vec<Error>> {
    let look = |index: usize, (input, source): &(Input, Source)| {
        let known = matches!(source, Source::Test(_));
        if mode == ProbeMode::Require && !known && !source.can_be_probed() {
            return Err(Error::Unknowable {
                input: index,
                title: source.title(),
                kind: source.kind(),
            });
        }
        if mode == ProbeMode::Off || !source.can_be_probed() {
            return Ok(input.assumed(source, index));
        }
        let mut summary = one(ffmpeg, index, source, limit)?;
        input.label(&mut summary, index);
        Ok(summary)
    };
    let found: Vec<Result<Summary, Error>> = thread::scope(|scope| {
        let running: Vec<_> = inputs
            .iter()
            .enumerate()
            .map(|(index, input)| scope.spawn(move || look(index, input)))
            .collect();
        running
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    let mut merged = Summary::default();
    let mut errors = Vec::new();
    for result in found {
        match result {
            Ok(summary) => {
                merged.formats.extend(summary.formats);
                merged.video = merged.video.or(summary.video);
                merged.audio.extend(summary.audio);
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(merged)
    } else {
        Err(errors)
    }
}

fn one(ffmpeg: &Ffmpeg, input: usize, source: &Source, limit: Duration) -> Result<Summary, Error> {
    let started = Instant::now();
    let mut last = Summary::default();
    for window in WINDOWS {
        let left = limit.saturating_sub(started.elapsed());
        if left < Duration::from_millis(500) {
            break;
        }
        last = attempt(ffmpeg, source, window.min(left), left)
            .map_err(|error| explained(error, input, source, limit))?;
        let sized = last
            .video
            .as_ref()
            .is_some_and(|video| video.size.width > 0);
        if sized || (last.video.is_none() && !last.audio.is_empty()) {
            break;
        }
    }
    // Pictures without a size are none that could be decoded.
    last.video = last
        .video
        .filter(|video| video.size.width > 0 && video.size.height > 0);
    if last.video.is_none() && last.audio.is_empty() {
        return Err(Error::Empty {
            input,
            title: source.title(),
        });
    }
    Ok(last)
}

fn attempt(
    ffmpeg: &Ffmpeg,
    source: &Source,
    window: Duration,
    limit: Duration,
) -> Result<Summary, process::Error> {
    let command = ffmpeg
        .probe_command()
        .args(["-of", "json", "-show_format", "-show_streams"])
        .args(["-show_entries", "packet=stream_index,pts,size,flags"])
        .args(["-read_intervals", PACKETS])
        .args(["-analyzeduration", &window.as_micros().to_string()])
        .args(
            source
                .probe_arguments()
                .into_iter()
                .map(|argument| argument.value),
        )
        .timeout(limit);
    let output = ffmpeg.spawner().run(command)?;
    let probe = process::probe::read(&output)?;
    Ok(summarized(&probe, &Seen::read(&output)))
}

/// Makes a summary of what ffprobe wrote.
fn summarized(probe: &process::probe::Probe, seen: &Seen) -> Summary {
    let mut summary = Summary {
        formats: vec![probe.format.clone()],
        ..Summary::default()
    };
    let mut counts = [0_u32; 2];
    for stream in &probe.streams {
        let base = stream.time_base;
        let start = base
            .zip(stream.start_pts)
            .and_then(|(base, pts)| seen::time(base, pts));
        let bit_rate = stream
            .bit_rate
            .map(BitRate)
            .or_else(|| seen.bit_rate(stream.index, base?));
        match (stream.kind, &stream.video, &stream.audio) {
            (Kind::Video, Some(video), _) => {
                let ordinal = counts[0];
                counts[0] += 1;
                if stream.is_cover || summary.video.is_some() {
                    continue;
                }
                let (rate, rate_varies) = rate::of(video);
                summary.video = Some(VideoStream {
                    ordinal,
                    codec: stream.codec.clone(),
                    profile: stream.profile.clone(),
                    sar: video.sar.unwrap_or((1, 1)),
                    rotation: video.rotation,
                    rate_varies,
                    interlaced: video.interlaced,
                    hdr: video.is_hdr(),
                    reordered: video.reordered,
                    key_distance: base.and_then(|base| seen.key_distance(stream.index, base)),
                    start,
                    bit_rate,
                    ..VideoStream::plain(Size::new(video.width, video.height), rate)
                });
            }
            (Kind::Audio, _, Some(audio)) => {
                let ordinal = counts[1];
                counts[1] += 1;
                if audio.channels == 0 {
                    continue;
                }
                summary.audio.push(AudioStream {
                    ordinal,
                    codec: stream.codec.clone(),
                    profile: stream.profile.clone(),
                    layout: audio.layout.clone(),
                    language: stream.language.as_deref().map(short_language),
                    title: stream.title.clone(),
                    start,
                    bit_rate,
                    ..AudioStream::plain(audio.sampling_rate, audio.channels)
                });
            }
            _ => {}
        }
    }
    summary
}

fn explained(error: process::Error, input: usize, source: &Source, limit: Duration) -> Error {
    let title = source.title();
    match error {
        process::Error::Timeout { .. } => Error::Silent {
            input,
            title,
            after: limit,
        },
        process::Error::Failed { failure } => match source {
            // A socket without a peer opens well; reading it ends by the time limit alone.
            Source::Udp(udp) if is_silence(&failure.stderr) => Error::Silent {
                input,
                title,
                after: udp.timeout.0,
            },
            Source::Rtp(rtp) if is_silence(&failure.stderr) => Error::Silent {
                input,
                title,
                after: rtp.timeout.0,
            },
            _ => Error::Unreadable {
                input,
                title,
                reason: reason(&failure.stderr),
            },
        },
        process::Error::Output { reason, .. } => Error::Unreadable {
            input,
            title,
            reason,
        },
        other => Error::Program(other),
    }
}

/// Tells whether all that was said is that reading failed.
fn is_silence(stderr: &[String]) -> bool {
    let last = stderr.last().map(String::as_str).unwrap_or_default();
    ["Input/output error", "timed out"]
        .iter()
        .any(|text| last.contains(text))
}

/// Puts together what ffprobe says: the last line names only the general kind of error; the one
/// before it often says what the server answered.
fn reason(stderr: &[String]) -> String {
    // `[rtmp @ 0x55d0] Server error: …`
    let plain = |line: &str| match line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        Some((_, text)) => text.trim().to_owned(),
        None => line.trim().to_owned(),
    };
    let mut lines = stderr
        .iter()
        .rev()
        .map(|line| plain(line))
        .filter(|line| !line.is_empty());
    let Some(last) = lines.next() else {
        return "it cannot be read, and ffprobe says nothing".to_owned();
    };
    let general = last.rsplit(": ").next().unwrap_or_default().to_owned();
    match lines.next() {
        Some(before) if before != last => format!("{before} ({general})"),
        _ => general,
    }
}

#[cfg(test)]
mod tests;
