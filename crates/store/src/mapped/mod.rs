//! Read-only views of files: mapped on first use, checked before each use, let go under pressure.
//!
//! A [`MediaFile`] is a name and a fingerprint in 32 bytes, since content cut into one file per
//! segment has one for each segment. The mappings live in a [`MapBudget`], a fixed table shared by
//! all files, whose size keeps the process below its limits of mappings and of open files.
//!
//! | step of [`MediaFile::slice`] | cost | lock |
//! |---|---|---|
//! | look into the table | some ns | none |
//! | `fstat` of the open file: size and modification time as indexed? | 0.5 µs | none |
//! | slice of shared bytes | some ns | none |
//! | first use, or use after eviction: open, map, perhaps evict | 10 µs and more | the table's |
//!
//! **A file that shrinks while it is mapped.** Touching a page beyond its end is a fatal `SIGBUS`.
//! The check before each use turns a file that has already shrunk, grown or been written to into
//! [`Fault::Changed`]. A race remains for bytes handed out *before* the file shrank: a kernel that
//! sends them from the mapping reports `EFAULT`, but a read in user space would be fatal. So content
//! must be replaced by renaming a new file over the old one, which leaves mappings of the old one
//! whole; every writer of ours does so (see [`crate::atomic`]).

mod budget;
mod file;
mod map;
mod mapping;
mod stem;

pub use budget::MapBudget;
pub use file::{Fault, MapError, MediaFile};
pub use mapping::modified_ns;
