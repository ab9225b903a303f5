//! Counters that the readers of a job's tracks raise and its watch looks at.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

use super::Reason;

/// One counter a track, of whatever proves that it goes on (fragments, say). Raising one costs a
/// single atomic addition and never waits.
#[derive(Debug, Default)]
pub struct Pulse {
    counts: Box<[AtomicU64]>,
    /// Something new to look at.
    news: Notify,
    fault: OnceLock<Reason>,
}

impl Pulse {
    /// Makes counters for `tracks` tracks, all at zero.
    pub fn new(tracks: usize) -> Self {
        Self {
            counts: (0..tracks).map(|_| AtomicU64::new(0)).collect(),
            news: Notify::new(),
            fault: OnceLock::new(),
        }
    }

    /// Counts something new on a track. Tracks that are not there are ignored.
    pub fn beat(&self, track: usize) {
        let Some(count) = self.counts.get(track) else {
            return;
        };
        if count.fetch_add(1, Ordering::Relaxed) == 0 {
            self.news.notify_one();
        }
    }

    /// Returns the counts, in the order of the tracks.
    pub fn counts(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().map(|it| it.load(Ordering::Relaxed))
    }

    /// Says that what the run makes is of no use, so that it has to end. The first to say so is
    /// heard.
    pub fn fail(&self, reason: Reason) {
        if self.fault.set(reason).is_ok() {
            self.news.notify_one();
        }
    }

    /// Returns what was said to be wrong.
    pub(super) fn fault(&self) -> Option<&Reason> {
        self.fault.get()
    }

    /// Waits until a track gives its first, or something is wrong; safe to cancel.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }
}
