//! The HLS writer: multivariant and media playlists.

use crate::presentation::Presentation;

/// Returns the path of the media playlist of the track `id` below the asset, not percent-encoded.
pub fn media_name(id: &str) -> String {
    format!("{id}/playlist.m3u8")
}

/// Writes the multivariant playlist; `query` (without `?`, may be empty) is appended to every URI.
pub fn multivariant(_presentation: &Presentation, _query: &str) -> String {
    String::new()
}

/// Writes the media playlist of one track, empty when there is no such track; `query` (without
/// `?`, may be empty) is appended to every URI.
pub fn media(_presentation: &Presentation, _track: usize, _query: &str) -> String {
    String::new()
}
