//! Decides what becomes of each stream: copied, encoded or left out, and why. Pure: from what
//! ffprobe found to a plan.

mod audio;
mod video;

use std::collections::BTreeMap;

use process::probe::{Kind, Packets, Passing, Probe, Rational, Stream};

/// Sound that is cut off before the first picture or after the last is worth a note from here on.
const NOTED_US: i64 = MICRO;

/// Timestamps in whole milliseconds are off by one of them at most, and a bit.
const JITTER_US: i64 = 1500;

const MICRO: i64 = 1_000_000;

/// What to do with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The tracks to make, the picture first.
    pub(super) tracks: Vec<TrackPlan>,
    /// What ffmpeg takes for the start of the file, in µs; its times count from there.
    pub(super) start_us: i64,
    /// What becomes time zero, in µs.
    pub(super) zero_us: i64,
    /// From zero to the end of the pictures, or of the sound without any, in µs.
    pub(super) duration_us: i64,
    /// What is altered or left out, a sentence each.
    pub(super) notes: Vec<String>,
}

/// What to do with a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TrackPlan {
    /// Representation id and stem of the file: `v1`, `a1`, `a2`, …
    pub(super) id: String,
    /// The stream.
    pub(super) stream: Stream,
    /// Copy or encode.
    pub(super) treatment: Treatment,
    /// Frames a second, when they are all alike or will be.
    pub(super) rate: Option<Rational>,
    /// Whether its packets have presentation times, so that its start is known.
    pub(super) timed: bool,
}

/// How a stream becomes a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// The packets as they are.
    Copy,
    /// New packets, for this reason.
    Encode(String),
}

impl TrackPlan {
    pub(super) fn is_video(&self) -> bool {
        self.stream.kind == Kind::Video
    }

    /// Name of the file that ffmpeg writes.
    pub(super) fn raw_name(&self) -> String {
        format!("{}.raw.mp4", self.id)
    }

    /// Name of the finished file.
    pub(super) fn name(&self) -> String {
        format!("{}.mp4", self.id)
    }
}

impl Plan {
    /// Returns how much of the whole ffmpeg has written, in thousandths, from its clock in µs.
    pub(super) fn share_written(&self, out_us: i64) -> Option<u64> {
        let share = out_us
            .max(0)
            .saturating_mul(1000)
            .checked_div(self.duration_us)?;
        u64::try_from(share).ok()
    }
}

/// Returns how much of the file has been read, in thousandths.
pub(super) fn share_read(probe: &Probe, packet: Passing) -> Option<u64> {
    let stream = probe.streams.iter().find(|it| it.index == packet.stream)?;
    let at = micros(stream, packet.pts?)?;
    let start = probe.start.map_or(0, |start| start.times(MICRO));
    let whole = probe.duration?.times(MICRO);
    u64::try_from(at.saturating_sub(start).max(0).saturating_mul(1000) / whole.max(1)).ok()
}

/// A stream that has packets, in µs.
struct Span<'a> {
    stream: &'a Stream,
    packets: &'a Packets,
    first: i64,
    end: i64,
}

/// Makes the plan; `None` when there is neither a picture nor sound.
pub(super) fn make(probe: &Probe, packets: &BTreeMap<u32, Packets>) -> Option<Plan> {
    let mut notes = Vec::new();
    let spans: Vec<Span<'_>> = probe
        .streams
        .iter()
        .filter_map(|stream| span(stream, packets.get(&stream.index)?))
        .collect();
    let video = choose_video(&spans);
    note_left_out(probe, video, &spans, &mut notes);

    let sounds: Vec<&Span<'_>> = spans
        .iter()
        .filter(|span| span.stream.kind == Kind::Audio)
        .collect();
    let (zero, end) = match video {
        Some(video) => (zero_of(video), video.end),
        None => (
            sounds.iter().map(|span| span.first).min()?,
            sounds.iter().map(|span| span.end).max()?,
        ),
    };

    let mut tracks = Vec::new();
    if let Some(video) = video {
        tracks.push(video::plan(video, &mut notes));
    }
    for (i, span) in sounds.iter().enumerate() {
        let id = format!("a{}", i + 1);
        tracks.push(audio::plan(
            id,
            span,
            video.is_some().then_some((zero, end)),
            &mut notes,
        ));
    }
    if video.is_some() {
        note_cut_off(&sounds, zero, end, &mut notes);
    }
    Some(Plan {
        tracks,
        start_us: probe.start.map_or(0, |start| start.times(MICRO)),
        zero_us: zero,
        duration_us: end.saturating_sub(zero).max(1),
        notes,
    })
}

