//! The clocks that UTCTiming names, ISO/IEC 23009-1 5.8.5.7.

use std::time::UNIX_EPOCH;

use media::iso8601;

use crate::watch::{exchange::Reply, options::millis, rules::served::View};

const PREFIX: &str = "urn:mpeg:dash:utc:";

/// How a clock is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// The instant is in the body.
    Body,
    /// The instant is in the header `Date`.
    Head,
    /// The instant is in the MPD.
    Direct,
}

/// Returns how a clock is read, if it can be.
pub(super) fn scheme(uri: &str) -> Option<Scheme> {
    let name = uri.strip_prefix(PREFIX)?;
    let (name, _year) = name.rsplit_once(':')?;
    match name {
        "http-xsdate" | "http-iso" => Some(Scheme::Body),
        "http-head" => Some(Scheme::Head),
        "direct" => Some(Scheme::Direct),
        _ => None,
    }
}

/// Compares a clock with ours. `direct` is the instant in the MPD that the reply brought.
pub(super) fn judge(
    uri: &str,
    scheme: Scheme,
    direct: &str,
    reply: &Reply,
    tolerance: i64,
) -> View {
    let no_clock = |why: String| View::NoClock {
        scheme: uri.to_owned(),
        why,
    };
    let answer = match &reply.result {
        Ok(answer) if answer.is_ok() => answer,
        Ok(answer) => return no_clock(format!("answered {}", answer.status)),
        Err(reason) => return no_clock(reason.clone()),
    };
    let body = String::from_utf8_lossy(&answer.body);
    let text = match scheme {
        Scheme::Body => body.trim(),
        Scheme::Head => answer.headers.get("date").unwrap_or_default(),
        Scheme::Direct => direct.trim(),
    };
    let read = match scheme {
        Scheme::Head => http_date(text),
        Scheme::Body | Scheme::Direct => iso8601::parse_date_time(text).ok(),
    };
    let Some(theirs) = read else {
        return no_clock(format!("`{text}` is not an instant"));
    };
    // Without a fraction, the second is all that is known.
    let coarse = if text.contains('.') { 0 } else { 1000 };
    let half = millis(reply.first_byte) / 2;
    View::Clock {
        scheme: uri.to_owned(),
        off: theirs.saturating_sub(reply.started.saturating_add(half)),
        uncertain: half.saturating_add(coarse),
        tolerance,
    }
}

fn http_date(text: &str) -> Option<i64> {
    let instant = httpdate::parse_http_date(text).ok()?;
    let since = instant.duration_since(UNIX_EPOCH).ok()?;
    Some(millis(since))
}
