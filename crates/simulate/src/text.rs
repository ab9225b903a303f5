//! TTML subtitles in segments (ISO/IEC 14496-30, `stpp`) on the live time line.
//!
//! Times in a document count from media time zero, not from its sample, so that the documents
//! themselves must be moved; they grow, and with them sample sizes and the sizes of subsamples
//! (`subs`: the document first, then the images it shows). The fragment is built anew around them;
//! images keep their bytes.

mod subsamples;
mod ttml;

use std::str;

use bytes::Bytes;
use media::{
    isobmff::{
        build::{self, Fragment, SampleEntry},
        retime,
        segment::{self, TrackDefaults},
    },
    time::Time,
};

use crate::reel::RewriteError;

/// Subtitles that cannot be moved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TextError {
    /// Another encoding than UTF-8.
    #[error("sample {sample}: the document is not UTF-8")]
    Encoding {
        /// Position in the segment, from 0.
        sample: usize,
    },
    /// The boxes contradict each other.
    #[error("sample {sample}: its first subsample is longer than the sample")]
    Subsample {
        /// Position in the segment, from 0.
        sample: usize,
    },
    /// The segment starts before media time zero.
    #[error("it would start before media time zero")]
    Negative,
}

/// Moves a segment of TTML documents by `by`, whose scale is that of the track.
pub(crate) fn segment(
    bytes: &Bytes,
    defaults: &TrackDefaults,
    by: Time,
    sequence_number: u32,
) -> Result<Vec<Bytes>, RewriteError> {
    let samples = segment::samples(bytes, defaults)?;
    let first = samples.first().ok_or(RewriteError::Empty)?;
    let decode_time = first
        .decode_time
        .checked_add_signed(by.ticks)
        .ok_or(TextError::Negative)?;
    let mut subsamples = subsamples::read(bytes, samples.len())?;
    let mut slices = vec![Bytes::new()];
    let mut entries = Vec::with_capacity(samples.len());
    for (position, sample) in samples.iter().enumerate() {
        let parts = subsamples
            .get_mut(position)
            .and_then(|parts| parts.first_mut());
        let len = parts
            .as_ref()
            .map_or(sample.data.len(), |part| part.size as usize);
        let split = sample.data.start.saturating_add(len);
        if split > sample.data.end {
            return Err(TextError::Subsample { sample: position }.into());
        }
        let document = bytes.get(sample.data.start..split).unwrap_or_default();
        let document =
            str::from_utf8(document).map_err(|_| TextError::Encoding { sample: position })?;
        let moved = ttml::moved(document, by);
        if let Some(part) = parts {
            part.size = moved.len() as u32;
        }
        entries.push(SampleEntry {
            duration: sample.duration,
            size: (moved.len() + (sample.data.end - split)) as u32,
            flags: sample.flags,
            composition_offset: sample.composition_offset,
        });
        slices.push(moved.into());
        if split < sample.data.end {
            slices.push(bytes.slice(split..sample.data.end));
        }
    }
    let styp = retime::styp(bytes)?;
    let mut head = build::fragment(&Fragment {
        track_id: defaults.track_id,
        sequence_number,
        decode_time,
        styp: styp.as_deref(),
        samples: &entries,
    });
    if subsamples.iter().any(|parts| !parts.is_empty()) {
        head = subsamples::insert(head, &subsamples)?;
    }
    slices[0] = head.into();
    Ok(slices)
}

#[cfg(test)]
mod tests {
    use media::time::Timescale;

    use super::*;

    const DEFAULTS: TrackDefaults = TrackDefaults {
        track_id: 3,
        duration: 0,
        size: 0,
        flags: 0,
    };

    /// A segment of one-second samples, with a `subs` box made of these sizes where given.
    fn stored(samples: &[&[u8]], parts: &[&[u32]]) -> Bytes {
        let entries: Vec<SampleEntry> = samples
            .iter()
            .map(|data| SampleEntry {
                duration: 1000,
                size: data.len() as u32,
                flags: 0,
                composition_offset: 0,
            })
            .collect();
        let mut bytes = build::fragment(&Fragment {
            track_id: 3,
            sequence_number: 1,
            decode_time: 2000,
            styp: None,
            samples: &entries,
        });
        if !parts.is_empty() {
            bytes = subsamples::insert(bytes, &subsamples::of_sizes(parts)).unwrap();
        }
        bytes.extend(samples.concat());
        bytes.into()
    }

    fn samples_of(slices: &[Bytes]) -> (Vec<Bytes>, Vec<u64>, Bytes) {
        let all: Bytes = slices.concat().into();
        let samples = segment::samples(&all, &DEFAULTS).unwrap();
        let data = samples.iter().map(|s| all.slice(s.data.clone())).collect();
        (data, samples.iter().map(|s| s.decode_time).collect(), all)
    }

    #[test]
    fn samples_subsamples_and_images_stay_in_step() {
        let one = br#"<tt><p begin="2s" end="3s"/></tt>IMAGES"#;
        let two = br#"<tt><p begin="00:00:03.500"/></tt>"#;
        let image = &one[..one.len() - 6];
        let bytes = stored(&[one, two], &[&[image.len() as u32, 4, 2], &[]]);
        let by = Time::new(8000, Timescale::MS);
        let moved = segment(&bytes, &DEFAULTS, by, 9).unwrap();
        let (data, times, all) = samples_of(&moved);
        let document = br#"<tt><p begin="00:00:10.000" end="00:00:11.000"/></tt>"#;
        assert_eq!(data[0], [&document[..], b"IMAGES"].concat());
        assert_eq!(data[1], br#"<tt><p begin="00:00:11.500"/></tt>"#[..]);
        assert_eq!(times, [10_000, 11_000]);
        let parts = subsamples::read(&all, 2).unwrap();
        let sizes: Vec<u32> = parts[0].iter().map(|part| part.size).collect();
        assert_eq!(sizes, [document.len() as u32, 4, 2]);
        assert!(parts[1].is_empty());
    }

    #[test]
    fn what_cannot_be_moved_is_named() {
        let by = |ms| Time::new(ms, Timescale::MS);
        for (bytes, by, part) in [
            (stored(&[b"\xff\xfe<\0"], &[]), by(0), "not UTF-8"),
            (
                stored(&[b"<tt/>"], &[&[6]]),
                by(0),
                "longer than the sample",
            ),
            (
                stored(&[b"<tt/>"], &[]),
                by(-2001),
                "before media time zero",
            ),
            (stored(&[], &[]), by(0), "no samples"),
        ] {
            let error = segment(&bytes, &DEFAULTS, by, 1).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
