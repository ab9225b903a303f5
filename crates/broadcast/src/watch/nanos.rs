//! Seconds as whole nanoseconds: the decimals of playlists (nine places at most) are exact in them,
//! and so are sums. About 292 years fit, which holds every instant since 1970 that matters.

use media::time::{Round, Time, Timescale};

/// Nanoseconds, a duration or an instant since the Unix epoch.
pub(crate) type Nanos = i64;

const SCALE: Timescale = Timescale::literal(1_000_000_000);

/// Converts to nanoseconds.
pub(crate) fn nanos(time: Time) -> Nanos {
    time.ticks_in(SCALE, Round::Nearest)
}

/// Converts from milliseconds.
pub(crate) const fn from_ms(ms: i64) -> Nanos {
    ms.saturating_mul(1_000_000)
}

/// Converts to milliseconds, to the nearest.
pub(crate) fn to_ms(nanos: Nanos) -> i64 {
    nanos.saturating_add(500_000).div_euclid(1_000_000)
}

/// Writes decimal seconds with their unit, such as `0.501 s`.
pub(crate) fn seconds(nanos: Nanos) -> String {
    format!("{} s", Time::new(nanos, SCALE))
}

/// Sums up durations.
pub(crate) fn sum(times: impl IntoIterator<Item = Time>) -> Nanos {
    let add = |total: Nanos, time| total.saturating_add(nanos(time));
    times.into_iter().fold(0, add)
}
