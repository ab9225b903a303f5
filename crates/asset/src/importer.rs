//! How plain media files become CMAF: a seam, so that the catalogue does not know of ffmpeg.

use std::path::{Path, PathBuf};

/// How far a running import is.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// Share that is done, in thousandths, when the duration is known.
    pub permille: Option<u16>,
    /// What is being done, such as `copying` or `encoding`.
    pub stage: String,
}

/// An import that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct ImportError {
    /// What went wrong, without the name of the source.
    pub reason: String,
    /// Whether it was asked to stop; such an import is tried again.
    pub stopped: bool,
}

/// Where an import tells how it gets on, and learns that it must stop.
pub trait Watcher: Send + Sync {
    /// Takes note of the progress.
    fn progress(&self, progress: Progress);

    /// Tells whether to give up.
    fn stopped(&self) -> bool;
}

/// Brings a plain media file to a CMAF folder with a `manifest.mpd`.
pub trait Importer: Send + Sync {
    /// Returns the folder of an earlier import that is still valid for this file. Cheap: asks for
    /// names, sizes and times only.
    fn imported(&self, source: &Path) -> Option<PathBuf>;

    /// Imports the file and returns the folder. Takes as long as it takes.
    fn import(&self, source: &Path, watcher: &dyn Watcher) -> Result<PathBuf, ImportError>;
}
