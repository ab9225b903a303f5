//! What is there at an instant: which slots may be fetched and which are listed.
//!
//! A slot may be asked for from its end on, and until its end has been out of the time-shift window
//! for ten seconds; both instants count. Listed are the slots that have ended, from the newest one
//! that ended at or before the start of the window: one more than a player may ask for by the window
//! alone.
//!
//! With an availability offset everything happens that much earlier. What is delivered in chunks is
//! an exception: it may be asked for earlier, but is whole and listed only at its end. With an
//! infinite offset anything may be asked for at any time.

use media::{
    presentation::{AvailabilityOffset, Run, Timeline},
    supply::Refusal,
    time::{Round, Time, Timescale},
};

use crate::cycle::Cycle;

/// For how long a slot may still be fetched after it left the window, seconds.
const GRACE: i64 = 10;
/// Ticks in which both the clock and an availability offset are whole numbers.
const EXACT: Timescale = Timescale::literal(1_000_000);

/// The time-shift window of a channel at an instant. All instants are Unix ms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Availability start.
    pub(crate) start: i64,
    /// Depth in seconds.
    pub(crate) depth: u32,
    /// The instant.
    pub(crate) now: i64,
    /// How far ahead of its end a slot may be asked for.
    pub(crate) ahead: AvailabilityOffset,
    /// Whether slots are made chunk by chunk, and so are whole at their end only.
    pub(crate) in_chunks: bool,
}

/// The slots `first..end` that a manifest lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) first: u64,
    pub(crate) end: u64,
}

impl Window {
    /// Refuses everything before the availability start.
    pub(crate) fn check_started(&self, what: impl FnOnce() -> String) -> Result<(), Refusal> {
        if self.now >= self.start {
            return Ok(());
        }
        Err(self.too_early(Time::ZERO, Time::ZERO, what()))
    }

    /// Refuses a slot that ends at `end` (after media time zero) when it may not be asked for.
    pub(crate) fn check(&self, end: Time, what: impl Fn() -> String) -> Result<(), Refusal> {
        let AvailabilityOffset::Ahead(ahead) = self.ahead else {
            return Ok(());
        };
        if end > self.since(ahead) {
            return Err(self.too_early(end, ahead, what()));
        }
        self.check_kept(end, what)
    }

    /// Refuses what is made until `made`, a part of the slot that ends at `end` or all of it, when it
    /// is not there whole.
    pub(crate) fn check_made(
        &self,
        made: Time,
        end: Time,
        what: impl Fn() -> String,
    ) -> Result<(), Refusal> {
        if !self.in_chunks {
            return self.check(end, what);
        }
        if made > self.since(Time::ZERO) {
            return Err(self.too_early(made, Time::ZERO, what()));
        }
        self.check_kept(end, what)
    }

    /// Refuses a slot that is gone.
    fn check_kept(&self, end: Time, what: impl Fn() -> String) -> Result<(), Refusal> {
        let AvailabilityOffset::Ahead(ahead) = self.ahead else {
            return Ok(());
        };
        let kept_ms = (i64::from(self.depth) + GRACE) * 1000;
        let kept = Self {
            now: self.now.saturating_sub(kept_ms),
            ..*self
        };
        if end < kept.since(ahead) {
            let since_ms = self.at_ms(end, ahead, Round::Down).saturating_add(kept_ms);
            return Err(Refusal::Gone {
                what: what(),
                since_ms,
                ago_ms: self.now.saturating_sub(since_ms),
            });
        }
        Ok(())
    }

    fn too_early(&self, end: Time, ahead: Time, what: String) -> Refusal {
        let at_ms = self.at_ms(end, ahead, Round::Up);
        Refusal::TooEarly {
            what,
            wait_ms: at_ms.saturating_sub(self.now),
            at_ms,
        }
    }

    /// Returns the time since media time zero, and `ahead`.
    fn since(&self, ahead: Time) -> Time {
        let since = self.now.saturating_sub(self.start);
        let ticks = Time::from_ms(since).ticks_in(EXACT, Round::Down);
        let ahead = ahead.ticks_in(EXACT, Round::Down);
        Time::new(ticks.saturating_add(ahead), EXACT)
    }

