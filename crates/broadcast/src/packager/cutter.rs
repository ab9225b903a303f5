//! Cuts the time line of a track into parts and segments and writes their bytes.
//!
//! The grid: the border before cell `k` is the start of the stretch plus `k` segment durations, and a
//! cell is divided into as many equal parts as the target asks for. A part is closed with the sample
//! that ends nearest to where it should, and before one that would make it exceed the target, so that
//! it waits for nothing; the last one of a video segment waits for the next key frame, since a part
//! and the end of its segment are made known together.

use bytes::Bytes;
use media::{
    isobmff::{
        FourCc,
        build::{self, Fragment, SampleEntry},
        init::InitTrack,
    },
    presentation::Content,
    time::{Round, Time, Timescale},
};

use super::{Output, Part, Segment, Settings, Stretch, TrackCounters, sample::Sample};

/// Brands of a media segment: CMAF (ISO/IEC 23000-19, 7.2) and DASH.
pub(crate) const BRANDS: [FourCc; 2] = [FourCc(*b"cmfs"), FourCc(*b"msdh")];
/// Seconds from 1900, where NTP begins, to 1970.
const NTP_OFFSET: i64 = 2_208_988_800;
/// `prft` flags: wall times are off by a constant at most, ISO/IEC 14496-12, 8.16.5.
const PRFT_CONSTANT_OFFSET: u32 = 8;

/// Where a cutter puts what it makes.
pub(super) struct Sink<'a> {
    pub(super) out: &'a mut Vec<Output>,
    pub(super) counters: &'a mut TrackCounters,
    /// `mfhd.sequence_number` of the last fragment.
    pub(super) sequence: &'a mut u32,
}

/// The parts and segments of a track in a stretch. All times are ticks of the track.
#[derive(Clone, Debug)]
pub(super) struct Cutter {
    track: usize,
    track_id: u32,
    scale: Timescale,
    content: Content,
    /// Duration of a cell.
    cell_duration: Time,
    origin: i64,
    first_number: u64,
    /// Longest part, and shortest one within a segment.
    target: i64,
    least: i64,
    /// Parts of a cell.
    divisor: i64,
    /// How long before a border a key frame may cut.
    ahead: i64,
    /// How long after a border a segment must end, key frame or not.
    behind: i64,
    /// Epoch for `prft`, Unix ms.
    producer: Option<i64>,

    /// Cell of the segment in progress.
    cell: u64,
    segment_start: i64,
    position: i64,
    /// Parts of the segment in progress that are out.
    parts: u32,
    has_media: bool,
    pending: Vec<Sample>,
    pending_duration: i64,
}

impl Cutter {
    /// Begins at the start of a stretch.
    pub(super) fn new(
        track: usize,
        init: &InitTrack,
        settings: &Settings,
        stretch: &Stretch,
    ) -> Self {
        let scale = init.timescale;
        let ticks = |time: Time| time.ticks_in(scale, Round::Down);
        let origin = stretch.start.ticks_in(scale, Round::Nearest);
        let target = ticks(settings.part_target).max(1);
        let cell = ticks(settings.segment).max(1);
        // What rounds to no more than the announced target duration, which is the nominal one's.
        let announced = settings
            .segment
            .ticks_in(Timescale::SECONDS, Round::Nearest)
            .max(1);
        let longest = ticks(Time::new(announced * 1000 + 499, Timescale::MS));
        Self {
            track,
            track_id: init.track_id,
            scale,
            content: init.content,
            cell_duration: settings.segment,
            origin,
            first_number: stretch.first_number,
            target,
            least: (target * 85 + 99) / 100,
            divisor: cell / target + i64::from(cell % target > 0),
            ahead: ticks(settings.gop) / 2,
            behind: (longest - cell).clamp(1, (cell / 2).max(1)),
            producer: settings.producer_time.then_some(settings.epoch_ms),
            cell: 0,
            segment_start: origin,
            position: origin,
            parts: 0,
            has_media: false,
            pending: Vec::new(),
            pending_duration: 0,
        }
    }

    /// Returns where the last sample ended.
    pub(super) fn position(&self) -> i64 {
        self.position
    }

    /// Returns the same as a time.
    pub(super) fn position_time(&self) -> Time {
        Time::new(self.position, self.scale)
    }

    /// Returns the number of the segment in progress, whether it has begun or not.
    pub(super) fn number(&self) -> u64 {
        self.first_number.saturating_add(self.cell)
    }

    /// Returns the number of the newest segment with anything in it.
    pub(super) fn last_number(&self) -> Option<u64> {
        if self.is_open() {
            Some(self.number())
        } else if self.cell > 0 {
            self.number().checked_sub(1)
        } else {
            None
        }
    }

