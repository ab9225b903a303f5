//! Exact quotients of durations: mean segment durations that do not drift, however long one counts.

use media::{
    presentation::Nominal,
    time::{Round, Time, Timescale, mul_div},
};

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Returns `duration / count`, in `scale` where that is exact, else in a multiple of it that makes
/// it exact. Only when no 32-bit timescale does is it rounded to the nearest tick of `scale`.
pub(crate) fn share(duration: Time, count: u64, scale: Timescale) -> Nominal {
    let ticks = u128::from(duration.ticks.unsigned_abs());
    let count = u128::from(count.max(1));
    let own = u128::from(scale.get());
    // Seconds as a fraction in lowest terms.
    let below = u128::from(duration.scale.get()) * count;
    let divisor = gcd(ticks, below).max(1);
    let (above, below) = (ticks / divisor, below / divisor);
    // The least multiple of `scale` in which the fraction is whole.
    let multiple = below / gcd(below, own).max(1);
    let exact = u32::try_from(own * multiple).ok().and_then(Timescale::new);
    let (chosen, ticks) = match exact {
        Some(chosen) => (chosen, above * (own * multiple / below)),
        None => (scale, (above * own + below / 2) / below),
    };
    Nominal {
        duration: u64::try_from(ticks).unwrap_or(u64::MAX),
        timescale: chosen,
    }
}

/// Returns a nominal duration as a time.
pub(crate) fn time(nominal: Nominal) -> Time {
    Time::new(
        i64::try_from(nominal.duration).unwrap_or(i64::MAX),
        nominal.timescale,
    )
}

/// Returns bits per second of `bytes` within `duration`, rounded up.
pub(crate) fn bit_rate(bytes: u64, duration: Time) -> u64 {
    if duration.ticks <= 0 {
        return 0;
    }
    let bits = i64::try_from(bytes.saturating_mul(8)).unwrap_or(i64::MAX);
    mul_div(bits, duration.scale.get().into(), duration.ticks, Round::Up).unsigned_abs()
}

/// Returns a fraction in lowest terms, if it fits.
pub(crate) fn lowest(num: u64, den: u64) -> Option<(u32, u32)> {
    let divisor = gcd(num.into(), den.into()).max(1) as u64;
    let den = u32::try_from(den / divisor).ok().filter(|den| *den > 0)?;
    Some((u32::try_from(num / divisor).ok()?, den))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact() {
        let cases = [
            // Four NTSC segments, told in the audio's scale.
            (
                Time::new(240_240, Timescale::literal(30_000)),
                4,
                48_000,
                (96_096, 48_000),
            ),
            (
                Time::new(240_240, Timescale::literal(30_000)),
                4,
                30_000,
                (60_060, 30_000),
            ),
            (Time::from_secs(8), 4, 90_000, (180_000, 90_000)),
            // A third of ten seconds needs a finer scale.
            (Time::from_secs(10), 3, 1000, (10_000, 3000)),
            // 1001/30000 s of audio at 44.1 kHz is 1471.47 samples.
            (
                Time::new(1001, Timescale::literal(30_000)),
                1,
                44_100,
                (147_147, 4_410_000),
            ),
        ];
        for (duration, count, scale, (ticks, timescale)) in cases {
            let got = share(duration, count, Timescale::literal(scale));
            assert_eq!((got.duration, got.timescale.get()), (ticks, timescale));
        }
        let rounded = share(Time::from_secs(1), 999_999_937, Timescale::literal(90_000));
        assert_eq!(rounded.timescale.get(), 90_000);
    }

    #[test]
    fn rates_are_rounded_up() {
        assert_eq!(bit_rate(1000, Time::from_secs(2)), 4000);
        assert_eq!(bit_rate(1, Time::from_secs(3)), 3);
        assert_eq!(bit_rate(1, Time::ZERO), 0);
        assert_eq!(lowest(90_000, 3003), Some((30_000, 1001)));
        assert_eq!(lowest(1, 0), None);
    }
}
