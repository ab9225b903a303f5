//! Media playlists.

use std::{collections::HashMap, ops::Range};

use quick_m3u8::tag::hls::{self, EnumeratedString, Method, Tag};

use super::{
    HlsError, Media, Segment, UrlRange,
    lines::{Line, Lines},
};
use crate::{iso8601, time::Time};

/// A playlist with more segments is refused.
const MAX_SEGMENTS: usize = 1_000_000;
/// A playlist with more different init segments is refused.
const MAX_MAPS: usize = 10_000;

pub(super) fn read(text: &str) -> Result<Media, HlsError> {
    let mut lines = Lines::new(text)?;
    let mut state = State::default();
    while let Some(line) = lines.next()? {
        match line {
            Line::Tag(tag) => state.tag(&tag, &lines)?,
            Line::Text("INF", value) => {
                let seconds = value.split(',').next().unwrap_or_default().trim();
                let Some(duration) = iso8601::parse_decimal(seconds) else {
                    let reason = format!("`{seconds}` is not a duration in seconds such as 6.006");
                    return Err(lines.fail(reason));
                };
                state.duration = Some(duration);
            }
            Line::Text("-X-PROGRAM-DATE-TIME", value) => {
                let ms = iso8601::parse_date_time(value).map_err(|reason| lines.fail(reason))?;
                state.program_date_time = Some(ms);
            }
            Line::Text(..) => {}
            Line::Uri(uri) => state.segment(&uri, &lines)?,
        }
    }
    if state.duration.is_some() {
        return Err(lines.fail("the last EXTINF has no URI"));
    }
    Ok(state.media)
}

/// What has been said so far.
#[derive(Default)]
struct State {
    media: Media,
    /// Position of the map in force.
    map: Option<usize>,
    key_method: Option<String>,
    duration: Option<Time>,
    /// Length and offset of the next segment.
    byte_range: Option<(u64, Option<u64>)>,
    discontinuity: bool,
    program_date_time: Option<i64>,
    /// Where the last byte range of each URI ends.
    ends: HashMap<String, u64>,
}

impl State {
    fn tag(&mut self, tag: &Tag<'_>, lines: &Lines<'_>) -> Result<(), HlsError> {
        match tag {
            Tag::Targetduration(tag) => self.media.target_duration = tag.target_duration(),
            Tag::MediaSequence(tag) => self.media.media_sequence = tag.media_sequence(),
            Tag::DiscontinuitySequence(tag) => {
                self.media.discontinuity_sequence = tag.discontinuity_sequence();
            }
            Tag::Discontinuity(_) => self.discontinuity = true,
            Tag::Endlist(_) => self.media.ended = true,
            Tag::Byterange(tag) => self.byte_range = Some((tag.length(), tag.offset())),
            Tag::Key(tag) => {
                self.key_method = match tag.method() {
                    EnumeratedString::Known(Method::None) => None,
                    method => Some(method.to_string()),
                };
            }
            Tag::Map(tag) => self.map(tag, lines)?,
            Tag::StreamInf(_) | Tag::Media(_) => {
                return Err(lines.fail("a tag of multivariant playlists in a media playlist"));
            }
            _ => {}
        }
        Ok(())
    }

    fn map(&mut self, tag: &hls::Map<'_>, lines: &Lines<'_>) -> Result<(), HlsError> {
        let range = match tag.byterange() {
            Some(range) => Some(span(range.offset, range.length, lines)?),
            None => None,
        };
        let map = UrlRange {
            url: tag.uri().to_owned(),
            range,
        };
        let maps = &mut self.media.maps;
        let known = maps.iter().position(|other| *other == map);
        if known.is_none() {
            if maps.len() >= MAX_MAPS {
                return Err(lines.fail(format!("more than {MAX_MAPS} init segments")));
            }
            maps.push(map);
        }
        self.map = known.or(maps.len().checked_sub(1));
        Ok(())
    }

    fn segment(&mut self, uri: &str, lines: &Lines<'_>) -> Result<(), HlsError> {
        let Some(duration) = self.duration.take() else {
            return Err(lines.fail(format!("segment `{uri}` has no EXTINF")));
        };
        let Some(map) = self.map else {
            return Err(lines.fail(format!(
                "segment `{uri}` has no EXT-X-MAP before it{}; only fragmented MP4 can be read",
                suspicion(uri)
            )));
        };
        if self.media.segments.len() >= MAX_SEGMENTS {
            return Err(lines.fail(format!("more than {MAX_SEGMENTS} segments")));
        }
        let range = match self.byte_range.take() {
            Some((length, offset)) => Some(self.resolve(uri, length, offset, lines)?),
            None => None,
        };
        self.media.segments.push(Segment {
            uri: uri.to_owned(),
            range,
            duration,
            map,
            discontinuity: std::mem::take(&mut self.discontinuity),
            key_method: self.key_method.clone(),
            program_date_time: self.program_date_time.take(),
            line: lines.number(),
        });
        Ok(())
    }

    /// Resolves a byte range; without an offset it follows the last one of the same URI.
    fn resolve(
        &mut self,
        uri: &str,
        length: u64,
        offset: Option<u64>,
        lines: &Lines<'_>,
    ) -> Result<Range<u64>, HlsError> {
        let Some(offset) = offset.or_else(|| self.ends.get(uri).copied()) else {
            return Err(lines.fail(format!(
                "the EXT-X-BYTERANGE of `{uri}` has no offset and follows no other of that file"
            )));
        };
        let range = span(offset, length, lines)?;
        self.ends.insert(uri.to_owned(), range.end);
        Ok(range)
    }
}

fn span(offset: u64, length: u64, lines: &Lines<'_>) -> Result<Range<u64>, HlsError> {
    match offset.checked_add(length) {
        Some(end) if length > 0 => Ok(offset..end),
        _ => Err(lines.fail("a byte range must have a length above 0 and end below 2^64")),
    }
}

/// Says what a segment without an init segment probably is.
fn suspicion(uri: &str) -> &'static str {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let extension = path.rsplit('.').next().unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "ts" | "m2ts" | "mpegts" => " and looks like MPEG-TS",
        "aac" | "mp3" | "ac3" | "ec3" => " and looks like packed audio",
        "vtt" | "webvtt" => " and looks like plain WebVTT",
        _ => "",
    }
}
