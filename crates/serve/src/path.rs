//! Percent-decoding of request paths: exactly once, and never a way out of a folder.

use std::borrow::Cow;

/// Decodes a path. The error is a sentence for the client.
///
/// Refused are broken escapes, what is not UTF-8, NUL, and `.` or `..` as a component: clients
/// resolve those before they send (RFC 3986, 5.2.4), so only an attack has them.
pub(crate) fn decode(raw: &str) -> Result<Cow<'_, str>, &'static str> {
    let path = if raw.contains('%') {
        Cow::Owned(unescape(raw)?)
    } else {
        Cow::Borrowed(raw)
    };
    if path.contains('\0') {
        return Err("The path contains a NUL.");
    }
    if path.split('/').any(|part| part == ".." || part == ".") {
        return Err("The path contains a `.` or `..` component.");
    }
    Ok(path)
}

fn unescape(raw: &str) -> Result<String, &'static str> {
    const BROKEN: &str = "The path has a `%` that two hexadecimal digits do not follow.";
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || {
                rest.next()
                    .and_then(|c| char::from(c).to_digit(16))
                    .ok_or(BROKEN)
            };
            bytes.push((digit()? * 16 + digit()?) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| "The path is not UTF-8 after percent-decoding.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_once() {
        for (raw, path) in [
            ("/a/b.mpd", "/a/b.mpd"),
            ("/a%20b", "/a b"),
            ("/%c3%A4", "/ä"),
            ("/a%2Fb", "/a/b"),
            ("/%2525", "/%25"),
            ("/a+b", "/a+b"),
            ("/...", "/..."),
            ("/..a", "/..a"),
        ] {
            assert_eq!(decode(raw).as_deref(), Ok(path), "{raw}");
        }
        assert!(matches!(decode("/plain"), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn ways_out_and_broken_escapes_are_refused() {
        for (raw, part) in [
            ("/a/../b", "component"),
            ("/..", "component"),
            ("/./a", "component"),
            ("/%2e%2e/etc", "component"),
            ("/a%2F..%2Fb", "component"),
            ("/a%00", "NUL"),
            ("/%", "hexadecimal"),
            ("/%4", "hexadecimal"),
            ("/%zz", "hexadecimal"),
            ("/%+1", "hexadecimal"),
            ("/%ff", "UTF-8"),
        ] {
            assert!(decode(raw).unwrap_err().contains(part), "{raw}");
        }
    }
}
