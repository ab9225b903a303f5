//! Lengths of time.

use std::{fmt, str::FromStr, time::Duration};

use media::time::{Time, Timescale};

use super::{decimal, written};

/// Nanoseconds, the finest that is held.
const NANOS: Timescale = Timescale::literal(1_000_000_000);

/// No span in a document is longer: ten years.
const LONGEST: Duration = Duration::from_hours(10 * 365 * 24);

/// A length of time; a plain number is seconds. Exact to the nanosecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub Duration);

/// A length of time; a plain number is milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub Duration);

impl Seconds {
    /// Makes a span of whole seconds.
    pub const fn whole(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Makes a span of whole milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// Returns it as media time.
    pub fn time(self) -> Time {
        // Ten years of nanoseconds fit.
        Time::new(i64::try_from(self.0.as_nanos()).unwrap_or(i64::MAX), NANOS)
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read(text, "s").map(Self)
    }
}

impl FromStr for Millis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read(text, "ms").map(Self)
    }
}

fn read(text: &str, plain: &str) -> Result<Duration, String> {
    let (number, unit) = decimal::split(text)?;
    let nanos = match if unit.is_empty() { plain } else { unit } {
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        other => return Err(format!("`{other}` is no unit of time (us, ms, s, m, h)")),
    };
    let span = decimal::times(number, nanos).map(Duration::from_nanos)?;
    if span > LONGEST {
        return Err(format!("`{text}` is more than ten years"));
    }
    Ok(span)
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        write!(f, "{}s", decimal::write(nanos, 1_000_000_000))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        write!(f, "{}ms", decimal::write(nanos, 1_000_000))
    }
}

written!(
    Seconds,
    "a time in seconds, such as 2, 0.501 or \"500ms\"",
    ["number", "string"],
    r"^[0-9]+(\.[0-9]+)? *(us|ms|s|m|min|h)?$"
);
written!(
    Millis,
    "a time in milliseconds, such as 200 or \"0.2s\"",
    ["number", "string"],
    r"^[0-9]+(\.[0-9]+)? *(us|ms|s|m|min|h)?$"
);
