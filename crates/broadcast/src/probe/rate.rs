//! The frame rate that a source is brought to. ffprobe gives two: the mean, and the lowest one that
//! all time stamps fit, which is nonsense for containers with coarse or fine clocks.

use media::picture;
use process::probe::{Rational, Video};

use crate::units::Rate;

/// What is taken when nothing is known.
const USUAL: Rate = Rate::whole(30);

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

/// Returns the usual rate near it.
fn exact(rate: Rate) -> Rate {
    let usual = picture::usual(rate.frame_rate());
    Rate::new(usual.num, usual.den).unwrap_or(rate)
}

/// Tells whether two rates differ by at most one part in `parts`.
fn near(a: Rate, b: Rate, parts: u128) -> bool {
    picture::near(a.frame_rate(), b.frame_rate(), parts)
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
