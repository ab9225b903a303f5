//! Whether what an encoder wrote is what the plan wants. A count alone proves nothing: a doubled
//! first frame makes up for a lost last one.

use media::isobmff::segment::Sample;

use super::{
    Failure,
    graph::FIRST,
    raw::{Raw, shown},
};
use crate::plan::{Chunk, Grid, VideoCodec};

/// The samples of a chunk, each with its place in the order of presentation.
#[derive(Debug)]
pub(super) struct Checked {
    /// For each sample, in decoding order, its frame counted from the chunk's first one.
    pub(super) places: Vec<u64>,
}

/// Checks a raw file: as many frames as planned, each place of the grid taken once, a sync sample
/// that can be decoded by itself at the start of each group, and no frame shown outside of its group.
pub(super) fn check(
    raw: &Raw,
    id: &str,
    codec: VideoCodec,
    grid: &Grid,
    chunk: &Chunk,
) -> Result<Checked, Failure> {
    let wrong = |reason: String| Failure::wrong(&format!("chunk {} of {id}", chunk.index), reason);
    if raw.track.timescale.get() != grid.timescale {
        return Err(wrong(format!(
            "timescale {} in place of {}",
            raw.track.timescale, grid.timescale
        )));
    }
    if raw.samples.len() as u64 != chunk.frames {
        return Err(wrong(format!(
            "{} frames in place of {}",
            raw.samples.len(),
            chunk.frames
        )));
    }
    let gop = u64::from(grid.gop.max(1));
    let mut places = Vec::with_capacity(raw.samples.len());
    let mut taken = vec![false; raw.samples.len()];
    for (index, sample) in raw.samples.iter().enumerate() {
        let index = index as u64;
        let place = place(sample, grid)
            .ok_or_else(|| wrong(format!("frame {index} is shown at tick {}", shown(sample))))?;
        let Some(seat) = taken.get_mut(place as usize).filter(|seat| !**seat) else {
            return Err(wrong(format!("frame {index} has the place {place}")));
        };
        *seat = true;
        if place / gop != index / gop {
            return Err(wrong(format!(
                "frame {place} is stored in the group of frame {index}"
            )));
        }
        if index.is_multiple_of(gop) {
            if !sample.is_sync() || place != index {
                return Err(wrong(format!("no key frame at frame {index}")));
            }
            begins_a_group(raw.data(sample), codec)
                .map_err(|reason| wrong(format!("frame {index}: {reason}")))?;
        }
        places.push(place);
    }
    Ok(Checked { places })
}

/// Returns the frame of the chunk that a sample is; nothing when it is none.
fn place(sample: &Sample, grid: &Grid) -> Option<u64> {
    let ticks = u64::from(grid.frame_ticks.max(1));
    let since = u64::try_from(shown(sample))
        .ok()?
        .checked_sub(FIRST * ticks)?;
    since.is_multiple_of(ticks).then_some(since / ticks)
}

/// Tells whether a sample can be decoded without any before it.
fn begins_a_group(data: &[u8], codec: VideoCodec) -> Result<(), &'static str> {
    match codec {
        VideoCodec::H264 => nal_units(data, |header| match header & 0x1f {
            5 => Some(true),
            1..=4 => Some(false),
            _ => None,
        }),
        // BLA, IDR and CRA are 16 to 21; without leading pictures only IDR is left.
        VideoCodec::H265 => nal_units(data, |header| match header >> 1 & 0x3f {
            19 | 20 => Some(true),
            0..=31 => Some(false),
            _ => None,
        }),
        // A temporal unit of a key frame begins with a sequence header; `dav1d` and others ask for it.
        VideoCodec::Av1 => match data.first().map(|header| header >> 3 & 0x0f) {
            Some(1 | 2) => Ok(()),
            _ => Err("no sequence header"),
        },
    }
}

/// Walks the NAL units of a sample, each behind its length in four bytes, up to the first slice.
fn nal_units(mut data: &[u8], slice: impl Fn(u8) -> Option<bool>) -> Result<(), &'static str> {
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((unit, rest)) = rest.split_at_checked(length) else {
            return Err("a NAL unit reaches behind the end");
        };
        match unit.first().and_then(|header| slice(*header)) {
            Some(true) => return Ok(()),
            Some(false) => return Err("the first slice is not of an IDR picture"),
            None => data = rest,
        }
    }
    Err("no slice")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_that_stand_alone_begin_a_group() {
        let sps_and = |slice: u8| [0, 0, 0, 2, 0x67, 1, 0, 0, 0, 2, slice, 7].to_vec();
        let h264 = VideoCodec::H264;
        assert_eq!(begins_a_group(&sps_and(0x65), h264), Ok(()));
        assert!(begins_a_group(&sps_and(0x41), h264).is_err());
        assert!(begins_a_group(&sps_and(0x65)[..6], h264).is_err());
        assert!(begins_a_group(&[0, 0, 0, 9, 0x65], h264).is_err());
        // IDR_N_LP and TRAIL_R.
        let h265 = VideoCodec::H265;
        assert_eq!(begins_a_group(&[0, 0, 0, 2, 40, 1], h265), Ok(()));
        assert!(begins_a_group(&[0, 0, 0, 2, 2, 1], h265).is_err());
        // Temporal delimiter, frame.
        assert_eq!(begins_a_group(&[0x12, 0], VideoCodec::Av1), Ok(()));
        assert!(begins_a_group(&[0x32, 0], VideoCodec::Av1).is_err());
    }
}
