//! A file by name and fingerprint, read through the table of mappings.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;

use super::{
    MapBudget,
    budget::{Entry, Owner},
    mapping::Fingerprint,
    stem::{self, Stem},
};

/// A file that is mapped when it is first read. 32 bytes and, for numbered names, nothing else.
pub struct MediaFile(Inner);

enum Inner {
    Mapped {
        stem: Arc<Stem>,
        number: u64,
        fingerprint: Fingerprint,
        /// Where the mapping was last; the table says whether it still is.
        slot: AtomicU32,
    },
    Memory(Box<Bytes>),
}

/// A value of `slot` that no table reaches.
const NOWHERE: u32 = u32::MAX;

/// A file that cannot be read as expected.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct MapError {
    /// The file; empty for one in memory.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It cannot be opened or mapped.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// Its size or modification time is another than it was.
    #[error("changed since it was indexed, now {len} bytes long")]
    Changed {
        /// Its size now.
        len: u64,
    },
    /// The slice asked for is not inside.
    #[error("bytes {offset} to {offset}+{len} are beyond its end at {size}")]
    OutOfRange {
        /// First byte asked for.
        offset: u64,
        /// Number of bytes asked for.
        len: u64,
        /// Size of the file.
        size: u64,
    },
}

impl MediaFile {
    /// Names a file that was `len` bytes long and last modified at `modified_ns` (see
    /// [`modified_ns`](super::modified_ns)) when it was indexed. Nothing is opened.
    pub fn new(path: &Path, len: u64, modified_ns: i64) -> Self {
        Self::within(MapBudget::shared(), path, len, modified_ns)
    }

    /// As [`MediaFile::new`], with a table of the caller's choice.
    pub fn within(budget: &Arc<MapBudget>, path: &Path, len: u64, modified_ns: i64) -> Self {
        let (stem, number) = stem::intern(budget, path);
        Self(Inner::Mapped {
            stem,
            number,
            fingerprint: Fingerprint::new(len, modified_ns),
            slot: AtomicU32::new(NOWHERE),
        })
    }

    /// Makes a file that exists in memory only.
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self(Inner::Memory(Box::new(bytes)))
    }

    /// Returns where the file is; empty for one in memory.
    pub fn path(&self) -> PathBuf {
        match &self.0 {
            Inner::Mapped { stem, number, .. } => stem.path(*number),
            Inner::Memory(_) => PathBuf::new(),
        }
    }

    /// Returns the `len` bytes from `offset` on, without copying them.
    pub fn slice(&self, offset: u64, len: u64) -> Result<Bytes, MapError> {
        self.read(|all| cut(all, offset, len))
    }

    /// Returns all bytes, without copying them.
    pub fn whole(&self) -> Result<Bytes, MapError> {
        self.read(|all| Ok(all.clone()))
    }

    fn read(&self, take: impl FnOnce(&Bytes) -> Result<Bytes, Fault>) -> Result<Bytes, MapError> {
        let (stem, slot, owner) = match &self.0 {
            Inner::Memory(bytes) => return take(bytes).map_err(|fault| self.error(fault)),
            Inner::Mapped {
                stem,
                number,
                fingerprint,
                slot,
            } => (stem, slot, owner(stem, *number, *fingerprint)),
        };
        let hot = stem.budget.get(slot.load(Ordering::Relaxed), owner);
        let taken = match hot.as_deref().and_then(Option::as_ref) {
            Some(entry) => checked(entry, take),
            None => stem
                .budget
                .insert(
                    owner,
                    &self.path(),
                    || slot.load(Ordering::Relaxed),
                    |place| slot.store(place, Ordering::Relaxed),
                )
                .and_then(|entry| checked(&entry, take)),
        };
        taken.map_err(|fault| self.error(fault))
    }

    fn error(&self, fault: Fault) -> MapError {
        MapError {
            path: self.path(),
            fault,
        }
    }
}

impl Drop for MediaFile {
    fn drop(&mut self) {
        if let Inner::Mapped {
            stem,
            number,
            fingerprint,
            slot,
        } = &mut self.0
            && *slot.get_mut() != NOWHERE
        {
            let owner = owner(stem, *number, *fingerprint);
            stem.budget.remove(*slot.get_mut(), owner);
        }
    }
}

impl fmt::Debug for MediaFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Mapped { .. } => write!(f, "MediaFile({})", self.path().display()),
            Inner::Memory(bytes) => write!(f, "MediaFile({} bytes in memory)", bytes.len()),
        }
    }
}

fn owner(stem: &Stem, number: u64, fingerprint: Fingerprint) -> Owner {
    Owner {
        stem: stem.id,
        number,
        fingerprint,
    }
}

fn checked(
    entry: &Entry,
    take: impl FnOnce(&Bytes) -> Result<Bytes, Fault>,
) -> Result<Bytes, Fault> {
    take(entry.mapping.check()?)
}

fn cut(all: &Bytes, offset: u64, len: u64) -> Result<Bytes, Fault> {
    let size = all.len() as u64;
    let inside = offset.checked_add(len).is_some_and(|end| end <= size);
    if !inside {
        return Err(Fault::OutOfRange { offset, len, size });
    }
    // Both ends are at most `size`, which came from a `usize`.
    Ok(all.slice(offset as usize..(offset + len) as usize))
}

#[cfg(test)]
mod tests;
