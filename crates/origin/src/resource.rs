//! What a URL below a presentation means.

use media::{
    supply::{Manifest, Refusal},
    template::Key,
};

/// Something that a presentation has a URL for. `manifest` is a position in the supplier's list,
/// `track` a track number of that manifest's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// An MPD.
    Mpd {
        /// Which manifest.
        manifest: usize,
    },
    /// An HLS multivariant playlist.
    Multivariant {
        /// Which manifest.
        manifest: usize,
    },
    /// An HLS media playlist.
    Playlist {
        /// The first manifest that has the track.
        manifest: usize,
        /// Which track.
        track: usize,
    },
    /// An init segment.
    Init {
        /// The first manifest that has the track.
        manifest: usize,
        /// Which track.
        track: usize,
    },
    /// A media segment.
    Media {
        /// The first manifest that has the track.
        manifest: usize,
        /// Which track.
        track: usize,
        /// Which segment, whether it exists or not.
        key: Key,
    },
    /// A part of a media segment.
    Part {
        /// The first manifest that has the track.
        manifest: usize,
        /// Which track.
        track: usize,
        /// Which segment, whether it exists or not.
        key: Key,
        /// Which part of it, from 0.
        index: u32,
    },
}

/// Finds out what `rest`, the decoded path below the presentation without a leading slash, means.
///
/// Manifests are found by their extension; everything else by the templates of the tracks, of which
/// the first that matches counts. There are few tracks, and a template that does not match fails
/// at its first piece, so nothing is compiled or cached beforehand.
///
/// # Errors
/// [`Refusal::NotFound`] with a sentence that says what there is.
pub fn resolve(manifests: &[Manifest], rest: &str) -> Result<Resource, Refusal> {
    let found = if let Some(stem) = rest.strip_suffix(".mpd") {
        named(manifests, stem, "manifest").map(|manifest| Resource::Mpd { manifest })
    } else if let Some(stem) = rest.strip_suffix(".m3u8") {
        playlist(manifests, stem)
    } else {
        segment(manifests, rest).or_else(|| part(manifests, rest))
    };
    found.ok_or_else(|| unknown(manifests, rest))
}

/// Finds a manifest by its stem, or the first one by its other name.
fn named(manifests: &[Manifest], stem: &str, first: &str) -> Option<usize> {
    let exact = manifests
        .iter()
        .position(|manifest| stem_of(manifest) == Some(stem));
    exact.or_else(|| (stem == first && !manifests.is_empty()).then_some(0))
}

fn stem_of(manifest: &Manifest) -> Option<&str> {
    manifest.name.strip_suffix(".mpd")
}

fn playlist(manifests: &[Manifest], stem: &str) -> Option<Resource> {
    if let Some(id) = stem.strip_suffix("/playlist") {
        let found = tracks(manifests).find(|(_, _, track)| track.id == id);
        if let Some((manifest, track, _)) = found {
            return Some(Resource::Playlist { manifest, track });
        }
    }
    named(manifests, stem, "master").map(|manifest| Resource::Multivariant { manifest })
}

fn segment(manifests: &[Manifest], rest: &str) -> Option<Resource> {
    tracks(manifests).find_map(|(manifest, number, track)| {
        let media = track.media.match_path(rest, &track.id, track.bandwidth);
        if let Some(Some(key)) = media {
            return Some(Resource::Media {
                manifest,
                track: number,
                key,
            });
        }
        let init = track.init.as_ref()?;
        let found = init.match_path(rest, &track.id, track.bandwidth);
        matches!(found, Some(None)).then_some(Resource::Init {
            manifest,
            track: number,
        })
    })
}

fn part(manifests: &[Manifest], rest: &str) -> Option<Resource> {
    tracks(manifests).find_map(|(manifest, number, track)| {
        let (key, index) = track.media.match_part(rest, &track.id, track.bandwidth)?;
        Some(Resource::Part {
            manifest,
            track: number,
            key,
            index,
        })
    })
}

fn tracks(
    manifests: &[Manifest],
) -> impl Iterator<Item = (usize, usize, &media::presentation::Track)> {
    manifests.iter().enumerate().flat_map(|(index, manifest)| {
        let tracks = manifest.shape.tracks().enumerate();
        tracks.map(move |(number, (_, track))| (index, number, track))
    })
}

/// Says what there is instead: the manifests, at most a handful by name.
fn unknown(manifests: &[Manifest], rest: &str) -> Refusal {
    const NAMED: usize = 8;
    let names: Vec<String> = manifests
        .iter()
        .take(NAMED)
        .map(|manifest| format!("`{}`", manifest.name))
        .collect();
    let mut there_is = names.join(", ");
    if manifests.len() > NAMED {
        there_is.push_str(&format!(" and {} more", manifests.len() - NAMED));
    }
    Refusal::NotFound(format!(
        "`{rest}` is neither a manifest nor a segment here; there are `master.m3u8`, {there_is} \
         and what they list."
    ))
}
