//! Amounts of bits and bytes.

use std::{fmt, str::FromStr};

use super::{decimal, written};

/// Bits a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BitRate(pub u64);

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

impl BitRate {
    /// Makes a rate of kilobits (1000) a second.
    pub const fn kilo(kilobits: u64) -> Self {
        Self(kilobits * 1000)
    }

    /// Returns `percent` hundredths of it, saturating.
    #[must_use]
    pub fn percent(self, percent: u64) -> Self {
        Self(self.0.saturating_mul(percent) / 100)
    }
}

impl Bytes {
    /// Makes an amount of mebibytes.
    pub const fn mebi(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }
}

impl FromStr for BitRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = decimal::split(text)?;
        let bits = match unit {
            "" | "bit/s" => 1,
            "k" | "K" | "kbit/s" => 1_000,
            "M" | "m" | "Mbit/s" => 1_000_000,
            other => return Err(format!("`{other}` is no unit of bit rate (k, M)")),
        };
        decimal::times(number, bits).map(Self)
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = decimal::split(text)?;
        let bytes = match unit {
            "" | "B" => 1,
            "k" | "K" | "KiB" => 1 << 10,
            "M" | "MiB" => 1 << 20,
            "G" | "GiB" => 1 << 30,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            other => return Err(format!("`{other}` is no unit of bytes (KiB, MiB, GiB)")),
        };
        decimal::times(number, bytes).map(Self)
    }
}

impl fmt::Display for BitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= 1_000_000 && self.0.is_multiple_of(1_000) {
            write!(f, "{}M", decimal::write(self.0, 1_000_000))
        } else if self.0 >= 1_000 {
            write!(f, "{}k", decimal::write(self.0, 1_000))
        } else {
            write!(f, "{}", self.0)
        }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, bytes) in [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
            if self.0 >= bytes && self.0.is_multiple_of(bytes) {
                return write!(f, "{}{unit}", self.0 / bytes);
            }
        }
        write!(f, "{}", self.0)
    }
}

written!(
    BitRate,
    "bits a second, such as 800000, \"800k\" or \"4.5M\"",
    ["number", "string"],
    r"^[0-9]+(\.[0-9]+)? *(k|K|M|m|bit/s|kbit/s|Mbit/s)?$"
);
written!(
    Bytes,
    "a number of bytes, such as 65536 or \"8MiB\"",
    ["number", "string"],
    r"^[0-9]+(\.[0-9]+)? *(B|k|K|KiB|kB|M|MiB|MB|G|GiB|GB)?$"
);
