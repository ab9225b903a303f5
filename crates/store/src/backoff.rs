//! How long to wait before something is tried again.

use std::time::Duration;

/// Growing delays, each off by up to a fifth, so that many who wait do not come back at once.
#[derive(Debug)]
pub struct Backoff {
    chance: u64,
    first_ms: u64,
    most_ms: u64,
}

impl Backoff {
    /// Makes delays that double from the first up to the longest; the chance follows from a seed.
    pub fn new(seed: u64, first: Duration, most: Duration) -> Self {
        Self {
            chance: seed | 1,
            first_ms: first.as_millis() as u64,
            most_ms: most.as_millis() as u64,
        }
    }

    /// Returns the delay behind the refusal number `refusals`, from 1.
    pub fn delay(&mut self, refusals: u32) -> Duration {
        let doubled = self.first_ms << refusals.saturating_sub(1).min(10);
        let plain = doubled.min(self.most_ms);
        // xorshift64
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let fifth = plain / 5;
        Duration::from_millis(plain - fifth + self.chance % (2 * fifth + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_and_differ() {
        let of = |seed| Backoff::new(seed, Duration::from_secs(1), Duration::from_secs(16));
        let (mut one, mut other) = (of(7), of(8));
        for (refusals, plain) in [(1, 1000), (2, 2000), (3, 4000), (4, 8000), (9, 16_000)] {
            let delay = one.delay(refusals).as_millis();
            assert!((plain * 4 / 5..=plain * 6 / 5).contains(&delay), "{delay}");
            assert_ne!(delay, other.delay(refusals).as_millis());
        }
    }
}
