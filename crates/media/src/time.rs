//! Exact media time: ticks of a timescale, compared and converted without rounding unless asked.
//!
//! Wall time is a plain `i64` of milliseconds since the Unix epoch and is turned into [`Time`] by
//! [`Time::from_ms`] before it meets media time.

use std::{cmp::Ordering, fmt, num::NonZeroU32};

/// Ticks per second of a track, ISO/IEC 14496-12 `mdhd.timescale`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timescale(NonZeroU32);

impl Timescale {
    /// Milliseconds.
    pub const MS: Self = Self::literal(1000);
    /// Whole seconds.
    pub const SECONDS: Self = Self::literal(1);

    /// Makes a timescale from a non-zero number of ticks per second.
    pub fn new(ticks_per_second: u32) -> Option<Self> {
        NonZeroU32::new(ticks_per_second).map(Self)
    }

    /// Makes a timescale from a literal; a zero fails at compile time when used in a `const`.
    ///
    /// # Panics
    /// When `ticks_per_second` is zero.
    pub const fn literal(ticks_per_second: u32) -> Self {
        match NonZeroU32::new(ticks_per_second) {
            Some(n) => Self(n),
            None => panic!("timescale must not be zero"),
        }
    }

    /// Returns the ticks per second.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Debug for Timescale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

impl fmt::Display for Timescale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Where a conversion goes when the result is not a whole tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Round {
    /// Towards minus infinity.
    Down,
    /// Towards plus infinity.
    Up,
    /// To the nearest tick, halves up.
    Nearest,
}

/// Computes `value * mul / div` in 128 bits, rounded as told, saturating at the ends of `i64`.
///
/// # Panics
/// When `div` is not positive.
pub fn mul_div(value: i64, mul: i64, div: i64, round: Round) -> i64 {
    assert!(div > 0, "divisor must be positive");
    let product = i128::from(value) * i128::from(mul);
    let div = i128::from(div);
    let floor = product.div_euclid(div);
    let rest = product.rem_euclid(div);
    let result = match round {
        Round::Down => floor,
        Round::Up => floor + i128::from(rest != 0),
        Round::Nearest => floor + i128::from(rest * 2 >= div),
    };
    i64::try_from(result).unwrap_or(if result < 0 { i64::MIN } else { i64::MAX })
}

/// An exact instant or duration: `ticks / scale` seconds. Equality and order are by value, so
/// `Time::new(1, 1 s)` equals `Time::new(1000, 1 ms)`.
#[derive(Clone, Copy)]
pub struct Time {
    /// Number of ticks, may be negative.
    pub ticks: i64,
    /// What a tick is.
    pub scale: Timescale,
}

impl Time {
    /// No time at all.
    pub const ZERO: Self = Self {
        ticks: 0,
        scale: Timescale::SECONDS,
    };

    /// Makes a time of `ticks` in `scale`.
    pub const fn new(ticks: i64, scale: Timescale) -> Self {
        Self { ticks, scale }
    }

    /// Makes a time of whole milliseconds.
    pub const fn from_ms(ms: i64) -> Self {
        Self {
            ticks: ms,
            scale: Timescale::MS,
        }
    }

    /// Makes a time of whole seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self {
            ticks: seconds,
            scale: Timescale::SECONDS,
        }
    }

    /// Converts to ticks of `scale`.
    pub fn ticks_in(self, scale: Timescale, round: Round) -> i64 {
        if scale == self.scale {
            return self.ticks;
        }
        mul_div(
            self.ticks,
            i64::from(scale.get()),
            i64::from(self.scale.get()),
            round,
        )
    }

    /// Converts to `scale`.
    #[must_use]
    pub fn rescale(self, scale: Timescale, round: Round) -> Self {
        Self::new(self.ticks_in(scale, round), scale)
    }

    /// Converts to milliseconds.
    pub fn ms(self, round: Round) -> i64 {
        self.ticks_in(Timescale::MS, round)
    }

    /// Tells whether the value is a whole number of ticks of `scale`.
    pub fn is_exact_in(self, scale: Timescale) -> bool {
        self.ticks_in(scale, Round::Down) == self.ticks_in(scale, Round::Up)
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = i128::from(self.ticks) * i128::from(other.scale.get());
        let right = i128::from(other.ticks) * i128::from(self.scale.get());
        left.cmp(&right)
    }
}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Time {}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.ticks, self.scale)
    }
}

/// Writes decimal seconds: exact where the decimal ends within nine places, else rounded to
/// nanoseconds (`2`, `2.002`, `0.033333333`). This is the text form of manifests.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NANO: i128 = 1_000_000_000;
        let scale = i128::from(self.scale.get());
        let nanos = (i128::from(self.ticks) * NANO + scale / 2).div_euclid(scale);
        let (sign, nanos) = if nanos < 0 {
            ("-", -nanos)
        } else {
            ("", nanos)
        };
        let (whole, fraction) = (nanos / NANO, nanos % NANO);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{fraction:09}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_goes_where_it_is_told() {
        assert_eq!(mul_div(7, 1, 2, Round::Down), 3);
        assert_eq!(mul_div(7, 1, 2, Round::Up), 4);
        assert_eq!(mul_div(7, 1, 2, Round::Nearest), 4);
        assert_eq!(mul_div(-7, 1, 2, Round::Down), -4);
        assert_eq!(mul_div(-7, 1, 2, Round::Up), -3);
        assert_eq!(mul_div(i64::MAX, 4, 2, Round::Down), i64::MAX);
    }

    #[test]
    fn times_of_different_scales_compare_exactly() {
        let ntsc = Timescale::literal(30_000);
        assert!(Time::new(60_060, ntsc) == Time::from_ms(2002));
        assert!(Time::new(1001, ntsc) > Time::from_ms(33));
        assert!(Time::new(1001, ntsc) < Time::from_ms(34));
        assert!(!Time::new(1001, ntsc).is_exact_in(Timescale::MS));
    }

    #[test]
    fn wall_clock_magnitudes_stay_exact() {
        let scale = Timescale::literal(90_000);
        let now = Time::from_ms(1_700_000_001_234);
        assert_eq!(now.ticks_in(scale, Round::Down), 153_000_000_111_060);
    }

    #[test]
    fn seconds_are_written_as_short_decimals() {
        assert_eq!(Time::from_ms(2002).to_string(), "2.002");
        assert_eq!(Time::from_secs(8).to_string(), "8");
        assert_eq!(Time::from_ms(-1500).to_string(), "-1.5");
        assert_eq!(
            Time::new(1, Timescale::literal(3)).to_string(),
            "0.333333333"
        );
    }
}
