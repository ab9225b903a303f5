//! Cuts a media segment into chunks, each a fragment of its own (CMAF, ISO/IEC 23000-19, 7.3.2.3),
//! so that it can be sent while it is being "made".
//!
//! | box | what happens |
//! |---|---|
//! | `moof` | one a chunk: the same sequence number, running `tfdt`, `trun` of version 1 |
//! | `mdat` | one a chunk; its payload is handed on as slices of the input |
//! | `styp` | before the first chunk only |
//! | `emsg`, `prft` before a `moof` | go before the chunk that the first sample of the fragment is in, moved like the media |
//! | `sidx` | dropped: it tells of another cut |
//! | `sgpd`, `sbgp`, `uuid` | dropped, but for those of encryption (`seig`, PIFF) |
//!
//! A chunk closes with the sample by which as many whole chunk lengths have passed as there are
//! chunks ([`Cutter`]). Fragments of which samples have information of their own (`senc`, `saiz`,
//! `saio`, `subs`, groups of encryption) are never cut apart: chunks are whole
//! fragments there, their headers edited like those of [`super::retime`]. So an encrypted segment of
//! one fragment is one chunk.

use std::ops::Range;

use bytes::Bytes;

use super::{
    BoxError, be,
    build::{self, Fragment, SampleEntry},
    retime::{Retime, retime},
    segment::{self, FragmentInfo, Sample, TrackDefaults},
    walk::{self, boxes_from},
};
use crate::time::{Time, Timescale};

/// Type of the sample groups with encryption parameters, ISO/IEC 23001-7, 6.
const ENCRYPTION_GROUP: u32 = u32::from_be_bytes(*b"seig");
/// Extended type of the box that had the place of `senc` before there was one (PIFF 1.1, 5.3.2).
const PIFF_SAMPLE_ENCRYPTION: [u8; 16] = [
    0xa2, 0x39, 0x4f, 0x52, 0x5a, 0x9b, 0x4f, 0x14, 0xa2, 0x44, 0x6c, 0x42, 0x7c, 0x64, 0x8d, 0xf4,
];

/// Says after which samples a chunk closes: those by which another whole chunk length has passed
/// since the start of the segment. Exact for any lengths.
#[derive(Clone, Copy, Debug)]
pub struct Cutter {
    length: Time,
    scale: Timescale,
    ticks: u64,
    closed: u128,
}

impl Cutter {
    /// Starts at the beginning of a segment whose samples are timed in `scale`. A `length` that is
    /// not positive closes a chunk with every sample.
    pub fn new(length: Time, scale: Timescale) -> Self {
        Self {
            length,
            scale,
            ticks: 0,
            closed: 0,
        }
    }

    /// Takes the next sample, of `duration` ticks, and tells whether a chunk closes with it.
    pub fn closes_with(&mut self, duration: u64) -> bool {
        self.ticks = self.ticks.saturating_add(duration);
        let passed = u128::from(self.ticks) * u128::from(self.length.scale.get());
        let length = u128::try_from(self.length.ticks).unwrap_or(0) * u128::from(self.scale.get());
        let Some(whole) = passed.checked_div(length) else {
            return true;
        };
        let closes = whole > self.closed;
        self.closed = whole;
        closes
    }
}

/// What a chunk covers, in ticks of the track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// From the start of the segment to the start of the chunk.
    pub start: u64,
    /// Sum of the sample durations.
    pub duration: u64,
    /// Whether it holds a sync sample.
    pub independent: bool,
}

/// A segment and where it is to be cut.
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    segment: &'a Bytes,
    track_id: u32,
    samples: Vec<Sample>,
    chunks: Vec<Chunk>,
}

/// A chunk to be made.
#[derive(Clone, Debug, Default)]
struct Chunk {
    span: Span,
    samples: Range<usize>,
    /// Boxes of the segment that go before it, in order.
    lead: Vec<Range<usize>>,
    /// Where in the segment its fragments lie, when they stay whole.
    whole: Option<Range<usize>>,
}

impl<'a> Chunks<'a> {
    /// Reads a segment of the one track that `defaults` name, with times in `scale`, and decides
    /// where to cut it into chunks of `length`.
    ///
    /// Errors: a box that cannot be read, sample data outside of the segment, no samples.
    pub fn read(
        segment: &'a Bytes,
        defaults: &TrackDefaults,
        scale: Timescale,
        length: Time,
    ) -> Result<Self, BoxError> {
        let samples = segment::samples(segment, defaults)?;
        if samples.is_empty() {
            return Err(BoxError {
                path: "moof".to_owned(),
                offset: 0,
                reason: "the segment has no samples of the track".into(),
            });
        }
        let mut plan = Plan {
            samples: &samples,
            cutter: Cutter::new(length, scale),
            open: Chunk::default(),
            chunks: Vec::new(),
        };
        for fragment in segment::index(segment, defaults)? {
            plan.add(segment, &fragment)?;
        }
        plan.close();
        Ok(Self {
            segment,
            track_id: defaults.track_id,
            chunks: plan.chunks,
            samples,
        })
    }

    /// Iterates over the chunks in order.
    pub fn spans(&self) -> impl ExactSizeIterator<Item = Span> {
        self.chunks.iter().map(|chunk| chunk.span)
    }

