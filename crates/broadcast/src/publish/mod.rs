//! Publishing: everything a channel makes is written to a folder or sent by HTTP PUT as well, as
//! whole segments and playlists that any web server or CDN can serve.
//!
//! Each target has a [`Publisher`] of its own, a task behind a bounded queue: a target that is slow
//! or dead costs itself segments and nobody else anything.
//!
//! | rule | |
//! |---|---|
//! | order | init segment, media segment, playlist of its track, then MPD and multivariant playlist when they changed: nothing is listed before it is there |
//! | an object is refused | tried again, up to [`Options::tries`] times, after 1 s, 2 s, 4 s, 8 s, give or take a fifth |
//! | a segment is given up | listed as a gap (HLS) |
//! | the queue is full, or a segment waited longer than [`Options::max_age`] | the oldest is given up |
//! | a segment has left the playlist | kept for as long again as the playlist is, then removed where the target can |
//! | the channel ends | playlists and MPD are finished |
//!
//! Low latency stays at home: targets get no parts.

mod folder;
pub(crate) mod http;
mod listing;
mod publisher;
#[cfg(test)]
mod tests;

use std::{future::Future, pin::Pin, sync::atomic::AtomicU64, time::Duration};

use bytes::Bytes;
use store::backoff::Backoff;

pub use folder::Folder;
pub use http::{HttpError, HttpPut};
pub use publisher::Publisher;

/// Makes the delays between tries of what is sent to others.
pub(crate) fn backoff(seed: u64) -> Backoff {
    Backoff::new(seed, Duration::from_secs(1), Duration::from_secs(16))
}

/// What a target is told, and how patiently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many segments may wait, of all tracks.
    pub queue: usize,
    /// How often an object is tried, at least once.
    pub tries: u32,
    /// How long one try may take.
    pub timeout: Duration,
    /// How old a segment may be, ms of media behind the live edge; the length of the playlist
    /// unless set.
    pub max_age: Option<i64>,
    /// Whether objects that nobody needs any more are removed.
    pub removes: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue: 256,
            tries: 5,
            timeout: Duration::from_secs(10),
            max_age: None,
            removes: true,
        }
    }
}

/// Something to be stored below the place of a target.
#[derive(Clone, Debug)]
pub struct Object {
    /// Path below the place, `/`-separated, neither absolute nor with `..`.
    pub path: String,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Whether it is written over while the channel runs: playlists and MPD.
    pub changes: bool,
    /// The bytes.
    pub slices: Vec<Bytes>,
}

/// A target's no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct PutError {
    /// What it says, secrets masked.
    pub text: String,
    /// Whether it may be another time.
    pub is_passing: bool,
}

/// What a target's method returns.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<(), PutError>> + Send + 'a>>;

/// A place that objects are put to.
pub trait Target: Send + Sync {
    /// Returns what it is called in messages, secrets masked.
    fn name(&self) -> String;

    /// Stores an object, over an older one of that path. It is seen whole or not at all.
    fn put<'a>(&'a self, object: &'a Object) -> Answer<'a>;

    /// Removes an object, if it is there.
    fn remove<'a>(&'a self, path: &'a str) -> Answer<'a>;
}

/// Something that happened to a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It took an object.
    Put {
        /// Path of the object.
        path: String,
        /// Its length in bytes.
        bytes: u64,
        /// How long that took, ms, without waits between tries.
        took_ms: u64,
    },
    /// It did not take an object, which may be tried again.
    Refused {
        /// Path of the object.
        path: String,
        /// What it says.
        text: String,
    },
    /// A segment is given up.
    Lost {
        /// Track number.
        track: usize,
        /// Number of the segment.
        number: u64,
    },
    /// It does not take anything at the moment. Told once, until it recovers.
    Failing {
        /// What it says.
        text: String,
    },
    /// It takes objects again.
    Recovered,
}

/// Counters of a target.
#[derive(Debug, Default)]
pub struct Counters {
    /// Objects taken.
    pub objects: AtomicU64,
    /// Bytes taken.
    pub bytes: AtomicU64,
    /// Tries refused.
    pub refused: AtomicU64,
    /// Segments given up.
    pub lost: AtomicU64,
    /// Objects removed.
    pub removed: AtomicU64,
}
