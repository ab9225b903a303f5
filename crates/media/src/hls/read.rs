//! Reads HLS playlists (RFC 8216bis), those of low latency included.
//!
//! The only place that touches `quick-m3u8`. URLs are returned as written, relative to the
//! playlist; numbers of seconds are exact. `EXT-X-BITRATE` is skipped, `EXT-X-DEFINE` is refused.

mod attributes;
mod lines;
mod low_latency;
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
    /// The playlists of I-frames, in order.
    pub i_frames: Vec<IFrameVariant>,
    /// Whether there is `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent_segments: bool,
}

/// `EXT-X-I-FRAME-STREAM-INF`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IFrameVariant {
    /// The media playlist.
    pub uri: String,
    /// Peak bits per second.
    pub bandwidth: u64,
    /// Mean bits per second.
    pub average_bandwidth: Option<u64>,
    /// Codec strings as written; empty when absent.
    pub codecs: String,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// Line of the tag.
    pub line: usize,
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
    /// `EXT-X-VERSION`; absent means 1.
    pub version: Option<u64>,
    /// `EXT-X-TARGETDURATION` in seconds; 0 when absent.
    pub target_duration: u64,
    /// `EXT-X-MEDIA-SEQUENCE`.
    pub media_sequence: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`.
    pub discontinuity_sequence: u64,
    /// Whether there is `EXT-X-DISCONTINUITY-SEQUENCE`.
    pub states_discontinuity_sequence: bool,
    /// `EXT-X-PLAYLIST-TYPE`.
    pub playlist_type: Option<PlaylistType>,
    /// Whether there is `EXT-X-I-FRAMES-ONLY`.
    pub i_frames_only: bool,
    /// Whether there is `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent_segments: bool,
    /// Whether there is `EXT-X-ENDLIST`.
    pub ended: bool,
    /// `PART-TARGET` of `EXT-X-PART-INF`.
    pub part_target: Option<Time>,
    /// `EXT-X-SERVER-CONTROL`.
    pub server_control: Option<ServerControl>,
    /// `EXT-X-SKIP`: this is a delta update, and as many segments are missing from `segments`.
    pub skip: Option<Skip>,
    /// The init segments, each once, in order of first use.
    pub maps: Vec<UrlRange>,
    /// The segments, in order.
    pub segments: Vec<Segment>,
    /// What is known of the segment behind the last one.
    pub open: Option<Open>,
    /// `EXT-X-PRELOAD-HINT`, in order.
    pub hints: Vec<PreloadHint>,
    /// `EXT-X-RENDITION-REPORT`, in order.
    pub reports: Vec<RenditionReport>,
    /// `EXT-X-DATERANGE`, in order.
    pub date_ranges: Vec<DateRange>,
    /// Tags that stand behind the first part of the segment that they are about.
    pub misplaced: Vec<Misplaced>,
}

impl Media {
    /// Returns the media sequence number of the first of `segments`, skipped ones counted.
    pub fn first_listed(&self) -> u64 {
        let skipped = self.skip.as_ref().map_or(0, |skip| skip.segments);
        self.media_sequence.saturating_add(skipped)
    }

    /// Returns the media sequence number that follows the last of `segments`.
    pub fn next_sequence(&self) -> u64 {
        self.first_listed()
            .saturating_add(self.segments.len() as u64)
    }
}

/// `EXT-X-PLAYLIST-TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaylistType {
    /// Segments are only added.
    Event,
    /// Nothing changes.
    Vod,
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
    /// Position in [`Media::maps`]; absent when there is no `EXT-X-MAP`.
    pub map: Option<usize>,
    /// Whether `EXT-X-DISCONTINUITY` stands before it.
    pub discontinuity: bool,
    /// Whether `EXT-X-GAP` stands before it: there is nothing to fetch.
    pub gap: bool,
    /// `METHOD` of the `EXT-X-KEY` in force, when it is encrypted.
    pub key_method: Option<String>,
    /// `EXT-X-PROGRAM-DATE-TIME` that stands before it, Unix ms.
    pub program_date_time: Option<i64>,
    /// Its parts, when they are listed.
    pub parts: Vec<Part>,
    /// Line of the URI.
    pub line: usize,
}

