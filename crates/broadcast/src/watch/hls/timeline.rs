//! Where the segments of a media playlist lie in wall time and between discontinuities.

use media::hls::read::Media;

use crate::watch::nanos::{Nanos, from_ms, nanos, sum};

/// A segment, or the open one at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) msn: u64,
    /// Its discontinuity sequence number.
    pub(crate) dsn: u64,
    /// Whether `EXT-X-DISCONTINUITY` stands before it.
    pub(crate) discontinuity: bool,
    /// Its date, stated or counted on from the last one stated.
    pub(crate) start: Option<Nanos>,
}

/// A segment with a date of its own behind one whose end is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) msn: u64,
    pub(crate) discontinuity: bool,
    stated: Nanos,
    expected: Nanos,
}

impl Step {
    /// Returns how much later the date is than the end of the segment before.
    pub(crate) fn off(&self) -> Nanos {
        self.stated - self.expected
    }
}

/// Places all listed segments, and the open one when anything is known of it.
pub(crate) fn places(list: &Media) -> Vec<Place> {
    walk(list).0
}

/// Compares all stated dates but the first with where the segment before ends.
pub(crate) fn steps(list: &Media) -> Vec<Step> {
    walk(list).1
}

/// Returns the date of the end of the newest part or segment.
pub(crate) fn edge(list: &Media) -> Option<Nanos> {
    let (places, _) = walk(list);
    let last = places.last()?;
    let parts = list.open.as_ref().map_or(&[][..], |open| &open.parts);
    let inside = match list.open {
        Some(_) => sum(parts.iter().map(|part| part.duration)),
        None => list
            .segments
            .last()
            .map_or(0, |segment| nanos(segment.duration)),
    };
    last.start.map(|start| start.saturating_add(inside))
}

/// Sums up all that is listed, open parts too.
pub(crate) fn length(list: &Media) -> Nanos {
    let whole = sum(list.segments.iter().map(|segment| segment.duration));
    let parts = list.open.iter().flat_map(|open| &open.parts);
    whole.saturating_add(sum(parts.map(|part| part.duration)))
}

fn walk(list: &Media) -> (Vec<Place>, Vec<Step>) {
    let mut places = Vec::with_capacity(list.segments.len() + 1);
    let mut steps = Vec::new();
    let mut dsn = list.discontinuity_sequence;
    let mut expected: Option<Nanos> = None;
    let mut add = |msn, discontinuity, date: Option<i64>, duration| {
        dsn += u64::from(discontinuity);
        let stated = date.map(from_ms);
        if let (Some(stated), Some(expected)) = (stated, expected) {
            steps.push(Step {
                msn,
                discontinuity,
                stated,
                expected,
            });
        }
        let start = stated.or(expected);
        expected = start.map(|start| start.saturating_add(duration));
        places.push(Place {
            msn,
            dsn,
            discontinuity,
            start,
        });
    };
    for (msn, segment) in (list.first_listed()..).zip(&list.segments) {
        let duration = nanos(segment.duration);
        add(
            msn,
            segment.discontinuity,
            segment.program_date_time,
            duration,
        );
    }
    if let Some(open) = &list.open {
        let msn = list.next_sequence();
        add(msn, open.discontinuity, open.program_date_time, 0);
    }
    (places, steps)
}
