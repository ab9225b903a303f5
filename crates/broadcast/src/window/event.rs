//! What followers of a window are told.

use std::sync::Arc;

use bytes::Bytes;
use media::{isobmff::init::InitTrack, time::Time};

use crate::packager::{Init, Stretch};

/// Something that became part of the window.
#[derive(Clone, Debug)]
pub enum Event {
    /// A stretch begins.
    Stretch(Stretch),
    /// The init segment of a track in this stretch.
    Init {
        /// Track number.
        track: usize,
        /// The init segment.
        init: Arc<Init>,
    },
    /// A segment is whole.
    Segment {
        /// Track number.
        track: usize,
        /// The segment.
        media: Media,
    },
    /// The stretch has ended.
    End {
        /// Time since the epoch at which its last media ends.
        end: Time,
    },
    /// The channel has ended; nothing follows.
    Closed,
}

/// A segment with its bytes. Times are ticks of the track since the epoch.
#[derive(Clone, Debug)]
pub struct Media {
    /// Its number.
    pub number: u64,
    /// Decode time of its first sample.
    pub start: u64,
    /// Duration.
    pub duration: u64,
    /// Its parts in order; none when its media was lost.
    pub slices: Vec<Bytes>,
}

impl Media {
    /// Returns the bytes in one piece.
    pub fn bytes(&self) -> Bytes {
        match self.slices.as_slice() {
            [one] => one.clone(),
            many => many.concat().into(),
        }
    }

    /// Returns when it begins.
    pub fn start_time(&self, of: &InitTrack) -> Time {
        Time::new(i64::try_from(self.start).unwrap_or(i64::MAX), of.timescale)
    }
}
