//! Blocking playlist reload: whether a media playlist has what a client waits for, and what to wait
//! for when it has not (RFC 8216bis, 6.2.5.2).
//!
//! Numbers of segments are media sequence numbers, see [`media::presentation::Timeline`].

use media::{
    presentation::{Content, Liveness, Presentation},
    supply::{Edge, Refusal},
    time::{Round, Time, Timescale},
};

use crate::directives::Directives;

/// How far behind the last listed segment a client may wait for one.
const SEGMENTS_AHEAD: u64 = 2;
/// How far behind the last listed part a client may wait for one, in seconds or, with part targets
/// of a second and more, in parts.
const PARTS_AHEAD: i64 = 3;

/// What is to be done with a request for a media playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reload {
    /// Answer with the list as it is.
    Now,
    /// Wait until the track is as far.
    After(Edge),
}

/// Tells whether the media playlists of a presentation can be waited for, and returns the part
/// target of those that can.
pub(crate) fn part_target(presentation: &Presentation) -> Option<Time> {
    match &presentation.liveness {
        Liveness::Live(live) => live.low_latency?.part_target,
        Liveness::Static { .. } => None,
    }
}

/// Decides about a request for the media playlist of a track, of a presentation that can be waited
/// for. Refuses what is too far ahead.
pub(crate) fn decide(
    directives: &Directives,
    presentation: &Presentation,
    track: usize,
    part_target: Time,
) -> Result<Reload, Refusal> {
    let Some(msn) = directives.msn else {
        return Ok(Reload::Now);
    };
    let last = presentation.periods.last();
    let Some(timeline) = last.and_then(|period| period.timelines.get(track)) else {
        return Ok(Reload::Now);
    };
    let set = last.and_then(|period| period.shape.tracks().nth(track));
    let has_parts =
        set.is_some_and(|(set, _)| matches!(set.content, Content::Video | Content::Audio));
    let reached = Edge::of(timeline);
    let behind_last = reached.segment.saturating_sub(1);
    if msn > behind_last.saturating_add(SEGMENTS_AHEAD) {
        return Err(Refusal::Bad(format!(
            "Segment {msn} is too far ahead: the last one is {behind_last}, and only the next \
             {SEGMENTS_AHEAD} can be waited for."
        )));
    }
    let Some(part) = directives.part.filter(|_| has_parts) else {
        return Ok(after(reached, msn.saturating_add(1), 0));
    };
    let ahead = match msn.checked_sub(reached.segment) {
        None => 0,
        Some(0) => part.saturating_add(1).saturating_sub(reached.parts.into()),
        Some(_) => part.saturating_add(1),
    };
    if ahead > advance_limit(part_target) {
        return Err(Refusal::Bad(format!(
            "Part {part} of segment {msn} is too far ahead: the last one is number {} of segment {}.",
            i64::from(reached.parts) - 1,
            reached.segment
        )));
    }
    let count = timeline.parts_of(msn).len() as u64;
    let whole = msn < reached.segment;
    if whole && count > 0 && part >= count {
        // There is no such part: the first one of the next segment is meant.
        return Ok(after(reached, msn.saturating_add(1), 1));
    }
    let parts = u32::try_from(part).unwrap_or(u32::MAX).saturating_add(1);
    Ok(after(reached, msn, parts))
}

/// Returns what a presentation that is not yet long enough to begin with has to wait for: the next
/// segment of the track with the fewest.
pub(crate) fn filling(presentation: &Presentation) -> Option<(usize, Edge)> {
    let Liveness::Live(live) = &presentation.liveness else {
        return None;
    };
    let last = presentation.periods.last().filter(|_| live.filling)?;
    let contents = last.shape.tracks().map(|(set, _)| set.content);
    let tracks = contents.zip(&last.timelines).enumerate();
    let (track, next) = tracks
        .filter(|(_, (content, _))| matches!(content, Content::Video | Content::Audio))
        .map(|(track, (_, timeline))| (track, timeline.next_number()))
        .min_by_key(|(_, next)| *next)?;
    let edge = Edge {
        segment: next.saturating_add(1),
        parts: 0,
    };
    Some((track, edge))
}

fn after(reached: Edge, segment: u64, parts: u32) -> Reload {
    let wanted = Edge { segment, parts };
    if reached >= wanted {
        Reload::Now
    } else {
        Reload::After(wanted)
    }
}

/// Returns how many parts behind the last one can be waited for: as many as make three seconds.
fn advance_limit(part_target: Time) -> u64 {
    let seconds = Time::from_secs(PARTS_AHEAD);
    if part_target >= Time::from_secs(1) || part_target <= Time::ZERO {
        return PARTS_AHEAD.unsigned_abs();
    }
    let ticks = seconds.ticks_in(part_target.scale, Round::Down);
    ticks
        .unsigned_abs()
        .div_ceil(part_target.ticks.unsigned_abs())
}

/// Returns how long a request may wait, in ms: three target durations.
pub(crate) fn patience_ms(target_duration: u64) -> i64 {
    let target = i64::try_from(target_duration).unwrap_or(i64::MAX);
    Time::new(target, Timescale::SECONDS)
        .ms(Round::Up)
        .saturating_mul(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d3_parts_of_three_seconds_may_lie_ahead() {
        for (target, limit) in [
            (Time::from_ms(1000), 3),
            (Time::from_ms(2500), 3),
            (Time::from_ms(999), 4),
            (Time::from_ms(501), 6),
            (Time::from_ms(500), 6),
            (Time::from_ms(210), 15),
            (Time::new(1, Timescale::literal(3)), 9),
            (Time::ZERO, 3),
        ] {
            assert_eq!(advance_limit(target), limit, "{target:?}");
        }
    }

    #[test]
    fn d4_patience_is_three_target_durations() {
        assert_eq!(patience_ms(2), 6000);
        assert_eq!(patience_ms(u64::MAX), i64::MAX);
    }
}
