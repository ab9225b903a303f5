//! New boxes: fragments around samples that exist already, brands, segment indexes.

use super::{FourCc, fields::SidxReference, segment::Sample, walk::BoxView};
use crate::time::Timescale;

/// A fragment of one track to be written.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Track id of the init segment.
    pub track_id: u32,
    /// `mfhd.sequence_number`.
    pub sequence_number: u32,
    /// Decode time of the first sample in ticks of the track.
    pub decode_time: u64,
    /// A whole `styp` box to go before, from [`styp`] or [`super::retime::styp`].
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

/// `tfhd` flags, ISO/IEC 14496-12, 8.8.7.1.
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;
const DURATION_IS_EMPTY: u32 = 0x01_0000;
const DEFAULT_DURATION: u32 = 0x00_0008;
/// A sample of a fragment that was read, to be written as it is.
impl From<&Sample> for SampleEntry {
    fn from(sample: &Sample) -> Self {
        Self {
            duration: sample.duration,
            size: sample.data.len() as u32,
            flags: sample.flags,
            composition_offset: sample.composition_offset,
        }
    }
}

/// `trun` flags: data offset, and per sample duration, size and flags.
const TRUN_FLAGS: u32 = 0x0701;
/// `trun` flag: composition offset per sample.
const TRUN_COMPOSITION: u32 = 0x0800;

/// Writes `styp`, `moof` and the header of the `mdat` for sample data that follow: offsets count
/// from the `moof` (CMAF, ISO/IEC 23000-19, 7.5), every sample is described in full, and `tfdt` has 64
/// bits only when 32 do not hold the time.
pub fn fragment(fragment: &Fragment<'_>) -> Vec<u8> {
    let composed = fragment
        .samples
        .iter()
        .any(|sample| sample.composition_offset != 0);
    let record_len = if composed { 16 } else { 12 };
    let styp = fragment.styp.unwrap_or_default();
    let expected = styp.len() + 108 + fragment.samples.len() * record_len;
    let mut out = Vec::with_capacity(expected);
    out.extend_from_slice(styp);

    let moof = open(&mut out, b"moof");
    push_mfhd(&mut out, fragment.sequence_number);
    let traf = open(&mut out, b"traf");
    let tfhd = open(&mut out, b"tfhd");
    out.extend_from_slice(&DEFAULT_BASE_IS_MOOF.to_be_bytes()); // version, flags
    out.extend_from_slice(&fragment.track_id.to_be_bytes());
    close(&mut out, tfhd);
    push_tfdt(&mut out, fragment.decode_time);

    let trun = open(&mut out, b"trun");
    let flags = TRUN_FLAGS | if composed { TRUN_COMPOSITION } else { 0 };
    out.extend_from_slice(&(1 << 24 | flags).to_be_bytes()); // version 1: signed offsets
    out.extend_from_slice(&(fragment.samples.len() as u32).to_be_bytes()); // sample_count
    let data_offset = out.len();
    out.extend_from_slice(&[0; 4]); // data_offset, set below
    for sample in fragment.samples {
        out.extend_from_slice(&sample.duration.to_be_bytes());
        out.extend_from_slice(&sample.size.to_be_bytes());
        out.extend_from_slice(&sample.flags.to_be_bytes());
        if composed {
            out.extend_from_slice(&sample.composition_offset.to_be_bytes());
        }
    }
    close(&mut out, trun);
    close(&mut out, traf);
    close(&mut out, moof);

    let payload = fragment.samples.iter().map(|sample| u64::from(sample.size));
    mdat_header(&mut out, payload.sum());
    let distance = (out.len() - moof) as u32;
    super::be::put(&mut out, data_offset, &distance.to_be_bytes());
    out
}

