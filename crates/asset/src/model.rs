//! What is known of an asset: its manifests and, for each track, where every segment lies.
//!
//! Memory is counted: a [`Segment`] costs [`std::mem::size_of::<Segment>()`] bytes and a
//! [`MediaFile`] is per file, so that an index stays within 64 bytes a segment and track.

use std::sync::Arc;

use bytes::Bytes;
use media::{
    presentation::{Addressing, Content, Shape, Track},
    time::{Time, Timescale},
};
use store::mapped::MediaFile;

/// A VoD asset: indexed, immutable. Changed content makes a new `Asset`.
#[derive(Debug)]
pub struct Asset {
    /// Path below the root, `/`-separated; without extension for a plain media file.
    pub name: String,
    /// Where the content came from.
    pub kind: Kind,
    /// Folder its relative file names start from.
    pub folder: std::path::PathBuf,
    /// The last part of the folder when it is a version of the asset, see [`crate::versions`].
    pub release: Option<String>,
    /// Changes whenever the content does; part of every entity tag.
    pub version: u64,
    /// The manifests, the default one first.
    pub manifests: Vec<AssetManifest>,
    /// All tracks of all manifests, each once.
    pub tracks: Vec<Arc<TrackIndex>>,
    /// Duration of one loop: that of the reference track, exact.
    pub duration: Time,
    /// Position in `tracks` of the reference track: the first video by ascending id, else the
    /// first audio.
    pub reference: usize,
    /// Shortest mean segment duration over all tracks but images.
    pub shortest_mean_segment: Time,
    /// What is odd about the content without keeping it from being used, whole sentences.
    pub warnings: Vec<String>,
}

/// Where the content of an asset came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A folder with one or more MPDs.
    Dash,
    /// A folder with HLS playlists over fragmented MP4 and no MPD.
    Hls,
    /// A plain media file, brought to CMAF in the cache.
    Plain,
}

/// One manifest of an asset.
#[derive(Debug, Clone)]
pub struct AssetManifest {
    /// File name below the asset's folder, such as `Manifest.mpd` (`manifest.mpd` if made by us).
    pub name: String,
    /// What it shows.
    pub shape: Arc<Shape>,
    /// How it addresses segments when it is shown on demand.
    pub addressing: Addressing,
    /// For each track of the shape, in order, its position in [`Asset::tracks`].
    pub tracks: Vec<usize>,
}

/// One track of an asset with its segment index.
#[derive(Debug)]
pub struct TrackIndex {
    /// Representation id.
    pub id: String,
    /// What it carries.
    pub content: Content,
    /// Description, as the shapes have it.
    pub track: Track,
    /// Ticks per second of the media.
    pub timescale: Timescale,
    /// The init segment as stored; empty for images.
    pub init: Bytes,
    /// Ticks by which shown times lie before decode times: `media_time` of a one-entry edit list
    /// less the composition offset of the first sample, not below zero. That is the priming of
    /// audio; for pictures in the order of composition the two cancel out.
    pub edit_media_time: i64,
    /// Decode time, in ticks, that is time zero of the presentation.
    pub origin: i64,
    /// Duration of every sample when they are all alike (audio can then be cut anew).
    pub sample_duration: Option<u32>,
    /// `$Number$` of the first segment as stored, 1 when the source does not number.
    pub first_number: u64,
    /// Whether samples are encrypted.
    pub encrypted: bool,
    /// The segments in order, without gaps.
    pub segments: Vec<Segment>,
    /// The files that hold them; [`Segment::file`] is a position here.
    pub files: Vec<MediaFile>,
}

/// One segment as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Decode time of the first sample in ticks.
    pub start: u64,
    /// Offset in the file.
    pub offset: u64,
    /// Duration in ticks.
    pub duration: u64,
    /// Length in bytes.
    pub size: u32,
    /// Position in [`TrackIndex::files`].
    pub file: u32,
}

impl TrackIndex {
    /// Returns the bytes of a segment, as a slice of the mapped file.
    pub fn bytes(&self, segment: &Segment) -> Result<Bytes, store::mapped::MapError> {
        let file = &self.files[segment.file as usize];
        file.slice(segment.offset, u64::from(segment.size))
    }

    /// Returns the time at which a decode time is shown, in ticks on the timeline of the source's
    /// manifest: the edit list is taken off, what lies before zero is cut away.
    pub fn shown(&self, decode_time: u64) -> u64 {
        let shown = i128::from(decode_time) - i128::from(self.edit_media_time);
        u64::try_from(shown.max(0)).unwrap_or(u64::MAX)
    }

    /// Returns the whole duration, from the first segment's start to the last one's end.
    pub fn duration(&self) -> Time {
        let ticks = match (self.segments.first(), self.segments.last()) {
            (Some(first), Some(last)) => (last.start + last.duration) as i64 - first.start as i64,
            _ => 0,
        };
        Time::new(ticks, self.timescale)
    }
}
