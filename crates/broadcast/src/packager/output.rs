//! What a packager makes.

use std::sync::Arc;

use bytes::Bytes;
use media::time::Time;

use super::Init;

/// Something made, in the order in which it becomes part of the presentation.
#[derive(Clone, Debug)]
pub enum Output {
    /// A stretch begins. The last one has ended.
    Stretch(Stretch),
    /// The init segment of a track in this stretch; before its first part.
    Init {
        /// Track number.
        track: usize,
        /// The init segment.
        init: Arc<Init>,
    },
    /// A part is whole.
    Part {
        /// Track number.
        track: usize,
        /// The part.
        part: Part,
    },
    /// A segment is whole. Its last part came directly before.
    Segment {
        /// Track number.
        track: usize,
        /// The segment.
        segment: Segment,
    },
    /// The stretch ends; all tracks have ended with the same number.
    End {
        /// Time since the epoch at which its last media ends.
        end: Time,
    },
}

/// Why a stretch began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A run of the encoder began.
    Run,
    /// The clock of the source jumped.
    Jump,
    /// Nothing came for long.
    Outage,
    /// Source and wall clock had drifted apart.
    Drift,
}

/// What an encoder delivers without a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its number, counted from 0 for the life of the channel: its discontinuity sequence.
    pub number: u64,
    /// Time since the epoch at which it begins: where the grid of its segments begins.
    pub start: Time,
    /// Number of its first segment, in every track. Those between the last of the stretch before and
    /// this one were lost: they stand for the time in between.
    pub first_number: u64,
    /// Why it began.
    pub cause: Cause,
}

/// A part of a segment. Times are ticks of the track since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Number of the segment.
    pub segment: u64,
    /// Position in the segment, from 0.
    pub index: u32,
    /// Decode time of its first sample.
    pub start: u64,
    /// Sum of its samples' durations, not 0.
    pub duration: u64,
    /// Whether it holds a key frame.
    pub independent: bool,
    /// Whether its media was lost: then there are no bytes.
    pub gap: bool,
    /// Number of samples.
    pub samples: u32,
    /// One `moof` and `mdat`, with a `styp` before in the first part of a segment.
    pub bytes: Bytes,
}

/// A segment that is whole. Its bytes are those of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number.
    pub number: u64,
    /// Decode time of its first sample in ticks of the track since the epoch.
    pub start: u64,
    /// Duration in ticks.
    pub duration: u64,
    /// Whether all of its media was lost.
    pub gap: bool,
    /// Whether the stretch ended in it.
    pub short: bool,
}
