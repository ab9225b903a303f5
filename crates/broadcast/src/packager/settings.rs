//! What a packager is told before it starts.

use media::{presentation::Content, time::Time};

/// Constants of a channel.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Epoch of the channel, Unix ms: time zero of all decode times. Never changes.
    pub epoch_ms: i64,
    /// Duration of a segment: a whole number of groups of pictures, exact.
    pub segment: Time,
    /// Distance of key frames, exact. A segment is cut at the first key frame that comes later than
    /// half of it before the border.
    pub gop: Time,
    /// What no part exceeds. Constant for the life of the channel.
    pub part_target: Time,
    /// Whether media comes at the speed at which it plays. What comes faster, as a file that is read
    /// as fast as can be, is not compared with the wall clock, and no track is held to be late.
    pub is_paced: bool,
    /// Whether every part begins with its producer reference time (`prft`).
    pub producer_time: bool,
    /// The tracks, in the order of their numbers.
    pub tracks: Vec<TrackSettings>,
    /// Thresholds.
    pub limits: Limits,
}

/// A track that the encoder delivers.
#[derive(Clone, Debug)]
pub struct TrackSettings {
    /// Representation id.
    pub id: String,
    /// What it carries.
    pub content: Content,
}

/// Thresholds, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Times of the encoder are taken as they are when the quickest of its first frames arrives no
    /// earlier than they say and at most this much later.
    pub trust_ms: i64,
    /// A step of the source clock by more is a jump.
    pub jump_ms: i64,
    /// A hole that lasts longer is not filled with gaps but ends the stretch.
    pub outage_ms: i64,
    /// Longest wait for the reference and for init segments.
    pub start_wait_ms: i64,
    /// How far a track may be behind the foremost before it gets gaps.
    pub behind_ms: i64,
    /// Media that comes this much later than at the start of the stretch is put right by a new one.
    pub late_ms: i64,
    /// Media that comes this much earlier than at the start of the stretch is put right by a new one.
    pub early_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            trust_ms: 20,
            jump_ms: 2000,
            outage_ms: 10_000,
            start_wait_ms: 5000,
            behind_ms: 6000,
            late_ms: 3000,
            early_ms: 20_000,
        }
    }
}

/// Where a channel goes on that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// Number of the first segment to come.
    pub next_number: u64,
    /// Number of the first stretch to come, which is its discontinuity sequence.
    pub next_stretch: u64,
    /// Time since the epoch before which no stretch may begin.
    pub end: Time,
}

impl Default for Resume {
    fn default() -> Self {
        Self {
            next_number: 0,
            next_stretch: 0,
            end: Time::ZERO,
        }
    }
}
