//! An open, mapped file, and the fingerprint by which a change of it is noticed.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
};

use bytes::Bytes;

use super::{file::Fault, map};

/// Size and modification time in one word. Two states of a file agree by chance once in 2^64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    /// Mixes `len` bytes and `modified_ns` nanoseconds since the Unix epoch.
    pub(super) fn new(len: u64, modified_ns: i64) -> Self {
        let mix = |x: u64| {
            let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            x ^ (x >> 31)
        };
        Self(mix(
            mix(len.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ modified_ns.cast_unsigned()
        ))
    }
}

/// Returns the modification time in nanoseconds since the Unix epoch, saturating.
pub fn modified_ns(metadata: &Metadata) -> i64 {
    join_ns(metadata.mtime(), metadata.mtime_nsec())
}

fn join_ns(seconds: i64, nanoseconds: i64) -> i64 {
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}

/// A file, open and mapped. Slices of `bytes` keep the memory when the mapping itself is dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    /// Open, so that the state of this very file is known without a path look-up.
    file: File,
    bytes: Bytes,
    pub(super) fingerprint: Fingerprint,
}

impl Mapping {
    /// Opens and maps `path`, which must be as it was when `fingerprint` was taken.
    pub(super) fn open(path: &Path, fingerprint: Fingerprint) -> Result<Self, Fault> {
        let file = File::open(path).map_err(Fault::Io)?;
        let metadata = file.metadata().map_err(Fault::Io)?;
        if !metadata.is_file() {
            return Err(Fault::Io(io::Error::other("not a regular file")));
        }
        let len = metadata.len();
        if Fingerprint::new(len, modified_ns(&metadata)) != fingerprint {
            return Err(Fault::Changed { len });
        }
        let bytes = match usize::try_from(len) {
            Ok(0) => Bytes::new(),
            Ok(len) => Bytes::from_owner(map::map(&file, len).map_err(Fault::Io)?),
            Err(_) => return Err(Fault::Io(io::ErrorKind::FileTooLarge.into())),
        };
        Ok(Self {
            file,
            bytes,
            fingerprint,
        })
    }

    /// Returns all bytes, if the file is still what was mapped.
    pub(super) fn check(&self) -> Result<&Bytes, Fault> {
        let stat = rustix::fs::fstat(&self.file).map_err(|error| Fault::Io(error.into()))?;
        let len = u64::try_from(stat.st_size).unwrap_or(0);
        let modified = join_ns(stat.st_mtime, stat.st_mtime_nsec as i64);
        if Fingerprint::new(len, modified) == self.fingerprint {
            Ok(&self.bytes)
        } else {
            Err(Fault::Changed { len })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_size_and_time() {
        let one = Fingerprint::new(1000, 1_700_000_000_000_000_000);
        assert_eq!(one, Fingerprint::new(1000, 1_700_000_000_000_000_000));
        assert_ne!(one, Fingerprint::new(1001, 1_700_000_000_000_000_000));
        assert_ne!(one, Fingerprint::new(1000, 1_700_000_000_000_000_001));
        assert_ne!(Fingerprint::new(0, 0), Fingerprint::new(0, -1));
    }
}
