//! How long to wait before an object is tried again.

use std::time::Duration;

/// After the first refusal.
const FIRST_MS: u64 = 1000;
/// At most.
const MOST_MS: u64 = 16_000;

/// Growing delays, each off by up to a fifth, so that many channels do not come back at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    chance: u64,
}

impl Backoff {
    /// Makes one whose chance follows from a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { chance: seed | 1 }
    }

    /// Returns the delay behind the refusal number `refusals`, from 1.
    pub(crate) fn delay(&mut self, refusals: u32) -> Duration {
        let doubled = FIRST_MS << refusals.saturating_sub(1).min(10);
        let plain = doubled.min(MOST_MS);
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
        let (mut one, mut other) = (Backoff::new(7), Backoff::new(8));
        for (refusals, plain) in [(1, 1000), (2, 2000), (3, 4000), (4, 8000), (9, 16_000)] {
            let delay = one.delay(refusals).as_millis();
            assert!((plain * 4 / 5..=plain * 6 / 5).contains(&delay), "{delay}");
            assert_ne!(delay, other.delay(refusals).as_millis());
        }
    }
}
