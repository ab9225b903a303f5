//! Samples as an encoder delivers them, and as they are published.

use std::ops::Range;

use bytes::Bytes;
use media::isobmff::{
    BoxError,
    fields::Tfdt,
    segment::{self, SAMPLE_IS_NON_SYNC, TrackDefaults},
    walk,
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

/// Reads the samples of a fragment. A decode time may lie before zero, as the priming of sound does:
/// ffmpeg writes it as it would a signed number.
pub(super) fn read(fragment: &Bytes, defaults: &TrackDefaults) -> Result<Vec<Sample>, BoxError> {
    let (samples, base) = match negative_base(fragment)? {
        None => (segment::samples(fragment, defaults)?, 0),
        Some((base, at)) => {
            let mut zeroed = fragment.to_vec();
            if let Some(field) = zeroed.get_mut(at) {
                field.fill(0);
            }
            (segment::samples(&zeroed, defaults)?, base)
        }
    };
    Ok(samples
        .into_iter()
        .map(|sample| Sample {
            time: base.saturating_add_unsigned(sample.decode_time),
            duration: i64::from(sample.duration),
            flags: sample.flags,
            composition_offset: sample.composition_offset,
            data: fragment.slice(sample.data),
        })
        .collect())
}

/// Returns the decode time of a fragment that is negative, and where it is written.
fn negative_base(fragment: &[u8]) -> Result<Option<(i64, Range<usize>)>, BoxError> {
    let Some(found) = walk::find(fragment, &[b"moof", b"traf", b"tfdt"])? else {
        return Ok(None);
    };
    let tfdt = found.parse(Tfdt::new)?;
    let base = tfdt.base_media_decode_time() as i64;
    let end = found.end();
    Ok((base < 0).then(|| (base, end.saturating_sub(8)..end)))
}
