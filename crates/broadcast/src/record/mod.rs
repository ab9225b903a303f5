//! Recording: a running window, or a range of it, becomes an asset. Nothing is encoded again.
//!
//! An asset is one period without breaks, so the stretches of a recording are moved together: the
//! times of each are shifted by what lies between it and the one before. Segments are re-timed by
//! [`media::isobmff::retime`], or built anew where a sample has to change its duration:
//!
//! | where media is missing | what the recording does |
//! |---|---|
//! | between two stretches | nothing: the second begins where the longest track of the first ended |
//! | pictures, in a stretch or since a track ended earlier | the frame before lasts longer |
//! | sound, up to [`HOLE_MS`] | the hole stays, sound goes on at its time |
//! | sound, longer | the frame before lasts longer |
//! | sound that begins before the pictures | frames are left out at the very start |
//!
//! Every frame that was packaged is in the recording, but for segments that a slow disk made it miss.
//! Segments come by a bounded queue ([`QUEUE`]). When it is full the oldest that waits gives way: it
//! is missing like lost media, is counted, and costs the live edge nothing.
//!
//! A disk that cannot be written to, or that is nearly full, is waited for ([`Patience`]): what fits into
//! the queue meanwhile is not missing.
//!
//! An asset has one init segment a track. When an encoder comes back with another, the asset is
//! finished and the next begun: `name`, `name~2`, `name~3`. While it is written, an asset lies in a
//! hidden folder beside its place; it appears whole. What a killed recording leaves there is finished
//! when the next one of that name begins: all segments that every video track has.

mod pen;
mod recording;
mod refit;
#[cfg(test)]
mod tests;
mod track;
mod writer;

use std::{io, path::PathBuf};

use media::{isobmff::BoxError, time::Time};

pub use pen::Patience;
pub use recording::{Recording, cut, record};

/// How many segments may wait to be recorded, of all tracks.
pub const QUEUE: usize = 256;
/// Longest hole that is left in sound, ms. Loading an asset bridges up to a second.
pub const HOLE_MS: i64 = 900;

/// A recording that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be written.
    #[error("{path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A segment cannot be read.
    #[error("segment {number} of `{track}`: {source}")]
    Media {
        /// Id of the track.
        track: String,
        /// Number of the segment.
        number: u64,
        /// Why.
        source: BoxError,
    },
    /// A track id that is no file name.
    #[error("`{0}` cannot be the folder of a track")]
    Name(String),
    /// The task that writes failed.
    #[error("recording stopped: {0}")]
    Task(String),
}

/// An asset that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Where it is.
    pub folder: PathBuf,
    /// How long it lasts.
    pub duration: Time,
    /// How many stretches it joins.
    pub stretches: u64,
    /// Id of each track with the number of its frames.
    pub frames: Vec<(String, u64)>,
}
