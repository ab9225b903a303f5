//! The HLS writer (RFC 8216bis): multivariant playlists and media playlists of fragmented MP4,
//! static and live.
//!
//! Every group of tags has a function of its own. What low latency adds (parts, hints, reports, delta
//! updates) is written where [`LowLatency::part_target`] says that there are parts; rules of Apple's
//! authoring guidelines are kept where they are stricter. URIs are relative: the multivariant playlist lies beside the MPD, the media
//! playlist of a track at [`media_name`] below it. No more than one period's shape is in a
//! multivariant playlist: that of the last.

mod groups;
mod low_latency;
mod media;
mod multivariant;

use std::fmt::Write as _;

#[cfg(doc)]
use crate::presentation::LowLatency;
use crate::{presentation::Presentation, url};

/// File name of the media playlist of a track.
const MEDIA_FILE: &str = "playlist.m3u8";
/// Protocol version: 6 is needed for `EXT-X-MAP`; 7 is what players meet with fragmented MP4.
const VERSION: u32 = 7;
/// What `EXT-X-SKIP` needs (RFC 8216bis, 8); parts and their kin need no version.
const DELTA_VERSION: u32 = 9;
/// Scheme of adaptation sets that are only for fast play.
const TRICK_MODE: &str = "http://dashif.org/guidelines/trickmode";

/// Returns the path of the media playlist of the track `id` below the asset, not percent-encoded.
/// Its segments climb out of it with one `../` a component of `id`.
pub fn media_name(id: &str) -> String {
    format!("{id}/{MEDIA_FILE}")
}

/// Writes the multivariant playlist: variants are video tracks times audio groups, or audio
/// groups when there is no video. `query` (without `?`, may be empty) is appended to every URI.
pub fn multivariant(presentation: &Presentation, query: &str) -> String {
    multivariant::write(presentation, query)
}

/// What a media playlist is to be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaOptions<'q> {
    /// Appended to every URI, without `?`; may be empty.
    pub query: &'q str,
    /// Whether a delta update may be written: `EXT-X-SKIP` in place of the segments that lie further
    /// from the end than `CAN-SKIP-UNTIL`. Where there are none, or the presentation does not offer
    /// delta updates, the playlist is whole.
    pub skip: bool,
}

/// Writes the media playlist of one track of the last period's shape, which other periods have
/// under the same id; empty when there is no such track. `query` (without `?`, may be empty) is
/// appended to every URI.
pub fn media(presentation: &Presentation, track: usize, query: &str) -> String {
    let options = MediaOptions { query, skip: false };
    media_with(presentation, track, &options)
}

/// Writes a media playlist like [`media`], with more to choose.
pub fn media_with(presentation: &Presentation, track: usize, options: &MediaOptions<'_>) -> String {
    media::write(presentation, track, options)
}

/// Returns `EXT-X-TARGETDURATION` of the media playlist of a track, in seconds. Under low latency it
/// is the same for all tracks.
pub fn target_duration(presentation: &Presentation, track: usize) -> u64 {
    media::target_duration(presentation, track)
}

fn push_version(out: &mut String, version: u32) {
    let _ = writeln!(out, "#EXTM3U\n#EXT-X-VERSION:{version}");
}

/// Writes the URI of the media playlist of a track, seen from the multivariant playlist.
fn push_media_uri(out: &mut String, id: &str, query: &str) {
    let start = out.len();
    url::push_path(out, id);
    out.push('/');
    out.push_str(MEDIA_FILE);
    url::push_query(out, start, query);
}

#[cfg(test)]
mod tests;
