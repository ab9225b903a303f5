//! What a running task and its pool tell each other: how far it is, and that it is to end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::encode::StopFlag;

/// What progress is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Video frames.
    #[default]
    Frames,
    /// Bytes.
    Bytes,
    /// Milliseconds of media.
    Milliseconds,
    /// Codec frames of sound.
    Samples,
    /// Objects.
    Objects,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is counted.
    pub unit: Unit,
    /// How much is done.
    pub done: u64,
    /// Of how much, when known.
    pub total: Option<u64>,
    /// Bytes written.
    pub bytes: u64,
    /// Media time done in the time it took, in thousandths, when known.
    pub speed_permille: Option<u64>,
}

/// The reins of a running task. Clones are equal.
#[derive(Clone, Debug, Default)]
pub struct Reins {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: StopFlag,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    progress: Progress,
    /// Counts reports that were further than the one before.
    advances: u64,
}

impl Reins {
    /// Says how far the task is.
    pub fn report(&self, progress: Progress) {
        let mut state = self.lock();
        let before = &state.progress;
        if progress.done > before.done
            || progress.bytes > before.bytes
            || progress.unit != before.unit
        {
            state.advances += 1;
        }
        state.progress = progress;
    }

    /// Returns how far the task is.
    pub fn progress(&self) -> Progress {
        self.lock().progress
    }

    /// Returns a number that grows as long as the task gets on.
    pub(super) fn advances(&self) -> u64 {
        self.lock().advances
    }

    /// Asks the task to end.
    pub fn stop(&self) {
        self.shared.stop.stop();
    }

    /// Tells whether the task is to end.
    pub fn stopped(&self) -> bool {
        self.shared.stop.is_stopped()
    }

    /// Returns what says whether the task is to end, for those who know nothing of reins.
    pub fn flag(&self) -> &StopFlag {
        &self.shared.stop
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Plain values, set in steps that do not panic.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
