//! One segment, moved to its place in a recording.

use bytes::Bytes;
use media::{
    isobmff::{
        BoxError,
        build::{self, Fragment, SampleEntry},
        retime::{self, Retime},
        segment::{self, Sample, TrackDefaults},
    },
    time::Timescale,
};

/// A segment on its way into a recording. Times are ticks of the track since the recording began.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    samples: Vec<Sample>,
    /// Subtracted from the decode times in `bytes`.
    shift: i64,
    /// Where the last sample ends.
    end: i64,
    /// Whether a sample has to change.
    rebuilt: bool,
}

impl Piece {
    /// Reads a segment whose times are to be moved back by `shift`. Nothing when no sample begins at
    /// `from` or later, of which the earlier ones are left out.
    pub(super) fn read(
        bytes: Bytes,
        shift: i64,
        from: i64,
        defaults: &TrackDefaults,
    ) -> Result<Option<Self>, BoxError> {
        let mut samples = segment::samples(&bytes, defaults)?;
        let time = |sample: &Sample| clamped(sample.decode_time).saturating_sub(shift);
        let early = samples.iter().take_while(|s| time(s) < from).count();
        samples.drain(..early);
        Ok(samples.last().map(|last| Self {
            end: time(last).saturating_add(last.duration.into()),
            shift,
            rebuilt: early > 0,
            bytes,
            samples: samples.clone(),
        }))
    }

    /// Returns when its first sample begins.
    pub(super) fn start(&self) -> i64 {
        let first = self.samples.first();
        first.map_or(self.end, |first| {
            clamped(first.decode_time).saturating_sub(self.shift)
        })
    }

    pub(super) fn end(&self) -> i64 {
        self.end
    }

    pub(super) fn frames(&self) -> u64 {
        self.samples.len() as u64
    }

    /// Lets the last sample last until `end`.
    pub(super) fn extend_to(&mut self, end: i64) {
        if end > self.end {
            self.end = end;
            self.rebuilt = true;
        }
    }

    /// Lets the first sample begin as early as `start`.
    pub(super) fn begin_at(&mut self, start: i64) {
        let shift = self.shift;
        if let Some(first) = self.samples.first_mut()
            && clamped(first.decode_time).saturating_sub(shift) > start
        {
            first.decode_time = u64::try_from(start.saturating_add(shift)).unwrap_or(0);
            self.rebuilt = true;
        }
    }

    /// Writes it as slices.
    pub(super) fn write(
        &self,
        track_id: u32,
        sequence_number: u32,
        track_timescale: Timescale,
    ) -> Result<Vec<Bytes>, BoxError> {
        if !self.rebuilt {
            let plan = Retime {
                sequence_number,
                decode_shift: -self.shift,
                track_timescale,
            };
            return retime::retime(&self.bytes, &plan);
        }
        let styp = retime::styp(&self.bytes)?;
        // Holes between fragments become durations, since this is one fragment.
        let starts = self
            .samples
            .iter()
            .map(|sample| clamped(sample.decode_time));
        let ends = starts.clone().skip(1).chain([self.end + self.shift]);
        let entries: Vec<SampleEntry> = self
            .samples
            .iter()
            .zip(starts.zip(ends))
            .map(|(sample, (start, end))| SampleEntry {
                duration: u32::try_from(end.saturating_sub(start)).unwrap_or(sample.duration),
                ..SampleEntry::from(sample)
            })
            .collect();
        let head = build::fragment(&Fragment {
            track_id,
            sequence_number,
            decode_time: u64::try_from(self.start()).unwrap_or(0),
            styp: styp.as_deref(),
            samples: &entries,
        });
        let data = self
            .samples
            .iter()
            .map(|s| self.bytes.slice(s.data.clone()));
        Ok([Bytes::from(head)].into_iter().chain(data).collect())
    }
}

fn clamped(ticks: u64) -> i64 {
    i64::try_from(ticks).unwrap_or(i64::MAX)
}
