//! Follows a simulated channel for `SOAK_SECONDS` as a player would: every new segment of every
//! track is there in time, joins the one before, and the server's memory does not grow. Follows a
//! live channel, whose encoder is killed once, for `LIVE_SOAK_SECONDS` with `headend watch --strict`.
//!
//! Without these variables it only says that it does nothing: run it by `make soak`.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    time::{Duration, Instant},
};

use harness::{boxes, clips, http, launch, manifests};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How much the server's memory may grow after the first tenth, bytes.
const GROWTH: u64 = 16 << 20;

/// Returns how long something is to run, or says that it does not.
fn seconds(name: &str) -> Option<u64> {
    let found = std::env::var(name).ok().and_then(|text| text.parse().ok());
    if found.is_none() {
        let _ = writeln!(std::io::stderr(), "soak: skipped, {name} is not set");
    }
    found
}

#[test]
fn a_live_channel_breaks_no_rule() {
    let Some(seconds) = seconds("LIVE_SOAK_SECONDS") else {
        return;
    };
    let input = ["broadcast", "--input", "testsrc"];
    let ladder = ["--ladder", "720p,480p,360p", "--listen", "127.0.0.1:0"];
    let channel = launch::headend(input.into_iter().chain(ladder)).start();
    let limit = format!("{seconds}s");
    let hls = channel.url("/live/live/master.m3u8");
    let dash = channel.url("/live/live/manifest.mpd");
    launch::wait_for("the first part", || {
        (http::get(&hls).send().status == 200).then_some(())
    });
    let mut watch =
        launch::headend(["watch", "--strict", "--json", "--for", &limit, &hls, &dash]).spawn();
    let (stdout, _stderr) = watch.take_output();
    let lines = std::thread::spawn(move || {
        let lines = BufReader::new(stdout.expect("pipe")).lines();
        let events = lines.map(|line| -> Value {
            serde_json::from_str(&line.expect("text")).expect("lines of JSON")
        });
        events
            .filter(|event| event["event"] == "violation")
            .collect::<Vec<_>>()
    });
    std::thread::sleep(Duration::from_secs(seconds * 2 / 5));
    let children = launch::descendants(channel.guard.pid());
    let encoders: Vec<i32> = children
        .into_iter()
        .filter(|(_, name)| name == "ffmpeg")
        .map(|(pid, _)| pid)
        .collect();
    assert_eq!(encoders.len(), 1, "one encoder");
    let encoder = Pid::from_raw(encoders[0]).expect("pid");
    kill_process(encoder, Signal::KILL).expect("the encoder is killed");
    std::thread::sleep(Duration::from_secs(seconds * 3 / 5));
    let status = watch.wait();
    let violations = lines.join().expect("the output of watch");
    assert!(violations.is_empty(), "{violations:#?}");
    assert_eq!(status.code(), Some(0));
    let (_, playlists) = manifests::multivariant(&channel, "/live/live/master.m3u8");
    for url in &playlists {
        let answer = http::get(url).send().expect(200);
        let listed = answer.text().matches("#EXT-X-DISCONTINUITY\n").count();
        let before = answer.text().lines().find_map(|line| {
            let number = line.strip_prefix("#EXT-X-DISCONTINUITY-SEQUENCE:")?;
            number.parse::<usize>().ok()
        });
        assert_eq!(listed + before.unwrap_or(0), 1, "{url}: one discontinuity");
    }
    let _ = writeln!(
        std::io::stderr(),
        "soak: watch found nothing in {seconds} s of {} live renditions with one kill, HLS and DASH",
        playlists.len()
    );
}

#[test]
fn a_channel_runs_on_and_on() {
    let Some(seconds) = seconds("SOAK_SECONDS") else {
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
