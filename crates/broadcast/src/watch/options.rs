//! How to follow.

use std::{str::FromStr, time::Duration};

/// How to follow and what to tolerate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How often a playlist or MPD is asked for when the server does not hold answers back.
    pub interval: Duration,
    /// Checks every rule: fetches all new media, and tries delivery directives.
    pub strict: bool,
    /// Stops when everything has been seen once.
    pub once: bool,
    /// Gives up when nothing has changed for so long.
    pub fail_after: FailAfter,
    /// What new media may come later than the specification allows, for the way through network
    /// and machine.
    pub slack: Duration,
    /// What clocks may differ by (DASH rule M3).
    pub clock_tolerance: Duration,
    /// What durations and instants may differ by between manifest and media.
    pub media_tolerance: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            strict: false,
            once: false,
            fail_after: FailAfter::Never,
            slack: Duration::from_millis(500),
            clock_tolerance: Duration::from_millis(100),
            media_tolerance: Duration::from_millis(50),
        }
    }
}

/// When nothing has changed for too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailAfter {
    /// Keeps polling for ever.
    #[default]
    Never,
    /// After so many target durations (DASH: greatest segment durations).
    TargetDurations(u32),
    /// After this.
    After(Duration),
}

/// Stands for the target duration while none is known.
const UNKNOWN_TARGET: Duration = Duration::from_secs(6);

impl FailAfter {
    /// Returns the limit in ms, given the target duration in ms when one is known.
    pub(crate) fn limit_ms(self, target_ms: Option<i64>) -> Option<i64> {
        match self {
            Self::Never => None,
            Self::After(limit) => Some(millis(limit)),
            Self::TargetDurations(count) => {
                let target = target_ms.unwrap_or_else(|| millis(UNKNOWN_TARGET));
                Some(target.saturating_mul(i64::from(count)))
            }
        }
    }
}

/// Reads `3xTD`, `10s` or `500ms`.
impl FromStr for FailAfter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| digits.parse::<u32>().ok().filter(|number| *number > 0);
        let found = if let Some(count) = text.strip_suffix("xTD") {
            number(count).map(Self::TargetDurations)
        } else if let Some(ms) = text.strip_suffix("ms") {
            number(ms).map(|ms| Self::After(Duration::from_millis(ms.into())))
        } else {
            let seconds = text.strip_suffix('s').and_then(number);
            seconds.map(|seconds| Self::After(Duration::from_secs(seconds.into())))
        };
        found.ok_or_else(|| format!("`{text}` is not like 3xTD, 10s or 500ms"))
    }
}

/// Converts to whole milliseconds.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        for (text, expected) in [
            ("3xTD", Some(FailAfter::TargetDurations(3))),
            ("10s", Some(FailAfter::After(Duration::from_secs(10)))),
            ("500ms", Some(FailAfter::After(Duration::from_millis(500)))),
            ("0s", None),
            ("3", None),
            ("xTD", None),
        ] {
            assert_eq!(text.parse::<FailAfter>().ok(), expected, "{text}");
        }
        assert_eq!(
            FailAfter::TargetDurations(3).limit_ms(Some(2000)),
            Some(6000)
        );
        assert_eq!(FailAfter::TargetDurations(1).limit_ms(None), Some(6000));
        assert_eq!(FailAfter::Never.limit_ms(Some(1)), None);
    }
}
