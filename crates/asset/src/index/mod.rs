//! The index of an asset as one small file, so that a start does not read media again.
//!
//! A file is named by a digest of where the content is and holds: magic and format, a digest of the
//! rest, the manifests it is for, the version of the asset (see [`version`](crate::version)), and
//! the asset without names of its own. Reading it asks for size and time of every file of the asset
//! and opens none; when the version that these make is not the stored one, the index is void. So is
//! anything that cannot be read: an index is made again, never mended.

mod shape;
mod track;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    load::Loaded,
    model::{Asset, Kind, TrackIndex},
    scan::{Found, Source},
    stamp::Digest,
    version,
};
use media::time::Time;
use wire::{Reader, Wire};

/// First bytes of every index; the last byte is the format.
const MAGIC: [u8; 8] = *b"HDINDEX\x01";

/// A folder of indexes.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    /// Makes a store in a folder, which need not be there yet.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Returns the asset if it is in the store and none of its files has changed.
    pub(crate) fn read(&self, found: &Found, kind: Kind) -> Option<Loaded> {
        let path = self.path(found);
        let bytes = fs::read(&path).ok()?;
        let loaded = decode(&bytes, found, kind);
        if loaded.is_none() {
            tracing::debug!(index = %path.display(), asset = found.name, "index is void");
        }
        loaded
    }

    /// Puts an asset into the store. Failure costs only time at the next start.
    pub(crate) fn write(&self, found: &Found, loaded: &Loaded) {
        let path = self.path(found);
        if let Err(error) = store::atomic::write(&path, &encode(found, loaded)) {
            tracing::debug!(index = %path.display(), %error, "index cannot be kept");
        }
    }

    /// Takes an asset out of the store.
    pub(crate) fn remove(&self, found: &Found) {
        // Whatever the reason, an index that stays is checked before it is used.
        let _ = fs::remove_file(self.path(found));
    }

    fn path(&self, found: &Found) -> PathBuf {
        let mut digest = Digest::new();
        for text in identity(found) {
            digest.bytes(text.as_bytes());
            digest.bytes(&[0]);
        }
        self.folder.join(format!("{:016x}.index", digest.value()))
    }
}

/// What tells content apart: its folder and the manifests in it.
fn identity(found: &Found) -> Vec<String> {
    let mut identity = vec![found.folder.to_string_lossy().into_owned()];
    match &found.source {
        Source::Dash(names) => identity.extend(names.iter().cloned()),
        Source::Hls { playlists, .. } => identity.extend(playlists.iter().cloned()),
        Source::Plain(name) => identity.push(name.clone()),
    }
    identity
}

fn encode(found: &Found, loaded: &Loaded) -> Vec<u8> {
    let asset = &loaded.asset;
    let mut body = Vec::new();
    identity(found).put(&mut body);
    asset.version.put(&mut body);
    asset.kind.put(&mut body);
    track::put_names(loaded.sources.iter().cloned(), &found.folder, &mut body);
    asset.duration.put(&mut body);
    asset.reference.put(&mut body);
    asset.shortest_mean_segment.put(&mut body);
    asset.warnings.put(&mut body);
    asset.manifests.put(&mut body);
    asset.tracks.len().put(&mut body);
    for index in &asset.tracks {
        track::put(index, &found.folder, &mut body);
    }
    let mut bytes = MAGIC.to_vec();
    let mut digest = Digest::new();
    digest.bytes(&body);
    bytes.extend_from_slice(&digest.value().to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn decode(bytes: &[u8], found: &Found, kind: Kind) -> Option<Loaded> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let (sum, body) = rest.split_first_chunk::<8>()?;
    let mut digest = Digest::new();
    digest.bytes(body);
    if digest.value() != u64::from_le_bytes(*sum) {
        return None;
    }
    let mut from = Reader::new(body);
    if Vec::<String>::get(&mut from)? != identity(found) {
        return None;
    }
    let version = u64::get(&mut from)?;
    if Kind::get(&mut from)? != kind {
        return None;
    }
    let sources = track::get_names(&found.folder, &mut from)?;
    let duration = Time::get(&mut from)?;
    let reference = usize::get(&mut from)?;
    let shortest_mean_segment = Time::get(&mut from)?;
    let warnings = Vec::get(&mut from)?;
    let manifests: Vec<crate::model::AssetManifest> = Vec::get(&mut from)?;
    let mut tracks: Vec<Arc<TrackIndex>> = Vec::new();
    let mut stamps = Vec::new();
    for number in 0..from.count()? {
        let description = manifests.iter().find_map(|manifest| {
            let at = manifest.tracks.iter().position(|track| *track == number)?;
            manifest
                .shape
                .tracks()
                .nth(at)
                .map(|(_, track)| track.clone())
        })?;
        let index = track::get(description, &found.folder, &mut from, &mut stamps)?;
        tracks.push(Arc::new(index));
    }
    let in_range = |at: &usize| *at < tracks.len();
    let whole = from.is_empty()
        && in_range(&reference)
        && manifests.iter().all(|manifest| {
            manifest.tracks.iter().all(in_range)
                && manifest.tracks.len() == manifest.shape.tracks().count()
        });
    let now = version::of_stamps(
        version::stamps(&sources).ok()?.into_iter(),
        stamps.into_iter(),
    );
    (whole && now == version).then(|| Loaded {
        asset: Asset {
            name: found.name.clone(),
            kind,
            folder: found.folder.clone(),
            release: found.release.clone(),
            version,
            manifests,
            tracks,
            duration,
            reference,
            shortest_mean_segment,
            warnings,
        },
        sources,
    })
}

/// Returns where indexes are kept unless told otherwise: `$XDG_CACHE_HOME/headend/index`, else
/// `~/.cache/headend/index`; none without a home.
pub(crate) fn default_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache")))
        .map(|cache| cache.join("headend").join("index"))
}
