//! What a target has, and what may be listed on it.

use std::collections::BTreeSet;

use media::{
    presentation::{Live, Liveness, Period, Presentation, Timeline},
    time::{Round, Time, Timescale},
};

/// The segments of one track on a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stock {
    /// Those that are there.
    there: BTreeSet<u64>,
    /// The first that was ever due, and the last that was dealt with.
    dealt: Option<(u64, u64)>,
}

impl Stock {
    /// Takes down what became of a segment.
    pub(super) fn note(&mut self, number: u64, is_there: bool) {
        let (first, last) = self.dealt.unwrap_or((number, number));
        self.dealt = Some((first, last.max(number)));
        if is_there {
            self.there.insert(number);
        }
    }

    /// Takes out, and returns, those before a number.
    pub(super) fn take_before(&mut self, number: u64) -> BTreeSet<u64> {
        let kept = self.there.split_off(&number);
        std::mem::replace(&mut self.there, kept)
    }

    /// Lists of a timeline what was dealt with; what is not there is a gap.
    fn list(&self, timeline: &Timeline) -> Timeline {
        let mut listed = Timeline {
            presentation_time_offset: timeline.presentation_time_offset,
            first_number: timeline.first_number,
            hole: timeline.hole,
            ..Timeline::default()
        };
        let Some((first, last)) = self.dealt else {
            return listed;
        };
        for (number, start, duration) in timeline.segments() {
            if number < first {
                listed.first_number = number.saturating_add(1);
                continue;
            }
            if number > last {
                break;
            }
            listed.push(start, duration);
            if !self.there.contains(&number) {
                listed.gaps.push(number);
            }
        }
        listed
    }
}

/// Returns a presentation as a target has it: without low latency, and of each track what `stock`
/// has. Nothing when that is nothing.
pub(super) fn published(whole: &Presentation, stock: &[Stock]) -> Option<Presentation> {
    let mut periods: Vec<Period> = Vec::with_capacity(whole.periods.len());
    for period in &whole.periods {
        let timelines: Vec<Timeline> = period
            .timelines
            .iter()
            .zip(stock)
            .map(|(timeline, stock)| stock.list(timeline))
            .collect();
        if timelines.iter().any(|timeline| !timeline.is_empty()) {
            periods.push(Period {
                timelines,
                ..period.clone()
            });
        }
    }
    if periods.is_empty() {
        return None;
    }
    let liveness = match &whole.liveness {
        Liveness::Static { duration } => Liveness::Static {
            duration: *duration,
        },
        Liveness::Live(live) => Liveness::Live(plain(live, longest(whole))),
    };
    Some(Presentation {
        liveness,
        addressing: whole.addressing,
        periods,
    })
}

/// Takes low latency out. Players then keep three segments behind; clocks that only our own server has
/// are of no use elsewhere.
fn plain(live: &Live, segment: Time) -> Live {
    let three = Time::new(segment.ticks.saturating_mul(3), segment.scale);
    let delay = live.suggested_presentation_delay.unwrap_or(three);
    Live {
        suggested_presentation_delay: Some(delay.max(three)),
        low_latency: None,
        utc_timing: live
            .utc_timing
            .iter()
            .filter(|timing| !timing.value.starts_with('/'))
            .cloned()
            .collect(),
        ..live.clone()
    }
}

fn longest(presentation: &Presentation) -> Time {
    let tracks = presentation
        .periods
        .iter()
        .flat_map(|period| period.shape.tracks());
    let nominal = tracks.map(|(_, track)| {
        let ticks = i64::try_from(track.nominal.duration).unwrap_or(i64::MAX);
        Time::new(ticks, track.nominal.timescale)
    });
    let longest = nominal.max().unwrap_or(Time::ZERO);
    Time::from_ms(longest.rescale(Timescale::MS, Round::Up).ticks)
}
