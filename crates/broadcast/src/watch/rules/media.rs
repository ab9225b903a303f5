//! A segment or part that was fetched, HLS or DASH.

use std::time::Duration;

use super::{Entry, Rule, entry, plain, run_table, when};
use crate::watch::{
    media::{Init, Measured},
    nanos::{Nanos, from_ms, seconds, to_ms},
    options::millis,
    snapshot::Kind,
};

/// Listed media that cannot be fetched.
pub(crate) static FETCHABLE: Rule = plain(
    "C1-media",
    "RFC 8216bis 6.2.1, ISO/IEC 23009-1 5.3.9.5.3",
    "every listed segment, part and init segment answers 200",
);

/// Media that is no fragmented MP4 although it has an init segment.
pub(crate) const READABLE: Rule = plain(
    "C3-readable",
    "RFC 8216bis 3.1.2, ISO/IEC 23000-19 7",
    "init segments, segments and parts can be read",
);

/// An init segment that changed under its name.
pub(crate) const INIT_KEPT: Rule = Rule {
    always: false,
    ..plain(
        "L15-init",
        "RFC 8216bis 4.4.4.5",
        "an init segment is not overwritten by another",
    )
};

/// A part that was hinted at, came, and was not given to who asked by the hint.
pub(crate) const HINT_ANSWERED: Rule = Rule {
    always: false,
    ..plain(
        "L10-answered",
        "RFC 8216bis 6.2.5",
        "who asks for a hinted part gets it once it is there",
    )
};

/// A segment that was removed too early.
pub(crate) static REMOVED_KEPT: Rule = Rule {
    always: false,
    ..plain(
        "L13-kept",
        "RFC 8216bis 6.2.2",
        "removed segments can still be fetched for a while",
    )
};

/// A part that was removed too early.
pub(crate) static DROPPED_KEPT: Rule = Rule {
    always: false,
    ..plain(
        "L8-kept",
        "RFC 8216bis 6.2.2",
        "parts that are no longer listed can still be fetched for a while",
    )
};

/// A segment or part.
pub(crate) struct View<'a> {
    /// Such as `part 3 of segment 7`.
    pub(crate) what: &'a str,
    pub(crate) is_part: bool,
    pub(crate) kind: Kind,
    pub(crate) measured: &'a Measured,
    /// What goes before on the same time line, directly.
    pub(crate) before: Option<&'a Measured>,
    /// Date less decode time of the first segment of this time line, and of this.
    pub(crate) anchors: Option<(Nanos, Nanos)>,
    /// Duration that the manifest states.
    pub(crate) listed: Option<Nanos>,
    /// What stated durations and dates may be off.
    pub(crate) tolerance: Nanos,
    /// `INDEPENDENT=YES`.
    pub(crate) independent: bool,
    /// Part target.
    pub(crate) part_target: Option<Nanos>,
    /// Its parts, when all were fetched: samples and duration.
    pub(crate) parts: Option<(u64, Nanos)>,
    /// Wall clock less media time of the first producer reference time of this time line.
    pub(crate) producer: Option<Nanos>,
    /// When it had come, and what clocks may differ.
    pub(crate) came: (Nanos, Nanos),
    /// Where the manifest puts its start on the time line of the media, and what it may be off.
    pub(crate) expected_start: Option<(Nanos, Nanos)>,
    /// Time to the headers and to the end, of one asked for before it was there.
    pub(crate) early: Option<(Duration, Duration)>,
    /// Whether it is announced to come chunk by chunk (DASH `availabilityTimeOffset`).
    pub(crate) chunked: bool,
    /// For how it was reached, in ms.
    pub(crate) slack: i64,
}

