//! The one place where the wall clock is read. Everything below takes `now` as a parameter.

use std::time::{SystemTime, UNIX_EPOCH};

/// A wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock;

impl Clock {
    /// Returns the milliseconds since the Unix epoch; a clock set before it counts as the epoch.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub(crate) fn now_ms(self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            })
    }
}
