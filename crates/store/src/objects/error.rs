//! What can go wrong with an object.

use std::io;

use crate::s3::Fault;

/// A request that could not be fulfilled, with the place of the object.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Error {
    /// The object or prefix, as a path or an `s3://` URI.
    pub place: String,
    /// What is wrong.
    #[source]
    pub problem: Problem,
}

/// What is wrong with an object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is not there.
    #[error("there is no such object")]
    Missing,
    /// It is not the version that was expected.
    #[error("it was replaced meanwhile")]
    Replaced,
    /// The text is no key, or cannot be one beside those that are there.
    #[error("not a key: {0}")]
    Key(&'static str),
    /// Fewer bytes came than the object has.
    #[error("got {got} of {expected} bytes")]
    Short {
        /// Bytes that came.
        got: u64,
        /// Bytes that were to come.
        expected: u64,
    },
    /// The store cannot do it.
    #[error("the store cannot {0}")]
    Unable(&'static str),
    /// A file or the receiver of the bytes failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The object store or the way to it.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl Error {
    /// Makes the error of a text that is no key.
    pub(super) fn key(place: String, key: &str, reason: &'static str) -> Self {
        Self {
            place: format!("{place}: `{key}`"),
            problem: Problem::Key(reason),
        }
    }

    /// Tells whether the object is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self.problem, Problem::Missing)
    }

    /// Tells whether the same request may succeed later.
    pub fn may_pass(&self) -> bool {
        match &self.problem {
            Problem::Missing | Problem::Replaced | Problem::Key(_) | Problem::Unable(_) => false,
            Problem::Short { .. } => true,
            Problem::Io(error) => !matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::ReadOnlyFilesystem
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::InvalidFilename
            ),
            Problem::Store(fault) => fault.may_pass(),
        }
    }
}
