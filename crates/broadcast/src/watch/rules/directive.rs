//! An answer to delivery directives (RFC 8216bis, 6.2.5) or to a name that cannot be there.

use std::time::Duration;

use media::hls::read::{Media, Segment};

use super::{Entry, entry, run_table, when};
use crate::watch::{
    hls::{position::Position, timeline},
    nanos::{nanos, seconds},
    options::millis,
};

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trial {
    /// The next segment or part, as players do all the time.
    Next(Position),
    /// `_HLS_part` without `_HLS_msn`.
    PartAlone,
    /// `_HLS_msn` that is not a number.
    NoNumber,
    /// A segment far beyond the end.
    FarSegment,
    /// A part far beyond the end.
    FarPart,
    /// A segment that has been there for long.
    OldSegment,
    /// A directive that nobody knows.
    Unknown,
    /// A delta update.
    Skip,
    /// A name that no playlist ever had.
    NoName,
}

/// An answer.
pub(crate) struct View<'a> {
    pub(crate) trial: Trial,
    pub(crate) status: u16,
    /// From the request to the end of the answer.
    pub(crate) took: Duration,
    /// The playlist in the answer, if it is one.
    pub(crate) list: Option<&'a Media>,
    /// The whole playlist as it was known when the request was made.
    pub(crate) known: &'a Media,
    /// In ms.
    pub(crate) slack: i64,
}

impl View<'_> {
    fn target_ms(&self) -> i64 {
        self.known.target_duration.saturating_mul(1000) as i64
    }
}

