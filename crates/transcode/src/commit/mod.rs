//! Records of finished steps: what has one, with the right key, is never made again.
//!
//! A step's [`Key`] is a digest of everything its result depends on: the contents it starts from, its
//! parameters and the tools. Its objects are written first, each attempt to a place of its own; the
//! [`Record`] is written last and only if there is none. So what is there is trusted never for being
//! there: [`Ledger::find`] takes a record only if it parses, is the one asked for, and every object
//! of it has the size it says, or on demand the digest.
//!
//! | below the job's prefix | what |
//! |---|---|
//! | `steps/{step}-{key}.json` | a record |
//! | `data/{key}/{attempt}/{name}` | the objects of an attempt |
//!
//! Two workers that finish one step harm nothing: the first record stays, the other worker takes it
//! and drops what it made.

mod key;
mod ledger;
mod record;
mod staging;

#[cfg(test)]
mod tests;

pub use key::{Key, KeyBuilder, Step};
pub use ledger::{Ledger, Swept};
pub use record::{Made, ObjectRef, Record};
pub use staging::{Committed, Staging};

/// Why a record cannot be read or written; what is wrong with a record itself makes it not found
/// instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::objects::Error),
    /// A file of the step's result cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The store has not kept what was written.
    #[error("{place}: the store has {found} of {bytes} bytes that were written")]
    Lost {
        /// Key of the object.
        place: String,
        /// Bytes that were written.
        bytes: u64,
        /// Bytes that are there.
        found: u64,
    },
}

impl Error {
    /// Tells whether the same may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            Self::File { .. } | Self::Lost { .. } => true,
        }
    }
}
