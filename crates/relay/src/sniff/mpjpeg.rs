//! JPEGs as parts of `multipart/x-mixed-replace` (RFC 2046, 5.1), as ffmpeg's `mpjpeg` and cameras
//! write them.
//!
//! A part ends with the boundary of the next one, which they send directly behind the picture: browsers
//! show a picture only then. So one joins behind a boundary, and gets that before.

use bytes::Bytes;

use serve::ring::Leave;

use super::machine::{Join, Step};

/// Longest boundary line and longest header of a part, bytes.
const MOST_LINE: usize = 256;
const MOST_HEADER: usize = 4096;

/// Tells whether this begins like a boundary line and a header that has a content type, or how many
/// bytes that takes.
pub(super) fn looks_like(bytes: &[u8]) -> Result<bool, usize> {
    let lead = breaks(bytes);
    if lead > 4 {
        return Ok(false);
    }
    let rest = &bytes[lead..];
    if !rest.starts_with(&b"--"[..rest.len().min(2)]) {
        return Ok(false);
    }
    let Some(line) = line_len(rest) else {
        return if rest.len() > MOST_LINE {
            Ok(false)
        } else {
            Err(bytes.len() + 1)
        };
    };
    match header_len(&rest[line..]) {
        Some(len) => Ok(field(&rest[line..line + len], "content-type").is_some()),
        None if rest.len() > MOST_HEADER => Ok(false),
        None => Err(bytes.len() + 1),
    }
}

/// Returns how many line breaks these begin with, in bytes.
fn breaks(bytes: &[u8]) -> usize {
    let is_break = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    bytes.iter().take_while(is_break).count()
}

/// Returns the length of the first line with its break.
fn line_len(bytes: &[u8]) -> Option<usize> {
    bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .map(|end| end + 1)
}

/// Returns the length of a header with the empty line behind it.
fn header_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = line_len(&bytes[at..])?;
        let is_empty = bytes[at..at + line].trim_ascii().is_empty();
        at += line;
        if is_empty {
            return Some(at);
        }
    }
}

/// Returns the value of a header field.
fn field<'a>(header: &'a [u8], name: &str) -> Option<&'a str> {
    let mut lines = header.split(|byte| *byte == b'\n');
    lines.find_map(|line| {
        let (field, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        field
            .trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim())
    })
}

#[derive(Debug, Default)]
pub(super) struct Mpjpeg {
    place: Place,
    /// The boundary line, from its dashes to its break.
    boundary: Bytes,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Boundary,
    Header,
    /// In a picture of unknown length.
    Picture,
}

impl Mpjpeg {
    pub(super) fn header(&self) -> Option<Bytes> {
        (!self.boundary.is_empty()).then(|| self.boundary.clone())
    }

    /// Returns the content type, once the boundary is known: a text of RFC 2046, 5.1.1.
    pub(super) fn content_type(&self) -> Option<String> {
        let boundary = self.boundary.trim_ascii_end().strip_prefix(b"--")?;
        let boundary = std::str::from_utf8(boundary).ok()?;
        let is_token = |c: char| c.is_ascii_alphanumeric() || "'+_-.".contains(c);
        let is_legal = |c: char| is_token(c) || "(),/:=? ".contains(c);
        if boundary.is_empty() || !boundary.chars().all(is_legal) {
            return None;
        }
        let quote = if boundary.chars().all(is_token) {
            ""
        } else {
            "\""
        };
        Some(format!(
            "multipart/x-mixed-replace;boundary={quote}{boundary}{quote}"
        ))
    }

    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        match self.place {
            Place::Boundary => self.boundary(bytes),
            Place::Header => match header_len(bytes) {
                Some(len) => {
                    let length = field(&bytes[..len], "content-length");
                    let length: Option<u64> = length.and_then(|length| length.parse().ok());
                    self.place = match length {
                        Some(_) => Place::Boundary,
                        None => Place::Picture,
                    };
                    Step::Pass {
                        len: (len as u64).saturating_add(length.unwrap_or(0)),
                        join: Join::Hard(self.boundary.clone()),
                        leave: Leave::Never,
                    }
                }
                None if bytes.len() > MOST_HEADER => Step::Lost,
                None => Step::Need(bytes.len() + 1),
            },
            Place::Picture => self.picture(bytes),
        }
    }

    fn boundary(&mut self, bytes: &[u8]) -> Step {
        let lead = breaks(bytes);
        let rest = &bytes[lead..];
        if !rest.starts_with(&b"--"[..rest.len().min(2)]) || lead > 4 {
            // The length was wrong: the boundary is further on.
            if self.boundary.is_empty() {
                return Step::Lost;
            }
            self.place = Place::Picture;
            return self.picture(bytes);
        }
        match line_len(rest) {
            Some(len) => {
                self.place = Place::Header;
                if self.boundary != rest[..len] {
                    self.boundary = Bytes::copy_from_slice(&rest[..len]);
                }
                Step::unit(lead + len, Join::No)
            }
            None if rest.len() > MOST_LINE => Step::Lost,
            None => Step::Need(bytes.len() + 1),
        }
    }

    fn picture(&mut self, bytes: &[u8]) -> Step {
        let line = self.boundary.trim_ascii_end();
        if bytes.len() < line.len() {
            return Step::Need(line.len());
        }
        match bytes.windows(line.len()).position(|it| it == line) {
            Some(0) => {
                self.place = Place::Boundary;
                self.boundary(bytes)
            }
            Some(len) => Step::part(len, Join::No),
            None => Step::part(bytes.len() - line.len() + 1, Join::No),
        }
    }
}
