//! Objects by key in a folder or an S3 bucket, for programs that block.
//!
//! | | folder | S3 |
//! |---|---|---|
//! | [`Mode::Overwrite`] | file beside it, flushed, renamed over it | PUT; in parts when it is big |
//! | [`Mode::Create`] | the same, linked to its name | `If-None-Match: *` |
//! | [`Mode::Update`] | compared under a lock of the folder, renamed | `If-Match` |
//! | [`Objects::copy`] | hard link, else a copy | done by the server |
//!
//! To flush each of thousands of small files takes longer than to write them, so a result is written
//! lazily ([`Options::lazy`]) and flushed at once by what declares it complete.
//!
//! An object is there whole or not at all, on a store that keeps its promises. Not every store does:
//! a bucket mounted as a file system has no links, and there are servers that overlook conditions.
//! [`selftest`] finds that out; whoever reads what others wrote still checks sizes, and never takes an
//! object for good because it is there.
//!
//! No leases and no locks here: two writers of one key are told apart by `Create` and `Update` only.
//! Retries of single requests are done in here; [`Error::may_pass`] says whether trying again later
//! makes sense.

mod access;
mod error;
mod folder;
mod key;
mod s3;
pub mod selftest;

#[cfg(test)]
mod tests;

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use crate::s3::Access;
pub use access::{open, open_with};
pub use error::{Error, Problem};
pub use folder::Folder;
pub use key::check as check_key;
pub use s3::S3;

/// The longest object that [`Objects::get`] returns in memory, in bytes.
pub const MAX_WHOLE: u64 = 256 << 20;

/// What a store says of the version of an object. Equal tags mean equal versions; nothing else may
/// be read out of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Tag(pub String);

/// What is known of an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Key, without the place that the store was opened at.
    pub key: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Time of its last change in milliseconds since the Unix epoch, by the clock of the store.
    pub modified_ms: i64,
    /// Its version, where the store tells.
    pub tag: Option<Tag>,
}

/// What an object is to hold.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// A copy of a file.
    File(&'a Path),
    /// A file that the store may take away, which saves a copy where both lie on one file system.
    Take(&'a Path),
}

/// What happens to an object that has the key already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode<'a> {
    /// It is replaced.
    #[default]
    Overwrite,
    /// It stays, and the answer is [`Put::Refused`].
    Create,
    /// It is replaced if it has this version, otherwise the answer is [`Put::Refused`].
    Update(&'a Tag),
}

/// How an object is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// What happens to an older object.
    pub mode: Mode<'a>,
    /// MIME type that the store hands out with the object, if it hands out any.
    pub content_type: Option<&'a str>,
    /// `Cache-Control` that the store hands out with the object, if it hands out any.
    pub cache_control: Option<&'a str>,
    /// The object need not outlive a crash of the machine yet. It will as soon as another one is
    /// written that is not lazy, which comes after it also then. Copies are lazy.
    pub lazy: bool,
}

/// What became of a [`Objects::put`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is written.
    Done(Option<Tag>),
    /// The condition of the mode does not hold; nothing was written.
    Refused,
}

/// Hears of the bytes of an object as they arrive; an error ends the reading.
pub type Sink<'a> = dyn FnMut(&[u8]) -> io::Result<()> + 'a;

/// Objects by key. Keys are names joined by `/`, see [`check_key`]. All calls block, and must not
/// be made on a thread that runs async tasks.
pub trait Objects: Send + Sync {
    /// Returns the place that keys are relative to, for messages.
    fn place(&self) -> String;

    /// Reads an object, or the part of it in `range`, into `sink`; returns what was read from.
    /// With `expected`, an object of another version is [`Problem::Replaced`].
    fn read(
        &self,
        key: &str,
        range: Option<Range<u64>>,
        expected: Option<&Tag>,
        sink: &mut Sink<'_>,
    ) -> Result<Entry, Error>;

    /// Writes an object.
    fn put(&self, key: &str, content: Content<'_>, options: Options<'_>) -> Result<Put, Error>;

    /// Returns what is known of an object; none if there is none.
    fn head(&self, key: &str) -> Result<Option<Entry>, Error>;

    /// Lists the objects whose key begins with the names in `prefix`, by ascending key. An empty
    /// prefix means all of them.
    fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error>;

    /// Lists the names that follow `prefix` in keys of objects deeper below it, by ascending name.
    fn folders(&self, prefix: &str) -> Result<Vec<String>, Error>;

    /// Removes an object; one that is not there is no error.
    fn delete(&self, key: &str) -> Result<(), Error>;

    /// Gives an object a second key, in place of what has that key now, lazily. Afterwards the two are
    /// two objects: replacing or removing one leaves the other.
    fn copy(&self, from: &str, to: &str) -> Result<(), Error>;

    /// Returns the local file of an object, be it there or not; none if objects are no files.
    fn local_path(&self, key: &str) -> Option<PathBuf>;

    /// Reads an object of at most [`MAX_WHOLE`] bytes.
    fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.read(key, None, None, &mut |piece| {
            if (bytes.len() + piece.len()) as u64 > MAX_WHOLE {
                return Err(io::Error::other("too long to be read at once"));
            }
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Reads part of an object; less than asked for where it ends before.
    fn get_range(&self, key: &str, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.read(key, Some(range), None, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Removes all objects below a prefix, which must not be empty; returns how many there were.
    fn delete_below(&self, prefix: &str) -> Result<u64, Error> {
        check_key(prefix).map_err(|reason| Error::key(self.place(), prefix, reason))?;
        let listed = self.list(prefix)?;
        for entry in &listed {
            self.delete(&entry.key)?;
        }
        Ok(listed.len() as u64)
    }
}

/// A store that threads share.
pub type Shared = Arc<dyn Objects>;
