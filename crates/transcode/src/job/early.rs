//! A source that is on its way, as far as it can be worked on.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    commit::Step,
    fetch::{Growth, Reach},
    plan::{Plan, Seconds},
};

/// How far behind the end of a chunk the source has to be there, in milliseconds: decoders and filters
/// look ahead.
const AHEAD_MS: i64 = 5000;

/// The part of a source that has come, with the index of all of it.
#[derive(Debug)]
pub(super) struct Early {
    /// The file that grows.
    pub(super) path: PathBuf,
    /// What it will be known by when it is whole.
    pub(super) content: String,
    growth: Arc<Growth>,
    reach: Reach,
    /// Steps that failed with what had come. They wait for all of it.
    barred: Mutex<BTreeSet<Step>>,
}

impl Early {
    pub(super) fn new(path: PathBuf, content: String, growth: Arc<Growth>, reach: Reach) -> Self {
        Self {
            path,
            content,
            growth,
            reach,
            barred: Mutex::default(),
        }
    }

    /// Tells whether a step can be done with what has come: only the plan and chunks ever can.
    pub(super) fn holds(&self, step: Step, plan: Option<&Plan>) -> bool {
        let needed = match (step, plan) {
            (Step::Plan, _) => self.reach.opening(),
            (Step::Chunk(index), Some(plan)) => {
                let Some(chunk) = plan.chunks.get(index as usize) else {
                    return false;
                };
                let end = plan.source_time(chunk.end_frame());
                self.reach.bytes_until(end.plus(Seconds::from_ms(AHEAD_MS)))
            }
            _ => return false,
        };
        self.growth.available() >= needed && !self.barred().contains(&step)
    }

    /// Lets a step wait for all of the source.
    pub(super) fn bar(&self, step: Step) {
        self.barred().insert(step);
    }

    fn barred(&self) -> std::sync::MutexGuard<'_, BTreeSet<Step>> {
        // Entries are added whole.
        self.barred.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
