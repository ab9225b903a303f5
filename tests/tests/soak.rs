//! Follows a simulated channel for `SOAK_SECONDS` as a player would: every new segment of every
//! track is there in time, joins the one before, and the server's memory does not grow.
//!
//! Without `SOAK_SECONDS` it only says that it does nothing: run it by `make soak`.

use std::{
    collections::HashMap,
    io::Write,
    time::{Duration, Instant},
};

use harness::{boxes, clips, http, launch, manifests};

/// How much the server's memory may grow after the first tenth, bytes.
const GROWTH: u64 = 16 << 20;

#[test]
fn a_channel_runs_on_and_on() {
    let seconds: Option<u64> = std::env::var("SOAK_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let Some(seconds) = seconds else {
        let _ = writeln!(std::io::stderr(), "soak: skipped, SOAK_SECONDS is not set");
        return;
    };
    let server = launch::simulate(&clips::root());
    let begun = Instant::now();
    let limit = Duration::from_secs(seconds);
    let mut settled = None;
    let mut ends: HashMap<String, u64> = HashMap::new();
    let mut fetched = 0_u64;
    while begun.elapsed() < limit {
        for clip in clips::Clip::FOLDERS {
            let path = format!(
                "/livesim/segtimeline_1/tsbd_10/{}/manifest.mpd",
                clip.name()
            );
            let mpd = manifests::mpd(&server, &path);
            for track in manifests::timelines(&mpd, &server.url(&path)) {
                let key = format!("{} {}", clip.name(), track.id);
                let init = http::get(&track.init).send().expect(200).body;
                for segment in &track.segments {
                    let start = segment.ticks.map_or(0, |(start, _)| start);
                    if ends
                        .get(&key)
                        .is_some_and(|end| start + boxes::timescale(&init) / 10 < *end)
                    {
                        continue;
                    }
                    let timing = boxes::timing(&init, &segment.get().expect(200).body);
                    let end = ends.entry(key.clone()).or_insert(timing.start);
                    assert_eq!(*end, timing.start, "{key}: {}", segment.url);
                    *end += timing.duration;
                    fetched += 1;
                }
            }
        }
        let resident = launch::resident_bytes(server.guard.pid());
        if settled.is_none() && begun.elapsed() > limit / 10 {
            settled = Some(resident);
        }
        if let Some(settled) = settled {
            assert!(
                resident < settled + GROWTH,
                "memory grew from {settled} to {resident}"
            );
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    let resident = launch::resident_bytes(server.guard.pid());
    let _ = writeln!(
        std::io::stderr(),
        "soak: {fetched} segments in {seconds} s without a gap, {resident} bytes resident"
    );
}
