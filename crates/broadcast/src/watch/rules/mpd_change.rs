//! An MPD before and after.

use super::{Entry, entry, run_table, when};
use crate::watch::dash::manifest::{Mpd, Period, Segments, Track};

/// An MPD and what it was before.
pub(crate) struct View<'a> {
    pub(crate) before: &'a Mpd,
    pub(crate) now: &'a Mpd,
    /// Whether the texts are the same.
    pub(crate) same_text: bool,
}

impl<'a> View<'a> {
    /// Iterates over the Periods in both.
    fn periods(&self) -> impl Iterator<Item = (&'a Period, &'a Period)> {
        let now = self.now;
        self.before.periods.iter().filter_map(move |before| {
            let same = |period: &&Period| period.id.is_some() && period.id == before.id;
            Some((before, now.periods.iter().find(same)?))
        })
    }

    /// Iterates over the tracks in both.
    fn tracks(&self) -> impl Iterator<Item = (&'a Track, &'a Track)> {
        self.periods().flat_map(|(before, now)| {
            before.tracks.iter().filter_map(move |track| {
                Some((track, now.tracks.iter().find(|other| other.id == track.id)?))
            })
        })
    }
}

run_table!(View<'_>);

pub(crate) const RULES: [Entry<Check>; 7] = [
    entry(
        "M1-start",
        "ISO/IEC 23009-1 5.3.1.2, DASH-IF IOP",
        "availabilityStartTime never changes",
        availability_start,
    ),
    entry(
        "M1-publish",
        "ISO/IEC 23009-1 5.3.1.2, 5.4",
        "publishTime does not go back, and grows when anything changes",
        publish_time,
    ),
    entry(
        "M7-start",
        "ISO/IEC 23009-1 5.4",
        "a Period keeps its start",
        period_start,
    ),
    entry(
        "M7-kept",
        "ISO/IEC 23009-1 5.4",
        "the newest Period does not vanish",
        period_kept,
    ),
    entry(
        "M7-track",
        "ISO/IEC 23009-1 5.4",
        "a Representation keeps timescale, presentationTimeOffset and numbering",
        track_kept,
    ),
    entry(
        "M7-timeline",
        "ISO/IEC 23009-1 5.3.9.6, 5.4",
        "a SegmentTimeline only grows at its end and only loses at its start",
        timeline,
    ),
    entry(
        "M7-type",
        "ISO/IEC 23009-1 5.4",
        "an MPD that is static stays static",
        kind,
    ),
];

fn availability_start(view: &View<'_>) -> Vec<String> {
    let (before, now) = (view.before.availability_start, view.now.availability_start);
    when(before != now && view.now.dynamic, || {
        "availabilityStartTime has changed".to_owned()
    })
}

fn publish_time(view: &View<'_>) -> Vec<String> {
    let (Some(before), Some(now)) = (view.before.publish_time, view.now.publish_time) else {
        return Vec::new();
    };
    if now < before {
        return vec!["publishTime went back".to_owned()];
    }
    when(now == before && !view.same_text, || {
        "the MPD has changed and publishTime has not".to_owned()
    })
}

fn name(period: &Period) -> &str {
    period.id.as_deref().unwrap_or_default()
}

fn period_start(view: &View<'_>) -> Vec<String> {
    view.periods()
        .filter(|(before, now)| before.start != now.start)
        .map(|(before, _)| format!("the start of Period `{}` has changed", name(before)))
        .collect()
}

fn period_kept(view: &View<'_>) -> Vec<String> {
    let Some(last) = view.before.periods.last() else {
        return Vec::new();
    };
    let kept = last.id.is_none() || view.now.periods.iter().any(|period| period.id == last.id);
    when(!kept, || format!("Period `{}` has gone", name(last)))
}

fn track_kept(view: &View<'_>) -> Vec<String> {
    view.tracks()
        .filter(|(before, now)| {
            let numbers = match (&before.segments, &now.segments) {
                (Segments::Equal(a), Segments::Equal(b)) => {
                    a != b || before.start_number != now.start_number
                }
                _ => false,
            };
            before.timescale != now.timescale || before.offset != now.offset || numbers
        })
        .map(|(before, _)| format!("what {} counts by has changed", before.id))
        .collect()
}

fn timeline(view: &View<'_>) -> Vec<String> {
    view.tracks()
        .filter_map(|(before, now)| {
            let (Segments::Listed(old), Segments::Listed(new)) = (&before.segments, &now.segments)
            else {
                return None;
            };
            let first = new.first()?.0;
            let kept = old.iter().position(|(start, _)| *start >= first)?;
            let old_kept = old.get(kept..).unwrap_or_default();
            let starts_alike = old_kept
                .first()
                .is_none_or(|segment| new.first() == Some(segment));
            if !starts_alike || !new.starts_with(old_kept) {
                return Some(format!("listed segments of {} have changed", before.id));
            }
            let number = before.start_number.saturating_add(kept as u64);
            let renumbered = !old_kept.is_empty() && number != now.start_number;
            (renumbered && before.media.has_number())
                .then(|| format!("listed segments of {} have other numbers", before.id))
        })
        .collect()
}

fn kind(view: &View<'_>) -> Vec<String> {
    when(!view.before.dynamic && view.now.dynamic, || {
        "a static MPD has become dynamic".to_owned()
    })
}
