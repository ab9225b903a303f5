//! Conditional requests, RFC 9110, 13.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, header};

use super::etag::{Comparison, ETag};

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request is answered.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412.
    Failed,
}

/// Judges the conditions of a `GET` or `HEAD` in the order of RFC 9110, 13.2.2.
pub(super) fn judge(headers: &HeaderMap, etag: Option<&ETag>, modified: Option<u64>) -> Verdict {
    let holds = match listed(headers, &header::IF_MATCH, etag, Comparison::Strong) {
        Some(listed) => listed,
        None => match (date(headers, &header::IF_UNMODIFIED_SINCE), modified) {
            (Some(since), Some(modified)) => modified <= since,
            _ => true,
        },
    };
    if !holds {
        return Verdict::Failed;
    }
    let fresh = match listed(headers, &header::IF_NONE_MATCH, etag, Comparison::Weak) {
        Some(listed) => listed,
        None => match (date(headers, &header::IF_MODIFIED_SINCE), modified) {
            (Some(since), Some(modified)) => modified <= since,
            _ => false,
        },
    };
    if fresh {
        Verdict::NotModified
    } else {
        Verdict::Proceed
    }
}

/// Tells whether `If-Range` lets `Range` count (RFC 9110, 13.1.5). A date must be the very one.
pub(super) fn if_range_holds(
    headers: &HeaderMap,
    etag: Option<&ETag>,
    modified: Option<u64>,
) -> bool {
    let Some(value) = headers.get(header::IF_RANGE) else {
        return true;
    };
    let bytes = value.as_bytes().trim_ascii();
    if bytes.starts_with(b"\"") || bytes.starts_with(b"W/") {
        return etag.is_some_and(|etag| etag.is_in(bytes, Comparison::Strong));
    }
    match (date(headers, &header::IF_RANGE), modified) {
        (Some(date), Some(modified)) => date == modified,
        _ => false,
    }
}

/// Writes seconds since the Unix epoch as an HTTP date; the last one there is, is in the year 9999.
pub(super) fn http_date(seconds: u64) -> String {
    const LAST: u64 = 253_402_300_799;
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds.min(LAST)))
}

/// Tells whether the tag is in the lists of all fields `name`; `None` when there is no such field.
fn listed(
    headers: &HeaderMap,
    name: &HeaderName,
    etag: Option<&ETag>,
    comparison: Comparison,
) -> Option<bool> {
    let mut found = None;
    for value in headers.get_all(name) {
        let bytes = value.as_bytes();
        let here = match etag {
            Some(etag) => etag.is_in(bytes, comparison),
            None => bytes.trim_ascii() == b"*",
        };
        found = Some(found.unwrap_or(false) || here);
    }
    found
}

/// Reads a date in seconds since the Unix epoch; what is no HTTP date counts as absent.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    let date = httpdate::parse_http_date(text).ok()?;
    date.duration_since(UNIX_EPOCH)
        .ok()
        .map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const MODIFIED: u64 = 784_111_777;
    const TAG: &str = "\"1-0000000000000007\"";

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn conditions_are_judged_in_order() {
        use Verdict::{Failed, NotModified, Proceed};
        let etag = ETag::new(1, 7);
        assert_eq!(http_date(MODIFIED), THEN);
        let cases: &[(&[(&'static str, &str)], Verdict)] = &[
            (&[], Proceed),
            (&[("if-match", TAG)], Proceed),
            (&[("if-match", "*")], Proceed),
            (&[("if-match", "\"x\"")], Failed),
            (&[("if-match", "\"x\""), ("if-match", TAG)], Proceed),
            (&[("if-none-match", TAG)], NotModified),
            (&[("if-none-match", "*")], NotModified),
            (&[("if-none-match", "\"x\"")], Proceed),
            (
                &[("if-none-match", "\"x\""), ("if-none-match", TAG)],
                NotModified,
            ),
            (&[("if-match", "\"x\""), ("if-none-match", TAG)], Failed),
            (&[("if-modified-since", EARLIER)], Proceed),
            (&[("if-modified-since", THEN)], NotModified),
            (&[("if-modified-since", LATER)], NotModified),
            (&[("if-modified-since", "yesterday")], Proceed),
            (
                &[("if-none-match", "\"x\""), ("if-modified-since", LATER)],
                Proceed,
            ),
            (&[("if-unmodified-since", EARLIER)], Failed),
            (&[("if-unmodified-since", THEN)], Proceed),
            (
                &[("if-match", TAG), ("if-unmodified-since", EARLIER)],
                Proceed,
            ),
        ];
        for (fields, verdict) in cases {
            let found = judge(&headers(fields), Some(&etag), Some(MODIFIED));
            assert_eq!(found, *verdict, "{fields:?}");
        }
    }

    #[test]
    fn without_validators_only_the_star_matches() {
        for (name, value, verdict) in [
            ("if-none-match", TAG, Verdict::Proceed),
            ("if-none-match", "*", Verdict::NotModified),
            ("if-match", TAG, Verdict::Failed),
            ("if-match", "*", Verdict::Proceed),
            ("if-modified-since", LATER, Verdict::Proceed),
        ] {
            assert_eq!(
                judge(&headers(&[(name, value)]), None, None),
                verdict,
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn if_range_wants_the_very_same() {
        let etag = ETag::new(1, 7);
        for (value, holds) in [
            (TAG, true),
            ("W/\"1-0000000000000007\"", false),
            ("\"x\"", false),
            (THEN, true),
            (LATER, false),
            ("nonsense", false),
        ] {
            let headers = headers(&[("if-range", value)]);
            assert_eq!(
                if_range_holds(&headers, Some(&etag), Some(MODIFIED)),
                holds,
                "{value}"
            );
        }
        assert!(if_range_holds(&HeaderMap::new(), None, None));
    }
}
