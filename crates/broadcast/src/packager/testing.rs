//! Streams as an encoder delivers them, made up.

use media::{
    isobmff::{
        build::{self, Fragment, SampleEntry},
        segment::{self, SAMPLE_IS_NON_SYNC, TrackDefaults},
    },
    presentation::Content,
    time::Time,
};

use super::{Limits, Output, Packager, Resume, Settings, TrackSettings};

/// Init segment of 320x180 H.264 at 90 kHz, from ffmpeg.
pub(crate) const AVC_INIT: &[u8] = include_bytes!("fixtures/avc-init.mp4");
/// Init segment of mono AAC at 48 kHz, from ffmpeg.
pub(crate) const AAC_INIT: &[u8] = include_bytes!("fixtures/aac-init.mp4");

/// A whole second well after 1970.
pub(crate) const EPOCH_MS: i64 = 1_700_000_000_000;

/// A single-frame fragment. The payload tells samples apart.
pub(crate) fn frame(time: i64, duration: u32, sync: bool, payload: &[u8]) -> Vec<u8> {
    let sample = SampleEntry {
        duration,
        size: payload.len() as u32,
        flags: if sync {
            0x0200_0000
        } else {
            SAMPLE_IS_NON_SYNC
        },
        composition_offset: 0,
    };
    let mut out = build::fragment(&Fragment {
        track_id: 1,
        sequence_number: 1,
        decode_time: time as u64,
        styp: None,
        samples: &[sample],
    });
    out.extend_from_slice(payload);
    out
}

/// Settings of a channel with two-second segments, one-second groups of pictures and the given
/// tracks.
pub(crate) fn settings(tracks: &[(&str, Content)]) -> Settings {
    Settings {
        epoch_ms: EPOCH_MS,
        segment: Time::from_secs(2),
        gop: Time::from_secs(1),
        part_target: Time::from_ms(501),
        is_paced: true,
        producer_time: false,
        tracks: tracks
            .iter()
            .map(|(id, content)| TrackSettings {
                id: (*id).to_owned(),
                content: *content,
            })
            .collect(),
        limits: Limits::default(),
    }
}

/// A packager with an encoder of 30 pictures a second (key frame every 30) and 48 kHz AAC before it,
/// both without delay.
pub(crate) struct Studio {
    pub(crate) packager: Packager,
    pub(crate) out: Vec<Output>,
    /// Frames delivered by each track in this run.
    pub(crate) frames: Vec<i64>,
    /// Time of the encoder at the start of the run, ms since the epoch.
    pub(crate) start_ms: i64,
    /// How much faster than it plays the encoder delivers.
    pub(crate) speed: i64,
}

impl Studio {
    pub(crate) fn new(tracks: &[(&str, Content)], resume: Resume) -> Self {
        Self::with(settings(tracks), resume)
    }

    pub(crate) fn with(settings: Settings, resume: Resume) -> Self {
        Self {
            frames: vec![0; settings.tracks.len()],
            packager: Packager::new(settings, resume),
            out: Vec::new(),
            start_ms: 0,
            speed: 1,
        }
    }

    /// Starts a run of the encoder at a time since the epoch.
    pub(crate) fn start(&mut self, start_ms: i64) {
        self.start_ms = start_ms;
        for track in 0..self.frames.len() {
            self.frames[track] = 0;
            let init = match self.content(track) {
                Content::Video => AVC_INIT,
                _ => AAC_INIT,
            };
            self.push(track, init, EPOCH_MS + start_ms);
        }
    }

    /// Runs the encoder until `until_ms` since the start of the run.
    pub(crate) fn run(&mut self, until_ms: i64) {
        let all: Vec<usize> = (0..self.frames.len()).collect();
        self.run_only(&all, until_ms);
    }

    /// The same, of which only some tracks deliver.
    pub(crate) fn run_only(&mut self, tracks: &[usize], until_ms: i64) {
        loop {
            let next = (0..self.frames.len()).min_by_key(|track| self.next_ms(*track));
            let Some(track) = next.filter(|track| self.next_ms(*track) < until_ms) else {
                return;
            };
            if tracks.contains(&track) {
                self.deliver(track);
            }
            self.frames[track] += 1;
        }
    }

    fn next_ms(&self, track: usize) -> i64 {
        match self.content(track) {
            Content::Video => self.frames[track] * 1000 / 30,
            _ => self.frames[track] * 1024 / 48,
        }
    }

    fn deliver(&mut self, track: usize) {
        let number = self.frames[track];
        let payload = format!("{}:{number}", self.packager.settings().tracks[track].id);
        let (bytes, end_ms) = match self.content(track) {
            Content::Video => (
                frame(
                    self.start_ms * 90 + number * 3000,
                    3000,
                    number % 30 == 0,
                    payload.as_bytes(),
                ),
                (number + 1) * 1000 / 30,
            ),
            _ => (
                frame(
                    self.start_ms * 48 + number * 1024,
                    1024,
                    true,
                    payload.as_bytes(),
                ),
                (number + 1) * 1024 / 48,
            ),
        };
        let now = EPOCH_MS + self.start_ms + end_ms / self.speed + 1;
        self.push(track, &bytes, now);
    }

    pub(crate) fn push(&mut self, track: usize, bytes: &[u8], now: i64) {
        let pushed = self.packager.push(track, bytes, now, &mut self.out);
        pushed.expect("is a stream");
    }

    pub(crate) fn end_run(&mut self) {
        self.packager.end_run(&mut self.out);
    }

    fn content(&self, track: usize) -> Content {
        self.packager.settings().tracks[track].content
    }
}

/// The payloads of all samples of a track, in order.
pub(crate) fn payloads(out: &[Output], of: usize) -> Vec<String> {
    let mut found = Vec::new();
    for output in out {
        if let Output::Part { track, part } = output
            && *track == of
            && !part.gap
        {
            let defaults = TrackDefaults::default();
            for sample in segment::samples(&part.bytes, &defaults).expect("reads") {
                found.push(String::from_utf8_lossy(&part.bytes[sample.data]).into_owned());
            }
        }
    }
    found
}

/// `(number, start, duration, gap, short)` of the segments of a track.
pub(crate) fn segments(out: &[Output], of: usize) -> Vec<(u64, u64, u64, bool, bool)> {
    out.iter()
        .filter_map(|output| match output {
            Output::Segment { track, segment } if *track == of => Some((
                segment.number,
                segment.start,
                segment.duration,
                segment.gap,
                segment.short,
            )),
            _ => None,
        })
        .collect()
}
