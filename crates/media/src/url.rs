//! URLs as manifests use them: always relative to the manifest, joined per RFC 3986 section 5.2,
//! and percent-encoded where a URI cannot hold a character.
//!
//! Nothing here decodes: a URL stays as it was written until whoever opens the file decodes it.

use std::{fmt::Write as _, ops::Range};

/// A URL relative to the manifest, perhaps only a part of what it names.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UrlRange {
    /// The URL, relative to the manifest; may begin with `../`.
    pub url: String,
    /// The bytes meant, end excluded; everything when absent.
    pub range: Option<Range<u64>>,
}

/// A URL that does not stay below the place of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It names a scheme or a host.
    #[error("`{0}` is an absolute URL; only URLs relative to the manifest are allowed")]
    Absolute(String),
    /// It begins at the root of the host.
    #[error("`{0}` begins at the root of the host; only URLs relative to the manifest are allowed")]
    Rooted(String),
}

/// Returns `reference` resolved against `base`; both are relative to the manifest. An empty
/// `reference` means `base` itself. `.` and inner `..` components are resolved away; leading `..`
/// components stay and are for the caller to judge.
pub fn join(base: &str, reference: &str) -> Result<String, UrlError> {
    check_relative(reference)?;
    if reference.is_empty() {
        return Ok(base.to_owned());
    }
    let (path, tail) = match reference.find(['?', '#']) {
        Some(at) => reference.split_at(at),
        None => (reference, ""),
    };
    let base_path = base.split(['?', '#']).next().unwrap_or_default();
    let folder = match base_path.rfind('/') {
        _ if path.is_empty() => base_path,
        Some(at) => base_path.get(..=at).unwrap_or_default(),
        None => "",
    };
    let mut joined = normalise(&format!("{folder}{path}"));
    joined.push_str(tail);
    Ok(joined)
}

fn check_relative(reference: &str) -> Result<(), UrlError> {
    let scheme = reference.split(['/', '?', '#']).next().unwrap_or_default();
    let has_scheme = scheme.find(':').is_some_and(|at| {
        let name = scheme.get(..at).unwrap_or_default();
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    });
    if has_scheme || reference.starts_with("//") {
        return Err(UrlError::Absolute(reference.to_owned()));
    }
    if reference.starts_with('/') {
        return Err(UrlError::Rooted(reference.to_owned()));
    }
    Ok(())
}

/// Removes `.` components and pairs of a name and `..`.
fn normalise(path: &str) -> String {
    if !path.split('/').any(|part| matches!(part, "." | "..")) {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    let mut ends_in_folder = false;
    for part in path.split('/') {
        ends_in_folder = matches!(part, "." | "..");
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let mut joined = parts.join("/");
    if ends_in_folder && !joined.is_empty() {
        joined.push('/');
    }
    joined
}

/// Writes `path`, a plain path that is not yet a URL, so that it names the same path as a relative
/// URL: everything but `/`, unreserved characters and the harmless delimiters is encoded.
pub fn push_path(out: &mut String, path: &str) {
    push_encoded(out, path, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte)
    });
}

/// Writes `url`, which is a URL already, encoding only what no URL can hold: blanks, controls,
/// quotes and everything beyond ASCII.
pub fn push_url(out: &mut String, url: &str) {
    push_encoded(out, url, may_stand_in_url);
}

/// Encodes in place what [`push_url`] would, from byte `start` of `out` on. Costs one scan and no
/// memory when nothing needs it.
pub fn encode_from(out: &mut String, start: usize) {
    let Some(url) = out.get(start..) else { return };
    if url.bytes().all(may_stand_in_url) {
        return;
    }
    let raw = url.to_owned();
    out.truncate(start);
    push_url(out, &raw);
}

fn may_stand_in_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

fn push_encoded(out: &mut String, text: &str, keep: impl Fn(u8) -> bool) {
    for byte in text.bytes() {
        if keep(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Writes `query` (without `?`) behind the URL that begins at byte `start` of `out`.
pub fn push_query(out: &mut String, start: usize, query: &str) {
    if query.is_empty() {
        return;
    }
    let has_query = out.get(start..).is_some_and(|url| url.contains('?'));
    out.push(if has_query { '&' } else { '?' });
    out.push_str(query);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_join_as_in_rfc_3986() {
        for (base, reference, joined) in [
            ("", "a.mp4", "a.mp4"),
            ("video/", "1.m4s", "video/1.m4s"),
            ("video/all.mp4", "1.m4s", "video/1.m4s"),
            ("video/all.mp4", "", "video/all.mp4"),
            ("a/", "../b/1.m4s", "b/1.m4s"),
            ("a/b/", "./c/./d", "a/b/c/d"),
            ("a/b/", "..", "a/"),
            ("", "../media/1.m4s", "../media/1.m4s"),
            ("../media/", "../x/1", "../x/1"),
            ("../", "../x", "../../x"),
            ("a/x?token=1", "b?c=../d", "a/b?c=../d"),
            ("a/x", "?c=1", "a/x?c=1"),
            ("", "seg_1:2.mp4", "seg_1:2.mp4"),
        ] {
            assert_eq!(
                join(base, reference).as_deref(),
                Ok(joined),
                "{base} + {reference}"
            );
        }
    }

    #[test]
    fn urls_that_leave_the_place_are_refused() {
        for text in [
            "https://cdn.example/x/",
            "//cdn.example/x",
            "data:text/plain,x",
        ] {
            assert_eq!(join("a/", text), Err(UrlError::Absolute(text.to_owned())));
        }
        assert_eq!(join("a/", "/x"), Err(UrlError::Rooted("/x".to_owned())));
    }

    #[test]
    fn what_a_uri_cannot_hold_is_encoded() {
        let mut out = String::from("é ");
        let start = out.len();
        out.push_str("a b/ä%20.m4s?x=\"1\"");
        encode_from(&mut out, start);
        assert_eq!(out, "é a%20b/%C3%A4%20.m4s?x=%221%22");
        let mut path = String::new();
        push_path(&mut path, "a:b/c#d?e%f.m4s");
        assert_eq!(path, "a%3Ab/c%23d%3Fe%25f.m4s");
    }

    #[test]
    fn queries_are_appended_once() {
        for (url, expected) in [("a.m4s", "a.m4s?nowMS=5"), ("a?b=1", "a?b=1&nowMS=5")] {
            let mut out = url.to_owned();
            push_query(&mut out, 0, "nowMS=5");
            assert_eq!(out, expected);
            push_query(&mut out, 0, "");
            assert_eq!(out, expected);
        }
    }
}
