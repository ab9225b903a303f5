//! Samples as an encoder delivers them, and as they are published.

use bytes::Bytes;
use media::isobmff::{
    BoxError,
    segment::{self, SAMPLE_IS_NON_SYNC, TrackDefaults},
};

/// A sample. Times are ticks of the track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// Decode time: of the encoder's clock before, of the channel's after repair.
    pub(super) time: i64,
    pub(super) duration: i64,
    pub(super) flags: u32,
    pub(super) composition_offset: i32,
    pub(super) data: Bytes,
}

impl Sample {
    /// Tells whether decoding can start here.
    pub(super) fn is_sync(&self) -> bool {
        self.flags & SAMPLE_IS_NON_SYNC == 0
    }

    /// Returns the time at which it ends.
    pub(super) fn end(&self) -> i64 {
        self.time.saturating_add(self.duration)
    }
}

/// Reads the samples of a fragment. The decode time is taken as signed: the priming of sound may lie
/// before zero.
pub(super) fn read(fragment: &Bytes, defaults: &TrackDefaults) -> Result<Vec<Sample>, BoxError> {
    let samples = segment::samples(fragment, defaults)?;
    Ok(samples
        .into_iter()
        .map(|sample| Sample {
            time: sample.decode_time as i64,
            duration: i64::from(sample.duration),
            flags: sample.flags,
            composition_offset: sample.composition_offset,
            data: fragment.slice(sample.data),
        })
        .collect())
}
