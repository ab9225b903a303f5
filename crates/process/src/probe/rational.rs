//! Fractions as ffprobe writes them: `30000/1001`, `1:1`, `12.345000`.

use std::{cmp::Ordering, fmt};

/// An exact number. The denominator is positive; the fraction is not reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rational {
    /// Numerator.
    pub num: i64,
    /// Denominator, positive.
    pub den: i64,
}

impl Rational {
    /// Makes a fraction; `None` when the denominator is not positive.
    pub fn new(num: i64, den: i64) -> Option<Self> {
        (den > 0).then_some(Self { num, den })
    }

    /// Reads `num/den` or `num:den`; `0/0`, which ffprobe writes for unknown, is `None`.
    pub fn parse_fraction(text: &str) -> Option<Self> {
        let (num, den) = text.split_once(['/', ':'])?;
        Self::new(num.trim().parse().ok()?, den.trim().parse().ok()?)
    }

    /// Reads a decimal number of at most 18 digits without losing any of them.
    pub fn parse_decimal(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let joined = format!("{whole}{fraction}");
        if joined.is_empty() || joined.len() > 18 || !joined.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let num: i64 = joined.parse().ok()?;
        let den = 10_i64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        Self::new(if negative { -num } else { num }, den)
    }

    /// Tells whether it is greater than zero.
    pub fn is_positive(self) -> bool {
        self.num > 0
    }

    /// Multiplies by a whole number and rounds to the nearest, saturating.
    pub fn times(self, factor: i64) -> i64 {
        let product = i128::from(self.num) * i128::from(factor);
        let den = i128::from(self.den);
        let rounded = (2 * product + den).div_euclid(2 * den);
        i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
    }
}

impl PartialOrd for Rational {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let left = i128::from(self.num) * i128::from(other.den);
        Some(left.cmp(&(i128::from(other.num) * i128::from(self.den))))
    }
}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 {
            write!(f, "{}", self.num)
        } else {
            write!(f, "{}/{}", self.num, self.den)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fractions_and_decimals_are_exact() {
        let is = |num, den| Some(Rational { num, den });
        assert_eq!(Rational::parse_fraction("30000/1001"), is(30_000, 1001));
        assert_eq!(Rational::parse_fraction("16:11"), is(16, 11));
        assert_eq!(Rational::parse_fraction("0/0"), None);
        assert_eq!(Rational::parse_fraction("5"), None);
        assert_eq!(
            Rational::parse_decimal("7.840000"),
            is(7_840_000, 1_000_000)
        );
        assert_eq!(Rational::parse_decimal("-0.023220"), is(-23_220, 1_000_000));
        assert_eq!(Rational::parse_decimal("12"), is(12, 1));
        for text in ["N/A", "", "-", ".", "1.2.3", "1e5", "1234567890.1234567890"] {
            assert_eq!(Rational::parse_decimal(text), None, "{text}");
        }
    }

    #[test]
    fn products_round_to_the_nearest() {
        let third = Rational { num: 1, den: 3 };
        assert_eq!(third.times(1), 0);
        assert_eq!(third.times(2), 1);
        assert_eq!(third.times(-2), -1);
        let huge = Rational {
            num: i64::MAX,
            den: 1,
        };
        assert_eq!(huge.times(2), i64::MAX);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-0-9./:]{0,30}") {
            let _ = Rational::parse_decimal(&text);
            let _ = Rational::parse_fraction(&text);
        }
    }
}