/// Writes a `moof` and an `mdat` that say that a track has no samples for `duration` ticks from
/// `decode_time` on (ISO/IEC 14496-12, 8.8.7.1, `duration-is-empty`).
pub fn no_samples(track_id: u32, decode_time: u64, duration: u32, styp: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(styp.len() + 84);
    out.extend_from_slice(styp);
    let moof = open(&mut out, b"moof");
    push_mfhd(&mut out, 1);
    let traf = open(&mut out, b"traf");
    let tfhd = open(&mut out, b"tfhd");
    let flags = DEFAULT_BASE_IS_MOOF | DURATION_IS_EMPTY | DEFAULT_DURATION;
    out.extend_from_slice(&flags.to_be_bytes()); // version, flags
    out.extend_from_slice(&track_id.to_be_bytes());
    out.extend_from_slice(&duration.to_be_bytes()); // default_sample_duration
    close(&mut out, tfhd);
    push_tfdt(&mut out, decode_time);
    close(&mut out, traf);
    close(&mut out, moof);
    mdat_header(&mut out, 0);
    out
}

fn push_mfhd(out: &mut Vec<u8>, sequence_number: u32) {
    let mfhd = open(out, b"mfhd");
    out.extend_from_slice(&[0, 0, 0, 0]); // version, flags
    out.extend_from_slice(&sequence_number.to_be_bytes());
    close(out, mfhd);
}

fn push_tfdt(out: &mut Vec<u8>, decode_time: u64) {
    let tfdt = open(out, b"tfdt");
    if let Ok(narrow) = u32::try_from(decode_time) {
        out.extend_from_slice(&[0, 0, 0, 0]); // version, flags
        out.extend_from_slice(&narrow.to_be_bytes()); // baseMediaDecodeTime
    } else {
        out.extend_from_slice(&[1, 0, 0, 0]); // version, flags
        out.extend_from_slice(&decode_time.to_be_bytes()); // baseMediaDecodeTime
    }
    close(out, tfdt);
}

/// Writes the header of an `mdat` for a payload of some length in bytes, with a 64-bit size when
/// it needs one.
pub fn mdat_header(out: &mut Vec<u8>, payload: u64) {
    if let Ok(size) = u32::try_from(payload.saturating_add(8)) {
        out.extend_from_slice(&size.to_be_bytes());
        out.extend_from_slice(b"mdat");
    } else {
        out.extend_from_slice(&1_u32.to_be_bytes()); // a 64-bit size follows
        out.extend_from_slice(b"mdat");
        out.extend_from_slice(&payload.saturating_add(16).to_be_bytes());
    }
}

/// Writes a `styp` box, ISO/IEC 14496-12, 8.16.2.
pub fn styp(major: FourCc, compatible: &[FourCc]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + 4 * compatible.len());
    let start = open(&mut out, b"styp");
    out.extend_from_slice(&major.0);
    out.extend_from_slice(&[0; 4]); // minor_version
    for brand in compatible {
        out.extend_from_slice(&brand.0);
    }
    close(&mut out, start);
    out
}

/// Writes a `sidx` box of version 1, ISO/IEC 14496-12, 8.16.3, for references that begin right
/// behind it. At most 65,535 references are written; sizes have 31 bits.
pub fn sidx(
    track_id: u32,
    timescale: Timescale,
    earliest_presentation_time: u64,
    references: &[SidxReference],
) -> Vec<u8> {
    let count = u16::try_from(references.len()).unwrap_or(u16::MAX);
    let mut out = Vec::with_capacity(40 + 12 * usize::from(count));
    let start = open(&mut out, b"sidx");
    out.extend_from_slice(&[1, 0, 0, 0]); // version, flags
    out.extend_from_slice(&track_id.to_be_bytes()); // reference_ID
    out.extend_from_slice(&timescale.get().to_be_bytes());
    out.extend_from_slice(&earliest_presentation_time.to_be_bytes());
    out.extend_from_slice(&[0; 8]); // first_offset
    out.extend_from_slice(&[0; 2]); // reserved
    out.extend_from_slice(&count.to_be_bytes()); // reference_count
    for reference in references.iter().take(count.into()) {
        let kind = u32::from(reference.is_index) << 31;
        // A stream access point of type 1: closed group of pictures, decoding order kept.
        let sap = if reference.starts_with_sap {
            0x9000_0000
        } else {
            0
        };
        out.extend_from_slice(&(kind | reference.size & u32::MAX >> 1).to_be_bytes());
        out.extend_from_slice(&reference.duration.to_be_bytes()); // subsegment_duration
        out.extend_from_slice(&u32::to_be_bytes(sap)); // starts_with_SAP, SAP_type, SAP_delta_time
    }
    close(&mut out, start);
    out
}