    /// Returns when `ahead` before `end` (after media time zero) is, Unix ms.
    fn at_ms(&self, end: Time, ahead: Time, round: Round) -> i64 {
        let scale = i128::from(end.scale.get());
        let ahead = i128::from(ahead.ticks_in(EXACT, Round::Down));
        let exact = i128::from(end.ticks) * i128::from(EXACT.get()) - ahead * scale;
        let per_ms = scale * i128::from(EXACT.get() / 1000);
        let ms = match round {
            Round::Up => -(-exact).div_euclid(per_ms),
            Round::Down | Round::Nearest => exact.div_euclid(per_ms),
        };
        let ms = i64::try_from(ms).unwrap_or(if ms < 0 { i64::MIN } else { i64::MAX });
        self.start.saturating_add(ms)
    }

    /// Returns from when on a slot that ends at `end` may be asked for, Unix ms.
    pub(crate) fn offered_at(&self, end: Time) -> i64 {
        match self.ahead {
            AvailabilityOffset::Ahead(ahead) => self.at_ms(end, ahead, Round::Up),
            AvailabilityOffset::Infinite => self.start,
        }
    }

    /// Returns from when on a slot or part that ends at `end` is listed, Unix ms.
    pub(crate) fn listed_at(&self, end: Time) -> i64 {
        self.at_ms(end, self.listed_ahead(), Round::Up)
    }

    /// Returns the time since media time zero up to which slots are listed.
    pub(crate) fn listed_until(&self) -> Time {
        self.since(self.listed_ahead())
    }

    fn listed_ahead(&self) -> Time {
        match self.ahead {
            AvailabilityOffset::Ahead(ahead) if !self.in_chunks => ahead,
            AvailabilityOffset::Ahead(_) | AvailabilityOffset::Infinite => Time::ZERO,
        }
    }

    /// Returns the slots that are listed.
    pub(crate) fn listed(&self, cycle: &Cycle) -> Listed {
        let edge = Self {
            now: self
                .now
                .saturating_sub(i64::from(self.depth) * 1000)
                .max(self.start),
            ..*self
        };
        let ahead = match self.ahead {
            AvailabilityOffset::Ahead(ahead) => ahead,
            AvailabilityOffset::Infinite => Time::ZERO,
        };
        let end = cycle.ended(self.listed_until());
        let first = cycle.ended(edge.since(ahead)).saturating_sub(1);
        Listed {
            first: first.min(end.saturating_sub(1)),
            end,
        }
    }

    /// Returns the slots behind the listed ones that may be asked for.
    pub(crate) fn ahead(&self, cycle: &Cycle) -> Listed {
        let end = match self.ahead {
            AvailabilityOffset::Ahead(ahead) => cycle.ended(self.since(ahead)),
            AvailabilityOffset::Infinite => 0,
        };
        let first = cycle.ended(self.listed_until());
        Listed {
            first,
            end: end.max(first),
        }
    }
}

impl Listed {
    /// Returns how many slots are listed.
    fn count(self) -> u64 {
        self.end.saturating_sub(self.first)
    }

    /// Writes the slots of a cycle as a timeline, moved `edit` ticks towards zero and cut there.
    /// Slots whose times do not fit the range of ticks are left out.
    pub(crate) fn timeline(self, cycle: &Cycle, edit: i64, first_number: u64) -> Timeline {
        let mut timeline = Timeline {
            presentation_time_offset: 0,
            first_number: first_number.saturating_add(self.first),
            ..Timeline::default()
        };
        let shown = |n: u64| {
            let start = cycle.boundary(n)?.saturating_sub(edit).max(0);
            u64::try_from(start).ok()
        };
        let Some(mut start) = shown(self.first).filter(|_| self.count() > 0) else {
            return timeline;
        };
        if let (Some(duration), 0, Ok(count)) = (cycle.uniform(), edit, u32::try_from(self.count()))
        {
            timeline.runs.push(Run {
                start,
                duration,
                count,
            });
            return timeline;
        }
        for n in self.first..self.end {
            let Some(end) = shown(n + 1) else { break };
            timeline.push(start, end.saturating_sub(start));
            start = end;
        }
        timeline
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
