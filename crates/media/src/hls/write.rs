//! The HLS writer (RFC 8216bis): multivariant playlists and media playlists of fragmented MP4,
//! static and live.
//!
//! Every group of tags has a function of its own. What low latency adds (parts, hints, reports, delta
//! updates) is written where [`LowLatency::part_target`] says that there are parts; rules of Apple's
//! authoring guidelines are kept where they are stricter. URIs are relative: the multivariant playlist lies beside the MPD, the media
//! playlist of a track at [`media_name`] below it. No more than one period's shape is in a
//! multivariant playlist: that of the last.

mod groups;
mod iframes;
mod images;
mod low_latency;
mod media;
mod multivariant;

use std::fmt::Write as _;

#[cfg(doc)]
use crate::presentation::LowLatency;
use crate::{presentation::Presentation, url};

/// File name of the media playlist of a track.
const MEDIA_FILE: &str = "playlist.m3u8";
/// File name of the playlist of its key frames.
const IFRAMES_FILE: &str = "iframes.m3u8";
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

/// Returns the path of the I-frame playlist of the track `id`, as [`media_name`] does.
pub fn iframes_name(id: &str) -> String {
    format!("{id}/{IFRAMES_FILE}")
}

/// Writes the multivariant playlist: variants are video tracks times audio groups, or audio
/// groups when there is no video. `query` (without `?`, may be empty) is appended to every URI.
pub fn multivariant(presentation: &Presentation, query: &str) -> String {
    let options = MultivariantOptions {
        query,
        ..MultivariantOptions::default()
    };
    multivariant_with(presentation, &options)
}

/// What a multivariant playlist is to be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MultivariantOptions<'q> {
    /// Appended to every URI, without `?`; may be empty.
    pub query: &'q str,
    /// Whether tiles of pictures are offered (`EXT-X-IMAGE-STREAM-INF`, an extension that players
    /// without it pass over); their playlists are written by [`images`].
    pub images: bool,
}

/// Writes the multivariant playlist like [`multivariant`], with more to choose.
pub fn multivariant_with(presentation: &Presentation, options: &MultivariantOptions<'_>) -> String {
    multivariant::write(presentation, options)
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
    /// Whether more is to come of a static presentation: `EXT-X-PLAYLIST-TYPE` is `EVENT` and there
    /// is no `EXT-X-ENDLIST`.
    pub event: bool,
    /// Attributes of `EXT-X-KEY` for all segments. It is written behind `EXT-X-MAP`: init segments are
    /// in the clear.
    pub key: Option<&'q str>,
}

/// Writes the media playlist of one track of the last period's shape, which other periods have
/// under the same id; empty when there is no such track. `query` (without `?`, may be empty) is
/// appended to every URI.
pub fn media(presentation: &Presentation, track: usize, query: &str) -> String {
    let options = MediaOptions {
        query,
        ..MediaOptions::default()
    };
    media_with(presentation, track, &options)
}

/// Writes a media playlist like [`media`], with more to choose.
pub fn media_with(presentation: &Presentation, track: usize, options: &MediaOptions<'_>) -> String {
    media::write(presentation, track, options)
}

/// Writes the I-frame playlist of one track of a static presentation of one period
/// (`EXT-X-I-FRAMES-ONLY`); empty when its [`keys`](crate::presentation::Timeline::keys) are not
/// known.
pub fn iframes(presentation: &Presentation, track: usize, options: &MediaOptions<'_>) -> String {
    iframes::write(presentation, track, options)
}

/// Writes the playlist of one track of tiles (`EXT-X-IMAGES-ONLY`, as Roku and others have it) of a
/// static presentation of one period; empty when it is no such track.
pub fn images(presentation: &Presentation, track: usize, options: &MediaOptions<'_>) -> String {
    images::write(presentation, track, options)
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
    push_uri_of(out, id, MEDIA_FILE, query);
}

/// Writes the URI of a file in the folder of a track.
fn push_uri_of(out: &mut String, id: &str, file: &str, query: &str) {
    let start = out.len();
    url::push_path(out, id);
    out.push('/');
    out.push_str(file);
    url::push_query(out, start, query);
}

#[cfg(test)]
mod tests;
