//! Fragments and samples of media segments, ISO/IEC 14496-12, 8.8.
//!
//! Works on a segment as well as on a whole fragmented file. Of a multiplexed file one track is
//! read, the one that the defaults name.

use std::ops::Range;

use super::{
    BoxError,
    fields::{Mfhd, Tfdt, Tfhd, Trun},
    splice::explicit_base,
    walk::{BoxView, boxes},
};

/// Bit of the sample flags: not a sync sample, ISO/IEC 14496-12, 8.8.3.1.
pub const SAMPLE_IS_NON_SYNC: u32 = 0x0001_0000;

/// What samples have unless a fragment says otherwise (`trex`, ISO/IEC 14496-12, 8.8.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackDefaults {
    /// The track; 0 for any. A fragment with a single track is taken whatever its id.
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
    /// Length of the `styp`, `sidx`, `emsg` and `prft` boxes directly before the `moof`. An index
    /// of a whole file, between its `moov` and the first fragment, is not counted.
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

impl Sample {
    /// Tells whether decoding can start here.
    pub fn is_sync(&self) -> bool {
        self.flags & SAMPLE_IS_NON_SYNC == 0
    }
}

/// Reads a media segment. Errors: a box that cannot be read, sample data outside the bytes, no
/// fragment of the track.
pub fn read(segment: &[u8], defaults: &TrackDefaults) -> Result<SegmentInfo, BoxError> {
    let fragments = index(segment, defaults)?;
    let (Some(first), Some(last)) = (fragments.first(), fragments.last()) else {
        return Err(BoxError {
            path: "moof".to_owned(),
            offset: 0,
            reason: "the segment has no fragment of the track".into(),
        });
    };
    let end = last.decode_time.saturating_add(last.duration);
    let with_samples = || fragments.iter().filter(|one| one.sample_count > 0);
    let mut durations = with_samples().map(|one| one.sample_duration);
    let alike = durations.next().flatten();
    Ok(SegmentInfo {
        first_decode_time: first.decode_time,
        duration: end.saturating_sub(first.decode_time),
        sample_count: fragments
            .iter()
            .fold(0, |count, one| count.saturating_add(one.sample_count)),
        uniform_sample_duration: alike.filter(|_| durations.all(|one| one == alike)),
        min_presentation_time: with_samples()
            .map(|one| one.min_presentation_time)
            .min()
            .unwrap_or(first.min_presentation_time),
        max_presentation_end: with_samples()
            .map(|one| one.max_presentation_end)
            .max()
            .unwrap_or(first.max_presentation_end),
        fragments,
    })
}

/// Lists the fragments of a track in a segment or in a whole fragmented file, in order. The caller
/// groups those of a file into segments, each starting where a fragment starts with a sync sample.
pub fn index(file: &[u8], defaults: &TrackDefaults) -> Result<Vec<FragmentInfo>, BoxError> {
    let mut list: Vec<FragmentInfo> = Vec::new();
    let mut walk = Walk::new(file, defaults);
    let mut lead_start = None;
    let mut takes_payload = false;
    let mut after_moov = false;
    for found in boxes(file) {
        let found = found?;
        match &found.kind.0 {
            b"moof" => {
                let start = lead_start.take().unwrap_or(found.offset);
                let read = walk.moof(&found, |_| {})?;
                takes_payload = read.is_some();
                list.extend(read.map(|fragment| FragmentInfo {
                    lead: (found.offset - start) as u64,
                    ..fragment
                }));
            }
            b"mdat" => {
                lead_start = None;
                if takes_payload && let Some(last) = list.last_mut() {
                    last.len = found.end() as u64 - last.offset;
                }
            }
            b"sidx" if after_moov && lead_start.is_none() => {}
            b"styp" | b"sidx" | b"emsg" | b"prft" => {
                takes_payload = false;
                lead_start.get_or_insert(found.offset);
            }
            b"free" | b"skip" => {}
            _ => {
                takes_payload = false;
                lead_start = None;
            }
        }
        after_moov = match &found.kind.0 {
            b"moov" => true,
            b"moof" => false,
            _ => after_moov,
        };
    }
    Ok(list)
}

