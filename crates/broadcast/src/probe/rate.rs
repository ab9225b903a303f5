//! The frame rate that a source is brought to. ffprobe gives two: the mean, and the lowest one that
//! all time stamps fit, which is nonsense for containers with coarse or fine clocks.

use process::probe::{Rational, Video};

use crate::units::Rate;

/// What is taken when nothing is known.
const USUAL: Rate = Rate::whole(30);

/// Rates that cameras and encoders have, slowest first.
const STANDARD: [Rate; 16] = [
    Rate::whole(5),
    Rate::whole(10),
    Rate::whole(12),
    Rate::whole(15),
    Rate::whole(20),
    Rate::television(24),
    Rate::whole(24),
    Rate::whole(25),
    Rate::television(30),
    Rate::whole(30),
    Rate::whole(48),
    Rate::whole(50),
    Rate::television(60),
    Rate::whole(60),
    Rate::whole(100),
    Rate::whole(120),
];

/// Returns the rate to use and whether the source does not keep to it.
pub(super) fn of(video: &Video) -> (Rate, bool) {
    let usable = |rate: Option<Rational>| {
        let rate = rate?;
        let rate = Rate::new(u32::try_from(rate.num).ok()?, u32::try_from(rate.den).ok()?)?;
        (rate >= Rate::whole(1) && rate <= Rate::whole(240)).then_some(rate)
    };
    match (usable(video.base_rate), usable(video.mean_rate)) {
        (Some(base), Some(mean)) if near(base, mean, 20) => (exact(base), false),
        (Some(base), None) => (exact(base), false),
        // Interlaced video counts fields where it should count frames.
        (Some(base), Some(mean)) if near(base, twice(mean), 20) => (exact(mean), false),
        (_, Some(mean)) => (exact(mean), true),
        (None, None) => (USUAL, true),
    }
}

fn twice(rate: Rate) -> Rate {
    rate.num()
        .checked_mul(2)
        .and_then(|num| Rate::new(num, rate.den()))
        .unwrap_or(rate)
}

/// Returns the standard rate within half a percent, else the next one above.
fn exact(rate: Rate) -> Rate {
    let nearest = STANDARD
        .iter()
        .filter(|standard| near(**standard, rate, 200));
    let nearest = nearest.min_by_key(|standard| distance(**standard, rate));
    let above = || STANDARD.iter().find(|standard| **standard >= rate);
    nearest.or_else(above).copied().unwrap_or(rate)
}

/// Tells whether two rates differ by at most one part in `parts`.
fn near(a: Rate, b: Rate, parts: u128) -> bool {
    let greater = u128::from(a.num()) * u128::from(b.den());
    distance(a, b) * parts <= greater
}

/// The difference of two rates, times both denominators.
fn distance(a: Rate, b: Rate) -> u128 {
    let left = u128::from(a.num()) * u128::from(b.den());
    left.abs_diff(u128::from(b.num()) * u128::from(a.den()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_every_container_are_understood() {
        let fraction = |text: &str| Rational::parse_fraction(text).filter(|it| it.is_positive());
        for (base, mean, expected, varies) in [
            ("30/1", "30/1", "30", false),
            ("30000/1001", "30000/1001", "30000/1001", false),
            ("30000/1001", "2997/100", "30000/1001", false),
            ("25/1", "0/0", "25", false),
            ("50/1", "25/1", "25", false),
            ("1000/1", "3003/100", "30", true),
            ("90000/1", "11988/500", "24000/1001", true),
            ("30/1", "17/1", "20", true),
            ("0/0", "0/0", "30", true),
            ("30/1", "2/1", "5", true),
            ("59940/1000", "60000/1001", "60000/1001", false),
        ] {
            let video = Video {
                base_rate: fraction(base),
                mean_rate: fraction(mean),
                ..Video::default()
            };
            let (rate, found) = of(&video);
            assert_eq!(
                (rate.to_string().as_str(), found),
                (expected, varies),
                "{base} {mean}"
            );
        }
    }
}
