//! An asset as a static presentation: all of it, from stored bytes.
//!
//! Segments are slices of the mapped files, init segments are as stored. Times in the manifests are
//! those of the source: decode times less the edit list of sound, cut off at zero.

use std::{
    path::{Component, Path},
    sync::{Arc, OnceLock},
};

use media::{
    presentation::{Content, Presentation, Timeline},
    supply::{Manifest, Payload, Refusal, Supplier},
    template::Key,
};
use store::mapped::{MediaFile, modified_ns};

use crate::{
    model::{Asset, AssetManifest, Segment, TrackIndex},
    versions::{self, is_version_name},
};

/// Supplies an asset on demand.
pub struct Vod {
    asset: Arc<Asset>,
    manifests: Vec<Manifest>,
    /// The presentation of each manifest, made when it is first asked for; it never changes.
    presentations: Vec<OnceLock<Presentation>>,
}

impl Vod {
    /// Makes the presentation of an asset.
    pub fn new(asset: Arc<Asset>) -> Self {
        let manifests: Vec<Manifest> = asset
            .manifests
            .iter()
            .map(|manifest| Manifest {
                name: manifest.name.clone(),
                shape: Arc::clone(&manifest.shape),
            })
            .collect();
        Self {
            presentations: manifests.iter().map(|_| OnceLock::new()).collect(),
            manifests,
            asset,
        }
    }

    /// Returns the asset.
    pub fn asset(&self) -> &Arc<Asset> {
        &self.asset
    }

    /// Returns a file of the asset's folder by its relative path, which is not percent-encoded.
    /// None when there is no such file, when its name or a folder's begins with a dot, or when a
    /// link leads it out of the folder.
    pub fn raw(&self, path: &str) -> Option<MediaFile> {
        file_below(&self.asset.folder, path)
    }

    /// Finds out whether a path below the asset leads into a version of it, be it the one that is
    /// shown or an older one that is kept. Such a path means the same bytes for ever.
    pub fn versioned<'p>(&self, path: &'p str) -> Option<Versioned<'p>> {
        let current = self.asset.release.as_deref()?;
        let (version, rest) = path.split_once('/')?;
        is_version_name(version).then_some(Versioned {
            version,
            rest,
            is_current: version == current,
        })
    }

    /// Returns a file of a version, as [`Vod::raw`] does.
    pub fn raw_of(&self, version: &str, path: &str) -> Option<MediaFile> {
        let all = self.asset.folder.parent()?;
        (self.asset.release.is_some() && is_version_name(version))
            .then(|| file_below(&all.join(version), path))?
    }

    /// Returns the text of a manifest of the version that is shown, if its name means one, changed
    /// so that all it names lies in the folder of the version. None where the manifests are made
    /// from the index.
    pub fn stored_manifest(&self, name: &str) -> Option<std::io::Result<String>> {
        let version = self.asset.release.as_deref()?;
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        if name.contains('/') || !matches!(extension, Some("m3u8" | "mpd")) {
            return None;
        }
        let file = self.raw(name)?;
        let text = std::fs::read_to_string(file.path());
        Some(text.map(|text| versions::in_folder(&text, version)))
    }
    fn manifest(&self, manifest: usize) -> Result<&AssetManifest, Refusal> {
        self.asset.manifests.get(manifest).ok_or_else(|| {
            Refusal::NotFound(format!("`{}` has no manifest {manifest}", self.asset.name))
        })
    }

    fn track(&self, manifest: usize, track: usize) -> Result<&TrackIndex, Refusal> {
        self.manifest(manifest)?
            .tracks
            .get(track)
            .and_then(|at| self.asset.tracks.get(*at))
            .map(AsRef::as_ref)
            .ok_or_else(|| Refusal::NotFound(format!("`{}` has no track {track}", self.asset.name)))
    }

    fn present(&self, manifest: &AssetManifest) -> Presentation {
        let timelines = manifest
            .tracks
            .iter()
            .filter_map(|at| self.asset.tracks.get(*at))
            .map(|track| timeline(track))
            .collect();
        Presentation::complete(
            Arc::clone(&manifest.shape),
            timelines,
            self.asset.duration,
            manifest.addressing,
        )
    }
}

