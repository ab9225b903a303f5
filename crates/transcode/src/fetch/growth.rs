//! A file that is read while it is being written.

use std::{
    path::PathBuf,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How far a download is, for those who read its file meanwhile. One download writes to it.
#[derive(Debug, Default)]
pub struct Growth {
    now: Mutex<Now>,
    grown: Condvar,
}

/// What is known as soon as the first byte has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The file.
    pub path: PathBuf,
    /// What it is known by. None until the end where the server gives nothing to know it by; then
    /// nothing can be done before the end that would not have to be done again.
    pub content_id: Option<String>,
    /// Its length in bytes, where that is known.
    pub bytes: Option<u64>,
    /// Grows whenever the source turned out to be another one: what was made of it is void.
    pub version: u64,
}

#[derive(Debug, Default)]
struct Now {
    begun: Option<Begun>,
    available: u64,
    ended: bool,
}

impl Growth {
    /// Returns what is known; none before the first byte.
    pub fn begun(&self) -> Option<Begun> {
        self.now().begun.clone()
    }

    /// Returns how many bytes from the beginning on can be read.
    pub fn available(&self) -> u64 {
        self.now().available
    }

    /// Tells whether nothing more will come, be it that all is there or that it failed.
    pub fn is_ended(&self) -> bool {
        self.now().ended
    }

    /// Waits until so many bytes can be read, until nothing more will come, or until the time is
    /// over; returns how many there are.
    pub fn wait_for(&self, bytes: u64, timeout: Duration) -> u64 {
        let waits = |now: &mut Now| now.available < bytes && !now.ended;
        let waited = self
            .grown
            .wait_timeout_while(self.now(), timeout, waits)
            .unwrap_or_else(PoisonError::into_inner);
        waited.0.available
    }

    /// Waits until it has begun or ended, or until the time is over.
    pub fn wait_begun(&self, timeout: Duration) -> Option<Begun> {
        let waits = |now: &mut Now| now.begun.is_none() && !now.ended;
        let waited = self
            .grown
            .wait_timeout_while(self.now(), timeout, waits)
            .unwrap_or_else(PoisonError::into_inner);
        waited.0.begun.clone()
    }

    /// Notes a beginning; `again` when the source has become another one.
    pub(super) fn begin(&self, mut begun: Begun, again: bool) {
        let mut now = self.now();
        begun.version = now.begun.as_ref().map_or(0, |b| b.version) + u64::from(again);
        if again {
            now.available = 0;
        }
        now.begun = Some(begun);
        self.grown.notify_all();
    }

    pub(super) fn grow(&self, available: u64) {
        self.now().available = available;
        self.grown.notify_all();
    }

    pub(super) fn end(&self) {
        self.now().ended = true;
        self.grown.notify_all();
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        // Every change under the lock is a whole one.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
