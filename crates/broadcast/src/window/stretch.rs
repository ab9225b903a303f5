//! A stretch as it is presented: its shape, and what is listed of each track.

use std::sync::Arc;

use media::{
    presentation::{Period, Shape, StartNumber, Timeline},
    time::{Round, Time, Timescale},
};

use super::{Settings, inner::clamped, shape, track::Reel};
use crate::packager::{Init, Stretch};

/// A stretch with anything listed, or the one in progress.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) stretch: Stretch,
    /// When it ends, once it has: as far as all tracks have media.
    pub(super) end: Option<Time>,
    pub(super) inits: Vec<Option<Arc<Init>>>,
    pub(super) shape: Arc<Shape>,
    /// What is listed, one for each track; without parts.
    pub(super) timelines: Vec<Timeline>,
}

impl Shown {
    pub(super) fn new(stretch: Stretch, settings: &Settings) -> Self {
        let tracks = settings.tracks().count();
        let timeline = Timeline {
            first_number: stretch.first_number,
            ..Timeline::default()
        };
        Self {
            stretch,
            end: None,
            inits: vec![None; tracks],
            shape: Arc::new(shape::plain(settings)),
            timelines: vec![timeline; tracks],
        }
    }

    /// Takes the init segment of a track.
    pub(super) fn set_init(
        &mut self,
        track: usize,
        init: Arc<Init>,
        settings: &Settings,
        reels: &[Reel],
    ) {
        if let Some(timeline) = self.timelines.get_mut(track) {
            let offset = self
                .stretch
                .start
                .ticks_in(init.track.timescale, Round::Nearest);
            timeline.presentation_time_offset = u64::try_from(offset).unwrap_or(0);
        }
        if let Some(place) = self.inits.get_mut(track) {
            *place = Some(init);
        }
        self.reshape(settings, reels);
    }

    /// Makes the shape anew from init segments and measured rates.
    pub(super) fn reshape(&mut self, settings: &Settings, reels: &[Reel]) {
        self.shape = Arc::new(shape::with(
            settings,
            |track| self.inits.get(track).and_then(Option::as_ref),
            |track| reels.get(track).map(Reel::rates).unwrap_or_default(),
        ));
    }

    /// Tells whether the announced rate of a track is too low by more than a tenth.
    pub(super) fn understates(&self, track: usize, reel: &Reel) -> bool {
        let Some((_, of)) = self.shape.tracks().nth(track) else {
            return false;
        };
        let rates = reel.rates();
        let exceeds = |is: u64, said: u64| is > said.saturating_add(said / 10);
        exceeds(rates.peak, of.peak_bandwidth) || exceeds(rates.average, of.average_bandwidth)
    }

    /// Lists a segment.
    pub(super) fn list(&mut self, track: usize, number: u64, start: u64, duration: u64, gap: bool) {
        let Some(timeline) = self.timelines.get_mut(track) else {
            return;
        };
        if timeline.is_empty() {
            timeline.first_number = number;
        }
        timeline.push(start, duration);
        if gap {
            timeline.gaps.push(number);
        }
    }

    /// Marks a listed segment as lost.
    pub(super) fn lose(&mut self, track: usize, number: u64) {
        if let Some(timeline) = self.timelines.get_mut(track)
            && (timeline.first_number..timeline.next_number()).contains(&number)
            && let Err(at) = timeline.gaps.binary_search(&number)
        {
            timeline.gaps.insert(at, number);
        }
    }

    /// Takes all segments before a number off the list.
    pub(super) fn unlist_before(&mut self, number: u64) {
        for timeline in &mut self.timelines {
            while timeline.first_number < number {
                let Some(run) = timeline.runs.first_mut() else {
                    break;
                };
                run.start = run.start.saturating_add(run.duration);
                run.count -= 1;
                if run.count == 0 {
                    timeline.runs.remove(0);
                }
                timeline.first_number += 1;
            }
            let first = timeline.first_number;
            let gone = timeline.gaps.partition_point(|gap| *gap < first);
            timeline.gaps.drain(..gone);
        }
    }

    /// Returns how far all tracks have media; nothing when none has any.
    ///
    /// Players ask for every segment that begins before the end of a period. So it ends with the last
    /// segment that all tracks have, even when some have begun the next, and before the next would
    /// begin, were the last sample to reach beyond that.
    pub(super) fn common_end(&self, segment: Time) -> Option<Time> {
        let lasts = self.timelines.iter().enumerate().filter_map(|(track, of)| {
            self.inits.get(track)?.as_ref()?;
            let found = of.segments().filter(|(number, ..)| !of.is_gap(*number));
            let (number, start, duration) = found.last()?;
            let end = Time::new(clamped(start.saturating_add(duration)), self.scale(track));
            Some((number, end))
        });
        let mut lasts: Vec<(u64, Time)> = lasts.collect();
        // One that stood still for longer is not waited for.
        let foremost = lasts.iter().map(|(number, _)| *number).max()?;
        lasts.retain(|(number, _)| number.saturating_add(1) >= foremost);
        let last = lasts.iter().map(|(number, _)| *number).min()?;
        let cells = last
            .checked_sub(self.stretch.first_number)?
            .saturating_add(1);
        let cells = Time::new(segment.ticks.saturating_mul(clamped(cells)), segment.scale);
        let start = self.stretch.start.ms(Round::Down);
        let next = Time::from_ms(start.saturating_add(cells.ms(Round::Down)) - 1);
        let ends = lasts.iter().filter(|(number, _)| *number == last);
        Some(ends.map(|(_, end)| *end).min()?.min(next))
    }

    /// Returns the timescale of a track; milliseconds while nothing is known of it.
    pub(super) fn scale(&self, track: usize) -> Timescale {
        let init = self.inits.get(track).and_then(Option::as_ref);
        init.map_or(Timescale::MS, |init| init.track.timescale)
    }

    /// Tells whether nothing of it is listed.
    pub(super) fn is_empty(&self) -> bool {
        self.timelines.iter().all(Timeline::is_empty)
    }

    /// Returns the period, `base` being where time begins.
    pub(super) fn period(&self, timelines: Vec<Timeline>, base: Time) -> Period {
        let from_base = |time: Time| {
            let base = base.ticks_in(time.scale, Round::Nearest);
            Time::new(time.ticks.saturating_sub(base), time.scale)
        };
        let start = self.stretch.start;
        Period {
            id: format!("P{}", self.stretch.number),
            start: from_base(start),
            duration: self.end.map(|end| {
                let ticks = end.ticks_in(start.scale, Round::Up);
                Time::new(ticks.saturating_sub(start.ticks), start.scale)
            }),
            shape: Arc::clone(&self.shape),
            start_number: StartNumber::Fixed(self.stretch.first_number),
            timelines,
            discontinuity_sequence: self.stretch.number,
        }
    }
}
