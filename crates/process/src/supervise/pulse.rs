//! Counters that the readers of a job's tracks raise and its watch looks at.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// One counter a track, of whatever proves that it goes on (fragments, say). Raising one costs a
/// single atomic addition and never waits.
#[derive(Debug, Default)]
pub struct Pulse {
    counts: Box<[AtomicU64]>,
    first: Notify,
}

impl Pulse {
    /// Makes counters for `tracks` tracks, all at zero.
    pub fn new(tracks: usize) -> Self {
        Self {
            counts: (0..tracks).map(|_| AtomicU64::new(0)).collect(),
            first: Notify::new(),
        }
    }

    /// Counts something new on a track. Tracks that are not there are ignored.
    pub fn beat(&self, track: usize) {
        let Some(count) = self.counts.get(track) else {
            return;
        };
        if count.fetch_add(1, Ordering::Relaxed) == 0 {
            self.first.notify_one();
        }
    }

    /// Returns the counts, in the order of the tracks.
    pub fn counts(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().map(|it| it.load(Ordering::Relaxed))
    }

    /// Waits until a track gives its first, once for each; safe to cancel.
    pub(super) async fn first(&self) {
        self.first.notified().await;
    }
}
