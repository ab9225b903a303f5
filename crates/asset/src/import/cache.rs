//! Where imports are kept: a folder named by the source and its state, made under a lock and
//! complete once it has its name.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, TryLockError},
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use store::mapped::modified_ns;

use super::{Error, FORMAT, Imported, OnProgress, progress};

/// Name of the manifest, which is written last.
pub(super) const MANIFEST: &str = "manifest.mpd";

/// How often a taken lock is tried again.
const LOCK_POLL: Duration = Duration::from_millis(200);

/// The place of one source in one state.
#[derive(Debug)]
pub(super) struct Place {
    /// The source without links.
    source: PathBuf,
    cache: PathBuf,
    /// What the names of all states of this source begin with.
    stem: String,
    /// Name of the folder for this state.
    name: String,
}

impl Place {
    /// Asks for the state of `source` and names its place.
    pub(super) fn of(source: &Path, cache: &Path) -> Result<Self, Error> {
        let unreadable = |error: io::Error| Error::Unreadable {
            path: source.to_path_buf(),
            reason: error.to_string(),
        };
        let whole = fs::canonicalize(source).map_err(unreadable)?;
        let metadata = fs::metadata(&whole).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(unreadable(io::Error::other("not a regular file")));
        }
        let path = whole.as_os_str().as_bytes();
        let stem = format!("{}-{:016x}", readable(&whole), hash(&[path]) as u64);
        let state = hash(&[
            path,
            &metadata.len().to_le_bytes(),
            &modified_ns(&metadata).to_le_bytes(),
            &FORMAT.to_le_bytes(),
        ]);
        Ok(Self {
            source: whole,
            cache: cache.to_path_buf(),
            name: format!("{stem}-{:016x}", state as u64),
            stem,
        })
    }

    pub(super) fn source(&self) -> &Path {
        &self.source
    }

    fn folder(&self) -> PathBuf {
        self.cache.join(&self.name)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.folder().join(MANIFEST).is_file()
    }

    /// Describes an import that was there already.
    pub(super) fn found(&self) -> Imported {
        Imported {
            folder: self.folder(),
            from_cache: true,
            notes: Vec::new(),
        }
    }

    /// Waits until no other import of this source runs, in this process or another. The lock ends
    /// with the returned file, and with the process.
    pub(super) fn lock(&self, on_progress: OnProgress<'_>) -> Result<File, Error> {
        let path = self.cache.join(format!("{}.lock", self.stem));
        let fail = |source| Error::Cache {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(&self.cache).map_err(fail)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(fail)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(fail(error)),
                Err(TryLockError::WouldBlock) => {
                    if on_progress(progress("waiting for another import", None, 0..1)).is_break() {
                        return Err(Error::Stopped);
                    }
                    thread::sleep(LOCK_POLL);
                }
            }
        }
    }

    /// Makes an empty folder to work in. To be called with the lock held: what an import that
    /// crashed left behind is removed.
    pub(super) fn begin(&self) -> Result<Work<'_>, Error> {
        let folder = self.cache.join(format!("{}.part", self.stem));
        remove(&folder)?;
        // A folder without a manifest is in the way of the rename.
        remove(&self.folder())?;
        fs::create_dir_all(&folder).map_err(|source| Error::Cache {
            path: folder.clone(),
            source,
        })?;
        Ok(Work {
            place: self,
            folder,
            published: false,
        })
    }
}

/// A folder that an import is made in; removed when dropped before it is published.
#[derive(Debug)]
pub(super) struct Work<'a> {
    place: &'a Place,
    folder: PathBuf,
    published: bool,
}

impl Work<'_> {
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives the folder its name, and removes imports of earlier states of the same source.
    pub(super) fn publish(mut self) -> Result<PathBuf, Error> {
        let folder = self.place.folder();
        let fail = |source| Error::Cache {
            path: folder.clone(),
            source,
        };
        fs::rename(&self.folder, &folder).map_err(fail)?;
        self.published = true;
        store::atomic::sync_folder(&self.place.cache).map_err(fail)?;
        self.place.remove_earlier();
        Ok(folder)
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        if !self.published
            && let Err(error) = fs::remove_dir_all(&self.folder)
        {
            tracing::warn!(folder = %self.folder.display(), %error, "left behind");
        }
    }
}