run_table!(View<'_>);

pub(crate) const RULES: [Entry<Check>; 13] = [
    entry(
        "C3-duration",
        "RFC 8216bis 4.4.4.1",
        "media is as long as the manifest says",
        duration,
    ),
    entry(
        "L2-measured",
        "RFC 8216bis 4.4.4.9",
        "the media of a part is not longer than the part target",
        part_length,
    ),
    entry(
        "L3-independent",
        "RFC 8216bis 4.4.4.9",
        "a part with INDEPENDENT=YES holds an independent frame",
        independent,
    ),
    entry(
        "L5-samples",
        "RFC 8216bis 4.4.4.9",
        "the parts of a segment hold the samples of the segment",
        samples,
    ),
    entry(
        "L10-burst",
        "RFC 8216bis 6.2.5",
        "a part that was hinted at is sent at line speed once it is whole",
        burst,
    ),
    entry(
        "L14-decode",
        "RFC 8216bis 4.4.4.6",
        "dates go with decode times between discontinuities",
        anchors,
    ),
    entry(
        "L15-sync",
        "RFC 8216bis 6.2.1, ISO/IEC 23009-1 4.5.2",
        "every segment begins with an independent frame",
        sync,
    ),
    entry(
        "L16-hole",
        "RFC 8216bis 3, 6.2.1",
        "decode times go on without hole or overlap, unless a discontinuity or gap is signalled",
        continuity,
    ),
    entry(
        "M2-start",
        "ISO/IEC 23009-1 5.3.9.5.3, 7.2.1",
        "media begins where the MPD says",
        start,
    ),
    entry(
        "M4-producer",
        "ISO/IEC 14496-12 8.16.5",
        "producer reference times that say they are consistent go with media times",
        producer,
    ),
    entry(
        "M4-future",
        "ISO/IEC 14496-12 8.16.5",
        "media comes after the producer reference time that it bears",
        future,
    ),
    entry(
        "M5-chunk",
        "DASH-IF low latency 4.2.4",
        "a low-latency segment has several chunks of at most one second",
        chunks,
    ),
    entry(
        "M5-progress",
        "DASH-IF low latency 4.2.5",
        "a low-latency segment is passed on while it is made",
        progress,
    ),
];

fn duration(view: &View<'_>) -> Vec<String> {
    let Some(listed) = view.listed else {
        return Vec::new();
    };
    let found = view.measured.duration();
    when((found - listed).abs() > view.tolerance, || {
        format!(
            "{} has {} of media, the manifest says {}",
            view.what,
            seconds(found),
            seconds(listed)
        )
    })
}

fn part_length(view: &View<'_>) -> Vec<String> {
    let Some(target) = view.part_target.filter(|_| view.is_part) else {
        return Vec::new();
    };
    let found = view.measured.duration();
    // A stated duration may be rounded down to a millisecond.
    when(found > target + from_ms(1), || {
        format!(
            "{} has {} of media, the part target is {}",
            view.what,
            seconds(found),
            seconds(target)
        )
    })
}

fn independent(view: &View<'_>) -> Vec<String> {
    when(
        view.is_part && view.independent && !view.measured.has_sync,
        || {
            format!(
                "{} says INDEPENDENT=YES and holds no sync sample",
                view.what
            )
        },
    )
}

fn samples(view: &View<'_>) -> Vec<String> {
    let Some((samples, duration)) = view.parts else {
        return Vec::new();
    };
    let whole = view.measured;
    let off = (duration - whole.duration()).abs() > from_ms(1);
    when(samples != whole.samples || off, || {
        format!(
            "{} has {} samples, its parts have {samples}",
            view.what, whole.samples
        )
    })
}

fn burst(view: &View<'_>) -> Vec<String> {
    let (Some((first, total)), Some(target)) = (view.early, view.part_target) else {
        return Vec::new();
    };
    let limit = (to_ms(target) / 2).max(200);
    let wrong = view.is_part && millis(total.saturating_sub(first)) > limit;
    when(wrong, || format!("{} was sent bit by bit", view.what))
}

fn anchors(view: &View<'_>) -> Vec<String> {
    let Some((first, now)) = view.anchors else {
        return Vec::new();
    };
    let off = now - first;
    when(off.abs() > view.tolerance, || {
        format!(
            "the date of {} is {} off its decode time",
            view.what,
            seconds(off)
        )
    })
}

fn sync(view: &View<'_>) -> Vec<String> {
    let wrong = !view.is_part && view.kind == Kind::Video && !view.measured.starts_with_sync;
    when(wrong, || {
        format!("{} does not begin with a sync sample", view.what)
    })
}

fn continuity(view: &View<'_>) -> Vec<String> {
    let Some(before) = view.before else {
        return Vec::new();
    };
    let hole = view.measured.start - before.end;
    when(hole.abs() > from_ms(1), || {
        let word = if hole > 0 { "after" } else { "before" };
        format!(
            "{} begins {} {word} the end of what goes before",
            view.what,
            seconds(hole.abs())
        )
    })
}

fn start(view: &View<'_>) -> Vec<String> {
    let Some((expected, tolerance)) = view.expected_start else {
        return Vec::new();
    };
    let off = view.measured.start - expected;
    when(off.abs() > tolerance, || {
        format!(
            "{} begins {} off from what the MPD says",
            view.what,
            seconds(off)
        )
    })
}

fn producer(view: &View<'_>) -> Vec<String> {
    let Some(found) = view.measured.producer.filter(|found| found.is_steady) else {
        return Vec::new();
    };
    let off = view.producer.map_or(0, |first| found.anchor - first);
    let off = off.abs().max(found.spread);
    when(off > view.tolerance, || {
        format!(
            "the producer reference times of {} are {} off its media times",
            view.what,
            seconds(off)
        )
    })
}

fn future(view: &View<'_>) -> Vec<String> {
    let Some(found) = view.measured.producer.filter(|found| found.is_real) else {
        return Vec::new();
    };
    let (came, tolerance) = view.came;
    when(found.latest > came.saturating_add(tolerance), || {
        format!(
            "{} bears a producer reference time that had not been when it came",
            view.what
        )
    })
}

fn chunks(view: &View<'_>) -> Vec<String> {
    if !view.chunked {
        return Vec::new();
    }
    let longest = view.measured.longest_fragment;
    let mut wrong = when(longest > from_ms(1001), || {
        format!("{} has a chunk of {}", view.what, seconds(longest))
    });
    let single = view.measured.fragments < 2 && view.measured.duration() > from_ms(1001);
    wrong.extend(when(single, || format!("{} is a single chunk", view.what)));
    wrong
}

fn progress(view: &View<'_>) -> Vec<String> {
    let Some((first, _)) = view.early.filter(|_| view.chunked) else {
        return Vec::new();
    };
    // It was asked for when its first chunk was due.
    when(millis(first) > view.slack, || {
        format!("{} was held back although a chunk of it was due", view.what)
    })
}

/// What a manifest says of the tracks of a rendition.
pub(crate) struct Declared<'a> {
    pub(crate) codecs: &'a str,
    pub(crate) resolution: Option<(u32, u32)>,
    pub(crate) init: &'a Init,
}