/// Begins a box and returns where.
pub(super) fn open(out: &mut Vec<u8>, kind: impl Into<FourCc>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&kind.into().0);
    start
}

/// Ends the box that began at `start`.
pub(super) fn close(out: &mut [u8], start: usize) {
    let size = (out.len() - start) as u32;
    super::be::put(out, start, &size.to_be_bytes());
}

/// Adds to the size of a box that was found in `out`.
pub(super) fn grow(out: &mut [u8], found: &BoxView<'_>, by: usize) {
    let size = (found.bytes.len() + by) as u32;
    super::be::put(out, found.offset, &size.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::{
        segment::{self, TrackDefaults},
        sidx,
        walk::boxes,
    };

    fn entries() -> Vec<SampleEntry> {
        (0..5)
            .map(|index| SampleEntry {
                duration: 1024,
                size: 100 + index,
                flags: 0,
                composition_offset: 0,
            })
            .collect()
    }

    #[test]
    fn time_without_samples_is_a_fragment_too() {
        let styp = styp(FourCc(*b"msdh"), &[FourCc(*b"msdh")]);
        for time in [90_000, u64::from(u32::MAX) + 1] {
            let bytes = no_samples(3, time, 180_000, &styp);
            let kinds: Vec<_> = boxes(&bytes)
                .map(|found| found.expect("a box").kind)
                .collect();
            assert_eq!(kinds, [b"styp", b"moof", b"mdat"].map(|kind| FourCc(*kind)));
            let samples = segment::samples(&bytes, &TrackDefaults::default());
            assert_eq!(samples.expect("reads"), []);
        }
    }

    #[test]
    fn a_new_fragment_reads_back() {
        let styp = styp(FourCc(*b"msdh"), &[FourCc(*b"msdh"), FourCc(*b"msix")]);
        for (decode_time, composition_offset) in [(0, 0), (u64::from(u32::MAX) + 1, -7)] {
            let mut samples = entries();
            samples[2].composition_offset = composition_offset;
            let mut bytes = fragment(&Fragment {
                track_id: 9,
                sequence_number: 77,
                decode_time,
                styp: Some(&styp),
                samples: &samples,
            });
            let header = bytes.len();
            bytes.extend((0..510).map(|byte| byte as u8));
            assert!(boxes(&bytes).all(|found| found.is_ok()));
            let read = segment::samples(&bytes, &TrackDefaults::default()).expect("reads");
            let again: Vec<SampleEntry> = read.iter().map(SampleEntry::from).collect();
            assert_eq!(again, samples);
            assert_eq!(read[0].data.start, header);
            let info = segment::read(&bytes, &TrackDefaults::default()).expect("reads");
            assert_eq!(info.first_decode_time, decode_time);
            assert_eq!(info.fragments[0].sequence_number, 77);
            assert_eq!(info.fragments[0].lead, styp.len() as u64);
        }
    }

    #[test]
    fn the_buffer_of_a_fragment_is_reserved_once() {
        let samples = entries();
        let bytes = fragment(&Fragment {
            track_id: 1,
            sequence_number: 1,
            decode_time: u64::MAX,
            styp: None,
            samples: &samples,
        });
        assert!(bytes.len() <= 108 + samples.len() * 12, "{}", bytes.len());
    }

    #[test]
    fn a_long_payload_gets_a_long_size() {
        let mut out = Vec::new();
        mdat_header(&mut out, u64::from(u32::MAX));
        assert_eq!(out.len(), 16);
        assert_eq!(&out[8..], (u64::from(u32::MAX) + 16).to_be_bytes());
    }

    #[test]
    fn a_new_index_reads_back() {
        let reference = SidxReference {
            is_index: false,
            size: 12_345,
            duration: 180_000,
            starts_with_sap: true,
        };
        let scale = Timescale::literal(90_000);
        let read = sidx::read(&sidx(1, scale, 1 << 40, &[reference; 3])).expect("reads");
        assert_eq!(read.earliest_presentation_time, 1 << 40);
        assert_eq!(read.timescale, scale);
        assert_eq!(read.references.len(), 3);
        assert_eq!(read.references[2].size, 12_345);
    }
}
