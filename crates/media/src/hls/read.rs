//! Reads HLS playlists of fragmented MP4 (RFC 8216bis).
//!
//! The only place that touches `quick-m3u8`. URLs are returned as written, relative to the
//! playlist. Low-latency tags and date ranges are skipped, `EXT-X-DEFINE` is refused.

mod lines;
mod media;
mod multivariant;

use std::ops::Range;

pub use crate::url::UrlRange;
use crate::{presentation::FrameRate, time::Time};

/// What is wrong with a playlist, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct HlsError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what is allowed.
    pub reason: String,
}

/// A multivariant playlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multivariant {
    /// The variant streams, in order.
    pub variants: Vec<Variant>,
    /// The renditions, in order.
    pub renditions: Vec<Rendition>,
}

/// `EXT-X-STREAM-INF` and its URI.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// The media playlist.
    pub uri: String,
    /// Peak bits per second.
    pub bandwidth: u64,
    /// Mean bits per second.
    pub average_bandwidth: Option<u64>,
    /// Codec strings, comma-separated as written; empty when absent.
    pub codecs: String,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// Frames per second.
    pub frame_rate: Option<FrameRate>,
    /// Group of audio renditions.
    pub audio: Option<String>,
    /// Group of subtitles renditions.
    pub subtitles: Option<String>,
    /// Line of the tag.
    pub line: usize,
}

/// `TYPE` of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RenditionKind {
    /// `AUDIO`.
    Audio,
    /// `VIDEO`.
    Video,
    /// `SUBTITLES`.
    Subtitles,
    /// `CLOSED-CAPTIONS`, which are inside the video.
    ClosedCaptions,
}

/// `EXT-X-MEDIA`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// What it is.
    pub kind: RenditionKind,
    /// `GROUP-ID`.
    pub group: String,
    /// `NAME`.
    pub name: String,
    /// `LANGUAGE`.
    pub language: Option<String>,
    /// The media playlist; absent when the rendition is in the variant streams.
    pub uri: Option<String>,
    /// `DEFAULT=YES`.
    pub default: bool,
    /// `AUTOSELECT=YES`.
    pub autoselect: bool,
    /// `FORCED=YES`.
    pub forced: bool,
    /// Number of audio channels, from `CHANNELS`.
    pub channels: Option<u32>,
    /// Line of the tag.
    pub line: usize,
}

/// A media playlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// `EXT-X-TARGETDURATION` in seconds.
    pub target_duration: u64,
    /// `EXT-X-MEDIA-SEQUENCE`.
    pub media_sequence: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`.
    pub discontinuity_sequence: u64,
    /// Whether there is `EXT-X-ENDLIST`.
    pub ended: bool,
    /// The init segments, each once, in order of first use.
    pub maps: Vec<UrlRange>,
    /// The segments, in order.
    pub segments: Vec<Segment>,
}

/// A media segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The URL.
    pub uri: String,
    /// The bytes meant, end excluded, offset resolved; everything when absent.
    pub range: Option<Range<u64>>,
    /// `EXTINF`, exact.
    pub duration: Time,
    /// Position in [`Media::maps`].
    pub map: usize,
    /// Whether `EXT-X-DISCONTINUITY` stands before it.
    pub discontinuity: bool,
    /// `METHOD` of the `EXT-X-KEY` in force, when it is encrypted.
    pub key_method: Option<String>,
    /// `EXT-X-PROGRAM-DATE-TIME` that stands before it, Unix ms.
    pub program_date_time: Option<i64>,
    /// Line of the URI.
    pub line: usize,
}

/// Tells whether the text is a multivariant playlist (else it is a media playlist, or none).
pub fn is_multivariant(text: &str) -> bool {
    text.lines().any(|line| {
        line.starts_with("#EXT-X-STREAM-INF:")
            || line.starts_with("#EXT-X-I-FRAME-STREAM-INF:")
            || line.starts_with("#EXT-X-MEDIA:")
    })
}

/// Reads a multivariant playlist.
pub fn multivariant(text: &str) -> Result<Multivariant, HlsError> {
    multivariant::read(text)
}

/// Reads a media playlist of fragmented MP4. MPEG-TS, packed audio and plain WebVTT, which have no
/// `EXT-X-MAP`, are refused.
pub fn media(text: &str) -> Result<Media, HlsError> {
    media::read(text)
}

#[cfg(test)]
mod tests;
