//! Audio cut anew: the frames of a looped track, grouped by the boundaries of the video.
//!
//! Frames keep their bytes; only the fragment around them is new. Within a loop, frame `k` of the
//! live time line is the stored frame `k - f + s`, where `f` is the first frame of the loop and `s`
//! the number of stored frames before the time that is the start of the presentation. Where the
//! stored audio is longer than the loop its tail is never reached, where it is shorter its last
//! frame (at the front: its first) is repeated. A stored segment index (`sidx`) is not kept, since
//! it would tell of the stored cut.
//!
//! Allocates one small header and a list of slices a segment; payload is never copied.

use std::ops::Range;

use asset::model::TrackIndex;
use bytes::Bytes;
use media::isobmff::{
    build::{self, Fragment, SampleEntry},
    retime,
    segment::{self, Sample, TrackDefaults},
};

use crate::{
    cycle::Recut,
    reel::{RewriteError, Strip},
};

/// The frames of one segment, or of a chunk of one, to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// First frame, counted from media time zero.
    pub(crate) from: i64,
    /// Frame behind the last.
    pub(crate) to: i64,
    /// First frame of the loop they lie in.
    pub(crate) loop_start: i64,
    /// Whether a segment begins with them, and so a `styp` stands before them.
    pub(crate) begins: bool,
}

/// A stored segment that frames are taken from.
struct Source {
    position: usize,
    bytes: Bytes,
    samples: Vec<Sample>,
}

/// Makes the segment or chunk of `cut`, with this sequence number.
pub(crate) fn segment(
    strip: &Strip,
    recut: &Recut,
    cut: Cut,
    sequence_number: u32,
) -> Result<Vec<Bytes>, RewriteError> {
    let (index, defaults) = (&*strip.index, &strip.defaults);
    let stored = StoredFrames::new(index, recut.frame(), strip.origin);
    let mut entries = Vec::new();
    let mut slices: Vec<Bytes> = Vec::new();
    let mut source: Option<Source> = None;
    let mut open: Range<usize> = 0..0;
    let mut styp = None;
    for frame in cut.from..cut.to {
        let (position, within) = stored
            .find(frame - cut.loop_start)
            .ok_or(RewriteError::Empty)?;
        if source
            .as_ref()
            .is_none_or(|known| known.position != position)
        {
            if let Some(done) = source.take() {
                close(&mut slices, &done, &mut open);
            }
            let next = read(index, position, defaults)?;
            if cut.begins && styp.is_none() {
                styp = retime::styp(&next.bytes)?;
            }
            source = Some(next);
        }
        let Some(known) = &source else { continue };
        let last = known.samples.len().saturating_sub(1);
        let sample = known
            .samples
            .get(within.min(last))
            .ok_or(RewriteError::Empty)?;
        if sample.data.start != open.end || open.start == open.end {
            close(&mut slices, known, &mut open);
            open = sample.data.clone();
        } else {
            open.end = sample.data.end;
        }
        entries.push(SampleEntry {
            duration: recut.frame(),
            ..SampleEntry::from(sample)
        });
    }
    if let Some(done) = &source {
        close(&mut slices, done, &mut open);
    }
    let head = build::fragment(&Fragment {
        track_id: defaults.track_id,
        sequence_number,
        decode_time: cut.from.unsigned_abs() * u64::from(recut.frame()),
        styp: styp.as_deref(),
        samples: &entries,
    });
    slices.insert(0, head.into());
    Ok(slices)
}

/// Adds the run of samples that ends here.
fn close(slices: &mut Vec<Bytes>, source: &Source, run: &mut Range<usize>) {
    if run.start < run.end {
        slices.push(source.bytes.slice(run.clone()));
    }
    *run = 0..0;
}

fn read(
    index: &TrackIndex,
    position: usize,
    defaults: &TrackDefaults,
) -> Result<Source, RewriteError> {
    let stored = index.segments.get(position).ok_or(RewriteError::Empty)?;
    let bytes = index.bytes(stored)?;
    let samples = segment::samples(&bytes, defaults)?;
    Ok(Source {
        position,
        bytes,
        samples,
    })
}

/// Finds stored frames by their position from the start of the presentation.
struct StoredFrames<'a> {
    index: &'a TrackIndex,
    frame: i64,
    /// Stored frames before the start of the presentation; negative when some are missing.
    skip: i64,
    total: i64,
}

impl<'a> StoredFrames<'a> {
    fn new(index: &'a TrackIndex, frame: u32, origin: i64) -> Self {
        let frame = i64::from(frame);
        let first = index.segments.first().map_or(0, |first| first.start as i64);
        let skip = (origin.saturating_sub(first) + frame / 2).div_euclid(frame);
        Self {
            index,
            frame,
            skip,
            // A shorter last frame is one too.
            total: (index.duration().ticks + frame - 1) / frame,
        }
    }

    /// Returns the stored segment of a frame and the frame's place in it, taking the nearest frame
    /// where there is none.
    fn find(&self, frame: i64) -> Option<(usize, usize)> {
        let frame = frame
            .saturating_add(self.skip)
            .min(self.total - 1)
            .max(0)
            .unsigned_abs();
        let first = self.index.segments.first()?.start;
        let time = first.checked_add(frame.checked_mul(self.frame.unsigned_abs())?)?;
        let segments = &self.index.segments;
        let position = segments
            .partition_point(|segment| segment.start <= time)
            .checked_sub(1)?;
        let within = (time - segments[position].start) / self.frame.unsigned_abs();
        Some((position, usize::try_from(within).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::track;

    #[test]
    fn a_short_last_frame_counts() {
        let index = track("A48", 48_000, &[2048, 1500]);
        let stored = StoredFrames::new(&index, 1024, 0);
        assert_eq!(stored.find(3), Some((1, 1)));
        assert_eq!(stored.find(4), Some((1, 1)));
    }

    #[test]
    fn frames_before_the_start_are_skipped_and_missing_ones_repeated() {
        let mut index = track("A48", 48_000, &[2048, 1024]);
        for segment in &mut index.segments {
            segment.start += 10_240;
        }
        for (origin, frame, found) in [
            (10_240, 0, (0, 0)),
            (10_240, 1, (0, 1)),
            (10_240, 2, (1, 0)),
            (10_240, 3, (1, 0)),
            (10_240, 1000, (1, 0)),
            (11_264, 0, (0, 1)),
            (11_264, 1, (1, 0)),
            (8_192, 0, (0, 0)),
            (8_192, 2, (0, 0)),
            (8_192, 3, (0, 1)),
        ] {
            let stored = StoredFrames::new(&index, 1024, origin);
            assert_eq!(stored.find(frame), Some(found), "{origin} {frame}");
        }
    }
}
