//! Frame rates of rungs and key frames at the same instants in all of them.
//!
//! A rung with a lower rate drops whole frames: it takes every second or third one, counted from the
//! first frame. So its key frames, at every *n*-th of its frames, fall together with those of every
//! other rung when the distance is a multiple of all the steps.

use media::time::Time;

use crate::units::Rate;

/// Returns the least step by which frames must be taken so that a rate is within a cap. A rate up
/// to half a percent above the cap counts as within.
pub(super) fn step(rate: Rate, cap: Rate) -> u32 {
    let within = |step: u64| {
        let frames = u128::from(rate.num()) * u128::from(cap.den()) * 1000;
        let granted = u128::from(cap.num()) * u128::from(rate.den()) * 1005;
        frames <= granted * u128::from(step)
    };
    (1..=240).find(|step| within(u64::from(*step))).unwrap_or(1)
}

/// Returns the key-frame distance in frames of the source: near `gop` and a multiple of all steps.
pub(super) fn key_distance(rate: Rate, gop: Time, steps: impl IntoIterator<Item = u32>) -> u32 {
    let multiple = steps.into_iter().fold(1_u32, least_common_multiple).max(1);
    let frames = rate.frames_in(gop);
    let count = frames.saturating_add(multiple / 2) / multiple;
    count.max(1).saturating_mul(multiple)
}

fn least_common_multiple(a: u32, b: u32) -> u32 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x.max(1)).saturating_mul(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn rates_are_divided_until_they_fit() {
        for (source, cap, expected) in [
            ("30", "30", 1),
            ("29.97", "30", 1),
            ("60", "30", 2),
            ("59.94", "30", 2),
            ("50", "30", 2),
            ("50", "60", 1),
            ("25", "30", 1),
            ("48", "30", 2),
            ("120", "30", 4),
            ("30.1", "30", 1),
            ("240", "30", 8),
        ] {
            assert_eq!(step(rate(source), rate(cap)), expected, "{source} {cap}");
        }
    }

    #[test]
    fn key_frames_fall_together() {
        for (source, gop_ms, steps, expected) in [
            ("30", 1000, vec![1], 30),
            ("29.97", 1000, vec![1], 30),
            ("60", 1000, vec![1, 2], 60),
            ("25", 1000, vec![1], 25),
            ("25", 1000, vec![2], 26),
            ("50", 500, vec![1, 2], 26),
            ("50", 1000, vec![1, 2, 3], 48),
            ("30", 10, vec![2], 2),
        ] {
            let found = key_distance(rate(source), Time::from_ms(gop_ms), steps.clone());
            assert_eq!(found, expected, "{source} {gop_ms}");
            assert!(steps.iter().all(|step| found % step == 0));
        }
    }
}
