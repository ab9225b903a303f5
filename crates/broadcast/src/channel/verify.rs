//! Looking at the output once it is there: is it what was planned, and can it be read? With our own
//! parser, over the window, as a player would get it.

use media::{
    isobmff::{init, segment},
    presentation::{Content, Period, Track},
    supply::Supplier,
    template::Key,
    time::{Round, Time},
};

use crate::{job::Planned, units::Size, window::Window};

/// By how much the beginnings of tracks may differ: more than a frame of sound, less than one would
/// notice. In ms.
const SKEW: i64 = 100;

/// What a track should be.
struct Expected<'a> {
    id: &'a str,
    codecs: Option<&'a str>,
    size: Option<Size>,
}

/// Looks at the newest segment of every track. Returns what is wrong, or nothing when not every track
/// has a segment yet.
pub(super) fn check(planned: &Planned, window: &Window, now: i64) -> Option<Vec<String>> {
    let presentation = window.presentation(0, now).ok()?;
    let period = presentation.periods.last()?;
    let expected = expected(planned);
    let listed = |track: usize| period.timelines.get(track).is_some_and(|it| !it.is_empty());
    if !(0..expected.len()).all(listed) {
        return None;
    }
    let mut faults = Vec::new();
    for (number, ((set, track), expected)) in period.shape.tracks().zip(&expected).enumerate() {
        faults.extend(announced(track, expected));
        if let Err(reason) = delivered(window, period, number, set.content, now) {
            faults.push(format!("{}: {reason}", expected.id));
        }
    }
    faults.extend(skew(period));
    Some(faults)
}

/// Names the tracks that have no segment.
pub(super) fn missing(planned: &Planned, window: &Window, now: i64) -> Vec<String> {
    let presentation = window.presentation(0, now).ok();
    let period = presentation.as_ref().and_then(|it| it.periods.last());
    let has = |track: usize| {
        let timelines = period.map(|it| &it.timelines);
        timelines.is_some_and(|it| it.get(track).is_some_and(|it| !it.is_empty()))
    };
    let ids = planned.plan.ids().enumerate();
    ids.filter(|(track, _)| !has(*track))
        .map(|(_, id)| format!("{id}: no segment yet"))
        .collect()
}

fn expected(planned: &Planned) -> Vec<Expected<'_>> {
    let video = planned.plan.video.iter().map(|track| Expected {
        id: &track.id,
        codecs: track.codecs.as_deref(),
        size: Some(track.size),
    });
    let audio = planned.plan.audio.iter().map(|track| Expected {
        id: &track.id,
        codecs: track.copy.is_none().then_some(track.codecs.as_str()),
        size: None,
    });
    video.chain(audio).collect()
}

/// Compares what is announced of a track with the plan.
fn announced(track: &Track, expected: &Expected<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(codecs) = expected.codecs
        && !same_codec(codecs, &track.codecs)
    {
        faults.push(format!(
            "{}: codec is {}, planned is {codecs}",
            expected.id, track.codecs
        ));
    }
    if let (Some(planned), Some((width, height))) = (expected.size, track.size)
        && (planned.width, planned.height) != (width, height)
    {
        faults.push(format!(
            "{}: size is {width}x{height}, planned is {planned}",
            expected.id
        ));
    }
    faults
}

/// Compares codec strings. Of AVC, profile and level count; the constraints between them say the
/// same in many ways.
fn same_codec(one: &str, other: &str) -> bool {
    let avc = |text: &str| {
        let hex = text.strip_prefix("avc1.").or(text.strip_prefix("avc3."))?;
        Some((hex.get(..2)?.to_lowercase(), hex.get(4..)?.to_lowercase()))
    };
    match (avc(one), avc(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.eq_ignore_ascii_case(other),
    }
}

/// Reads the newest segment of a track.
fn delivered(
    window: &Window,
    period: &Period,
    track: usize,
    content: Content,
    now: i64,
) -> Result<(), String> {
    let listed = period
        .timelines
        .get(track)
        .and_then(|it| it.segments().last());
    let (number, start, duration) = listed.ok_or("nothing is listed")?;
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let bytes = |slices: Vec<bytes::Bytes>| slices.concat();
    let init = window.init(0, track, now).map_err(|error| text(&error))?;
    let init = init::read(&bytes(init.slices)).map_err(|error| text(&error))?;
    let init = init.tracks.first().ok_or("the init segment has no track")?;
    let segment = window
        .segment(0, track, Key::Number(number), now)
        .map_err(|error| text(&error))?;
    let found =
        segment::read(&bytes(segment.slices), &init.defaults).map_err(|error| text(&error))?;
    if (found.first_decode_time, found.duration) != (start, duration) {
        return Err(format!(
            "segment {number} has {} from {}, listed is {duration} from {start}",
            found.duration, found.first_decode_time
        ));
    }
    let begins = found
        .fragments
        .first()
        .is_some_and(|it| it.starts_with_sync);
    if content == Content::Video && !begins {
        return Err(format!("segment {number} does not begin with a key frame"));
    }
    Ok(())
}

/// Compares the beginnings of the tracks in a period.
fn skew(period: &Period) -> Vec<String> {
    let starts = period.shape.tracks().zip(&period.timelines);
    let starts = starts.filter_map(|((_, track), timeline)| {
        let first = timeline.runs.first()?;
        let ticks = i64::try_from(first.start).ok()?;
        let ms = Time::new(ticks, track.timescale).ms(Round::Nearest);
        Some((timeline.first_number, track.id.as_str(), ms))
    });
    let starts: Vec<_> = starts.collect();
    let Some(&(number, first_id, first)) = starts.first() else {
        return Vec::new();
    };
    starts
        .iter()
        .filter(|(other, _, start)| *other == number && (start - first).abs() > SKEW)
        .map(|(_, id, start)| format!("{id}: begins {} ms after {first_id}", start - first))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_of_avc_do_not_count() {
        for (one, other, same) in [
            ("avc1.64001f", "avc1.64001F", true),
            ("avc1.42c01e", "avc1.42E01E", true),
            ("avc1.42c01e", "avc1.4dc01e", false),
            ("avc1.42c01e", "avc1.42c01f", false),
            ("mp4a.40.2", "mp4a.40.2", true),
            ("mp4a.40.2", "mp4a.40.5", false),
            ("avc1.4", "avc1.4", true),
        ] {
            assert_eq!(same_codec(one, other), same, "{one} {other}");
        }
    }
}
