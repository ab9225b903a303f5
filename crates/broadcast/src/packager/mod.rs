//! The packager: single-frame CMAF fragments of a running encoder in, parts and segments on the wall
//! clock out. No I/O and no clock: bytes and the time of their arrival are parameters, what is made is
//! returned as [`Output`]s.
//!
//! ```text
//! bytes of a pipe -> demux: ftyp moov (moof mdat)* -> samples
//!   -> repair: one contiguous time line a track, on the channel's epoch
//!   -> cutter: segments at key frames on a common grid, parts of whole samples
//!   -> Output: stretch, init, part, segment
//! ```
//!
//! **Stretches.** A stretch is what an encoder delivers without a break: a DASH Period, and what lies
//! between two HLS discontinuities. A new one begins with every run of the encoder, when the clock
//! of the source jumps, when an outage lasts long, and when source and wall clock have drifted apart.
//! Numbers go on from stretch to stretch and are never used twice; the time between two stretches is
//! not media.
//!
//! **Time.** Decode times count from the epoch of the channel. When a stretch begins, the times of
//! the encoder are taken as they are if they fit the wall clock ([`Limits::trust_ms`]), and are
//! moved otherwise, all tracks by the same amount, so that the quickest frame of the first part ends
//! when it arrives, or up to an eighth of a second later: stretches begin at multiples of that. So a
//! time says when its frame was made, but for what encoding one takes, and never by much too late.
//!
//! **Numbers.** Segment `n` of every track of a stretch covers the same cell of one grid that begins
//! with the first key frame of the reference (the first video track). Pictures are cut at key frames
//! of the cell's border, sound at the frame nearest to it. When a stretch ends, all tracks end with the
//! same number: what a track lacks is a gap.
//!
//! **Tracks do not wait for each other** but once: at the start of a stretch all wait for the first
//! frames of the reference, from a key frame on, and for all init segments, at most [`Limits::start_wait_ms`]. Later each
//! publishes its parts as they are whole. A track that falls behind the foremost by more than
//! [`Limits::behind_ms`] of media gets gaps up to there; what comes late after that is dropped.
//!
//! **Pace.** What is read faster than it plays ([`Settings::is_paced`]) is one stretch on a timeline that
//! runs ahead of the wall clock: there is no drift, and no track is behind.
//!
//! | what comes in | what is made of it |
//! |---|---|
//! | rounding, up to half a frame | absorbed in the frame's duration |
//! | duration 0 | the duration of the frame before |
//! | a time that was there already, a small step back | frame dropped, or cut at its front |
//! | a hole up to a part | the frame behind it lasts longer |
//! | a longer hole | gap parts and gap segments |
//! | a track that begins far behind the others | its frames dropped, gaps instead |
//! | a jump of the source clock, an outage over [`Limits::outage_ms`] | a new stretch |

mod counters;
mod cutter;
mod demux;
mod init;
mod output;
mod repair;
mod run;
mod sample;
mod settings;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use counters::{Counters, TrackCounters};
pub(crate) use cutter::BRANDS;
pub use init::Init;
pub use output::{Cause, Output, Part, Segment, Stretch};
pub use run::Packager;
pub use settings::{Limits, Resume, Settings, TrackSettings};

/// What a track delivers cannot be packaged. The encoder is of no more use and wants a restart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("track `{track}`, byte {offset} of its stream: {reason}")]
pub struct Error {
    /// Id of the track.
    pub track: String,
    /// Offset in the stream of this run.
    pub offset: u64,
    /// What is wrong.
    pub reason: String,
}
