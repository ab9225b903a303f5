//! A viewer of one rendition who wants each part as soon as there is one.

use std::time::{Duration, Instant};

use harness::{
    boxes,
    http::{Answer, Kept},
    manifests,
};

use super::{now, playlist};

/// A part as it was fetched.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Its length by the playlist, and the longest that is allowed, ms.
    pub(super) ms: f64,
    pub(super) target: f64,
    /// When its last frame was made by the playlist: where that frame begins, ms since 1970.
    pub(super) made: f64,
    /// When all of it was there, ms since 1970.
    pub(super) available: f64,
    pub(super) frames: u64,
    pub(super) bytes: Vec<u8>,
    /// The init segment.
    pub(super) init: Vec<u8>,
}

impl Part {
    /// Returns ms from its last frame to all of it.
    pub(super) fn late(&self) -> f64 {
        self.available - self.made
    }

    /// Tells whether it is longer than allowed, as listed or as it is.
    pub(super) fn is_over(&self) -> bool {
        let timing = boxes::timing(&self.init, &self.bytes);
        let measured = 1000.0 * timing.duration as f64 / boxes::timescale(&self.init) as f64;
        // Playlists have microseconds.
        self.ms.max(measured) > self.target + 0.001
    }
}

/// Follows the playlist at `path` with blocking reloads, and fetches each new part.
pub(super) fn follow(base: &str, path: &str, length: Duration) -> Vec<Part> {
    let url = format!("{base}{path}");
    let below = |reference: &str| manifests::resolve(&url, reference)[base.len()..].to_owned();
    let mut connection = Kept::connect(base).expect("a connection");
    let mut get = |path: &str| -> Answer { connection.get(path).expect("an answer").expect(200) };
    let mut list = playlist::read(get(path).text());
    let init = get(&below(&list.init)).body;
    let scale = boxes::timescale(&init) as f64;
    let begun = Instant::now();
    let mut parts = Vec::new();
    while begun.elapsed() < length {
        let seen = list.edge;
        let (segment, part) = seen;
        let wish = format!("{path}?_HLS_msn={segment}&_HLS_part={part}");
        list = playlist::read(get(&wish).text());
        for listed in &list.parts {
            // An encoder that is too slow for the machine is begun anew behind a gap.
            if (listed.segment, listed.index) < seen || listed.is_gap {
                continue;
            }
            let bytes = get(&below(&listed.uri)).body;
            let available = now();
            let timing = boxes::timing(&init, &bytes);
            let frame = 1000.0 * timing.duration as f64 / scale / timing.samples as f64;
            parts.push(Part {
                ms: listed.ms,
                target: list.target,
                made: listed.start + listed.ms - frame,
                available,
                frames: timing.samples,
                bytes,
                init: init.clone(),
            });
        }
    }
    parts
}
