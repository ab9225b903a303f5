//! Attribute lists (RFC 8216bis, 4.2) of tags that are read as text, so that decimals stay exact.

use quick_m3u8::tag::{AttributeValue, TagValue};

use super::{HlsError, lines::Lines};
use crate::{iso8601, time::Time};

/// The attributes of a tag, in order.
pub(super) struct Attributes<'a> {
    tag: &'a str,
    line: usize,
    list: Vec<(&'a str, AttributeValue<'a>)>,
}

impl<'a> Attributes<'a> {
    /// Reads the value of a tag; `tag` is its name without `#EXT`, as lines have it.
    pub(super) fn read(tag: &'a str, value: &'a str, lines: &Lines<'_>) -> Result<Self, HlsError> {
        let list = TagValue(value.as_bytes())
            .try_as_ordered_attribute_list()
            .map_err(|error| lines.fail(format!("EXT{tag}: {error}")))?;
        Ok(Self {
            tag,
            line: lines.number(),
            list,
        })
    }

    /// Returns the line of the tag.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// Returns all attributes as text, quotation marks removed.
    pub(super) fn all(&self) -> Vec<(String, String)> {
        self.list
            .iter()
            .map(|(name, value)| ((*name).to_owned(), plain(value)))
            .collect()
    }

    /// Returns an attribute as text, quotation marks removed.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let (_, value) = self.list.iter().find(|(known, _)| *known == name)?;
        Some(plain(value))
    }

    /// Returns an attribute that must be there and not be empty.
    pub(super) fn required(&self, name: &str) -> Result<String, HlsError> {
        match self.text(name) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(self.fail(format!("{name} is required"))),
        }
    }

    /// Tells whether an attribute is `YES`.
    pub(super) fn yes(&self, name: &str) -> bool {
        self.text(name).as_deref() == Some("YES")
    }

    /// Reads a decimal number of seconds.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<Time>, HlsError> {
        self.parsed(name, "a number of seconds", iso8601::parse_decimal)
    }

    /// Reads a whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, HlsError> {
        self.parsed(name, "a whole number", |text| text.parse().ok())
    }

    /// Reads a byte range, `length` or `length@offset`.
    pub(super) fn byte_range(&self, name: &str) -> Result<Option<(u64, Option<u64>)>, HlsError> {
        self.parsed(name, "a byte range such as 100@0", |text| {
            let (length, offset) = match text.split_once('@') {
                Some((length, offset)) => (length, Some(offset.parse().ok()?)),
                None => (text, None),
            };
            Some((length.parse().ok()?, offset))
        })
    }

    /// Reads a width and a height, `1280x720`.
    pub(super) fn size(&self, name: &str) -> Result<Option<(u32, u32)>, HlsError> {
        self.parsed(name, "a size such as 1280x720", |text| {
            let (width, height) = text.split_once('x')?;
            Some((width.parse().ok()?, height.parse().ok()?))
        })
    }

    fn parsed<T>(
        &self,
        name: &str,
        allowed: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, HlsError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match read(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(self.fail(format!("{name}: `{text}` is not {allowed}"))),
        }
    }

    /// Makes an error about the tag.
    pub(super) fn fail(&self, reason: impl AsRef<str>) -> HlsError {
        HlsError {
            line: self.line,
            reason: format!("EXT{}: {}", self.tag, reason.as_ref()),
        }
    }
}

fn plain(value: &AttributeValue<'_>) -> String {
    match value {
        AttributeValue::Quoted(text) => (*text).to_owned(),
        AttributeValue::Unquoted(raw) => String::from_utf8_lossy(raw.0).trim().to_owned(),
    }
}
