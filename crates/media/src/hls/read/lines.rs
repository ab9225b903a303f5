//! A playlist as numbered lines: tags, URIs, and nothing else.
//!
//! `EXTINF` and `EXT-X-PROGRAM-DATE-TIME` are left as text, because `quick-m3u8` would turn their
//! numbers into binary fractions.

use quick_m3u8::{
    HlsLine, Reader,
    config::ParsingOptions,
    tag::{KnownTag, UnknownTag, hls},
};

use super::HlsError;

/// A playlist of more bytes is refused.
const MAX_BYTES: usize = 16 << 20;

/// A line that says something.
pub(super) enum Line<'a> {
    /// A tag that was understood.
    Tag(Box<hls::Tag<'a>>),
    /// A tag left as text: its name without `#EXT`, and its value.
    Text(&'a str, &'a str),
    /// A URI.
    Uri(String),
}

/// The lines of a playlist.
pub(super) struct Lines<'a> {
    reader: Reader<&'a str, quick_m3u8::tag::NoCustomTag>,
    number: usize,
}

impl<'a> Lines<'a> {
    /// Starts to read; the first line must be `#EXTM3U`.
    pub(super) fn new(text: &'a str) -> Result<Self, HlsError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let fail = |reason: &str| HlsError {
            line: 1,
            reason: reason.to_owned(),
        };
        if text.len() > MAX_BYTES {
            return Err(fail("the playlist has more than 16 MiB"));
        }
        let first = text.lines().next().unwrap_or_default();
        if first.trim_end() != "#EXTM3U" {
            return Err(fail("the first line of a playlist must be `#EXTM3U`"));
        }
        let options = ParsingOptions::builder()
            .with_parsing_for_targetduration()
            .with_parsing_for_media_sequence()
            .with_parsing_for_discontinuity_sequence()
            .with_parsing_for_discontinuity()
            .with_parsing_for_endlist()
            .with_parsing_for_byterange()
            .with_parsing_for_map()
            .with_parsing_for_key()
            .with_parsing_for_media()
            .with_parsing_for_stream_inf()
            .build();
        Ok(Self {
            reader: Reader::from_str(text, options),
            number: 0,
        })
    }

    /// Makes an error about the line read last.
    pub(super) fn fail(&self, reason: impl Into<String>) -> HlsError {
        HlsError {
            line: self.number,
            reason: reason.into(),
        }
    }

    /// Returns the number of the line read last, from 1.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Returns the next line that is neither blank nor a comment.
    pub(super) fn next(&mut self) -> Result<Option<Line<'a>>, HlsError> {
        loop {
            self.number += 1;
            let read = self.reader.read_line();
            let line = read.map_err(|error| self.fail(error.error.to_string()))?;
            match line {
                None => return Ok(None),
                Some(HlsLine::KnownTag(KnownTag::Hls(tag))) => {
                    return Ok(Some(Line::Tag(Box::new(tag))));
                }
                Some(HlsLine::UnknownTag(tag)) => return self.text(tag).map(Some),
                Some(HlsLine::Uri(uri)) => {
                    let uri = uri.trim();
                    if !uri.is_empty() {
                        return Ok(Some(Line::Uri(uri.to_owned())));
                    }
                }
                Some(
                    HlsLine::KnownTag(KnownTag::Custom(_)) | HlsLine::Comment(_) | HlsLine::Blank,
                ) => {}
            }
        }
    }

    fn text(&self, tag: UnknownTag<'a>) -> Result<Line<'a>, HlsError> {
        if let Some(error) = tag.validation_error() {
            return Err(self.fail(format!("#EXT{}: {error}", tag.name())));
        }
        if tag.name() == "-X-DEFINE" {
            return Err(self.fail("variables (#EXT-X-DEFINE) are not supported"));
        }
        let value = tag.value().map_or(&[][..], |value| value.0);
        let value = std::str::from_utf8(value).map_err(|error| self.fail(error.to_string()))?;
        Ok(Line::Text(tag.name(), value.trim_end()))
    }
}
