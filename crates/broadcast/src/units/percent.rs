//! Shares of a whole.

use std::{fmt, str::FromStr};

use super::{decimal, written};

/// Whole hundredths; more than 100 is possible where it makes sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(pub u32);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = decimal::split(text)?;
        if !matches!(unit, "" | "%") {
            return Err(format!("`{unit}` is not a percent sign"));
        }
        let value = decimal::times(number, 1)?;
        u32::try_from(value)
            .map(Self)
            .map_err(|_| format!("`{number}` is too great"))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

written!(
    Percent,
    "a percentage, such as 10 or \"10%\"",
    ["integer", "string"],
    "^[0-9]+ *%?$"
);
