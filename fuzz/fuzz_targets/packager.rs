//! What encoders write, cut into parts and segments. Whatever comes over the pipes and however the
//! clock goes, nothing panics and what is made is a presentation: parts follow each other without
//! a gap, segments are their parts, numbers are used once, all tracks of a stretch end together, and
//! every part reads back as the samples it says it has.
//!
//! The bytes are records: what is done and to which track (1 byte), by how many ms the clock moves (2,
//! signed), a length (2), and that many bytes that arrive. The first record says whether media is paced.
#![no_main]

use broadcast::packager::{Limits, Output, Packager, Part, Resume, Settings, TrackSettings};
use libfuzzer_sys::fuzz_target;
use media::{
    isobmff::segment::{self, TrackDefaults},
    presentation::Content,
    time::{Time, Timescale},
};

const EPOCH_MS: i64 = 1_700_000_000_000;

/// What the first byte of a record says beside the track.
const NOT_PACED: u8 = 0x20;
const TICK: u8 = 0x40;
const END_RUN: u8 = 0x80;

fuzz_target!(|data: &[u8]| {
    let contents = [Content::Video, Content::Audio];
    let is_paced = data.first().is_none_or(|what| what & NOT_PACED == 0);
    let mut packager = Packager::new(settings(contents, is_paced), Resume::default());
    let mut stage = Stage::default();
    let mut now = EPOCH_MS;
    let mut broken = [false; 3];
    let mut rest = data;
    while let Some((head, tail)) = rest.split_first_chunk::<5>() {
        let [what, step_high, step_low, length_high, length_low] = *head;
        now += i64::from(i16::from_be_bytes([step_high, step_low]));
        let length = usize::from(u16::from_be_bytes([length_high, length_low])).min(tail.len());
        let (bytes, next) = tail.split_at(length);
        rest = next;
        let mut out = Vec::new();
        if what & END_RUN != 0 {
            packager.end_run(&mut out);
            broken = [false; 3];
        }
        if what & TICK != 0 {
            packager.tick(now, &mut out);
        }
        let track = usize::from(what & 3).min(2);
        // Who reads the pipes stops at the first error of a track, until the next run.
        if !broken[track] && packager.push(track, bytes, now, &mut out).is_err() {
            broken[track] = true;
        }
        stage.take(out);
    }
    let mut out = Vec::new();
    packager.end_run(&mut out);
    stage.take(out);
    let counters = &packager.counters().tracks;
    for (track, of) in counters.iter().enumerate() {
        assert!(of.samples_out <= of.samples_in, "no sample is invented");
        assert_eq!(of.samples_out, stage.lanes[track].samples);
    }
});

fn settings(contents: [Content; 2], is_paced: bool) -> Settings {
    Settings {
        epoch_ms: EPOCH_MS,
        segment: Time::from_secs(2),
        gop: Time::from_secs(1),
        part_target: Time::from_ms(501),
        is_paced,
        producer_time: true,
        tracks: contents
            .map(|content| TrackSettings {
                id: content.as_str().to_owned(),
                content,
            })
            .to_vec(),
        limits: Limits::default(),
    }
}

/// The presentation so far.
#[derive(Default)]
struct Stage {
    stretches: u64,
    end: Option<Time>,
    lanes: [Lane; 2],
}

/// A track of it.
#[derive(Default)]
struct Lane {
    scale: Option<Timescale>,
    /// Number of the segment in progress.
    number: u64,
    /// Its first part's start, and how many parts of it there are.
    segment: Option<(u64, u32)>,
    /// Where the last part of the stretch ended.
    position: Option<u64>,
    samples: u64,
}

impl Stage {
    fn take(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Stretch(stretch) => {
                    assert_eq!(stretch.number, self.stretches);
                    self.stretches += 1;
                    assert!(self.end.is_none_or(|end| end <= stretch.start));
                    for lane in &mut self.lanes {
                        assert!(lane.number <= stretch.first_number);
                        assert_eq!(lane.segment, None);
                        *lane = Lane {
                            number: stretch.first_number,
                            samples: lane.samples,
                            ..Lane::default()
                        };
                    }
                }
                Output::Init { track, init } => {
                    self.lanes[track].scale = Some(init.track.timescale);
                }
                Output::Part { track, part } => self.lanes[track].part(&part),
                Output::Segment { track, segment } => {
                    let lane = &mut self.lanes[track];
                    let (start, parts) = lane.segment.take().expect("a segment has parts");
                    assert!(parts > 0);
                    assert_eq!((segment.number, segment.start), (lane.number, start));
                    assert_eq!(Some(start + segment.duration), lane.position);
                    lane.number += 1;
                }
                Output::End { end } => {
                    assert!(self.end.is_none_or(|before| before <= end));
                    self.end = Some(end);
                    let mut lanes = self.lanes.iter().filter(|lane| lane.scale.is_some());
                    let first = lanes.next().map(|lane| lane.number);
                    assert!(lanes.all(|lane| Some(lane.number) == first));
                    assert!(self.lanes.iter().all(|lane| lane.segment.is_none()));
                }
            }
        }
    }
}

impl Lane {
    fn part(&mut self, part: &Part) {
        assert!(self.scale.is_some(), "an init segment comes first");
        assert_eq!(part.segment, self.number);
        assert!(part.duration > 0);
        assert!(self.position.is_none_or(|end| end == part.start));
        let (start, parts) = self.segment.unwrap_or((part.start, 0));
        assert_eq!(part.index, parts);
        self.segment = Some((start, parts + 1));
        self.position = Some(part.start + part.duration);
        self.samples += u64::from(part.samples);
        if part.gap {
            assert!(part.bytes.is_empty() && part.samples == 0);
            return;
        }
        let samples = segment::samples(&part.bytes, &TrackDefaults::default());
        let samples = samples.expect("a part reads back");
        assert_eq!(samples.len() as u64, u64::from(part.samples));
        assert_eq!(samples[0].decode_time, part.start);
        let sum: u64 = samples.iter().map(|it| u64::from(it.duration)).sum();
        assert_eq!(sum, part.duration);
    }
}
