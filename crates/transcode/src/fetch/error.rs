//! Why there is no source. Every error names it, without secrets.

use std::{io, path::PathBuf};

/// A source that is not on the local disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text names no source, or an option cannot be used.
    #[error("{place}: {reason}")]
    Input {
        /// The text or the source.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The policy does not allow it.
    #[error("{place}: refused: {reason}")]
    Refused {
        /// The source.
        place: String,
        /// What is not allowed.
        reason: String,
    },
    /// It is not there, or may not be read: trying again is of no use.
    #[error("{place}: {reason}")]
    Unreadable {
        /// The source.
        place: String,
        /// Why.
        reason: String,
    },
    /// It was asked for several times, and none of it came.
    #[error("{place}: {reason} (asked {attempts} times)")]
    Unreachable {
        /// The source.
        place: String,
        /// The last reason.
        reason: String,
        /// How often it was asked.
        attempts: u32,
    },
    /// A part of it came, and after several attempts no more.
    #[error("{place}: got {got} of {expected} bytes: {reason}")]
    Truncated {
        /// The source.
        place: String,
        /// Bytes that came.
        got: u64,
        /// Bytes that it has.
        expected: u64,
        /// The last reason.
        reason: String,
    },
    /// It is another one than was meant.
    #[error("{place}: its SHA-256 is {found} and not {wanted}")]
    Checksum {
        /// The source.
        place: String,
        /// What it has.
        found: String,
        /// What it is to have.
        wanted: String,
    },
    /// It is larger than allowed.
    #[error("{place}: it has {bytes} bytes or more, and {most} are allowed")]
    TooLarge {
        /// The source.
        place: String,
        /// Bytes that it has, or that came.
        bytes: u64,
        /// Bytes that are allowed.
        most: u64,
    },
    /// It took longer than allowed.
    #[error("{place}: got {got} bytes in {seconds} s, and no more time is allowed")]
    TooSlow {
        /// The source.
        place: String,
        /// Bytes that came.
        got: u64,
        /// Time that is allowed.
        seconds: u64,
    },
    /// It was replaced again and again while it was read.
    #[error("{place}: it changes while it is read")]
    Changing {
        /// The source.
        place: String,
    },
    /// The disk of the spool is too small.
    #[error("{path}: {needed} bytes are needed and {free} are free", path = path.display())]
    NoRoom {
        /// The folder of the spool.
        path: PathBuf,
        /// Bytes that are needed, with those that are to stay free.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The spool cannot be written or read.
    #[error("{path}: {source}", path = path.display())]
    Spool {
        /// File or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It was stopped on request.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// Tells whether the same may succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Truncated { .. }
                | Self::TooSlow { .. }
                | Self::Changing { .. }
                | Self::NoRoom { .. }
                | Self::Spool { .. }
                | Self::Stopped
        )
    }

    /// Refuses a source that does not have the SHA-256 that it is to have.
    pub(super) fn checksum(place: &str, found: &str, wanted: Option<&str>) -> Result<(), Self> {
        match wanted {
            Some(wanted) if !wanted.eq_ignore_ascii_case(found) => Err(Self::Checksum {
                place: place.to_owned(),
                found: found.to_owned(),
                wanted: wanted.to_ascii_lowercase(),
            }),
            _ => Ok(()),
        }
    }

    /// Makes a function that names a file of the spool in an error.
    pub(super) fn spool(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Spool {
            path: path.into(),
            source,
        }
    }
}
