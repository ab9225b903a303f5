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
