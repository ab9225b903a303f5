//! One media playlist before and after.

use media::hls::read::{HintKind, Media, Part, Segment};

use super::{Entry, always, entry, run_table, when};
use crate::watch::{
    hls::timeline,
    nanos::{Nanos, from_ms, seconds, sum, to_ms},
};

/// A media playlist and what it was before.
pub(crate) struct View<'a> {
    pub(crate) before: &'a Media,
    pub(crate) now: &'a Media,
}

impl View<'_> {
    /// Iterates over the segments in both, as (number, before, now).
    fn common(&self) -> impl Iterator<Item = (u64, &Segment, &Segment)> {
        let first = self.before.first_listed();
        let now_first = self.now.first_listed();
        (first..)
            .zip(&self.before.segments)
            .filter_map(move |(msn, before)| {
                let index = usize::try_from(msn.checked_sub(now_first)?).ok()?;
                Some((msn, before, self.now.segments.get(index)?))
            })
    }

    /// Returns the parts that segment `msn` has now, and whether a discontinuity stands before it.
    fn parts_of(&self, msn: u64) -> Option<(&[Part], bool)> {
        let index = usize::try_from(msn.checked_sub(self.now.first_listed())?).ok()?;
        if let Some(segment) = self.now.segments.get(index) {
            return Some((&segment.parts, segment.discontinuity));
        }
        let open = self.now.open.as_ref()?;
        (index == self.now.segments.len()).then_some((&open.parts, open.discontinuity))
    }
}

