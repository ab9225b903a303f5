//! Assets that are published version by version, in a folder or a bucket.
//!
//! ```text
//! {name}/current.json              the pointer: which version is shown; replaced in one step
//! {name}/v-0123456789ab/…          a version: manifests and media, never changed
//! {name}/v-0123456789ab/version.json   written last: the version is whole
//! ```
//!
//! A version has its own folder, so its URLs mean the same bytes for ever and may be kept by caches
//! without end. A new one is written beside the old one, checked against a listing of the store,
//! and then the pointer is replaced, if it still is what it was. The old version stays for a time,
//! so that those who play it can play on; [`Shelf::collect`] removes it later, and never what the
//! pointer names.

mod collect;
mod manifest;
mod pointer;
mod shelf;

#[cfg(test)]
mod tests;

use store::objects;

pub use collect::{Collected, Keep, Removed};
pub use manifest::in_folder;
pub use pointer::{Past, Pointer, is_version_name};
pub use shelf::{File, Flip, Listed, Shelf, State, Version, shelves};

/// Name of the pointer below the folder of an asset.
pub const POINTER: &str = "current.json";
/// Name of what is written last of a version.
pub const SEAL: &str = "version.json";

/// Name of what is written first of a version, and removed when it is whole.
const BEGUN: &str = ".begun";

/// Why versions cannot be read, published or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] objects::Error),
    /// A file of ours that cannot be understood.
    #[error("{place}: {reason}")]
    Damaged {
        /// Where it is.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A version that is not whole.
    #[error("{place}: `{name}` has {found} bytes, {bytes} were written")]
    Incomplete {
        /// Folder of the version.
        place: String,
        /// File in the version.
        name: String,
        /// Bytes that it is to have.
        bytes: u64,
        /// Bytes that the store has; 0 if it is not there.
        found: u64,
    },
    /// There is no version of this name, or it is not whole.
    #[error("{place}: there is no such version")]
    NoVersion {
        /// Where it would be.
        place: String,
    },
    /// Others replaced the pointer each time it was about to be replaced.
    #[error("{place}: others publish at the same time; try again")]
    Contended {
        /// The pointer.
        place: String,
    },
}
