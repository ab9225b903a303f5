//! The manifests of a result, from records alone: no media is read but init segments.
//!
//! ```text
//! join     what the tasks made  -> one unbroken list of segments a track
//! shape    tracks               -> a presentation, with measured rates
//! files    presentation         -> master.m3u8, playlists, manifest.mpd
//! protect  finished segments    -> encrypted ones
//! ```
//!
//! A track lies in a folder of its id: `init.mp4`, `1.m4s`, `2.m4s`, …, `playlist.m3u8`.

mod files;
mod join;
pub mod protect;
mod shape;
#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;

use crate::{encode::TrackFacts, plan::Plan};

/// File name of the multivariant playlist.
pub const MASTER: &str = "master.m3u8";
/// File name of the MPD.
pub const MPD: &str = "manifest.mpd";

/// A track as the tasks made it: what belongs to one id, in the order of time.
#[derive(Clone, Debug)]
pub struct TrackParts {
    /// Its id in the plan.
    pub id: String,
    /// The init segment of each part; they have to be equal.
    pub inits: Vec<Bytes>,
    /// What each part holds.
    pub parts: Vec<TrackFacts>,
}

/// A file of the result that is made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path below the folder of the result, `/` between its parts.
    pub name: String,
    /// What is in it.
    pub content: Bytes,
}

/// How much of the result there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    #[default]
    Whole,
    /// What there is up to the first gap; more comes behind. Playlists say `EVENT`.
    Growing,
}

/// A result that cannot be packaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("track {track}: {reason}")]
pub struct Error {
    /// Id of the track.
    pub track: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Makes the manifests of a result and the init segments they name.
///
/// Errors: parts that do not follow each other, are not those of the plan, or have different init
/// segments; an init segment that cannot be read.
pub fn package(plan: &Plan, tracks: &[TrackParts], extent: Extent) -> Result<Vec<File>, Error> {
    let joined = join::all(plan, tracks, extent)?;
    Ok(files::write(plan, &joined, extent))
}