run_table!(View<'_>);

pub(crate) const RULES: [Entry<Check>; 12] = [
    entry(
        "L1-constant",
        "RFC 8216bis 4.4.3.7",
        "the part target never changes",
        part_target,
    ),
    entry(
        "L5-stable",
        "RFC 8216bis 6.2.1",
        "parts that were listed stay what they are until they are dropped with all of their segment",
        parts_stable,
    ),
    entry(
        "L7-constant",
        "RFC 8216bis 6.2.1",
        "the target duration never changes",
        target_duration,
    ),
    entry(
        "L8-dropped",
        "RFC 8216bis 4.4.4.9",
        "parts are dropped only behind three target durations from the end",
        parts_dropped,
    ),
    entry(
        "L10-kept",
        "RFC 8216bis 4.4.5.3",
        "the part that comes is the one that was hinted at",
        hint_kept,
    ),
    always(
        "L12-sequence",
        "RFC 8216bis 4.4.3.2, 6.2.1",
        "media sequence numbers only grow",
        sequence,
    ),
    entry(
        "L12-discontinuity",
        "RFC 8216bis 4.4.3.3",
        "every segment keeps its discontinuity sequence number",
        discontinuity,
    ),
    entry(
        "L12-stable",
        "RFC 8216bis 6.2.1",
        "listed segments keep URI and duration",
        segments_stable,
    ),
    entry(
        "L13-length",
        "RFC 8216bis 6.2.2",
        "segments are removed only while three target durations remain",
        length,
    ),
    entry(
        "L13-sliding",
        "RFC 8216bis 4.4.3.5",
        "a playlist with a type loses no segments",
        sliding,
    ),
    entry(
        "L13-ended",
        "RFC 8216bis 4.4.3.4",
        "a playlist that has ended does not go on",
        ended,
    ),
    entry(
        "L14-stable",
        "RFC 8216bis 4.4.4.6",
        "every segment keeps its date",
        dates_stable,
    ),
];

fn part_target(view: &View<'_>) -> Vec<String> {
    match (view.before.part_target, view.now.part_target) {
        (Some(before), Some(now)) if before != now => {
            vec![format!("the part target went from {before} s to {now} s")]
        }
        (Some(before), None) if !view.now.ended => {
            vec![format!("the part target of {before} s is gone")]
        }
        _ => Vec::new(),
    }
}

fn target_duration(view: &View<'_>) -> Vec<String> {
    let (before, now) = (view.before.target_duration, view.now.target_duration);
    when(before != now, || {
        format!("the target duration went from {before} s to {now} s")
    })
}

fn sequence(view: &View<'_>) -> Vec<String> {
    let (before, now) = (view.before.media_sequence, view.now.media_sequence);
    let mut wrong = when(now < before, || {
        format!("EXT-X-MEDIA-SEQUENCE went back from {before} to {now}")
    });
    let (before, now) = (view.before.next_sequence(), view.now.next_sequence());
    wrong.extend(when(now < before, || {
        format!("segment {now} has gone from the end")
    }));
    wrong
}

fn discontinuity(view: &View<'_>) -> Vec<String> {
    let now = timeline::places(view.now);
    let changed = timeline::places(view.before)
        .into_iter()
        .find_map(|before| {
            let after = now.iter().find(|place| place.msn == before.msn)?;
            // Nothing is said yet of a discontinuity before an open segment without parts.
            let is_new = before.msn == view.before.next_sequence() && open_is_empty(view.before);
            (after.dsn != before.dsn && !is_new).then_some((before, *after))
        });
    let mut wrong: Vec<String> = changed
        .map(|(before, after)| {
            format!(
                "the discontinuity sequence number of segment {} went from {} to {}",
                before.msn, before.dsn, after.dsn
            )
        })
        .into_iter()
        .collect();
    let (before, now) = (
        view.before.discontinuity_sequence,
        view.now.discontinuity_sequence,
    );
    wrong.extend(when(now < before, || {
        format!("EXT-X-DISCONTINUITY-SEQUENCE went back from {before} to {now}")
    }));
    wrong
}

fn open_is_empty(list: &Media) -> bool {
    list.open.as_ref().is_none_or(|open| open.parts.is_empty())
}

fn segments_stable(view: &View<'_>) -> Vec<String> {
    view.common()
        .filter(|(_, before, now)| {
            (&before.uri, &before.range) != (&now.uri, &now.range)
                || before.duration != now.duration
        })
        .map(|(msn, before, now)| {
            format!(
                "segment {msn} was `{}` of {} s and is `{}` of {} s",
                before.uri, before.duration, now.uri, now.duration
            )
        })
        .take(1)
        .collect()
}

fn parts_stable(view: &View<'_>) -> Vec<String> {
    let open = view
        .before
        .open
        .iter()
        .map(|open| (view.before.next_sequence(), open.parts.as_slice()));
    let whole = (view.before.first_listed()..)
        .zip(&view.before.segments)
        .map(|(msn, segment)| (msn, segment.parts.as_slice()));
    whole
        .chain(open)
        .filter_map(|(msn, before)| {
            let (now, _) = view.parts_of(msn)?;
            if now.is_empty() {
                return None;
            }
            let same = |(before, now): (&Part, &Part)| {
                before.uri == now.uri
                    && before.range == now.range
                    && before.duration == now.duration
            };
            let kept = before
                .iter()
                .zip(now)
                .take_while(|pair| same(*pair))
                .count();
            (kept < before.len())
                .then(|| format!("part {kept} of segment {msn} is not what it was"))
        })
        .take(1)
        .collect()
}

fn parts_dropped(view: &View<'_>) -> Vec<String> {
    let limit = from_ms(view.now.target_duration.saturating_mul(3000) as i64);
    let end = timeline::length(view.now);
    let mut behind: Nanos = 0;
    let mut ends = Vec::with_capacity(view.now.segments.len());
    for segment in &view.now.segments {
        behind = behind.saturating_add(sum([segment.duration]));
        ends.push(end - behind);
    }
    let first = view.now.first_listed();
    view.common()
        .filter(|(msn, before, now)| {
            let index = usize::try_from(msn - first).unwrap_or(usize::MAX);
            let distance = ends.get(index).copied().unwrap_or(Nanos::MAX);
            !before.parts.is_empty() && now.parts.is_empty() && distance < limit
        })
        .map(|(msn, ..)| format!("the parts of segment {msn} were dropped near the end"))
        .take(1)
        .collect()
}

fn hint_kept(view: &View<'_>) -> Vec<String> {
    let hinted = view
        .before
        .hints
        .iter()
        .find(|hint| hint.kind == HintKind::Part);
    let Some(hint) = hinted else {
        return Vec::new();
    };
    let msn = view.before.next_sequence();
    let had = view.before.open.as_ref().map_or(0, |open| open.parts.len());
    let found = match view.parts_of(msn) {
        None => return Vec::new(),
        Some((_, true)) if had == 0 => return Vec::new(),
        Some((parts, _)) => match parts.get(had) {
            Some(part) => Some((msn, had, part)),
            // The segment ended with the parts it had.
            None if view.now.next_sequence() > msn => match view.parts_of(msn.saturating_add(1)) {
                Some((_, true)) | None => None,
                Some((parts, false)) => parts.first().map(|part| (msn.saturating_add(1), 0, part)),
            },
            None => None,
        },
    };
    let Some((msn, index, part)) = found else {
        return Vec::new();
    };
    let starts = part.range.as_ref().map_or(0, |range| range.start);
    let kept = part.gap || (part.uri == hint.uri && starts == hint.start);
    when(!kept, || {
        format!(
            "`{}` was hinted at, part {index} of segment {msn} is `{}`",
            hint.uri, part.uri
        )
    })
}

fn length(view: &View<'_>) -> Vec<String> {
    let removed = view.now.media_sequence > view.before.media_sequence;
    let least = from_ms(view.now.target_duration.saturating_mul(3000) as i64);
    let left = sum(view.now.segments.iter().map(|segment| segment.duration));
    let wrong = removed && !view.now.ended && view.now.skip.is_none() && left < least;
    when(wrong, || {
        format!(
            "segments were removed up to {} and only {} remain",
            view.now.media_sequence,
            seconds(left)
        )
    })
}

fn sliding(view: &View<'_>) -> Vec<String> {
    let removed = view.now.media_sequence > view.before.media_sequence;
    when(removed && view.now.playlist_type.is_some(), || {
        "EXT-X-PLAYLIST-TYPE in a playlist that loses segments".to_owned()
    })
}

fn ended(view: &View<'_>) -> Vec<String> {
    let grown = view.now.next_sequence() > view.before.next_sequence();
    let wrong = view.before.ended && (grown || !view.now.ended);
    when(wrong, || {
        "the playlist goes on after EXT-X-ENDLIST".to_owned()
    })
}

fn dates_stable(view: &View<'_>) -> Vec<String> {
    let now = timeline::places(view.now);
    timeline::places(view.before)
        .into_iter()
        .filter(|place| place.msn < view.before.next_sequence())
        .filter_map(|before| {
            let after = now.iter().find(|place| place.msn == before.msn)?;
            let moved = to_ms(after.start? - before.start?);
            // Dates have milliseconds, those counted on from them less.
            (moved.abs() > 10)
                .then(|| format!("the date of segment {} moved by {moved} ms", before.msn))
        })
        .take(1)
        .collect()
}

/// When something new arrived.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// What is new, such as `part 3 of segment 7`.
    pub(crate) what: String,
    /// Time since the last one of its kind arrived, in ms.
    pub(crate) after: i64,
    /// What it may be, in ms: by the specification, and for how we look.
    pub(crate) limit: i64,
    /// Whether a discontinuity or a gap tells that the encoder was away.
    pub(crate) excused: bool,
    pub(crate) is_part: bool,
}

type ArrivalCheck = fn(&Arrival) -> Vec<String>;

pub(crate) const ARRIVAL: [Entry<ArrivalCheck>; 2] = [
    entry(
        "L6-part",
        "RFC 8216bis 6.2.2",
        "a new part is listed at most one part target after the last, unless the encoder was away",
        part_late,
    ),
    entry(
        "L6-segment",
        "RFC 8216bis 6.2.2",
        "a new segment is listed within 1.5 target durations, unless the encoder was away",
        segment_late,
    ),
];

fn part_late(arrival: &Arrival) -> Vec<String> {
    late(arrival, arrival.is_part)
}

fn segment_late(arrival: &Arrival) -> Vec<String> {
    late(arrival, !arrival.is_part)
}

fn late(arrival: &Arrival, concerned: bool) -> Vec<String> {
    when(
        concerned && !arrival.excused && arrival.after > arrival.limit,
        || {
            format!(
                "{} came {} ms after the one before, more than {} ms",
                arrival.what, arrival.after, arrival.limit
            )
        },
    )
}