fn note_cut_off(sounds: &[&Span<'_>], zero: i64, end: i64, notes: &mut Vec<String>) {
    let lead = sounds.iter().map(|span| zero - span.first).max();
    let tail = sounds.iter().map(|span| span.end - end).max();
    for (cut, place) in [(lead, "before the first"), (tail, "after the last")] {
        if let Some(cut) = cut.filter(|cut| *cut > NOTED_US) {
            notes.push(format!(
                "{} ms of sound {place} picture are cut off",
                cut / 1000
            ));
        }
    }
}

fn span<'a>(stream: &'a Stream, packets: &'a Packets) -> Option<Span<'a>> {
    let media = matches!(stream.kind, Kind::Video | Kind::Audio);
    if !media || stream.is_cover || stream.codec.is_empty() {
        return None;
    }
    // Streams without times begin with the file.
    let first = packets.first_pts.and_then(|pts| micros(stream, pts));
    let end = packets.end_pts.and_then(|pts| micros(stream, pts));
    Some(Span {
        stream,
        packets,
        first: first.unwrap_or(0),
        end: end.unwrap_or(0),
    })
}

/// Takes the default video, else the first. A single picture is no video.
fn choose_video<'a, 'b>(spans: &'b [Span<'a>]) -> Option<&'b Span<'a>> {
    let videos = || {
        spans
            .iter()
            .filter(|span| span.stream.kind == Kind::Video && span.packets.count > 1)
    };
    videos()
        .find(|span| span.stream.is_default)
        .or_else(|| videos().next())
}

fn note_left_out(
    probe: &Probe,
    video: Option<&Span<'_>>,
    spans: &[Span<'_>],
    notes: &mut Vec<String>,
) {
    for stream in &probe.streams {
        let used = spans.iter().any(|span| {
            span.stream.index == stream.index
                && (stream.kind == Kind::Audio
                    || video.is_some_and(|video| video.stream.index == stream.index))
        });
        let what = match stream.kind {
            _ if used => continue,
            Kind::Video if stream.is_cover => "a cover picture",
            Kind::Video if video.is_none() => "a single picture",
            Kind::Video => "another video",
            Kind::Audio => "sound without packets",
            Kind::Subtitle => "subtitles",
            Kind::Other => continue,
        };
        let language = stream
            .language
            .as_ref()
            .map_or_else(String::new, |language| format!(" in {language}"));
        notes.push(format!(
            "stream {} is left out: {what}{language} ({})",
            stream.index, stream.codec
        ));
    }
}

/// The first picture that can be decoded and is shown is time zero.
fn zero_of(video: &Span<'_>) -> i64 {
    let key = video.packets.keys.first().copied();
    let key = key.filter(|_| !video.packets.discarded);
    key.and_then(|pts| micros(video.stream, pts))
        .unwrap_or(video.first)
}

/// Converts ticks of a stream to µs.
fn micros(stream: &Stream, ticks: i64) -> Option<i64> {
    let base = stream.time_base?;
    let scaled = Rational::new(ticks.checked_mul(base.num)?, base.den)?;
    Some(scaled.times(MICRO))
}

#[cfg(test)]
mod tests;
