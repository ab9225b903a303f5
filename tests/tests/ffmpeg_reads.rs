//! ffmpeg's own demuxers read a minute of every simulated channel, over HLS and over DASH:
//! timestamps rise, and nothing is missing or twice where the loop wraps.
//!
//! The minute is in the window already, so that it need not be waited for: by `$Number$` the
//! demuxer begins as far back as the suggested presentation delay says. A timeline with `$Number$`
//! is left out: ffmpeg 5.1 takes its `startNumber` for an offset into it and jumps back a window at
//! every update.

use std::collections::BTreeMap;

use harness::{
    clips::{self, Clip},
    launch::{self, Server},
};

/// How much is read.
const SECONDS: f64 = 60.0;

/// An audio frame: 1024 samples at 48 kHz. Neither gap nor overlap may be longer.
const FRAME_SECONDS: f64 = 1024.0 / 48_000.0;

/// A packet of a stream: decode time and duration in seconds.
#[derive(Clone, Copy, Debug)]
struct Packet {
    time: f64,
    duration: f64,
}

/// Reads a minute with ffprobe and returns the packets of each stream.
fn read(url: &str, options: &[&str]) -> BTreeMap<String, Vec<Packet>> {
    let mut command = launch::command("ffprobe");
    command
        .args(["-hide_banner", "-loglevel", "error"])
        .args(options)
        .args(["-read_intervals", &format!("%+{SECONDS}")])
        .args([
            "-show_entries",
            "packet=stream_index,dts_time,duration_time",
        ])
        .args(["-of", "csv=print_section=0:nokey=1", url]);
    let output = launch::run(&mut command);
    let text = String::from_utf8_lossy(&output.stdout);
    let mut streams: BTreeMap<String, Vec<Packet>> = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(',').collect();
        let [stream, time, duration, ..] = fields[..] else {
            continue;
        };
        let number = |text: &str| -> f64 {
            text.parse()
                .unwrap_or_else(|_| panic!("{url}: {line} has no time"))
        };
        streams.entry(stream.to_owned()).or_default().push(Packet {
            time: number(time),
            duration: number(duration),
        });
    }
    assert!(
        streams.len() >= 2,
        "{url}: {}{text}",
        String::from_utf8_lossy(&output.stderr)
    );
    streams
}

fn is_continuous(what: &str, packets: &[Packet]) {
    for pair in packets.windows(2) {
        let [before, after] = [pair[0], pair[1]];
        assert!(
            after.time > before.time,
            "{what}: {before:?} then {after:?}"
        );
        let gap = after.time - (before.time + before.duration);
        // Times are printed to the microsecond.
        assert!(
            gap.abs() <= FRAME_SECONDS + 0.000_01,
            "{what}: {before:?} then {after:?}"
        );
    }
    let span = packets[packets.len() - 1].time - packets[0].time;
    assert!(span > SECONDS - 3.0, "{what}: only {span} s were read");
}

fn reads(server: &Server, clip: Clip) {
    let name = clip.name();
    launch::wait_for("the asset", || {
        let answer = server.get(&format!("/livesim/{name}/master.m3u8"));
        (answer.status == 200).then_some(())
    });
    for (path, options) in [
        (
            format!("/livesim/tsbd_70/{name}/master.m3u8"),
            &["-live_start_index", "0"][..],
        ),
        (
            format!("/livesim/segtimeline_1/tsbd_120/{name}/manifest.mpd"),
            &[],
        ),
        // By number ffmpeg begins at the segment in production, unless told to stay behind.
        (format!("/livesim/spd_80/tsbd_120/{name}/manifest.mpd"), &[]),
    ] {
        for (stream, packets) in read(&server.url(&path), options) {
            is_continuous(&format!("{path} stream {stream}"), &packets);
        }
    }
}

#[test]
fn ffmpeg_reads_a_minute_of_every_folder() {
    let server = launch::simulate(&clips::root());
    std::thread::scope(|scope| {
        for clip in Clip::FOLDERS {
            let server = &server;
            scope.spawn(move || reads(server, clip));
        }
    });
}

#[test]
fn ffmpeg_reads_a_minute_of_a_plain_file() {
    let server = launch::simulate(&Clip::Plain.path());
    reads(&server, Clip::Plain);
}
