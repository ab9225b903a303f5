//! Where things are: plain paths, `file://`, `s3://`, `http(s)://` and `nats://`, told apart once.
//!
//! Parsing only: whether a command can use a kind of place is the command's business, and
//! [`Uri::into_path`] gives the refusal for those that need a local one.

use std::{fmt, path::PathBuf, str::FromStr};

/// A parsed place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uri {
    /// A local file or folder.
    Path(PathBuf),
    /// Objects whose key begins with `prefix` in an S3 bucket.
    S3 {
        /// Bucket name.
        bucket: String,
        /// Key or prefix without a leading slash; may be empty.
        prefix: String,
    },
    /// An HTTP or HTTPS URL, as written.
    Http(String),
    /// A NATS URL, as written.
    Nats(String),
}

/// A text that is no URI of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}`: {reason}")]
pub struct UriError {
    /// What was given.
    pub text: String,
    /// What is wrong with it and what is allowed.
    pub reason: String,
}

impl Uri {
    /// Parses a plain path or a URI.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let fail = |reason: String| UriError {
            text: text.to_owned(),
            reason,
        };
        if text.is_empty() {
            return Err(fail("empty, expected a path or a URI".to_owned()));
        }
        let Some((scheme, rest)) = split_scheme(text) else {
            return Ok(Self::Path(PathBuf::from(text)));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => file_path(rest).map(Self::Path).map_err(fail),
            "s3" => s3_place(rest).map_err(fail),
            "http" | "https" | "nats" if rest.split(['/', '?', '#']).next() == Some("") => {
                Err(fail("the host is missing".to_owned()))
            }
            "http" | "https" => Ok(Self::Http(text.to_owned())),
            "nats" => Ok(Self::Nats(text.to_owned())),
            other => Err(fail(format!(
                "unknown scheme `{other}`, expected a path, file://, s3://, http(s):// or nats://"
            ))),
        }
    }

    /// Returns the local path, or why this place has none.
    pub fn into_path(self) -> Result<PathBuf, UriError> {
        match self {
            Self::Path(path) => Ok(path),
            other => Err(UriError {
                text: other.to_string(),
                reason: "not a local path, which is what is needed here".to_owned(),
            }),
        }
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(text)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Http(url) | Self::Nats(url) => f.write_str(url),
        }
    }
}

/// Splits `scheme://rest` when `scheme` is one of RFC 3986, 3.1.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let mut bytes = scheme.bytes();
    let starts = bytes.next()?.is_ascii_alphabetic();
    let goes_on = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    (starts && goes_on).then_some((scheme, rest))
}

/// Reads what follows `file://` (RFC 8089): an empty or local host, then an absolute path.
fn file_path(rest: &str) -> Result<PathBuf, String> {
    let at = rest
        .find('/')
        .ok_or("file:// needs an absolute path, such as file:///srv/media")?;
    let (host, path) = rest.split_at(at);
    if !(host.is_empty() || host.eq_ignore_ascii_case("localhost")) {
        return Err(format!(
            "file:// of host `{host}` is not on this machine; write file:///path"
        ));
    }
    unescape(path).map(PathBuf::from)
}

fn s3_place(rest: &str) -> Result<Uri, String> {
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if bucket.is_empty() {
        return Err("the bucket is missing, expected s3://bucket/prefix".to_owned());
    }
    if !bucket.bytes().all(valid) {
        return Err(format!("`{bucket}` is not a bucket name"));
    }
    Ok(Uri::S3 {
        bucket: bucket.to_owned(),
        prefix: key.to_owned(),
    })
}

/// Decodes `%XX`; the result must be UTF-8.
fn unescape(text: &str) -> Result<String, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let digits = tail
            .get(..2)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .ok_or("a `%` is not followed by two hexadecimal digits")?;
        out.push(digits);
        rest = tail.get(2..).unwrap_or_default();
    }
    String::from_utf8(out).map_err(|_| "the decoded path is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        let s3 = |bucket: &str, prefix: &str| Uri::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        for (text, expected) in [
            ("movie.mkv", Uri::Path("movie.mkv".into())),
            ("/srv/a b", Uri::Path("/srv/a b".into())),
            ("./s3:x", Uri::Path("./s3:x".into())),
            ("a/b://c", Uri::Path("a/b://c".into())),
            ("file:///srv/a%20b", Uri::Path("/srv/a b".into())),
            ("FILE://localhost/x", Uri::Path("/x".into())),
            ("s3://bucket", s3("bucket", "")),
            ("s3://bucket/a/b/", s3("bucket", "a/b/")),
            ("https://h/x", Uri::Http("https://h/x".into())),
            ("nats://h:4222", Uri::Nats("nats://h:4222".into())),
        ] {
            assert_eq!(Uri::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors_say_what_is_allowed() {
        for (text, part) in [
            ("", "empty"),
            ("ftp://h/x", "unknown scheme `ftp`"),
            ("file://nas/x", "not on this machine"),
            ("file://x", "absolute path"),
            ("file:///a%2", "hexadecimal"),
            ("file:///a%ff", "UTF-8"),
            ("s3:///key", "bucket is missing"),
            ("s3://a b/key", "not a bucket name"),
            ("http:///x", "host is missing"),
        ] {
            let error = Uri::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        let error = Uri::parse("s3://b/k").unwrap().into_path().unwrap_err();
        assert!(error.to_string().contains("not a local path"));
    }
}