impl Place {
    /// Files that are still mapped stay readable to who has mapped them.
    fn remove_earlier(&self) {
        let Ok(entries) = fs::read_dir(&self.cache) else {
            return;
        };
        let prefix = format!("{}-", self.stem);
        for entry in entries.flatten() {
            let name = entry.file_name();
            let earlier = name
                .to_str()
                .is_some_and(|name| name.starts_with(&prefix) && name != self.name);
            if earlier && let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!(folder = %entry.path().display(), %error, "left behind");
            }
        }
    }
}

fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::Cache {
            path: folder.to_path_buf(),
            source: error,
        }),
        _ => Ok(()),
    }
}

/// Returns a path as ffmpeg takes it: with `file:`, so that a colon in it is no protocol.
pub(super) fn as_input(path: &Path) -> OsString {
    let mut input = OsString::from("file:");
    input.push(path);
    input
}

/// Makes a short, plain text of the file's name, for people who look into the cache.
fn readable(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or(OsStr::new("media"));
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    stem.to_string_lossy().chars().take(40).map(plain).collect()
}

/// Hashes parts with their lengths: FNV-1a of 128 bits, the same on every machine and for ever.
fn hash(parts: &[&[u8]]) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    let mut add = |byte: u8| hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    for part in parts {
        part.iter().copied().for_each(&mut add);
        (part.len() as u64)
            .to_le_bytes()
            .into_iter()
            .for_each(&mut add);
    }
    hash
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn the_name_follows_path_size_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let path = folder.path().join("A film: part 1.mkv");
        fs::write(&path, "x").unwrap();
        let one = Place::of(&path, &cache).unwrap();
        assert!(one.name.starts_with("A_film__part_1-"), "{}", one.name);
        let through_dots = folder.path().join("cache/../A film: part 1.mkv");
        fs::create_dir(&cache).unwrap();
        assert_eq!(Place::of(&through_dots, &cache).unwrap().name, one.name);
        fs::write(&path, "xy").unwrap();
        let two = Place::of(&path, &cache).unwrap();
        assert_eq!(two.stem, one.stem);
        assert_ne!(two.name, one.name);
        assert!(matches!(
            Place::of(folder.path(), &cache),
            Err(Error::Unreadable { .. })
        ));
    }

    #[test]
    fn work_appears_whole_and_replaces_earlier_states() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mkv");
        let cache = folder.path().join("cache");
        fs::write(&path, "1").unwrap();
        let make = |content: Option<&str>| {
            let place = Place::of(&path, &cache).unwrap();
            let _lock = place.lock(&mut |_| ControlFlow::Break(())).unwrap();
            let work = place.begin().unwrap();
            assert!(!place.is_complete());
            if let Some(content) = content {
                fs::write(work.folder().join(MANIFEST), content).unwrap();
                work.publish().unwrap();
            } else {
                drop(work);
            }
            place
        };
        assert!(!make(None).is_complete(), "dropped work leaves nothing");
        let first = make(Some("one"));
        assert!(first.is_complete());
        fs::write(&path, "22").unwrap();
        let second = make(Some("two"));
        assert!(second.is_complete() && !first.is_complete());
    }

    #[test]
    fn a_lock_is_held_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mkv");
        fs::write(&path, "1").unwrap();
        let place = Place::of(&path, folder.path()).unwrap();
        let held = place.lock(&mut |_| ControlFlow::Break(())).unwrap();
        let refused = place.lock(&mut |_| ControlFlow::Break(()));
        assert!(matches!(refused, Err(Error::Stopped)));
        drop(held);
        place.lock(&mut |_| ControlFlow::Break(())).unwrap();
    }
}
