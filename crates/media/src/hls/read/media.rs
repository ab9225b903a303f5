//! Media playlists: segments. What low latency adds is read in [`super::low_latency`].

use std::{collections::HashMap, ops::Range};

use quick_m3u8::tag::hls::{self, EnumeratedString, Method, Tag};

use super::{
    DateRange, HlsError, Media, Misplaced, Open, Part, PlaylistType, Segment, UrlRange,
    attributes::Attributes,
    lines::{Line, Lines},
    low_latency,
};
use crate::{iso8601, time::Time};

/// A playlist with more segments, or with more parts, is refused.
const MAX_SEGMENTS: usize = 1_000_000;
/// A playlist with more different init segments is refused.
const MAX_MAPS: usize = 10_000;

pub(super) fn read(text: &str) -> Result<Media, HlsError> {
    let mut lines = Lines::new(text)?;
    let mut state = State::default();
    while let Some(line) = lines.next()? {
        match line {
            Line::Tag(tag) => state.tag(&tag, &lines)?,
            Line::Text(name, value) => state.text(name, value, &lines)?,
            Line::Uri(uri) => state.segment(&uri, &lines)?,
        }
    }
    if state.duration.is_some() {
        return Err(lines.fail("the last EXTINF has no URI"));
    }
    Ok(state.finish())
}

/// Refuses what is not the whole of a fragmented MP4.
pub(super) fn refuse_other_formats(media: &Media) -> Result<(), HlsError> {
    if let Some(skip) = &media.skip {
        return Err(HlsError {
            line: skip.line,
            reason: "a delta update (EXT-X-SKIP), not a whole playlist".to_owned(),
        });
    }
    match media.segments.iter().find(|segment| segment.map.is_none()) {
        None => Ok(()),
        Some(Segment { uri, line, .. }) => Err(HlsError {
            line: *line,
            reason: format!(
                "segment `{uri}` has no EXT-X-MAP before it{}; only fragmented MP4 can be read",
                suspicion(uri)
            ),
        }),
    }
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
    gap: bool,
    program_date_time: Option<i64>,
    /// Parts of the next segment.
    parts: Vec<Part>,
    part_count: usize,
    has_sequence: bool,
    /// Where the last byte range of each URI ends, of segments and of parts.
    ends: HashMap<String, u64>,
    part_ends: HashMap<String, u64>,
}

