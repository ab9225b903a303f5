//! What a server counts, for metrics and for the summary at its end.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Running counts of a server, shared between its tasks and whoever shows them.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) open: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) timed_out: AtomicU64,
}

/// The counts at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections open now.
    pub open: u64,
    /// Connections served so far.
    pub accepted: u64,
    /// Connections turned away because too many were open.
    pub refused: u64,
    /// Requests read so far.
    pub requests: u64,
    /// Handlers that panicked; each became a 500.
    pub panics: u64,
    /// Connections closed by a time limit: idle, slow header, or a client that stopped reading.
    pub timed_out: u64,
}

impl Counters {
    /// Reads all counts. They are read one after the other, not at one instant.
    pub fn read(&self) -> Counts {
        Counts {
            open: self.open.load(Relaxed),
            accepted: self.accepted.load(Relaxed),
            refused: self.refused.load(Relaxed),
            requests: self.requests.load(Relaxed),
            panics: self.panics.load(Relaxed),
            timed_out: self.timed_out.load(Relaxed),
        }
    }
}

pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
