//! The test clock in the query of a request: `?nowMS=` and `?nowDate=`.

use media::supply::Refusal;

use crate::options::table::START_MAX;

/// Latest instant that can be asked for, Unix ms; the same as for the availability start.
const NOW_MAX: i64 = START_MAX * 1000;

/// Reads the instant that a request wants to see, Unix ms. Unknown parameters are ignored; of
/// several clocks the last wins.
pub(crate) fn now(query: Option<&str>) -> Result<Option<i64>, Refusal> {
    let mut now = None;
    for pair in query.unwrap_or_default().split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "nowMS" => now = Some(milliseconds(value)?),
            "nowDate" => now = Some(date(value)?),
            _ => {}
        }
    }
    Ok(now)
}

fn milliseconds(value: &str) -> Result<i64, Refusal> {
    Some(value)
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|now| (0..=NOW_MAX).contains(now))
        .ok_or_else(|| {
            Refusal::Bad(format!(
                "Query `nowMS={value}` is not milliseconds since the Unix epoch, 0 to {NOW_MAX}."
            ))
        })
}

/// Reads an RFC 3339 date. One millisecond is added, so that the time of a change as a manifest
/// states it, which may be cut to milliseconds, shows what changed.
fn date(value: &str) -> Result<i64, Refusal> {
    percent_decoded(value)
        .and_then(|text| text.parse::<jiff::Timestamp>().ok())
        .and_then(|instant| instant.as_millisecond().checked_add(1))
        .filter(|now| (0..=NOW_MAX).contains(now))
        .ok_or_else(|| {
            Refusal::Bad(format!(
                "Query `nowDate={value}` is not an RFC 3339 date from 1970 on, such as 2026-01-31T12:00:00Z."
            ))
        })
}

/// Undoes percent-encoding; `None` when it is broken or does not make UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_read() {
        for (query, expected) in [
            (None, None),
            (Some(""), None),
            (Some("a=b&c"), None),
            (Some("nowMS=0"), Some(0)),
            (Some("x=1&nowMS=100000"), Some(100_000)),
            (Some("nowDate=1970-01-01T00:00:01Z"), Some(1001)),
            (Some("nowDate=1970-01-01T01%3A00%3A01%2B01:00"), Some(1001)),
            (Some("nowMS=5&nowMS=6"), Some(6)),
        ] {
            assert_eq!(now(query), Ok(expected), "{query:?}");
        }
    }

    #[test]
    fn a_bad_clock_is_refused() {
        for query in [
            "nowMS=-1",
            "nowMS=",
            "nowMS=abc",
            "nowMS=1.5",
            "nowMS=+5",
            "nowMS=99999999999999999999",
            "nowMS=253370764800001",
            "nowDate=yesterday",
            "nowDate=",
            "nowDate=1969-12-31T23:59:59Z",
            "nowDate=1970-01-01T00:00:01%ZZ",
        ] {
            assert!(matches!(now(Some(query)), Err(Refusal::Bad(_))), "{query}");
        }
    }
}
