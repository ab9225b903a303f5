//! What is there at an instant: which slots may be fetched and which are listed.
//!
//! A slot is there from its end on, and until its end has been out of the time-shift window for
//! ten seconds; both instants count as there. Listed are the slots that have ended, from the
//! newest one that ended at or before the start of the window: one more than a player may ask for
//! by the window alone.

use media::{
    presentation::{Run, Timeline},
    supply::Refusal,
    time::{Round, Time},
};

use crate::cycle::Cycle;

/// For how long a slot may still be fetched after it left the window, seconds.
const GRACE: i64 = 10;

/// The time-shift window of a channel at an instant. All instants are Unix ms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Availability start.
    pub(crate) start: i64,
    /// Depth in seconds.
    pub(crate) depth: u32,
    /// The instant.
    pub(crate) now: i64,
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
        Err(Refusal::TooEarly {
            what: what(),
            wait_ms: self.start.saturating_sub(self.now),
            at_ms: self.start,
        })
    }

    /// Refuses a slot that ends at `end` (after media time zero) when it is not there.
    pub(crate) fn check(&self, end: Time, what: impl FnOnce() -> String) -> Result<(), Refusal> {
        let since = Time::from_ms(self.now.saturating_sub(self.start));
        if end > since {
            let at_ms = self.start.saturating_add(end.ms(Round::Up));
            return Err(Refusal::TooEarly {
                what: what(),
                wait_ms: at_ms.saturating_sub(self.now),
                at_ms,
            });
        }
        let kept_ms = (i64::from(self.depth) + GRACE) * 1000;
        if end < Time::from_ms(since.ticks.saturating_sub(kept_ms)) {
            let since_ms = self
                .start
                .saturating_add(end.ms(Round::Down))
                .saturating_add(kept_ms);
            return Err(Refusal::Gone {
                what: what(),
                since_ms,
                ago_ms: self.now.saturating_sub(since_ms),
            });
        }
        Ok(())
    }

    /// Returns the slots that are listed.
    pub(crate) fn listed(&self, cycle: &Cycle) -> Listed {
        let since = self.now.saturating_sub(self.start);
        let edge = since.saturating_sub(i64::from(self.depth) * 1000).max(0);
        Listed {
            first: cycle.ended(Time::from_ms(edge)).saturating_sub(1),
            end: cycle.ended(Time::from_ms(since)),
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
