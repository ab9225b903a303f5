//! What a DASH server answers, against what the MPD promises.

use super::{Entry, entry, run_table, when};

/// Something that was asked for.
pub(crate) enum View {
    /// The clock of UTCTiming differs from ours by so many ms, give or take `uncertain`.
    Clock {
        scheme: String,
        off: i64,
        uncertain: i64,
        tolerance: i64,
    },
    /// The clock could not be read.
    NoClock { scheme: String, why: String },
    /// A segment that is long in the future.
    Future { track: String, status: u16 },
    /// The oldest segment that must be there.
    Oldest { track: String, status: u16 },
    /// A segment that never came although later ones of the same Period did.
    Missing { track: String, number: u64 },
    /// A segment that came so many ms after its time.
    Late {
        track: String,
        number: u64,
        by: i64,
        limit: i64,
    },
}

run_table!(View);

pub(crate) const RULES: [Entry<Check>; 6] = [
    entry(
        "M3-readable",
        "ISO/IEC 23009-1 5.8.5.7",
        "the clock that UTCTiming names answers",
        readable,
    ),
    entry(
        "M3-accurate",
        "ISO/IEC 23009-1 5.8.5.7, DASH-IF low latency 4.3",
        "the clock that UTCTiming names is right",
        accurate,
    ),
    entry(
        "M6-future",
        "ISO/IEC 23009-1 5.3.9.5.3, annex A.3",
        "a segment that is far in the future answers 404",
        future,
    ),
    entry(
        "M6-oldest",
        "ISO/IEC 23009-1 5.3.1.2",
        "segments stay for the time shift buffer depth",
        oldest,
    ),
    entry(
        "M6-missing",
        "ISO/IEC 23009-1 5.3.9.5.3",
        "within a Period no segment is missing",
        missing,
    ),
    entry(
        "M6-late",
        "ISO/IEC 23009-1 5.3.9.5.3, annex A.3",
        "segments are there at their availability start time",
        late,
    ),
];

fn readable(view: &View) -> Vec<String> {
    match view {
        View::NoClock { scheme, why } => vec![format!("clock {scheme}: {why}")],
        _ => Vec::new(),
    }
}

fn accurate(view: &View) -> Vec<String> {
    let View::Clock {
        scheme,
        off,
        uncertain,
        tolerance,
    } = view
    else {
        return Vec::new();
    };
    when(off.abs() > uncertain.saturating_add(*tolerance), || {
        format!("clock {scheme} is more than {tolerance} ms off ours")
    })
}

fn future(view: &View) -> Vec<String> {
    let View::Future { track, status } = view else {
        return Vec::new();
    };
    when(!matches!(status, 404 | 425), || {
        format!("a segment of {track} far in the future was answered {status}")
    })
}

fn oldest(view: &View) -> Vec<String> {
    let View::Oldest { track, status } = view else {
        return Vec::new();
    };
    when(*status != 200, || {
        format!("the oldest segment of {track} was answered {status}")
    })
}

fn missing(view: &View) -> Vec<String> {
    let View::Missing { track, number } = view else {
        return Vec::new();
    };
    vec![format!("segment {number} of {track} is missing")]
}

fn late(view: &View) -> Vec<String> {
    let View::Late {
        track,
        number,
        by,
        limit,
    } = view
    else {
        return Vec::new();
    };
    when(by > limit, || {
        format!("segment {number} of {track} came {by} ms after its time")
    })
}
