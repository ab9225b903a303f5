//! Workers: they take tasks of an engine, run as many at once as the machine bears, keep their
//! leases, and end what stands still.
//!
//! | module | what |
//! |---|---|
//! | `pool` | claims, heartbeats, stalls, the end in order |
//! | `reins` | what a running task and its pool tell each other |
//! | `capacity` | what the machine has free |
//!
//! What a task does is none of its business: that is [`Work`].

mod capacity;
mod pool;
mod reins;

pub use capacity::{Capacity, Machine};
pub use pool::{Options, Pool, Running};
pub use reins::{Progress, Reins, Unit};

use std::time::Duration;

use crate::engine::{Lease, Setback, Task};

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The task is done.
    Done,
    /// It failed and is tried again at this time, Unix ms.
    Again(Setback, i64),
    /// It failed and is set aside.
    SetAside(Setback),
    /// It was given back, since the pool ends.
    GivenBack,
    /// Somebody else has it, or nobody is to have it.
    Lost,
}

/// What tasks are.
pub trait Work: Send + Sync {
    /// Does a task and returns when what it made is committed. Called on a thread of its own; has
    /// to end soon after [`Reins::stopped`] turns true, in which case the result does not matter.
    fn run(&self, lease: &Lease, reins: &Reins) -> Result<(), Setback>;

    /// Returns how long a task may be without progress until it is ended and tried again; `None`
    /// for one that watches over itself.
    fn patience(&self, task: &Task) -> Option<Duration>;

    /// Called when an attempt has ended and the engine knows.
    fn ended(&self, _lease: &Lease, _how: &Ended) {}
}