/// The segment behind the last one, of which perhaps some parts are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Its parts so far.
    pub parts: Vec<Part>,
    /// Position in [`Media::maps`].
    pub map: Option<usize>,
    /// Whether `EXT-X-DISCONTINUITY` stands before it.
    pub discontinuity: bool,
    /// `EXT-X-PROGRAM-DATE-TIME` that stands before it, Unix ms.
    pub program_date_time: Option<i64>,
}

/// `EXT-X-PART`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The URL.
    pub uri: String,
    /// The bytes meant, end excluded, offset resolved; everything when absent.
    pub range: Option<Range<u64>>,
    /// `DURATION`, exact.
    pub duration: Time,
    /// `INDEPENDENT=YES`: it holds an independent frame.
    pub independent: bool,
    /// `GAP=YES`: there is nothing to fetch.
    pub gap: bool,
    /// Line of the tag.
    pub line: usize,
}

/// `EXT-X-SERVER-CONTROL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerControl {
    /// `CAN-BLOCK-RELOAD=YES`.
    pub block_reload: bool,
    /// `PART-HOLD-BACK`.
    pub part_hold_back: Option<Time>,
    /// `HOLD-BACK`.
    pub hold_back: Option<Time>,
    /// `CAN-SKIP-UNTIL`.
    pub skip_until: Option<Time>,
    /// `CAN-SKIP-DATERANGES=YES`.
    pub skip_date_ranges: bool,
}

/// `TYPE` of a preload hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintKind {
    /// `PART`.
    Part,
    /// `MAP`.
    Map,
}

/// `EXT-X-PRELOAD-HINT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreloadHint {
    /// What will be there.
    pub kind: HintKind,
    /// The URL.
    pub uri: String,
    /// `BYTERANGE-START`.
    pub start: u64,
    /// `BYTERANGE-LENGTH`; up to the end when absent.
    pub length: Option<u64>,
    /// Line of the tag.
    pub line: usize,
}

/// `EXT-X-RENDITION-REPORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionReport {
    /// The other media playlist.
    pub uri: String,
    /// `LAST-MSN`.
    pub last_msn: Option<u64>,
    /// `LAST-PART`.
    pub last_part: Option<u64>,
    /// Line of the tag.
    pub line: usize,
}

/// `EXT-X-SKIP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// `SKIPPED-SEGMENTS`.
    pub segments: u64,
    /// `RECENTLY-REMOVED-DATERANGES`.
    pub removed_date_ranges: Option<Vec<String>>,
    /// Whether it stands before `EXT-X-MEDIA-SEQUENCE`.
    pub before_sequence: bool,
    /// Line of the tag.
    pub line: usize,
}

/// `EXT-X-DATERANGE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateRange {
    /// `ID`.
    pub id: String,
    /// All attributes in order, `ID` included, quotation marks removed.
    pub attributes: Vec<(String, String)>,
    /// Line of the tag.
    pub line: usize,
}

/// A tag that stands behind the first `EXT-X-PART` of its segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misplaced {
    /// The tag, such as `EXT-X-MAP`.
    pub tag: &'static str,
    /// Its line.
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
/// `EXT-X-MAP`, are refused, and so are delta updates.
pub fn media(text: &str) -> Result<Media, HlsError> {
    let media = media::read(text)?;
    media::refuse_other_formats(&media)?;
    Ok(media)
}

/// Reads a media playlist of any format, or a delta update of one.
pub fn any_media(text: &str) -> Result<Media, HlsError> {
    media::read(text)
}

#[cfg(test)]
mod tests;
