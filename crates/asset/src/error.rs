//! What can be wrong with content. Every error names a file.

use std::path::{Path, PathBuf};

/// Content that cannot be used, by what one can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refuses: mend permissions or the disk.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Something that a manifest names is not there (yet): copying may still be under way.
    #[error("{}: {reason}", path.display())]
    Missing {
        /// The file that is not there, or not whole.
        path: PathBuf,
        /// Who asks for it.
        reason: String,
    },
    /// A manifest that cannot be understood.
    #[error("{}:{line}:{column}: {reason}", path.display())]
    Manifest {
        /// The MPD or playlist.
        path: PathBuf,
        /// Line, from 1; 0 when unknown.
        line: u64,
        /// Column, from 1; 0 when unknown.
        column: u64,
        /// What is wrong.
        reason: String,
    },
    /// Media whose boxes cannot be understood.
    #[error("{}: {reason}", path.display())]
    Media {
        /// The media file.
        path: PathBuf,
        /// Which box at which offset, and what is wrong with it.
        reason: String,
    },
    /// Sound files of a kind that is not served, such as multiplexed segments.
    #[error("{}: {reason}", path.display())]
    Unsupported {
        /// The manifest or media file.
        path: PathBuf,
        /// What is not supported, and what is instead.
        reason: String,
    },
    /// Parts that do not fit each other: durations, times, ids.
    #[error("{}: {reason}", path.display())]
    Inconsistent {
        /// The manifest or media file.
        path: PathBuf,
        /// What contradicts what.
        reason: String,
    },
}

impl Error {
    /// Returns the file that the error is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. }
            | Self::Missing { path, .. }
            | Self::Manifest { path, .. }
            | Self::Media { path, .. }
            | Self::Unsupported { path, .. }
            | Self::Inconsistent { path, .. } => path,
        }
    }

    /// Returns the reason without the path.
    pub fn reason(&self) -> String {
        match self {
            Self::Io { source, .. } => source.to_string(),
            Self::Manifest {
                line,
                column,
                reason,
                ..
            } if *line > 0 => format!("line {line}, column {column}: {reason}"),
            Self::Manifest { reason, .. }
            | Self::Missing { reason, .. }
            | Self::Media { reason, .. }
            | Self::Unsupported { reason, .. }
            | Self::Inconsistent { reason, .. } => reason.clone(),
        }
    }

    /// Tells whether more content may still arrive and heal this.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Media { .. })
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }
}
