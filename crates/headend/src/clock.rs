//! The one place where the wall clock is read. Everything below takes `now` as a parameter.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A wall clock: a function that returns milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(fn() -> i64);

impl Clock {
    /// The system's clock.
    pub(crate) const SYSTEM: Self = Self(system_ms);

    /// Makes a clock of one's own, as tests need it.
    #[cfg(test)]
    pub(crate) fn new(now_ms: fn() -> i64) -> Self {
        Self(now_ms)
    }

    /// Returns the milliseconds since the Unix epoch.
    pub(crate) fn now_ms(self) -> i64 {
        (self.0)()
    }
}

impl origin::Clock for Clock {
    fn now_ms(&self) -> i64 {
        (*self).now_ms()
    }

    fn sleep(&self, ms: u64) -> origin::Sleep {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}

/// Reads the system's clock; one that is set before the epoch counts as the epoch.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn system_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
