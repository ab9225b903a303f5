//! New boxes and fragments. Work in progress: the signatures are final.

use super::FourCc;

/// A fragment of one track to be written.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Track id of the init segment.
    pub track_id: u32,
    /// `mfhd.sequence_number`.
    pub sequence_number: u32,
    /// Decode time of the first sample in ticks of the track.
    pub decode_time: u64,
    /// A whole `styp` box to go before, see [`styp`].
    pub styp: Option<&'a [u8]>,
    /// The samples in order; their data follow what [`fragment`] returns, in the same order.
    pub samples: &'a [SampleEntry],
}

/// A sample of a new fragment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleEntry {
    /// Duration in ticks of the track.
    pub duration: u32,
    /// Length in bytes.
    pub size: u32,
    /// Sample flags, ISO/IEC 14496-12, 8.8.3.1.
    pub flags: u32,
    /// Presentation time less decode time, in ticks.
    pub composition_offset: i32,
}

/// Writes `styp`, `moof` and the header of the `mdat` for sample data that follow.
pub fn fragment(_fragment: &Fragment<'_>) -> Vec<u8> {
    Vec::new()
}

/// Writes a `styp` box.
pub fn styp(_major: FourCc, _compatible: &[FourCc]) -> Vec<u8> {
    Vec::new()
}