    fn is_open(&self) -> bool {
        self.parts > 0 || !self.pending.is_empty()
    }

    /// Returns the border before a cell.
    fn border(&self, cell: u64) -> i64 {
        let cells = i64::try_from(cell).unwrap_or(i64::MAX);
        let since = Time::new(
            self.cell_duration.ticks.saturating_mul(cells),
            self.cell_duration.scale,
        );
        self.origin
            .saturating_add(since.ticks_in(self.scale, Round::Nearest))
    }

    /// Adds a sample that begins where the last one ended, or at any time when nothing is there yet.
    pub(super) fn add(&mut self, sample: Sample, sink: &mut Sink<'_>) {
        if self.cell == 0 && !self.is_open() {
            self.segment_start = sample.time;
        }
        if self.is_open() && self.ends_before(&sample, sink.counters) {
            self.close_segment(false, sink);
        }
        if !self.pending.is_empty() && self.pending_duration + sample.duration > self.target {
            self.close_part(false, sink);
        }
        let nominal = sample.duration;
        self.position = sample.end();
        self.pending_duration += sample.duration;
        self.pending.push(sample);

        let distance = self.border(self.cell + 1).saturating_sub(self.position);
        if distance.abs() <= nominal / 2 {
            if self.content != Content::Video {
                self.close_segment(false, sink);
            }
        } else if self.pending_duration >= self.least
            && (self.pending_duration + nominal > self.target
                || self.part_border().saturating_sub(self.position) <= nominal / 2)
        {
            self.close_part(false, sink);
        }
    }

    /// Returns where the part in progress should end.
    fn part_border(&self) -> i64 {
        let parts = i64::from(self.parts).saturating_add(1);
        let since = Time::new(
            self.cell_duration.ticks.saturating_mul(parts),
            self.cell_duration.scale,
        );
        let since = since.ticks_in(self.scale, Round::Nearest) / self.divisor;
        self.border(self.cell).saturating_add(since)
    }

    /// Tells whether the segment in progress ends before a sample.
    fn ends_before(&self, sample: &Sample, counters: &mut TrackCounters) -> bool {
        let border = self.border(self.cell + 1);
        if self.content != Content::Video {
            return sample.time >= border - sample.duration / 2;
        }
        if sample.is_sync() && sample.time >= border - self.ahead {
            return true;
        }
        let forced = sample.end() > border + self.behind;
        counters.forced_cuts += u64::from(forced);
        forced
    }

    /// Marks everything up to `time` as lost.
    pub(super) fn gap_to(&mut self, time: i64, sink: &mut Sink<'_>) {
        self.close_pending(true, sink);
        // A rest that is much shorter than a part is not worth a segment of its own.
        let rest = self.target / 5;
        while self.position < time {
            let border = self.border(self.cell + 1);
            let closes = time >= border - rest;
            let stop = if time > border + rest { border } else { time };
            self.gap_parts(stop, sink);
            if closes {
                self.end_segment(false, sink);
            }
        }
    }

    /// Marks as lost what is missing up to the end of segment `number`, which ends at `end`.
    pub(super) fn gap_through(&mut self, number: u64, end: i64, sink: &mut Sink<'_>) {
        self.close_pending(true, sink);
        while self.number() <= number {
            let stop = if self.number() == number {
                end
            } else {
                self.border(self.cell + 1)
            };
            self.gap_parts(stop, sink);
            self.end_segment(self.number() == number, sink);
        }
    }

    /// Ends the segment in progress with what is whole, if there is any.
    pub(super) fn finish(&mut self, sink: &mut Sink<'_>) {
        if self.is_open() {
            self.close_segment(true, sink);
        }
    }

    /// Returns the border behind segment `number`.
    pub(super) fn end_of(&self, number: u64) -> i64 {
        self.border(number.saturating_sub(self.first_number).saturating_add(1))
    }

    fn close_segment(&mut self, short: bool, sink: &mut Sink<'_>) {
        self.close_pending(true, sink);
        self.end_segment(short, sink);
    }

    fn end_segment(&mut self, short: bool, sink: &mut Sink<'_>) {
        let gap = !self.has_media;
        let segment = Segment {
            number: self.number(),
            start: unsigned(self.segment_start),
            duration: unsigned(self.position - self.segment_start),
            gap,
            short,
        };
        sink.counters.segments += u64::from(!gap);
        sink.counters.gap_segments += u64::from(gap);
        sink.out.push(Output::Segment {
            track: self.track,
            segment,
        });
        self.cell += 1;
        self.segment_start = self.position;
        self.parts = 0;
        self.has_media = false;
    }