run_table!(View<'_>);

pub(crate) const RULES: [Entry<Check>; 11] = [
    entry(
        "D1-held",
        "RFC 8216bis 6.2.5.2",
        "an answer to _HLS_msn and _HLS_part has the segment or part",
        held,
    ),
    entry(
        "D2-alone",
        "RFC 8216bis 6.2.5.2",
        "_HLS_part without _HLS_msn is answered 400",
        part_alone,
    ),
    entry(
        "D2-number",
        "RFC 8216bis 6.2.5.2",
        "_HLS_msn that is not a number is answered 400",
        no_number,
    ),
    entry(
        "D3-segment",
        "RFC 8216bis 6.2.5.2",
        "_HLS_msn beyond the next two segments is answered 400",
        far_segment,
    ),
    entry(
        "D3-part",
        "RFC 8216bis 6.2.5.2",
        "_HLS_part far beyond the last part is answered 400",
        far_part,
    ),
    entry(
        "D4-wait",
        "RFC 8216bis 6.2.5.2",
        "no answer is held back for more than three target durations",
        waits,
    ),
    entry(
        "D5-old",
        "RFC 8216bis 6.2.5.2",
        "a segment that is there is answered at once with the whole playlist",
        old_segment,
    ),
    entry(
        "D6-skip",
        "RFC 8216bis 6.2.5.1",
        "_HLS_skip leaves out what lies behind the skip boundary and no more",
        skip,
    ),
    entry(
        "D6-same",
        "RFC 8216bis 6.2.5.1",
        "a delta update says the same of a segment as the whole playlist",
        same,
    ),
    entry(
        "D7-unknown",
        "RFC 8216bis 6.2.5",
        "an unknown _HLS_ directive changes nothing",
        unknown,
    ),
    entry(
        "L10-unknown",
        "RFC 8216bis 6.2.5",
        "a name that no playlist has is answered 404 at once",
        no_name,
    ),
];

fn expect(view: &View<'_>, trial: Trial, status: u16, request: &str) -> Vec<String> {
    when(view.trial == trial && view.status != status, || {
        format!("{request} was answered {}, not {status}", view.status)
    })
}

fn held(view: &View<'_>) -> Vec<String> {
    let (Trial::Next(asked), Some(list)) = (view.trial, view.list) else {
        return Vec::new();
    };
    let there = Position::of(list);
    // The first part asked for may have become a whole segment, or a segment without parts.
    let reached = there.next_msn > asked.next_msn
        || (there.next_msn == asked.next_msn && there.parts > asked.parts);
    when(!list.ended && !reached, || {
        format!(
            "the answer ended at {there}; {} of {} was asked for",
            asked.parts, asked.next_msn
        )
    })
}

fn part_alone(view: &View<'_>) -> Vec<String> {
    expect(view, Trial::PartAlone, 400, "_HLS_part without _HLS_msn")
}

fn no_number(view: &View<'_>) -> Vec<String> {
    expect(view, Trial::NoNumber, 400, "_HLS_msn that is not a number")
}

fn far_segment(view: &View<'_>) -> Vec<String> {
    expect(view, Trial::FarSegment, 400, "_HLS_msn ten segments ahead")
}

fn far_part(view: &View<'_>) -> Vec<String> {
    expect(view, Trial::FarPart, 400, "_HLS_part a hundred parts ahead")
}

fn waits(view: &View<'_>) -> Vec<String> {
    let limit = view
        .target_ms()
        .saturating_mul(3)
        .saturating_add(view.slack);
    let waited = matches!(view.trial, Trial::Next(_)) && millis(view.took) > limit;
    when(waited, || {
        "an answer was held back for more than three target durations".to_owned()
    })
}

fn old_segment(view: &View<'_>) -> Vec<String> {
    if view.trial != Trial::OldSegment {
        return Vec::new();
    }
    let whole = view
        .list
        .is_some_and(|list| list.skip.is_none() && Position::of(list) >= Position::of(view.known));
    let mut wrong = expect(view, Trial::OldSegment, 200, "an old _HLS_msn");
    wrong.extend(when(view.status == 200 && !whole, || {
        "an old _HLS_msn was not answered with the current playlist".to_owned()
    }));
    wrong.extend(when(millis(view.took) > view.slack, || {
        "an old _HLS_msn was held back".to_owned()
    }));
    wrong
}

fn unknown(view: &View<'_>) -> Vec<String> {
    if view.trial != Trial::Unknown {
        return Vec::new();
    }
    let mut wrong = expect(view, Trial::Unknown, 200, "an unknown directive");
    let same = view.list.is_some_and(|list| {
        list.skip.is_none() && common(view.known, list).all(|(_, a, b)| alike(a, b))
    });
    wrong.extend(when(view.status == 200 && !same, || {
        "an unknown directive changed the answer".to_owned()
    }));
    wrong
}

fn no_name(view: &View<'_>) -> Vec<String> {
    let mut wrong = expect(view, Trial::NoName, 404, "a name that no playlist has");
    let slow = view.trial == Trial::NoName && millis(view.took) > view.slack;
    wrong.extend(when(slow, || {
        "a name that no playlist has was held back".to_owned()
    }));
    wrong
}

fn skip(view: &View<'_>) -> Vec<String> {
    if view.trial != Trial::Skip {
        return Vec::new();
    }
    let control = view.known.server_control.as_ref();
    let Some(until) = control.and_then(|control| control.skip_until).map(nanos) else {
        return Vec::new();
    };
    let Some(list) = view.list.filter(|_| view.status == 200) else {
        return vec![format!("_HLS_skip=YES was answered {}", view.status)];
    };
    let Some(skip) = &list.skip else {
        let first = list
            .segments
            .first()
            .map_or(0, |segment| nanos(segment.duration));
        let behind = timeline::length(list) - first;
        return when(!list.ended && behind > until, || {
            "_HLS_skip=YES was answered with the whole playlist".to_owned()
        });
    };
    let left = timeline::length(list);
    let mut wrong = when(skip.segments > 0 && left < until, || {
        format!(
            "a delta update leaves {} only, CAN-SKIP-UNTIL is {}",
            seconds(left),
            seconds(until)
        )
    });
    wrong.extend(when(skip.segments == 0, || {
        "EXT-X-SKIP skips nothing".to_owned()
    }));
    wrong
}

fn same(view: &View<'_>) -> Vec<String> {
    if view.trial != Trial::Skip {
        return Vec::new();
    }
    let Some(list) = view.list else {
        return Vec::new();
    };
    let mut wrong: Vec<String> = common(view.known, list)
        .filter(|(_, whole, delta)| !alike(whole, delta))
        .map(|(msn, ..)| format!("a delta update says something else of segment {msn}"))
        .take(1)
        .collect();
    let before = view.known.media_sequence;
    let stale = list.next_sequence() < view.known.next_sequence() || list.media_sequence < before;
    wrong.extend(when(stale, || {
        "a delta update does not reach as far as the playlist before it".to_owned()
    }));
    let lost_map = common(view.known, list)
        .next()
        .is_some_and(|(_, whole, delta)| whole.map.is_some() && delta.map.is_none());
    wrong.extend(when(lost_map, || {
        "a delta update does not say which init segment holds".to_owned()
    }));
    wrong
}

/// Iterates over the segments in both, as (number, in `a`, in `b`).
fn common<'a>(a: &'a Media, b: &'a Media) -> impl Iterator<Item = (u64, &'a Segment, &'a Segment)> {
    let first = b.first_listed();
    (a.first_listed()..)
        .zip(&a.segments)
        .filter_map(move |(msn, one)| {
            let index = usize::try_from(msn.checked_sub(first)?).ok()?;
            Some((msn, one, b.segments.get(index)?))
        })
}

fn alike(a: &Segment, b: &Segment) -> bool {
    let date = match (a.program_date_time, b.program_date_time) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    (&a.uri, &a.range, a.duration, a.discontinuity, a.gap)
        == (&b.uri, &b.range, b.duration, b.discontinuity, b.gap)
        && date
}
