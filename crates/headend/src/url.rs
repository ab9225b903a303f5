//! Percent-encoding of what goes into links, RFC 3986.

use std::fmt::Write as _;

/// Encodes a path; `/` stays.
pub(crate) fn encode_path(path: &str) -> String {
    encode(path, b"/")
}

/// Encodes the value of a query parameter; `/` and `:` stay, since both may stand there and links
/// are easier to read with them.
pub(crate) fn encode_value(value: &str) -> String {
    encode(value, b"/:")
}

fn encode(text: &str, keep: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Returns the value of a query parameter, decoded as forms encode it; what is not UTF-8 after
/// decoding is replaced.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    let (_, value) = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)?;
    Some(decode(value))
}

/// Returns the keys and values of a query, decoded as forms encode them. A key without `=` has an empty
/// value.
pub(crate) fn query_pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, after @ ..]) => {
                let digit = |c: &u8| char::from(*c).to_digit(16).map(|d| d as u8);
                if let (Some(high), Some(low)) = (digit(high), digit(low)) {
                    out.push(high * 16 + low);
                    rest = after;
                } else {
                    out.push(byte);
                }
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_and_decoding_are_inverse() {
        for text in [
            "",
            "/vod/a b/ü.mpd",
            "http://h:1/x?a=1&b=2#c",
            "100%",
            "a+b",
            "<\"'>",
        ] {
            let query = format!("x=1&src={}&y=2", encode_value(text));
            assert_eq!(query_value(&query, "src").as_deref(), Some(text));
        }
        assert_eq!(encode_path("/a b/c?d"), "/a%20b/c%3Fd");
    }

    #[test]
    fn what_is_not_encoded_well_stays() {
        assert_eq!(query_value("src=%zz%4", "src").as_deref(), Some("%zz%4"));
        assert_eq!(query_value("src=a+b%2Bc", "src").as_deref(), Some("a b+c"));
        assert_eq!(query_value("source=1", "src"), None);
        assert_eq!(query_value("", "src"), None);
    }
}