/// A path into a version of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versioned<'p> {
    /// The version.
    pub version: &'p str,
    /// The path below its folder.
    pub rest: &'p str,
    /// Whether it is the one that is shown.
    pub is_current: bool,
}

/// Returns a file below a folder, unless something of its path is hidden or leads out.
fn file_below(folder: &Path, path: &str) -> Option<MediaFile> {
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) if !name.as_encoded_bytes().starts_with(b".") => {}
            _ => return None,
        }
    }
    let folder = folder.canonicalize().ok()?;
    let file = folder.join(path).canonicalize().ok()?;
    let metadata = std::fs::metadata(&file).ok()?;
    (file.starts_with(&folder) && metadata.is_file())
        .then(|| MediaFile::new(&file, metadata.len(), modified_ns(&metadata)))
}

/// Lists all segments of a track as the source's manifest would show them.
fn timeline(track: &TrackIndex) -> Timeline {
    let mut timeline = Timeline {
        presentation_time_offset: u64::try_from(track.origin).unwrap_or(0),
        first_number: track.first_number,
        ..Timeline::default()
    };
    for segment in &track.segments {
        let (start, end) = (
            track.shown(segment.start),
            track.shown(segment.start.saturating_add(segment.duration)),
        );
        timeline.push(start, end - start);
    }
    timeline
}

/// Finds the segment that a key names.
fn find(track: &TrackIndex, key: Key) -> Option<&Segment> {
    match key {
        Key::Number(number) => {
            let at = usize::try_from(number.checked_sub(track.first_number)?).ok()?;
            track.segments.get(at)
        }
        Key::Time(time) => {
            let at = track
                .segments
                .binary_search_by_key(&time, |segment| track.shown(segment.start))
                .ok()?;
            track.segments.get(at)
        }
    }
}

fn content_type(track: &TrackIndex) -> &'static str {
    match (track.content, track.track.mime_type.as_str()) {
        (Content::Video, _) => "video/mp4",
        (Content::Audio, _) => "audio/mp4",
        (Content::Text, _) => "application/mp4",
        (Content::Image, "image/png") => "image/png",
        (Content::Image, "image/webp") => "image/webp",
        (Content::Image, _) => "image/jpeg",
    }
}

impl Supplier for Vod {
    fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    fn presentation(&self, manifest: usize, _now: i64) -> Result<Presentation, Refusal> {
        let known = self.manifest(manifest)?;
        let made = self.presentations.get(manifest).ok_or_else(|| {
            Refusal::NotFound(format!("`{}` has no manifest {manifest}", self.asset.name))
        })?;
        Ok(made.get_or_init(|| self.present(known)).clone())
    }

    fn init(&self, manifest: usize, track: usize, _now: i64) -> Result<Payload, Refusal> {
        let track = self.track(manifest, track)?;
        if track.init.is_empty() {
            return Err(Refusal::NotFound(format!(
                "track `{}` has no init segment",
                track.id
            )));
        }
        Ok(Payload {
            slices: vec![track.init.clone()],
            content_type: content_type(track),
            version: self.asset.version,
        })
    }

    fn segment(
        &self,
        manifest: usize,
        track: usize,
        key: Key,
        _now: i64,
    ) -> Result<Payload, Refusal> {
        let track = self.track(manifest, track)?;
        let segment = find(track, key).ok_or_else(|| {
            let what = match key {
                Key::Number(number) => format!("number {number}"),
                Key::Time(time) => format!("time {time}"),
            };
            Refusal::NotFound(format!("track `{}` has no segment of {what}", track.id))
        })?;
        let bytes = track
            .bytes(segment)
            .map_err(|error| Refusal::Internal(format!("content cannot be read: {error}")))?;
        Ok(Payload {
            slices: vec![bytes],
            content_type: content_type(track),
            version: self.asset.version,
        })
    }
}