/// Codec strings and size, against the init segment.
pub(crate) const DECLARED: Entry<fn(&Declared<'_>) -> Vec<String>> = entry(
    "L18-init",
    "RFC 8216bis 4.4.6.2, ISO/IEC 23009-1 5.3.7.2",
    "CODECS and RESOLUTION are those of the init segment",
    declared,
);

fn declared(view: &Declared<'_>) -> Vec<String> {
    let known: Vec<&str> = view.codecs.split(',').map(str::trim).collect();
    let mut wrong: Vec<String> = view
        .init
        .codecs
        .iter()
        .filter(|codec| !view.codecs.is_empty() && !known.iter().any(|one| same_codec(one, codec)))
        .map(|codec| {
            format!(
                "the init segment has codec {codec}, the manifest says {}",
                view.codecs
            )
        })
        .collect();
    if let (Some(stated), Some(found)) = (view.resolution, view.init.track.size) {
        wrong.extend(when(stated != found, || {
            format!(
                "the init segment has {}x{} pixels, the manifest says {}x{}",
                found.0, found.1, stated.0, stated.1
            )
        }));
    }
    wrong
}

/// Compares codec strings; case does not matter, and `avc1` stands for `avc3`.
fn same_codec(a: &str, b: &str) -> bool {
    let plain = |codec: &str| {
        codec
            .to_ascii_lowercase()
            .replace("avc3", "avc1")
            .replace("hev1", "hvc1")
    };
    plain(a) == plain(b)
}
