//! Exact seconds and frame rates that can be stored as JSON.

use std::{cmp::Ordering, fmt};

use media::{
    presentation::FrameRate,
    time::{Round, Time, Timescale},
};
use serde::{Deserialize, Serialize};

/// Denominator to which a fraction is rounded that does not fit 64 bits.
const NANO: i128 = 1_000_000_000;

/// An exact number of seconds, always reduced. Results that do not fit 64 bits, which times of
/// media do not reach, are rounded to nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Fraction")]
pub struct Seconds {
    num: i64,
    den: i64,
}

#[derive(Deserialize)]
struct Fraction {
    num: i64,
    den: i64,
}

impl TryFrom<Fraction> for Seconds {
    type Error = &'static str;

    fn try_from(raw: Fraction) -> Result<Self, Self::Error> {
        Self::new(raw.num, raw.den).ok_or("the denominator must be positive")
    }
}

impl Seconds {
    /// No time at all.
    pub const ZERO: Self = Self { num: 0, den: 1 };

    /// Makes `num / den` seconds; `None` when the denominator is not positive.
    pub fn new(num: i64, den: i64) -> Option<Self> {
        (den > 0).then(|| Self::reduced(i128::from(num), i128::from(den)))
    }

    /// Makes a time of whole seconds.
    pub const fn whole(seconds: i64) -> Self {
        Self {
            num: seconds,
            den: 1,
        }
    }

    /// Makes a time of whole milliseconds.
    pub fn from_ms(ms: i64) -> Self {
        Self::reduced(i128::from(ms), 1000)
    }

    /// Numerator of the reduced fraction.
    pub const fn num(self) -> i64 {
        self.num
    }

    /// Denominator of the reduced fraction, positive.
    pub const fn den(self) -> i64 {
        self.den
    }

    /// Adds exactly.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let (a, b) = (i128::from(self.den), i128::from(other.den));
        Self::reduced(i128::from(self.num) * b + i128::from(other.num) * a, a * b)
    }

    /// Subtracts exactly.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        let (a, b) = (i128::from(self.den), i128::from(other.den));
        Self::reduced(i128::from(self.num) * b - i128::from(other.num) * a, a * b)
    }

    /// Multiplies by a whole number.
    #[must_use]
    pub fn times(self, factor: i64) -> Self {
        Self::reduced(
            i128::from(self.num) * i128::from(factor),
            i128::from(self.den),
        )
    }

    /// Returns half of it.
    #[must_use]
    pub fn half(self) -> Self {
        Self::reduced(i128::from(self.num), i128::from(self.den) * 2)
    }

    /// Converts to ticks of `per_second`, saturating.
    pub fn ticks(self, per_second: u32, round: Round) -> i64 {
        media::time::mul_div(self.num, i64::from(per_second), self.den, round)
    }

    /// Converts to milliseconds, saturating.
    pub fn ms(self, round: Round) -> i64 {
        self.ticks(1000, round)
    }

    /// Writes decimal seconds with six places, rounded as told, as ffmpeg takes durations.
    pub fn decimal(self, round: Round) -> String {
        Time::new(
            self.ticks(1_000_000, round),
            const { Timescale::literal(1_000_000) },
        )
        .to_string()
    }

    fn reduced(num: i128, den: i128) -> Self {
        let divisor = gcd(num.unsigned_abs(), den.unsigned_abs()).max(1) as i128;
        let (num, den) = (num / divisor, den / divisor);
        if let (Ok(num), Ok(den)) = (i64::try_from(num), i64::try_from(den)) {
            return Self { num, den };
        }
        let limit = i128::from(i64::MAX);
        // Whole seconds and rest apart, so that nothing overflows.
        let (whole, rest) = (num.div_euclid(den), num.rem_euclid(den));
        let fraction = rest
            .checked_mul(NANO)
            .map_or(0, |scaled| (scaled + den / 2) / den);
        let nanos = (whole.clamp(-limit / NANO, limit / NANO) * NANO + fraction).min(limit);
        let divisor = gcd(nanos.unsigned_abs(), NANO.unsigned_abs()).max(1) as i128;
        Self {
            num: (nanos / divisor) as i64,
            den: (NANO / divisor) as i64,
        }
    }
}

impl Default for Seconds {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Ord for Seconds {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = i128::from(self.num) * i128::from(other.den);
        left.cmp(&(i128::from(other.num) * i128::from(self.den)))
    }
}

impl PartialOrd for Seconds {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.decimal(Round::Nearest))
    }
}

/// Frames a second, as a reduced fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Fraction")]
pub struct Rate {
    /// Numerator, not zero.
    pub num: u32,
    /// Denominator, not zero.
    pub den: u32,
}

impl TryFrom<Fraction> for Rate {
    type Error = &'static str;

    fn try_from(raw: Fraction) -> Result<Self, Self::Error> {
        let number = |value: i64| u32::try_from(value).unwrap_or(0);
        Self::new(number(raw.num), number(raw.den)).ok_or("both numbers must be positive")
    }
}

impl Rate {
    /// Makes a rate; `None` when a number is zero.
    pub fn new(num: u32, den: u32) -> Option<Self> {
        if num == 0 || den == 0 {
            return None;
        }
        let divisor = gcd(u128::from(num), u128::from(den)) as u32;
        Some(Self {
            num: num / divisor,
            den: den / divisor,
        })
    }

    /// Returns how long `frames` of them last.
    pub fn duration(self, frames: u64) -> Seconds {
        Seconds::reduced(
            i128::from(frames) * i128::from(self.den),
            i128::from(self.num.max(1)),
        )
    }

    /// Returns how many frames last for `time`.
    pub fn frames(self, time: Seconds, round: Round) -> i64 {
        let exact = Seconds::reduced(
            i128::from(time.num) * i128::from(self.num),
            i128::from(time.den) * i128::from(self.den.max(1)),
        );
        exact.ticks(1, round)
    }

    /// Returns it as manifests have it.
    pub fn frame_rate(self) -> FrameRate {
        FrameRate {
            num: self.num,
            den: self.den,
        }
    }
}

impl Ord for Rate {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = u64::from(self.num) * u64::from(other.den);
        left.cmp(&(u64::from(other.num) * u64::from(self.den)))
    }
}

impl PartialOrd for Rate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 {
            write!(f, "{}", self.num)
        } else {
            write!(f, "{}/{}", self.num, self.den)
        }
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