    /// Marks media of the segment in progress as lost, at least a tick of it when there is nothing
    /// else in it.
    fn gap_parts(&mut self, stop: i64, sink: &mut Sink<'_>) {
        let stop = stop.max(self.position + i64::from(!self.is_open()));
        while self.position < stop {
            let duration = (stop - self.position).min(self.target);
            let part = Part {
                segment: self.number(),
                index: self.parts,
                start: unsigned(self.position),
                duration: unsigned(duration),
                independent: false,
                gap: true,
                samples: 0,
                bytes: Bytes::new(),
            };
            sink.counters.gap_parts += 1;
            sink.out.push(Output::Part {
                track: self.track,
                part,
            });
            self.parts += 1;
            self.position += duration;
        }
    }

    fn close_pending(&mut self, exempt: bool, sink: &mut Sink<'_>) {
        if !self.pending.is_empty() {
            self.close_part(exempt, sink);
        }
    }

    /// Writes the pending samples as a part. `exempt` says that it may be short: it is the last of
    /// its segment, or what follows is lost.
    fn close_part(&mut self, exempt: bool, sink: &mut Sink<'_>) {
        let samples = std::mem::take(&mut self.pending);
        let duration = std::mem::take(&mut self.pending_duration);
        let start = samples.first().map_or(self.position, |first| first.time);
        let independent = samples.iter().any(Sample::is_sync);
        let short = duration < self.least && !exempt && !independent;
        sink.counters.uneven_parts += u64::from(short || duration > self.target);
        sink.counters.parts += 1;
        sink.counters.samples_out += samples.len() as u64;
        *sink.sequence = sink.sequence.wrapping_add(1);
        let bytes = self.write(&samples, start, *sink.sequence);
        sink.out.push(Output::Part {
            track: self.track,
            part: Part {
                segment: self.number(),
                index: self.parts,
                start: unsigned(start),
                duration: unsigned(duration),
                independent,
                gap: false,
                samples: samples.len() as u32,
                bytes,
            },
        });
        self.parts += 1;
        self.has_media = true;
        self.pending = samples;
        self.pending.clear();
    }

    /// Writes the boxes of a part: `styp` when it is the first with media, `prft` when wanted, one
    /// `moof` and its `mdat`.
    fn write(&self, samples: &[Sample], start: i64, sequence_number: u32) -> Bytes {
        let entries: Vec<SampleEntry> = samples
            .iter()
            .map(|sample| SampleEntry {
                duration: u32::try_from(sample.duration).unwrap_or(u32::MAX),
                size: sample.data.len() as u32,
                flags: sample.flags,
                composition_offset: sample.composition_offset,
            })
            .collect();
        let mut out = if self.has_media {
            Vec::new()
        } else {
            build::styp(BRANDS[0], &BRANDS)
        };
        if let Some(epoch_ms) = self.producer {
            self.push_producer_time(&mut out, epoch_ms, start);
        }
        let head = build::fragment(&Fragment {
            track_id: self.track_id,
            sequence_number,
            decode_time: unsigned(start),
            styp: None,
            samples: &entries,
        });
        let payload: usize = samples.iter().map(|sample| sample.data.len()).sum();
        out.reserve_exact(head.len() + payload);
        out.extend_from_slice(&head);
        for sample in samples {
            out.extend_from_slice(&sample.data);
        }
        Bytes::from(out)
    }

    fn push_producer_time(&self, out: &mut Vec<u8>, epoch_ms: i64, start: i64) {
        let ms = epoch_ms.saturating_add(Time::new(start, self.scale).ms(Round::Nearest));
        let seconds = ms.div_euclid(1000).saturating_add(NTP_OFFSET) as u64;
        let fraction = ((ms.rem_euclid(1000) as u64) << 32) / 1000;
        out.extend_from_slice(&32_u32.to_be_bytes());
        out.extend_from_slice(b"prft");
        out.extend_from_slice(&(1 << 24 | PRFT_CONSTANT_OFFSET).to_be_bytes()); // version, flags
        out.extend_from_slice(&self.track_id.to_be_bytes());
        out.extend_from_slice(&(seconds << 32 | fraction).to_be_bytes());
        out.extend_from_slice(&unsigned(start).to_be_bytes()); // media_time
    }
}

/// Published times are not negative: no stretch begins before the epoch.
fn unsigned(ticks: i64) -> u64 {
    u64::try_from(ticks).unwrap_or(0)
}
