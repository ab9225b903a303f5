//! Sizes and modification times: how content is known to be what was indexed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use store::mapped::modified_ns;

use crate::Error;

/// Size and modification time of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Length in bytes.
    pub(crate) len: u64,
    /// Modification time in nanoseconds since the Unix epoch.
    pub(crate) modified_ns: i64,
}

impl Stamp {
    /// Asks for the stamp of a regular file. A file that is not there is [`Error::Missing`], with
    /// `why` as the reason.
    pub(crate) fn of(path: &Path, why: impl FnOnce() -> String) -> Result<Self, Error> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(Self {
                len: metadata.len(),
                modified_ns: modified_ns(&metadata),
            }),
            Ok(_) => Err(Error::Missing {
                path: path.to_path_buf(),
                reason: format!("not a file; {}", why()),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::Missing {
                path: path.to_path_buf(),
                reason: format!("not there; {}", why()),
            }),
            Err(error) => Err(Error::io(path)(error)),
        }
    }

    /// Stands for a file that is not there.
    pub(crate) const ABSENT: Self = Self {
        len: u64::MAX,
        modified_ns: 0,
    };

    /// Returns the stamp, or none when there is no such file.
    pub(crate) fn find(path: &Path) -> Result<Option<Self>, Error> {
        match Self::of(path, String::new) {
            Ok(stamp) => Ok(Some(stamp)),
            Err(Error::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A running FNV-1a hash of 64 bits: small, stable across builds and machines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digest(u64);

impl Digest {
    /// Starts a digest.
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Adds a number, mixed as one word.
    pub(crate) fn number(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    /// Adds a stamp.
    pub(crate) fn stamp(&mut self, stamp: Stamp) {
        self.number(stamp.len);
        self.number(stamp.modified_ns as u64);
    }

    /// Returns the value.
    pub(crate) fn value(self) -> u64 {
        self.0
    }
}

/// Digests names, sizes and times of all files below a folder, bounded in depth. Changes whenever
/// something is copied into it; used to know when broken content is worth another look.
pub(crate) fn folder_digest(folder: &Path) -> u64 {
    let mut digest = Digest::new();
    let mut open: Vec<(PathBuf, usize)> = vec![(folder.to_path_buf(), 0)];
    while let Some((path, depth)) = open.pop() {
        let Ok(entries) = fs::read_dir(&path) else {
            continue;
        };
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let Ok(metadata) = fs::metadata(entry.path()) else {
                continue;
            };
            digest.bytes(entry.file_name().as_encoded_bytes());
            if metadata.is_file() {
                digest.stamp(Stamp {
                    len: metadata.len(),
                    modified_ns: modified_ns(&metadata),
                });
            } else if metadata.is_dir() && depth < 3 {
                open.push((entry.path(), depth + 1));
            }
        }
    }
    digest.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_digest_follows_its_files() {
        let folder = tempfile::tempdir().expect("folder");
        let empty = folder_digest(folder.path());
        fs::create_dir(folder.path().join("v")).expect("folder");
        fs::write(folder.path().join("v/1.m4s"), b"a").expect("file");
        let one = folder_digest(folder.path());
        fs::write(folder.path().join("v/1.m4s"), b"ab").expect("file");
        let grown = folder_digest(folder.path());
        assert!(empty != one && one != grown);
        assert_eq!(grown, folder_digest(folder.path()));
    }
}
