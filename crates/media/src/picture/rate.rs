//! Frame rates that cameras and encoders have.

use crate::presentation::FrameRate;

const fn whole(num: u32) -> FrameRate {
    FrameRate { num, den: 1 }
}

const fn television(nominal: u32) -> FrameRate {
    FrameRate {
        num: nominal * 1000,
        den: 1001,
    }
}

/// Slowest first.
const USUAL: [FrameRate; 16] = [
    whole(5),
    whole(10),
    whole(12),
    whole(15),
    whole(20),
    television(24),
    whole(24),
    whole(25),
    television(30),
    whole(30),
    whole(48),
    whole(50),
    television(60),
    whole(60),
    whole(100),
    whole(120),
];

/// Returns the usual rate within half a percent, else the next one above, else the rate itself.
pub fn usual(rate: FrameRate) -> FrameRate {
    let nearest = USUAL.iter().filter(|usual| near(**usual, rate, 200));
    let nearest = nearest.min_by_key(|usual| distance(**usual, rate));
    let above = || {
        USUAL.iter().find(|usual| {
            u64::from(usual.num) * u64::from(rate.den) >= u64::from(rate.num) * u64::from(usual.den)
        })
    };
    nearest.or_else(above).copied().unwrap_or(rate)
}

/// Tells whether two rates differ by at most one part in `parts`.
pub fn near(a: FrameRate, b: FrameRate, parts: u128) -> bool {
    let greater = u128::from(a.num) * u128::from(b.den);
    distance(a, b) * parts <= greater
}

/// The difference of two rates, times both denominators.
fn distance(a: FrameRate, b: FrameRate) -> u128 {
    let left = u128::from(a.num) * u128::from(b.den);
    left.abs_diff(u128::from(b.num) * u128::from(a.den))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_go_to_the_usual_ones() {
        for (given, expected) in [
            ((2997, 100), (30_000, 1001)),
            ((3003, 100), (30, 1)),
            ((59_940, 1000), (60_000, 1001)),
            ((17, 1), (20, 1)),
            ((2, 1), (5, 1)),
            ((240, 1), (240, 1)),
        ] {
            let rate = usual(FrameRate {
                num: given.0,
                den: given.1,
            });
            assert_eq!((rate.num, rate.den), expected, "{given:?}");
        }
    }
}
