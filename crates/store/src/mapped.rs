//! Read-only views of files: mapped on first use, checked before each use, let go under pressure.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;

/// A file that is mapped when it is first read.
#[derive(Debug)]
pub struct MediaFile {
    path: Arc<PathBuf>,
}

/// A file that cannot be read as expected.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct MapError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl MediaFile {
    /// Returns the slice `[offset, offset + len)`.
    pub fn slice(&self, _offset: u64, _len: u64) -> Result<Bytes, MapError> {
        Err(MapError {
            path: self.path.to_path_buf(),
            reason: "not mapped".to_owned(),
        })
    }
}
