//! A channel without an encoder: a made-up one, its packager and its window.

use std::sync::Arc;

use media::{
    presentation::{AvailabilityOffset, Content, FrameRate, LowLatency, UtcTiming},
    time::Time,
};

use super::{SetSettings, Settings, TrackSettings, Window};
use crate::packager::{
    Output, Resume,
    testing::{EPOCH_MS, Studio},
};

/// Two rungs and sound, as [`settings`] presents them.
pub(crate) const TRACKS: [(&str, Content); 3] = [
    ("v1", Content::Video),
    ("v2", Content::Video),
    ("a", Content::Audio),
];

pub(crate) fn settings(depth: Time) -> Settings {
    let track = |id: &str, bandwidth, frame_rate| TrackSettings {
        id: id.to_owned(),
        bandwidth,
        peak_bandwidth: bandwidth * 3 / 2,
        frame_rate,
    };
    let rate = Some(FrameRate { num: 30, den: 1 });
    let set = |content, tracks| SetSettings {
        content,
        lang: None,
        label: None,
        roles: vec!["main".to_owned()],
        tracks,
    };
    Settings {
        epoch_ms: EPOCH_MS,
        segment: Time::from_secs(2),
        longest: Time::from_ms(2499),
        depth,
        memory: Time::from_secs(4),
        memory_bytes: 1 << 30,
        low_latency: Some(LowLatency {
            part_target: Some(Time::from_ms(501)),
            availability_offset: Some(AvailabilityOffset::Ahead(Time::from_ms(1499))),
            incomplete: true,
            latency_target: Some(Time::from_ms(1800)),
            latency_max: None,
        }),
        presentation_delay: Some(Time::from_ms(1800)),
        utc_timing: vec![UtcTiming {
            scheme: "urn:mpeg:dash:utc:http-xsdate:2014".to_owned(),
            value: "/time".to_owned(),
        }],
        sets: vec![
            set(
                Content::Video,
                vec![track("v1", 900_000, rate), track("v2", 300_000, rate)],
            ),
            set(Content::Audio, vec![track("a", 64_000, None)]),
        ],
    }
}

/// A studio on the air.
pub(crate) struct Channel {
    pub(crate) studio: Studio,
    pub(crate) window: Arc<Window>,
}

impl Channel {
    pub(crate) fn new(depth: Time) -> Self {
        Self::on(Window::new(settings(depth)), Resume::default())
    }

    pub(crate) fn on(window: Arc<Window>, resume: Resume) -> Self {
        Self {
            studio: Studio::new(&TRACKS, resume),
            window,
        }
    }

    /// Starts the encoder at a time since the epoch.
    pub(crate) fn start(&mut self, start_ms: i64) {
        self.studio.start(start_ms);
    }

    /// Runs it until a time since its start.
    pub(crate) fn run(&mut self, until_ms: i64) {
        self.studio.run(until_ms);
        self.air(until_ms);
    }

    /// Runs only some tracks.
    pub(crate) fn run_only(&mut self, tracks: &[usize], until_ms: i64) {
        self.studio.run_only(tracks, until_ms);
        self.air(until_ms);
    }

    pub(crate) fn stop(&mut self) {
        self.studio.end_run();
        self.air(0);
    }

    fn air(&mut self, until_ms: i64) {
        let outputs: Vec<Output> = self.studio.out.drain(..).collect();
        let now = EPOCH_MS + self.studio.start_ms + until_ms;
        self.window.apply(outputs, now);
    }
}
