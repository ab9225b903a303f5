//! An MPD as it is.

use super::{Entry, entry, run_table, when};
use crate::watch::{
    dash::manifest::{Mpd, Track},
    nanos::seconds,
};

/// An MPD.
pub(crate) struct View<'a> {
    pub(crate) mpd: &'a Mpd,
}

impl View<'_> {
    fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.mpd.periods.iter().flat_map(|period| &period.tracks)
    }

    fn low_latency(&self) -> bool {
        self.mpd.dynamic && self.tracks().any(Track::is_early)
    }
}

run_table!(View<'_>);

pub(crate) const RULES: [Entry<Check>; 8] = [
    entry(
        "M1-attributes",
        "ISO/IEC 23009-1 5.3.1.2",
        "a live MPD says when it began, was published and is to be updated, and how far it reaches back",
        attributes,
    ),
    entry(
        "M1-delay",
        "DASH-IF low latency 4.3",
        "a low-latency MPD suggests a delay or a latency",
        delay,
    ),
    entry(
        "M2-complete",
        "ISO/IEC 23009-1 5.3.9.5.3, DASH-IF low latency 4.2.3",
        "availabilityTimeOffset goes with availabilityTimeComplete=\"false\"",
        complete,
    ),
    entry(
        "M2-offset",
        "ISO/IEC 23009-1 5.3.9.5.3",
        "availabilityTimeOffset is shorter than a segment",
        offset,
    ),
    entry(
        "M3-clock",
        "ISO/IEC 23009-1 5.8.4.11, DASH-IF low latency 4.3",
        "a live MPD has UTCTiming",
        clock,
    ),
    entry(
        "M4-latency",
        "ISO/IEC 23009-1 annex K.3, DASH-IF low latency 4.3",
        "a low-latency MPD has ServiceDescription with Latency@target",
        latency,
    ),
    entry(
        "M7-order",
        "ISO/IEC 23009-1 5.3.2",
        "Periods have ids of their own and do not overlap",
        order,
    ),
    entry(
        "M8-profile",
        "ISO/IEC 23009-1 8.4",
        "a live MPD has the profile isoff-live, or one that builds on it",
        profile,
    ),
];

fn attributes(view: &View<'_>) -> Vec<String> {
    let mpd = view.mpd;
    [
        (mpd.availability_start.is_none(), "availabilityStartTime"),
        (mpd.publish_time.is_none(), "publishTime"),
        (mpd.update_period.is_none(), "minimumUpdatePeriod"),
        (mpd.depth.is_none(), "timeShiftBufferDepth"),
    ]
    .into_iter()
    .filter(|(missing, _)| mpd.dynamic && *missing)
    .map(|(_, name)| format!("there is no {name}"))
    .collect()
}

fn delay(view: &View<'_>) -> Vec<String> {
    let none = view.mpd.delay.is_none() && view.mpd.latency_target.is_none();
    when(view.low_latency() && none, || {
        "there is neither suggestedPresentationDelay nor Latency@target".to_owned()
    })
}

fn complete(view: &View<'_>) -> Vec<String> {
    let wrong = |track: &&Track| view.mpd.dynamic && track.is_early() && !track.incomplete;
    view.tracks()
        .filter(wrong)
        .map(|track| format!("{} has availabilityTimeOffset only", track.id))
        .collect()
}

fn offset(view: &View<'_>) -> Vec<String> {
    view.tracks()
        .filter(|track| {
            track
                .longest()
                .is_some_and(|longest| track.early >= longest)
        })
        .map(|track| {
            let early = seconds(track.early);
            format!(
                "{} has an availabilityTimeOffset of {early}, a segment or more",
                track.id
            )
        })
        .collect()
}

fn clock(view: &View<'_>) -> Vec<String> {
    let wrong = view.mpd.dynamic && view.mpd.clocks.is_empty();
    when(wrong, || "there is no UTCTiming".to_owned())
}

fn latency(view: &View<'_>) -> Vec<String> {
    let wrong = view.low_latency() && view.mpd.latency_target.is_none();
    let has = view.mpd.has_service_description;
    when(wrong, || {
        let lacks = if has {
            "Latency@target"
        } else {
            "ServiceDescription"
        };
        format!("there is no {lacks}")
    })
}

fn order(view: &View<'_>) -> Vec<String> {
    let periods = &view.mpd.periods;
    let mut wrong = Vec::new();
    for pair in periods.windows(2) {
        let [before, after] = pair else { continue };
        let name = after.id.as_deref().unwrap_or_default();
        let overlaps = before.end.is_some_and(|end| end > after.start);
        if after.start <= before.start || overlaps {
            wrong.push(format!(
                "Period `{name}` does not begin behind the one above it"
            ));
        }
    }
    if view.mpd.dynamic {
        let unnamed = periods.iter().any(|period| period.id.is_none());
        wrong.extend(when(unnamed, || {
            "a Period of a live MPD has no id".to_owned()
        }));
    }
    for (index, period) in periods.iter().enumerate() {
        let twice = periods
            .iter()
            .take(index)
            .any(|other| other.id == period.id);
        if let Some(id) = period.id.as_deref().filter(|_| twice) {
            wrong.push(format!("two Periods have the id `{id}`"));
        }
    }
    wrong
}

fn profile(view: &View<'_>) -> Vec<String> {
    const KNOWN: [&str; 4] = [
        "isoff-live",
        "isoff-ext-live",
        "isoff-broadcast",
        "dvb:dash",
    ];
    let known = KNOWN.iter().any(|name| view.mpd.profiles.contains(name));
    when(view.mpd.dynamic && !known, || {
        format!("the profiles are `{}`", view.mpd.profiles)
    })
}
