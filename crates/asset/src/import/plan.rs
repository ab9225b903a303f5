//! Decides what becomes of each stream: copied, encoded or left out, and why. Pure: from what
//! ffprobe found to a plan.

use std::collections::BTreeMap;

use process::probe::{Audio, Kind, Packets, Passing, Probe, Rational, Stream, Video};

/// Key frames further apart than this, in ms, make segments that are too long.
const MAX_KEY_DISTANCE_MS: i64 = 6000;
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
        tracks.push(plan_video(video, &mut notes));
    }
    for (i, span) in sounds.iter().enumerate() {
        let id = format!("a{}", i + 1);
        tracks.push(plan_audio(
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

fn plan_video(span: &Span<'_>, notes: &mut Vec<String>) -> TrackPlan {
    let known = Video::default();
    let video = span.stream.video.as_ref().unwrap_or(&known);
    let constant = constant_rate(span, video);
    let reason = why_encode_video(span, video);
    let (treatment, rate) = match reason {
        None => (Treatment::Copy, constant),
        Some(reason) => {
            if video.is_hdr() {
                notes.push("high dynamic range is encoded without tone mapping".to_owned());
            }
            notes.push(format!("video is encoded: {reason}"));
            let rate = constant.unwrap_or_else(|| made_rate(video));
            (Treatment::Encode(reason), Some(rate))
        }
    };
    TrackPlan {
        id: "v1".to_owned(),
        stream: span.stream.clone(),
        treatment,
        rate,
        timed: span.packets.timed,
    }
}

fn why_encode_video(span: &Span<'_>, video: &Video) -> Option<String> {
    let codec = span.stream.codec.as_str();
    let formats: &[&str] = match codec {
        "h264" => &["yuv420p", "yuvj420p"],
        "hevc" | "av1" | "vp9" => &["yuv420p", "yuv420p10le"],
        _ => return Some(format!("players do not take {codec}")),
    };
    let format = video.pixel_format.as_deref().unwrap_or("unknown");
    if !formats.contains(&format) {
        return Some(format!(
            "players do not take {codec} of pixel format {format}"
        ));
    }
    if video.rotation != 0 {
        return Some(format!("it is to be turned by {} degrees", video.rotation));
    }
    let packets = span.packets;
    if !packets.timed {
        return Some("packets have no times".to_owned());
    }
    if packets.discarded {
        return Some("an edit list cuts into it".to_owned());
    }
    if packets.steps.is_some_and(|(least, _)| least <= 0) {
        return Some("two pictures have the same time".to_owned());
    }
    if packets.keys.first() != packets.first_pts.as_ref() {
        return Some("it does not begin with a key frame".to_owned());
    }
    let distance = packets.greatest_key_distance_ms(span.stream.time_base?)?;
    (distance > MAX_KEY_DISTANCE_MS).then(|| format!("key frames are up to {distance} ms apart"))
}

/// Returns the frame rate if every step between pictures is one frame of it.
fn constant_rate(span: &Span<'_>, video: &Video) -> Option<Rational> {
    let rate = video.base_rate?;
    let frame_us = Rational::new(rate.den, rate.num)?.times(MICRO);
    let (least, most) = span.packets.steps?;
    let near =
        |ticks| micros(span.stream, ticks).is_some_and(|step| (step - frame_us).abs() <= JITTER_US);
    (near(least) && near(most)).then_some(rate)
}

/// Chooses a constant rate for pictures that have none: the declared one when it is sane, else
/// the usual one above the mean.
fn made_rate(video: &Video) -> Rational {
    const USUAL: [(i64, i64); 9] = [
        (24_000, 1001),
        (24, 1),
        (25, 1),
        (30_000, 1001),
        (30, 1),
        (48, 1),
        (50, 1),
        (60_000, 1001),
        (60, 1),
    ];
    let near =
        |a: Rational, b: Rational| (a.times(1000) - b.times(1000)).abs() * 50 <= b.times(1000);
    let fastest = Rational { num: 60, den: 1 };
    match (video.base_rate, video.mean_rate) {
        (Some(base), Some(mean)) if near(base, mean) && base <= fastest => base,
        (_, Some(mean)) => USUAL
            .into_iter()
            .map(|(num, den)| Rational { num, den })
            .find(|rate| rate.times(1000) * 10_000 >= mean.times(1000) * 9995)
            .unwrap_or(fastest),
        (Some(base), None) if base <= fastest => base,
        _ => Rational { num: 25, den: 1 },
    }
}

fn plan_audio(
    id: String,
    span: &Span<'_>,
    picture: Option<(i64, i64)>,
    notes: &mut Vec<String>,
) -> TrackPlan {
    let treatment = match why_encode_audio(span, picture) {
        None => Treatment::Copy,
        Some(reason) => {
            notes.push(format!("sound {id} is encoded: {reason}"));
            Treatment::Encode(reason)
        }
    };
    TrackPlan {
        id,
        stream: span.stream.clone(),
        treatment,
        rate: None,
        timed: span.packets.timed,
    }
}

fn why_encode_audio(span: &Span<'_>, picture: Option<(i64, i64)>) -> Option<String> {
    let stream = span.stream;
    let codec = stream.codec.as_str();
    let usual_aac = || {
        matches!(
            stream.profile.as_deref(),
            None | Some("LC" | "HE-AAC" | "HE-AACv2")
        )
    };
    let known = match codec {
        "aac" => usual_aac(),
        "ac3" | "eac3" | "opus" | "flac" => true,
        _ => false,
    };
    let audio = stream.audio.clone().unwrap_or_default();
    if !known || audio.channels == 0 || audio.sampling_rate == 0 {
        return Some(format!("players do not take {}", describe(stream, &audio)));
    }
    if !span.packets.timed {
        return Some("packets have no times".to_owned());
    }
    let step = span
        .packets
        .steps
        .and_then(|(least, most)| Some((micros(stream, least)?, micros(stream, most)?)));
    let (least, most) = step.unwrap_or((0, 0));
    if most - least > 2 * JITTER_US {
        return Some(format!("it has a hole of {} ms", (most - least) / 1000));
    }
    let (zero, end) = picture?;
    let lead = zero - span.first;
    if lead > super::arguments::SHIFT_US - MICRO {
        return Some(format!(
            "it starts {} ms before the first picture",
            lead / 1000
        ));
    }
    // A frame may be missing at either end: nothing shorter can be added.
    if span.first - zero > most + JITTER_US {
        return Some(format!("it starts {} ms late", (span.first - zero) / 1000));
    }
    if end - span.end > most + JITTER_US {
        return Some(format!("it ends {} ms early", (end - span.end) / 1000));
    }
    None
}

fn describe(stream: &Stream, audio: &Audio) -> String {
    let profile = stream
        .profile
        .as_ref()
        .map_or_else(String::new, |profile| format!(" {profile}"));
    format!(
        "{}{profile} of {} channels at {} Hz",
        stream.codec, audio.channels, audio.sampling_rate
    )
}

/// Converts ticks of a stream to µs.
fn micros(stream: &Stream, ticks: i64) -> Option<i64> {
    let base = stream.time_base?;
    let scaled = Rational::new(ticks.checked_mul(base.num)?, base.den)?;
    Some(scaled.times(MICRO))
}

#[cfg(test)]
mod tests;
