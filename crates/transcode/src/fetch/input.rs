//! What the text that names a source means.

use std::{fmt, path::PathBuf, str::FromStr};

use store::uri::Uri;
use url::Url;

use super::Error;

/// A source by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A local file.
    File(PathBuf),
    /// `http://` or `https://`.
    Http(Url),
    /// `ftp://`.
    Ftp(Url),
    /// An object in a bucket.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key of the object.
        key: String,
    },
}

/// A way to read sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Local files.
    File,
    /// HTTP without TLS.
    Http,
    /// HTTP over TLS.
    Https,
    /// FTP.
    Ftp,
    /// Buckets.
    S3,
}

impl Input {
    /// Parses a plain path, or a URI of `file`, `http`, `https`, `ftp` or `s3`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = |reason: String| Error::Input {
            place: process::mask::text(text),
            reason,
        };
        if text
            .get(..6)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("ftp://"))
        {
            // The parser of URLs would take the first part of the path for the host.
            if text[6..].starts_with('/') {
                return Err(refused("the host is missing".to_owned()));
            }
            return url_of(text).map(Self::Ftp).map_err(refused);
        }
        match Uri::parse(text) {
            Ok(Uri::Path(path)) => Ok(Self::File(path)),
            Ok(Uri::Http(url)) => url_of(&url).map(Self::Http).map_err(refused),
            Ok(Uri::S3 { prefix, .. }) if prefix.is_empty() || prefix.ends_with('/') => {
                Err(refused("the key of the object is missing".to_owned()))
            }
            Ok(Uri::S3 { bucket, prefix }) => Ok(Self::S3 {
                bucket,
                key: prefix,
            }),
            Ok(Uri::Nats(_)) => Err(refused(
                "not a source; expected a path, file://, http(s)://, ftp:// or s3://".to_owned(),
            )),
            Err(error) => Err(refused(error.reason)),
        }
    }

    /// Returns how it is read.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::File(_) => Protocol::File,
            Self::Http(url) if url.scheme() == "https" => Protocol::Https,
            Self::Http(_) => Protocol::Http,
            Self::Ftp(_) => Protocol::Ftp,
            Self::S3 { .. } => Protocol::S3,
        }
    }

    /// Returns the last part of its path, which names the asset unless somebody does better: without
    /// extension, decoded. None if there is none.
    pub fn stem(&self) -> Option<String> {
        let name = match self {
            Self::File(path) => path.file_name()?.to_str()?.to_owned(),
            Self::Http(url) | Self::Ftp(url) => {
                let last = url.path_segments()?.rfind(|part| !part.is_empty())?;
                decode(last)?
            }
            Self::S3 { key, .. } => key.rsplit('/').next()?.to_owned(),
        };
        let stem = match name.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem,
            _ => &name,
        };
        Some(stem.to_owned())
    }
}

/// Decodes `%XX`; none if that is no text.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
                rest = tail;
            }
            (b'%', _) => return None,
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

fn url_of(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.host_str() {
        Some(host) if !host.is_empty() => Ok(url),
        _ => Err("the host is missing".to_owned()),
    }
}

impl FromStr for Input {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Input {
    /// Writes the place without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Http(url) | Self::Ftp(url) => f.write_str(&process::mask::text(url.as_str())),
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Http => "http",
            Self::Https => "https",
            Self::Ftp => "ftp",
            Self::S3 => "s3",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart_and_named() {
        for (text, protocol, stem) in [
            ("films/a film.mkv", Protocol::File, Some("a film")),
            ("file:///srv/a%20film.mkv", Protocol::File, Some("a film")),
            (
                "http://h/x/a%20film.mp4?sig=1",
                Protocol::Http,
                Some("a film"),
            ),
            ("HTTPS://u:p@h/.hidden", Protocol::Https, Some(".hidden")),
            ("https://h/", Protocol::Https, None),
            ("FTP://u:p@h:2121/in/film.ts", Protocol::Ftp, Some("film")),
            ("s3://bucket/in/film.v2.mov", Protocol::S3, Some("film.v2")),
        ] {
            let input = Input::parse(text).unwrap();
            assert_eq!(input.protocol(), protocol, "{text}");
            assert_eq!(input.stem().as_deref(), stem, "{text}");
            assert!(!input.to_string().contains(":p@"), "{input}");
        }
    }

    #[test]
    fn what_is_no_source_is_refused() {
        for (text, part) in [
            ("", "empty"),
            ("rtmp://h/x", "unknown scheme"),
            ("nats://h/x", "not a source"),
            ("http://", "host"),
            ("ftp:///x", "host"),
            ("s3://bucket", "key of the object"),
            ("s3://bucket/folder/", "key of the object"),
            ("concat:a|b", ""),
        ] {
            match Input::parse(text) {
                Err(error) => assert!(error.to_string().contains(part), "{text}: {error}"),
                // Without `://` it is the name of a file, whatever ffmpeg would make of it.
                Ok(input) => assert_eq!(input, Input::File(text.into())),
            }
        }
    }
}