/// Lists the samples of a track in a segment, in order. Errors as [`read`].
pub fn samples(segment: &[u8], defaults: &TrackDefaults) -> Result<Vec<Sample>, BoxError> {
    let mut list = Vec::new();
    let mut walk = Walk::new(segment, defaults);
    for found in boxes(segment) {
        let found = found?;
        if found.kind.0 == *b"moof" {
            walk.moof(&found, |sample| list.push(sample))?;
        }
    }
    Ok(list)
}

/// How many samples without records are believed of anything, however short.
const LEAST_BUDGET: usize = 1 << 20;

/// What is carried from fragment to fragment.
struct Walk<'a> {
    defaults: &'a TrackDefaults,
    /// Length of the bytes given.
    len: usize,
    /// How many more samples without records are believed: no more in all than there are bytes, or
    /// [`LEAST_BUDGET`]. Without it a run could claim 2^32 of them in 16 bytes.
    budget: usize,
    /// File position of the first byte, see [`explicit_base`].
    file_start: Option<u64>,
    /// Decode time of a fragment that gives none.
    next_decode_time: u64,
}

/// Sums over the samples of a fragment.
#[derive(Default)]
struct Sums {
    count: u32,
    duration: u64,
    first_flags: Option<u32>,
    sample_duration: Option<u32>,
    durations_differ: bool,
    min_presentation_time: Option<i64>,
    max_presentation_end: Option<i64>,
}

impl<'a> Walk<'a> {
    fn new(bytes: &[u8], defaults: &'a TrackDefaults) -> Self {
        Self {
            defaults,
            len: bytes.len(),
            budget: bytes.len().max(LEAST_BUDGET),
            file_start: None,
            next_decode_time: 0,
        }
    }

    /// Reads a fragment and visits its samples; nothing when it has none of the track.
    fn moof(
        &mut self,
        moof: &BoxView<'_>,
        mut visit: impl FnMut(Sample),
    ) -> Result<Option<FragmentInfo>, BoxError> {
        let mut sequence_number = 0;
        let mut trafs = 0;
        let mut matching = 0;
        for found in moof.children() {
            let found = found?;
            match &found.kind.0 {
                b"mfhd" => sequence_number = found.parse(Mfhd::new)?.sequence_number(),
                b"traf" => {
                    trafs += 1;
                    let tfhd = found.required(b"tfhd")?.parse(Tfhd::new)?;
                    matching += usize::from(tfhd.track_id() == self.defaults.track_id);
                }
                _ => {}
            }
        }
        let any = self.defaults.track_id == 0 || trafs == 1;
        if trafs == 0 || !any && matching == 0 {
            return Ok(None);
        }
        let mut sums = Sums::default();
        let mut decode_time = None;
        let mut data_end = None;
        for traf in moof.children() {
            let traf = traf?;
            if traf.kind.0 != *b"traf" {
                continue;
            }
            let header = traf.required(b"tfhd")?;
            let tfhd = header.parse(Tfhd::new)?;
            let base = self.base(moof, &header, &tfhd, data_end)?;
            let wanted = any || tfhd.track_id() == self.defaults.track_id;
            let start = match traf.child(b"tfdt")? {
                Some(found) => found.parse(Tfdt::new)?.base_media_decode_time(),
                None => self.next_decode_time,
            };
            let mut ignored = Sums::default();
            let sums = if wanted { &mut sums } else { &mut ignored };
            let mut run = Run {
                time: start,
                at: base,
                base,
            };
            for found in traf.children() {
                let found = found?;
                if found.kind.0 == *b"trun" {
                    self.run(&found, &tfhd, &mut run, |sample| {
                        sums.add(&sample).ok_or_else(|| {
                            found.error("presentation times leave the range of 63 bits")
                        })?;
                        if wanted {
                            visit(sample);
                        }
                        Ok(())
                    })?;
                }
            }
            data_end = Some(run.at);
            if wanted {
                decode_time.get_or_insert(start);
                self.next_decode_time = run.time;
            }
        }
        let decode_time = decode_time.unwrap_or_default();
        let at = i64::try_from(decode_time)
            .map_err(|_| moof.error("decode time leaves the range of 63 bits"))?;
        Ok(Some(FragmentInfo {
            offset: moof.offset as u64,
            len: moof.bytes.len() as u64,
            lead: 0,
            sequence_number,
            decode_time,
            duration: sums.duration,
            sample_count: sums.count,
            starts_with_sync: sums
                .first_flags
                .is_some_and(|flags| flags & SAMPLE_IS_NON_SYNC == 0),
            sample_duration: sums.sample_duration.filter(|_| !sums.durations_differ),
            min_presentation_time: sums.min_presentation_time.unwrap_or(at),
            max_presentation_end: sums.max_presentation_end.unwrap_or(at),
        }))
    }