    /// Makes one chunk, moved by `plan`: its bytes as slices to be sent in order. Nothing when there
    /// are not as many.
    pub fn make(&self, index: usize, plan: &Retime) -> Result<Option<Vec<Bytes>>, BoxError> {
        let Some(chunk) = self.chunks.get(index) else {
            return Ok(None);
        };
        let mut slices = Vec::new();
        for range in chunk.lead.iter().chain(&chunk.whole) {
            slices.extend(retime(&self.segment.slice(range.clone()), plan)?);
        }
        if chunk.whole.is_none() {
            self.build(chunk, plan, &mut slices)?;
        }
        Ok(Some(slices))
    }

    /// Makes a new fragment around the samples of a chunk.
    fn build(&self, chunk: &Chunk, plan: &Retime, slices: &mut Vec<Bytes>) -> Result<(), BoxError> {
        let samples = self.samples.get(chunk.samples.clone()).unwrap_or_default();
        let stored = samples.first().map_or(0, |sample| sample.decode_time);
        let Some(decode_time) = stored.checked_add_signed(plan.decode_shift) else {
            return Err(BoxError {
                path: "moof/traf/tfdt".to_owned(),
                offset: 0,
                reason: format!(
                    "time {stored} moved by {} leaves the range of 64 bits",
                    plan.decode_shift
                )
                .into(),
            });
        };
        let entries: Vec<SampleEntry> = samples.iter().map(SampleEntry::from).collect();
        let head = build::fragment(&Fragment {
            track_id: self.track_id,
            sequence_number: plan.sequence_number,
            decode_time,
            styp: None,
            samples: &entries,
        });
        slices.push(head.into());
        let mut run: Range<usize> = 0..0;
        for sample in samples.iter().filter(|sample| !sample.data.is_empty()) {
            if sample.data.start == run.end {
                run.end = sample.data.end;
                continue;
            }
            if !run.is_empty() {
                slices.push(self.segment.slice(run));
            }
            run = sample.data.clone();
        }
        if !run.is_empty() {
            slices.push(self.segment.slice(run));
        }
        Ok(())
    }
}

/// Chunks being planned.
struct Plan<'s> {
    samples: &'s [Sample],
    cutter: Cutter,
    /// The chunk that is not closed yet.
    open: Chunk,
    chunks: Vec<Chunk>,
}

impl Plan<'_> {
    /// Takes the samples of the next fragment.
    fn add(&mut self, segment: &[u8], fragment: &FragmentInfo) -> Result<(), BoxError> {
        let moof = fragment.offset as usize;
        let lead_at = moof.saturating_sub(fragment.lead as usize);
        let place = moof..moof + fragment.len as usize;
        let stays_whole = stays_whole(segment, place.start)?;
        if stays_whole != self.open.whole.is_some() {
            self.close();
        }
        self.add_lead(segment, lead_at..moof)?;
        if stays_whole {
            let start = self.open.whole.as_ref().map_or(place.start, |w| w.start);
            self.open.whole = Some(start..place.end);
        }
        let mut closes = false;
        for _ in 0..fragment.sample_count {
            let Some(sample) = self.samples.get(self.open.samples.end) else {
                break;
            };
            self.open.samples.end += 1;
            self.open.span.duration += u64::from(sample.duration);
            self.open.span.independent |= sample.is_sync();
            let passed = self.cutter.closes_with(sample.duration.into());
            if !stays_whole && passed {
                self.close();
            }
            closes |= passed;
        }
        if stays_whole && closes {
            self.close();
        }
        Ok(())
    }

    /// Takes the boxes before a fragment that concern the media.
    fn add_lead(&mut self, segment: &[u8], place: Range<usize>) -> Result<(), BoxError> {
        let is_first = self.open.samples.end == 0;
        for found in boxes_from(segment, place.start).into_iter().flatten() {
            let found = found?;
            if found.offset >= place.end {
                break;
            }
            let goes_along = match &found.kind.0 {
                b"styp" => is_first,
                b"emsg" | b"prft" => true,
                _ => false,
            };
            if goes_along {
                self.open.lead.push(found.offset..found.end());
            }
        }
        Ok(())
    }

    /// Ends the open chunk, if it has samples.
    fn close(&mut self) {
        if self.open.samples.is_empty() {
            return;
        }
        let next = Chunk {
            span: Span {
                start: self.open.span.start + self.open.span.duration,
                ..Span::default()
            },
            samples: self.open.samples.end..self.open.samples.end,
            ..Chunk::default()
        };
        self.chunks.push(std::mem::replace(&mut self.open, next));
    }
}

/// Tells whether the samples of a fragment have information of their own, which would have to be
/// cut too.
fn stays_whole(segment: &[u8], moof: usize) -> Result<bool, BoxError> {
    let Some(found) = boxes_from(segment, moof) else {
        return Ok(false);
    };
    let Some(moof) = walk::first(found, b"moof")? else {
        return Ok(false);
    };
    for traf in moof.children() {
        let traf = traf?;
        if traf.kind.0 != *b"traf" {
            continue;
        }
        for found in traf.children() {
            let found = found?;
            let whole = match &found.kind.0 {
                b"senc" | b"saiz" | b"saio" | b"subs" => true,
                b"uuid" => found.body().starts_with(&PIFF_SAMPLE_ENCRYPTION),
                b"sgpd" | b"sbgp" => {
                    found.body().len() >= 8 && be::u32(found.body(), 4) == ENCRYPTION_GROUP
                }
                _ => false,
            };
            if whole {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
