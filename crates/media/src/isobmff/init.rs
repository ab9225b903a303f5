//! Reading of init segments and `moov` boxes. Work in progress: types and signatures are final.

use super::{BoxError, FourCc, segment::TrackDefaults};
use crate::{
    presentation::{Content, FrameRate},
    time::Timescale,
};

/// What an init segment (or the `moov` of a whole file) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitSegment {
    /// `mvhd.timescale`.
    pub movie_timescale: Timescale,
    /// Video, audio and text tracks, in order; others (hints, time codes) are left out.
    pub tracks: Vec<InitTrack>,
    /// Whether movie fragments follow (`mvex` is there).
    pub fragmented: bool,
}

/// A track of an init segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitTrack {
    /// `tkhd.track_ID`.
    pub track_id: u32,
    /// What it carries.
    pub content: Content,
    /// `mdhd.timescale`.
    pub timescale: Timescale,
    /// Codec string of RFC 6381.
    pub codec: String,
    /// Type of the sample entry, that of the clear one when it is protected.
    pub sample_entry: FourCc,
    /// `elng` (BCP 47), else `mdhd` (ISO 639-2/T); absent when undetermined.
    pub language: Option<String>,
    /// Coded width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// Sample aspect ratio (`pasp`).
    pub sar: Option<(u32, u32)>,
    /// Colour description (`colr` of type `nclx`).
    pub colour: Option<Colour>,
    /// Audio sampling rate in Hz as decoded.
    pub sampling_rate: Option<u32>,
    /// Audio channels, low-frequency ones counted.
    pub channels: Option<u32>,
    /// Complexity index of Dolby Atmos in E-AC-3 (JOC), when signalled.
    pub joc_complexity: Option<u8>,
    /// Audio samples in an access unit, when the codec fixes them.
    pub samples_per_frame: Option<u32>,
    /// Presentation time is decode time plus composition offset less this, in ticks of the track.
    /// From an edit list of one plain edit, or of an empty and a plain one; else 0.
    pub edit_media_time: i64,
    /// What samples have unless a fragment says otherwise.
    pub defaults: TrackDefaults,
    /// Common encryption, when the sample entry is protected.
    pub protection: Option<Protection>,
    /// Frame rate implied by the default sample duration of a video track.
    pub frame_rate_hint: Option<FrameRate>,
}

/// Colour description, code points of ISO/IEC 23091-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Colour primaries.
    pub primaries: u16,
    /// Transfer characteristics: 16 is PQ, 18 is HLG.
    pub transfer: u16,
    /// Matrix coefficients.
    pub matrix: u16,
    /// Whether samples use the full range.
    pub full_range: bool,
}

/// Protection of a sample entry: `schm` and `tenc`, ISO/IEC 23001-7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// `cenc`, `cbcs`, …
    pub scheme: FourCc,
    /// Default key id.
    pub default_kid: [u8; 16],
    /// Bytes of the initialization vector of each sample; 0 with a constant one.
    pub per_sample_iv_size: u8,
    /// Constant initialization vector; empty without one.
    pub constant_iv: Vec<u8>,
    /// Encrypted and clear 16-byte blocks of the pattern; `(0, 0)` without a pattern.
    pub pattern: (u8, u8),
}

/// Reads an init segment, or the `moov` box of a whole file.
pub fn read(data: &[u8]) -> Result<InitSegment, BoxError> {
    super::walk::find(data, &[b"moov"])?;
    Err(BoxError {
        path: String::new(),
        offset: 0,
        reason: "not read yet".into(),
    })
}

/// Makes the init segment for live use: durations zero, `mehd` gone, all else as it was.
pub fn live(init: &[u8]) -> Result<Vec<u8>, BoxError> {
    Ok(init.to_vec())
}
