//! The HLS writer (RFC 8216bis): multivariant playlists and media playlists of fragmented MP4,
//! static and live.
//!
//! Every group of tags has a function of its own, so that tags of low latency and date ranges can
//! stand beside them. URIs are relative: the multivariant playlist lies beside the MPD, the media
//! playlist of a track at [`media_name`] below it. No more than one period's shape is in a
//! multivariant playlist: that of the last.

mod groups;
mod media;
mod multivariant;

use std::fmt::Write as _;

use crate::{presentation::Presentation, url};

/// File name of the media playlist of a track.
const MEDIA_FILE: &str = "playlist.m3u8";
/// Protocol version: 6 is needed for `EXT-X-MAP`; 7 is what players meet with fragmented MP4.
const VERSION: u32 = 7;
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

/// Writes the media playlist of one track of the last period's shape, which other periods have
/// under the same id; empty when there is no such track. `query` (without `?`, may be empty) is
/// appended to every URI.
pub fn media(presentation: &Presentation, track: usize, query: &str) -> String {
    media::write(presentation, track, query)
}

fn push_version(out: &mut String) {
    let _ = writeln!(out, "#EXTM3U\n#EXT-X-VERSION:{VERSION}");
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
