//! Makes a finished result a version of an asset: beside the old one, whole, then shown in one step.
//!
//! The name of a version is the digest of its files, so equal results are one version and nothing is
//! written twice; a publication that was interrupted goes on with what is missing. Media are copied
//! within the store (a folder links them), manifests go last, and before the pointer is moved all of
//! it is compared with a listing of the store. No encoding and no manifests are made here.

pub mod early;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use asset::versions::{self, File, Flip, Shelf, Version};
use media::content_type;
use store::{
    digest::{self, Digest},
    objects::{Content, Options, Shared},
};

use crate::commit::ObjectRef;

/// Objects that are copied at one time; a bucket answers slowly and bears many.
const PARALLEL: usize = 12;
/// Digits in the name of a version.
const DIGITS: usize = 12;
/// `Cache-Control` of a version's files: another version has other URLs.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// A file of the result.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Path below the version, such as `v0/12.m4s`.
    pub name: String,
    /// What it holds.
    pub source: Source,
}

/// Where the content of a file is.
#[derive(Clone, Debug)]
pub enum Source {
    /// An object of a step.
    Object(ObjectRef),
    /// In memory.
    Bytes(Vec<u8>),
}

/// What is to be published.
pub struct Publication<'a> {
    /// The asset.
    pub shelf: &'a Shelf,
    /// The store that the objects of steps lie in.
    pub work: &'a Shared,
    /// Which job it is, for the record.
    pub job: &'a str,
    /// All files.
    pub pieces: Vec<Piece>,
}

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Folder of the version.
    pub version: String,
    /// The version that was shown before, if it is another one.
    pub before: Option<String>,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How far a publication is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Files that are in place.
    pub files: usize,
    /// All files.
    pub of_files: usize,
}

/// Why nothing was published; what was shown before is shown on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store of the results.
    #[error(transparent)]
    Store(#[from] store::objects::Error),
    /// The versions of the asset.
    #[error(transparent)]
    Versions(#[from] versions::Error),
    /// It was stopped on request.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// Tells whether the same may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) | Self::Versions(versions::Error::Store(error)) => error.may_pass(),
            Self::Versions(error) => matches!(
                error,
                versions::Error::Incomplete { .. } | versions::Error::Contended { .. }
            ),
            Self::Stopped => true,
        }
    }
}

/// Publishes a result and shows it. `now_ms` is Unix time; `stop` is asked between files.
pub fn publish(
    publication: Publication<'_>,
    now_ms: i64,
    stop: &(dyn Fn() -> bool + Sync),
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Published, Error> {
    let Publication {
        shelf,
        work,
        job,
        mut pieces,
    } = publication;
    // Manifests name media, so they come after it.
    pieces.sort_by(|a, b| (is_manifest(&a.name), &a.name).cmp(&(is_manifest(&b.name), &b.name)));
    let files: Vec<File> = pieces.iter().map(Piece::file).collect();
    let version = name_of(&files);
    let sealed = shelf.version(&version)?;
    if sealed.is_none() {
        shelf.begin(&version)?;
        let there = there(shelf, &version)?;
        let first_manifest = pieces.partition_point(|piece| !is_manifest(&piece.name));
        let (media, manifests) = pieces.split_at(first_manifest);
        let copying = Copying {
            shelf,
            work,
            version: &version,
            there: &there,
            stop,
            progress,
            of_files: pieces.len(),
            done: AtomicUsize::new(0),
        };
        copying.all(media)?;
        copying.all(manifests)?;
        shelf.seal(&Version::new(&version, job, now_ms, files.clone()))?;
    }
    let before = match shelf.flip(&version, now_ms)? {
        Flip::Done { before } => before,
        Flip::Already => None,
    };
    Ok(Published {
        version,
        before,
        files: files.len() as u64,
        bytes: files.iter().map(|file| file.bytes).sum(),
    })
}

/// Names a version by its files.
fn name_of(files: &[File]) -> String {
    let mut digest = Digest::default();
    digest.field("headend version 1");
    for file in files {
        digest.field(&file.name);
        digest.field(&file.hash);
    }
    let mut digits = digest.hex();
    digits.truncate(DIGITS);
    format!("v-{digits}")
}

/// Returns the keys of a version's files that are there, with their lengths.
fn there(shelf: &Shelf, version: &str) -> Result<BTreeMap<String, u64>, Error> {
    let prefix = format!("{}/{version}", shelf.name());
    let listed = shelf.store().list(&prefix)?;
    Ok(listed
        .into_iter()
        .map(|entry| (entry.key, entry.bytes))
        .collect())
}

impl Piece {
    fn file(&self) -> File {
        let (bytes, hash) = match &self.source {
            Source::Object(object) => (object.bytes, object.hash.clone()),
            Source::Bytes(bytes) => (bytes.len() as u64, digest::of_bytes(bytes)),
        };
        File {
            name: self.name.clone(),
            bytes,
            hash,
        }
    }

    fn bytes(&self) -> u64 {
        match &self.source {
            Source::Object(object) => object.bytes,
            Source::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

/// Copies files on a few threads.
struct Copying<'a> {
    shelf: &'a Shelf,
    work: &'a Shared,
    version: &'a str,
    there: &'a BTreeMap<String, u64>,
    stop: &'a (dyn Fn() -> bool + Sync),
    progress: &'a (dyn Fn(Progress) + Sync),
    of_files: usize,
    done: AtomicUsize,
}

impl Copying<'_> {
    fn all(&self, pieces: &[Piece]) -> Result<(), Error> {
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let first_error = Mutex::new(None);
        let work = || {
            while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                if failed.load(Ordering::Relaxed) {
                    return;
                }
                if let Err(error) = self.one(piece) {
                    failed.store(true, Ordering::Relaxed);
                    let mut first = first_error.lock().unwrap_or_else(PoisonError::into_inner);
                    first.get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..PARALLEL.min(pieces.len()) {
                scope.spawn(work);
            }
            work();
        });
        let error = first_error
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        error.map_or(Ok(()), Err)
    }

    fn one(&self, piece: &Piece) -> Result<(), Error> {
        if (self.stop)() {
            return Err(Error::Stopped);
        }
        let key = self.shelf.key(self.version, &piece.name);
        if self.there.get(&key) != Some(&piece.bytes()) {
            self.write(piece, &key)?;
        }
        let files = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        (self.progress)(Progress {
            files,
            of_files: self.of_files,
        });
        Ok(())
    }

    fn write(&self, piece: &Piece, key: &str) -> Result<(), Error> {
        let target = self.shelf.store();
        let options = Options {
            content_type: Some(content_type::of(&piece.name)),
            cache_control: Some(IMMUTABLE),
            // The seal of the version flushes them all.
            lazy: true,
            ..Options::default()
        };
        match &piece.source {
            Source::Bytes(bytes) => {
                target.put(key, Content::Bytes(bytes), options)?;
            }
            Source::Object(object) if Arc::ptr_eq(self.work, target) => {
                target.copy(&object.place, key)?;
            }
            Source::Object(object) => {
                if let Some(path) = self.work.local_path(&object.place) {
                    target.put(key, Content::File(&path), options)?;
                } else {
                    let bytes = self.work.get(&object.place)?;
                    target.put(key, Content::Bytes(&bytes), options)?;
                }
            }
        }
        Ok(())
    }
}

fn is_manifest(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    matches!(extension, Some("m3u8" | "mpd"))
}
