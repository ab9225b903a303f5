//! The states of a job, and the table of which may follow which.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Never asked to run.
    Idle,
    /// Looking at the source and making the plan.
    Probing,
    /// Starting the processes.
    Starting,
    /// The processes run; not every required track has given something yet.
    Connecting,
    /// Every required track flows.
    Running,
    /// As running, with an alarm: too slow, or a track that may be missing is silent.
    Degraded,
    /// The processes were told to end.
    Stopping,
    /// At rest: asked to, or the source came to its end.
    Stopped,
    /// Waiting before the next start.
    Backoff,
    /// Over, after a failure that is not followed by another start.
    Failed,
}

impl State {
    /// All states, in order.
    pub const ALL: [Self; 10] = [
        Self::Idle,
        Self::Probing,
        Self::Starting,
        Self::Connecting,
        Self::Running,
        Self::Degraded,
        Self::Stopping,
        Self::Stopped,
        Self::Backoff,
        Self::Failed,
    ];

    /// Returns the states that may follow.
    pub const fn successors(self) -> &'static [Self] {
        match self {
            Self::Idle | Self::Backoff => &[Self::Probing, Self::Stopped],
            Self::Probing => &[Self::Starting, Self::Stopping, Self::Backoff, Self::Failed],
            Self::Starting => &[
                Self::Connecting,
                Self::Stopping,
                Self::Backoff,
                Self::Failed,
            ],
            Self::Connecting | Self::Degraded => &[
                Self::Running,
                Self::Stopping,
                Self::Stopped,
                Self::Backoff,
                Self::Failed,
            ],
            Self::Running => &[
                Self::Degraded,
                Self::Stopping,
                Self::Stopped,
                Self::Backoff,
                Self::Failed,
            ],
            Self::Stopping => &[Self::Stopped, Self::Probing, Self::Backoff, Self::Failed],
            Self::Stopped | Self::Failed => &[Self::Probing],
        }
    }

    /// Tells whether `next` may follow.
    pub fn may_become(self, next: Self) -> bool {
        self.successors().contains(&next)
    }

    /// Tells whether a run is being prepared or under way.
    pub fn is_busy(self) -> bool {
        matches!(
            self,
            Self::Probing | Self::Starting | Self::Connecting | Self::Running | Self::Degraded
        )
    }

    /// Tells whether there is neither a run nor one to come.
    pub fn is_at_rest(self) -> bool {
        matches!(self, Self::Idle | Self::Stopped | Self::Failed)
    }

    /// Tells whether media flows.
    pub fn is_flowing(self) -> bool {
        matches!(self, Self::Running | Self::Degraded)
    }

    /// Returns the name used in status, events and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Probing => "probing",
            Self::Starting => "starting",
            Self::Connecting => "connecting",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Backoff => "backoff",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often each state was entered, and how long it lasted altogether.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    entries: [u64; State::ALL.len()],
    time: [Duration; State::ALL.len()],
}

impl Tally {
    /// Returns how often `state` was entered.
    pub fn entries(&self, state: State) -> u64 {
        self.entries[state as usize]
    }

    /// Returns the time spent in `state`, without the present stay.
    pub fn time(&self, state: State) -> Duration {
        self.time[state as usize]
    }

    /// Counts a stay that ended and one that begins.
    pub(super) fn passed(&mut self, from: State, since: Instant, to: State, now: Instant) {
        self.time[from as usize] += now.saturating_duration_since(since);
        self.entries[to as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_closed_and_every_state_can_be_left_and_reached() {
        for (place, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, place, "the order that Tally counts by");
            assert!(!state.successors().is_empty(), "{state} is a trap");
            assert!(!state.may_become(state), "{state} follows itself");
            let reached = State::ALL.iter().any(|from| from.may_become(state));
            assert_eq!(reached, state != State::Idle, "{state}");
        }
    }

    #[test]
    fn a_run_is_only_begun_by_probing() {
        for from in State::ALL {
            assert_eq!(from.may_become(State::Starting), from == State::Probing);
            assert_eq!(from.may_become(State::Connecting), from == State::Starting);
        }
    }
}