    /// Position that the data offsets of a `traf` count from, ISO/IEC 14496-12, 8.8.7.1.
    fn base(
        &mut self,
        moof: &BoxView<'_>,
        header: &BoxView<'_>,
        tfhd: &Tfhd<&[u8]>,
        data_end: Option<usize>,
    ) -> Result<usize, BoxError> {
        match (tfhd.base_data_offset(), data_end) {
            (Some(position), _) => explicit_base(position, moof, &mut self.file_start)
                .map(|(_, at)| at)
                .ok_or_else(|| header.error("base_data_offset is outside of the data")),
            (None, Some(end)) if !tfhd.default_base_is_moof() => Ok(end),
            _ => Ok(moof.offset),
        }
    }

    /// Visits the samples of a run and moves `run` behind them.
    fn run(
        &mut self,
        found: &BoxView<'_>,
        tfhd: &Tfhd<&[u8]>,
        run: &mut Run,
        mut visit: impl FnMut(Sample) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let trun = found.parse(Trun::new)?;
        let outside = || found.error("sample data lie outside of the bytes");
        if let Some(offset) = trun.data_offset() {
            run.at = run
                .base
                .checked_add_signed(offset as isize)
                .ok_or_else(outside)?;
        }
        let count = trun.sample_count();
        let defaults = self.defaults;
        let duration = tfhd.default_sample_duration().unwrap_or(defaults.duration);
        let size = tfhd.default_sample_size().unwrap_or(defaults.size);
        if !trun.has_records() {
            self.budget = self
                .budget
                .checked_sub(count as usize)
                .ok_or_else(|| found.error("claims more samples than there are bytes"))?;
        }
        let flags = tfhd.default_sample_flags().unwrap_or(defaults.flags);
        for index in 0..count {
            let own = trun.sample(index);
            let end = run
                .at
                .checked_add(own.size.unwrap_or(size) as usize)
                .filter(|end| *end <= self.len)
                .ok_or_else(outside)?;
            let sample = Sample {
                data: run.at..end,
                duration: own.duration.unwrap_or(duration),
                composition_offset: own.composition_offset,
                flags: own.flags.unwrap_or(flags),
                decode_time: run.time,
            };
            run.at = end;
            run.time = run
                .time
                .checked_add(sample.duration.into())
                .ok_or_else(|| found.error("decode times leave the range of 64 bits"))?;
            visit(sample)?;
        }
        Ok(())
    }
}

/// Where the next sample goes.
struct Run {
    time: u64,
    at: usize,
    base: usize,
}

impl Sums {
    fn add(&mut self, sample: &Sample) -> Option<()> {
        self.count = self.count.checked_add(1)?;
        self.duration = self.duration.checked_add(sample.duration.into())?;
        self.first_flags.get_or_insert(sample.flags);
        let first = *self.sample_duration.get_or_insert(sample.duration);
        self.durations_differ |= first != sample.duration;
        let start = i64::try_from(sample.decode_time)
            .ok()?
            .checked_add(sample.composition_offset.into())?;
        let end = start.checked_add(sample.duration.into())?;
        let (min, max) = (self.min_presentation_time, self.max_presentation_end);
        self.min_presentation_time = Some(min.map_or(start, |min| min.min(start)));
        self.max_presentation_end = Some(max.map_or(end, |max| max.max(end)));
        Some(())
    }
}

#[cfg(test)]
mod tests;