impl State {
    fn tag(&mut self, tag: &Tag<'_>, lines: &Lines<'_>) -> Result<(), HlsError> {
        match tag {
            Tag::Targetduration(tag) => self.media.target_duration = tag.target_duration(),
            Tag::MediaSequence(tag) => {
                self.media.media_sequence = tag.media_sequence();
                self.has_sequence = true;
            }
            Tag::DiscontinuitySequence(tag) => {
                self.media.discontinuity_sequence = tag.discontinuity_sequence();
                self.media.states_discontinuity_sequence = true;
            }
            Tag::Discontinuity(_) => {
                self.discontinuity = true;
                self.behind_parts("EXT-X-DISCONTINUITY", lines);
            }
            Tag::Endlist(_) => self.media.ended = true,
            Tag::Byterange(tag) => self.byte_range = Some((tag.length(), tag.offset())),
            Tag::Key(tag) => {
                self.key_method = match tag.method() {
                    EnumeratedString::Known(Method::None) => None,
                    method => Some(method.to_string()),
                };
                self.behind_parts("EXT-X-KEY", lines);
            }
            Tag::Map(tag) => {
                self.map(tag, lines)?;
                self.behind_parts("EXT-X-MAP", lines);
            }
            Tag::StreamInf(_) | Tag::Media(_) => {
                return Err(lines.fail("a tag of multivariant playlists in a media playlist"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads a tag that was left as text; unknown ones mean nothing.
    fn text(&mut self, name: &str, value: &str, lines: &Lines<'_>) -> Result<(), HlsError> {
        let attributes = || Attributes::read(name, value, lines);
        match name {
            "INF" => {
                let seconds = value.split(',').next().unwrap_or_default().trim();
                let Some(duration) = iso8601::parse_decimal(seconds) else {
                    let reason = format!("`{seconds}` is not a duration in seconds such as 6.006");
                    return Err(lines.fail(reason));
                };
                self.duration = Some(duration);
            }
            "-X-PROGRAM-DATE-TIME" => {
                let ms = iso8601::parse_date_time(value).map_err(|reason| lines.fail(reason))?;
                self.program_date_time = Some(ms);
                self.behind_parts("EXT-X-PROGRAM-DATE-TIME", lines);
            }
            "-X-VERSION" => {
                let version = value.trim().parse();
                self.media.version =
                    Some(version.map_err(|_| lines.fail("EXT-X-VERSION is a whole number"))?);
            }
            "-X-PLAYLIST-TYPE" => {
                self.media.playlist_type = match value.trim() {
                    "VOD" => Some(PlaylistType::Vod),
                    "EVENT" => Some(PlaylistType::Event),
                    _ => return Err(lines.fail("EXT-X-PLAYLIST-TYPE is VOD or EVENT")),
                };
            }
            "-X-I-FRAMES-ONLY" => self.media.i_frames_only = true,
            "-X-INDEPENDENT-SEGMENTS" => self.media.independent_segments = true,
            "-X-GAP" => self.gap = true,
            "-X-PART-INF" => self.media.part_target = Some(low_latency::part_inf(&attributes()?)?),
            "-X-SERVER-CONTROL" => {
                self.media.server_control = Some(low_latency::server_control(&attributes()?)?);
            }
            "-X-PART" => self.part(&attributes()?, lines)?,
            "-X-PRELOAD-HINT" => self.media.hints.push(low_latency::hint(&attributes()?)?),
            "-X-RENDITION-REPORT" => {
                self.media
                    .reports
                    .push(low_latency::report(&attributes()?)?);
            }
            "-X-SKIP" => {
                self.media.skip = Some(low_latency::skip(&attributes()?, !self.has_sequence)?);
            }
            "-X-DATERANGE" => {
                let attributes = attributes()?;
                self.media.date_ranges.push(DateRange {
                    id: attributes.required("ID")?,
                    line: attributes.line(),
                    attributes: attributes.all(),
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes a tag that should have stood before the first part of its segment.
    fn behind_parts(&mut self, tag: &'static str, lines: &Lines<'_>) {
        if !self.parts.is_empty() {
            self.media.misplaced.push(Misplaced {
                tag,
                line: lines.number(),
            });
        }
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

    fn part(&mut self, tag: &Attributes<'_>, lines: &Lines<'_>) -> Result<(), HlsError> {
        self.part_count += 1;
        if self.part_count > MAX_SEGMENTS {
            return Err(tag.fail(format!("more than {MAX_SEGMENTS} parts")));
        }
        let mut part = low_latency::part(tag)?;
        if let Some((length, offset)) = tag.byte_range("BYTERANGE")? {
            let ends = &mut self.part_ends;
            part.range = Some(resolve(ends, &part.uri, length, offset, lines)?);
        }
        self.parts.push(part);
        Ok(())
    }

    fn segment(&mut self, uri: &str, lines: &Lines<'_>) -> Result<(), HlsError> {
        let Some(duration) = self.duration.take() else {
            return Err(lines.fail(format!("segment `{uri}` has no EXTINF")));
        };
        if self.media.segments.len() >= MAX_SEGMENTS {
            return Err(lines.fail(format!("more than {MAX_SEGMENTS} segments")));
        }
        let range = match self.byte_range.take() {
            Some((length, offset)) => Some(resolve(&mut self.ends, uri, length, offset, lines)?),
            None => None,
        };
        self.media.segments.push(Segment {
            uri: uri.to_owned(),
            range,
            duration,
            map: self.map,
            discontinuity: std::mem::take(&mut self.discontinuity),
            gap: std::mem::take(&mut self.gap),
            key_method: self.key_method.clone(),
            program_date_time: self.program_date_time.take(),
            parts: std::mem::take(&mut self.parts),
            line: lines.number(),
        });
        Ok(())
    }

    /// Ends the playlist: what was said of a segment that is not listed yet is the open segment.
    fn finish(self) -> Media {
        let mut media = self.media;
        let begun =
            !self.parts.is_empty() || self.discontinuity || self.program_date_time.is_some();
        if begun {
            media.open = Some(Open {
                parts: self.parts,
                map: self.map,
                discontinuity: self.discontinuity,
                program_date_time: self.program_date_time,
            });
        }
        media
    }
}

/// Resolves a byte range; without an offset it follows the last one of the same URI.
fn resolve(
    ends: &mut HashMap<String, u64>,
    uri: &str,
    length: u64,
    offset: Option<u64>,
    lines: &Lines<'_>,
) -> Result<Range<u64>, HlsError> {
    let Some(offset) = offset.or_else(|| ends.get(uri).copied()) else {
        return Err(lines.fail(format!(
            "the EXT-X-BYTERANGE of `{uri}` has no offset and follows no other of that file"
        )));
    };
    let range = span(offset, length, lines)?;
    ends.insert(uri.to_owned(), range.end);
    Ok(range)
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
