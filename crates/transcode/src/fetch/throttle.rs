//! A limit of bytes a second.

use std::time::{Duration, Instant};

/// What may be read at once after a pause, in time.
const BURST: Duration = Duration::from_millis(250);

/// Says how long to wait so that a rate is kept.
#[derive(Debug)]
pub(super) struct Throttle {
    per_second: u64,
    /// The instant at which all that was read would have been read at that rate.
    due: Instant,
}

impl Throttle {
    pub(super) fn new(per_second: u64, now: Instant) -> Self {
        Self {
            per_second: per_second.max(1),
            due: now,
        }
    }

    /// Takes bytes into account that were read; returns how long to wait for the next ones.
    pub(super) fn take(&mut self, bytes: u64, now: Instant) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.per_second);
        let took = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        self.due = self.due.max(earliest) + took;
        self.due.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept() {
        let start = Instant::now();
        let mut throttle = Throttle::new(1000, start);
        assert_eq!(throttle.take(500, start), Duration::from_millis(500));
        let half = start + Duration::from_millis(500);
        assert_eq!(throttle.take(1000, half), Duration::from_secs(1));
        // A pause is made up for by a quarter of a second at most.
        let later = start + Duration::from_secs(100);
        assert_eq!(throttle.take(1000, later), Duration::from_millis(750));
    }
}
