//! Segments and manifests per second and CPU time per request, headend and nginx in turn (A B A B …)
//! so that what else the machine does falls on both.
//!
//! The bytes are the same: what headend answers is stored and served by nginx. headend makes them
//! anew for each request, a live segment re-timed from the stored one, an MPD from the clock.

use std::path::Path;

use harness::{
    clips, http, launch,
    manifests::{self},
};
use serde_json::json;

use crate::{Effort, machine, nginx::Nginx, report::Report};

/// What one run of wrk gave.
#[derive(Clone, Copy, Debug)]
struct Run {
    requests: f64,
    seconds: f64,
    cpu_seconds: f64,
}

impl Run {
    fn rate(self) -> f64 {
        self.requests / self.seconds
    }

    fn cpu_microseconds(self) -> f64 {
        self.cpu_seconds * 1e6 / self.requests
    }
}

/// What is asked for, and how much more CPU time than nginx it may cost.
struct Case {
    name: &'static str,
    path: String,
    file: &'static str,
    bound: f64,
}

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let root = tempfile::tempdir().expect("temporary folder");
    make_ladder(root.path());
    let headend = launch::simulate(root.path());
    let files = tempfile::tempdir().expect("temporary folder");
    let cases = cases(&headend, files.path());
    let nginx = Nginx::start(files.path());
    for case in &cases {
        for connections in [32, 200] {
            let mut ours = Vec::new();
            let mut theirs = Vec::new();
            for _ in 0..effort.rounds {
                let url = headend.url(&case.path);
                ours.push(run(&url, headend.guard.pid(), connections, effort.seconds));
                let url = format!("{}/{}", nginx.base, case.file);
                theirs.push(run(&url, nginx.guard.pid(), connections, effort.seconds));
            }
            let ratios: Vec<f64> = ours
                .iter()
                .zip(&theirs)
                .map(|(ours, theirs)| ours.cpu_microseconds() / theirs.cpu_microseconds())
                .collect();
            let bytes = std::fs::metadata(files.path().join(case.file))
                .expect("file")
                .len();
            report.bounded(
                &format!("{}, c={connections}: CPU time, ratio to nginx", case.name),
                median(&ratios),
                case.bound,
                json!({
                    "bytes": bytes,
                    "ratios": ratios,
                    "headend": summary(&ours),
                    "nginx": summary(&theirs),
                }),
            );
            for (who, runs) in [("headend", &ours), ("nginx", &theirs)] {
                report.note(&format!(
                    "    {who:8} {:8.0} requests/s {:8.1} us CPU/request {:9.1} MB/s",
                    median_of(runs, Run::rate),
                    median_of(runs, Run::cpu_microseconds),
                    median_of(runs, Run::rate) * bytes as f64 / 1e6,
                ));
            }
        }
    }
}

/// Makes an asset with video segments of about 200 kB.
fn make_ladder(root: &Path) {
    let folder = root.join("bench");
    std::fs::create_dir(&folder).expect("folder");
    clips::ffmpeg(
        &folder,
        "-f lavfi -i testsrc2=size=640x360:rate=25:duration=20,noise=alls=30:allf=t \
         -f lavfi -i sine=frequency=440:sample_rate=48000:duration=20 -c:v libx264 -preset ultrafast \
         -b:v 800k -minrate 800k -maxrate 800k -bufsize 800k -g 50 -keyint_min 50 -sc_threshold 0 \
         -c:a aac -b:a 128k -f dash -seg_duration 2 -use_timeline 0 stream.mpd",
    );
}

/// Chooses what is asked for and stores the same bytes for nginx.
fn cases(headend: &launch::Server, files: &Path) -> Vec<Case> {
    let below = |url: &str| url[headend.base.len()..].to_owned();
    let timeline = "/livesim/segtimeline_1/bench/manifest.mpd".to_owned();
    let fixed = format!("{timeline}?nowMS=1700000000000");
    let mpd = manifests::mpd(headend, &fixed);
    let tracks = manifests::timelines(&mpd, &headend.url(&fixed));
    let segment = tracks[0].segments.last().expect("a segment");
    let cases = vec![
        Case {
            name: "live segment",
            path: below(&segment.url),
            file: "segment.m4s",
            bound: 1.1,
        },
        Case {
            name: "live MPD, SegmentTimeline",
            path: timeline,
            file: "timeline.mpd",
            bound: 3.0,
        },
        Case {
            name: "live MPD, $Number$",
            path: "/livesim/bench/manifest.mpd".to_owned(),
            file: "number.mpd",
            bound: 3.0,
        },
        Case {
            name: "live HLS media playlist",
            path: hls_playlist(headend),
            file: "media.m3u8",
            bound: 3.0,
        },
    ];
    for case in &cases {
        let answer = http::get(&headend.url(&case.path)).send().expect(200);
        std::fs::write(files.join(case.file), answer.body).expect("file for nginx");
    }
    cases
}

/// Path of the first media playlist, without the clock in its query.
fn hls_playlist(headend: &launch::Server) -> String {
    let (_, playlists) = manifests::multivariant(headend, "/livesim/bench/master.m3u8");
    playlists[0][headend.base.len()..].to_owned()
}

/// Loads a URL with wrk from one thread and counts the CPU time of the server's process tree.
fn run(url: &str, server: i32, connections: u32, seconds: u32) -> Run {
    let before = machine::cpu_seconds(server);
    let output = launch::command("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}")])
        .args(["--timeout", "10", url])
        .output()
        .expect("wrk runs");
    let cpu_seconds = machine::cpu_seconds(server) - before;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && !text.contains("Non-2xx") && !text.contains("Socket errors"),
        "{url}: {text}"
    );
    let requests = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())
        .expect("wrk counts requests");
    Run {
        requests,
        seconds: f64::from(seconds),
        cpu_seconds,
    }
}

fn summary(runs: &[Run]) -> serde_json::Value {
    json!({
        "requests_per_second": median_of(runs, Run::rate),
        "cpu_us_per_request": median_of(runs, Run::cpu_microseconds),
        "cpu_us_per_request_rounds": runs.iter().map(|run| run.cpu_microseconds()).collect::<Vec<_>>(),
    })
}

fn median_of(runs: &[Run], of: impl Fn(Run) -> f64) -> f64 {
    median(&runs.iter().copied().map(of).collect::<Vec<_>>())
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}
