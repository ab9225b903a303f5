//! Moves a media segment on the time line. Work in progress: the signature is final.

use bytes::Bytes;

use super::BoxError;
use crate::time::Timescale;

/// Where a segment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retime {
    /// `mfhd.sequence_number` of every fragment of the segment.
    pub sequence_number: u32,
    /// Added to every decode time, in ticks of the track; may be negative.
    pub decode_shift: i64,
    /// Ticks per second of the track.
    pub track_timescale: Timescale,
}

/// Moves a segment: returns its bytes as slices to be sent in order, header bytes patched in a new
/// buffer, media payload as slices of `segment`.
pub fn retime(segment: &Bytes, _plan: &Retime) -> Result<Vec<Bytes>, BoxError> {
    Ok(vec![segment.clone()])
}

/// Returns the `styp` box of a segment without the brand `lmsg`, for a segment that is built anew.
pub fn styp(_segment: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
    Ok(None)
}
