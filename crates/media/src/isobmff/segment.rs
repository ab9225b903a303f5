//! Fragments and samples of media segments. Work in progress: types and signatures are final.

use std::ops::Range;

use super::BoxError;

/// What samples have unless a fragment says otherwise (`trex`, ISO/IEC 14496-12, 8.8.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackDefaults {
    /// The track; 0 for any.
    pub track_id: u32,
    /// Duration of a sample in ticks of the track.
    pub duration: u32,
    /// Length of a sample in bytes.
    pub size: u32,
    /// Sample flags.
    pub flags: u32,
}

/// A fragment (`moof` with its `mdat`) of one track. Times are in ticks of the track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentInfo {
    /// Offset of the `moof`.
    pub offset: u64,
    /// Length of the `moof` and of what follows up to the end of its last `mdat`.
    pub len: u64,
    /// Length of the `styp`, `sidx`, `emsg` and `prft` boxes directly before the `moof`.
    pub lead: u64,
    /// `mfhd.sequence_number`.
    pub sequence_number: u32,
    /// Decode time of the first sample.
    pub decode_time: u64,
    /// Sum of the sample durations.
    pub duration: u64,
    /// Number of samples.
    pub sample_count: u32,
    /// Whether the first sample is a sync sample.
    pub starts_with_sync: bool,
    /// Duration of every sample when they are all alike.
    pub sample_duration: Option<u32>,
    /// Earliest presentation time of a sample (before edit lists); the decode time when empty.
    pub min_presentation_time: i64,
    /// Latest presentation end of a sample (before edit lists); the decode time when empty.
    pub max_presentation_end: i64,
}

/// A media segment of one track. Times are in ticks of the track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Decode time of the first sample.
    pub first_decode_time: u64,
    /// From the first sample's decode time to the end of the last sample.
    pub duration: u64,
    /// Number of samples.
    pub sample_count: u32,
    /// The fragments in order, at least one.
    pub fragments: Vec<FragmentInfo>,
    /// Duration of every sample when they are all alike.
    pub uniform_sample_duration: Option<u32>,
    /// Earliest presentation time of a sample (before edit lists).
    pub min_presentation_time: i64,
    /// Latest presentation end of a sample (before edit lists).
    pub max_presentation_end: i64,
}

/// A sample of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Where its data lie in the bytes given.
    pub data: Range<usize>,
    /// Duration in ticks of the track.
    pub duration: u32,
    /// Presentation time less decode time, in ticks.
    pub composition_offset: i32,
    /// Sample flags, ISO/IEC 14496-12, 8.8.3.1.
    pub flags: u32,
    /// Decode time in ticks.
    pub decode_time: u64,
}

/// Reads a media segment.
pub fn read(segment: &[u8], defaults: &TrackDefaults) -> Result<SegmentInfo, BoxError> {
    index(segment, defaults)?;
    Err(not_yet())
}

/// Lists the fragments of a segment or of a whole fragmented file.
pub fn index(_file: &[u8], _defaults: &TrackDefaults) -> Result<Vec<FragmentInfo>, BoxError> {
    Err(not_yet())
}

/// Lists the samples of a segment.
pub fn samples(_segment: &[u8], _defaults: &TrackDefaults) -> Result<Vec<Sample>, BoxError> {
    Err(not_yet())
}

fn not_yet() -> BoxError {
    BoxError {
        path: String::new(),
        offset: 0,
        reason: "not read yet".into(),
    }
}
