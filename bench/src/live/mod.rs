//! The built-in test source, 720p30 in three rungs, everything else as it comes: how soon its parts
//! can be fetched, how soon who waits is answered, and what headend costs beside its ffmpeg.
//!
//! | figure | from | to |
//! |---|---|---|
//! | part available | the last frame of the part was made | a client that waited for the part has all of it |
//! | blocking reload | the first client saw the part, see [`crowd`] | each of 200 that wait has its answer |
//!
//! When a frame was made is its time on the wall clock by the playlist (`EXT-X-PROGRAM-DATE-TIME` and
//! durations); for the highest rung also what the test source has drawn into the picture, which it
//! takes from the clock of the machine when it makes the picture ([`picture`]). The bound, part length
//! and 150 ms, is applied to each part: what is printed is the delay less the part's own length.

mod crowd;
mod follow;
mod picture;
mod playlist;

use std::{
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use harness::{
    http,
    launch::{self, Server},
    manifests,
};
use serde_json::json;

use self::follow::Part;
use crate::{Effort, machine, report::Report};

/// ms by which a part may come later than its length after its last frame.
const PART_BOUND: f64 = 150.0;
/// ms from a part to the answer of who waits for it.
const RELOAD_BOUND: f64 = 20.0;
/// CPU time of everything but ffmpeg, percent of ffmpeg's.
const CPU_BOUND: f64 = 5.0;
/// How many wait.
const WAITING: usize = 200;
/// Left alone at the start: ffmpeg's first frames come in a burst.
const SETTLE: Duration = Duration::from_secs(5);

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let server = launch::headend([
        "broadcast",
        "--input",
        "testsrc",
        "--ladder",
        "720p,480p,360p",
        "--listen",
        "127.0.0.1:0",
    ])
    .start();
    let master = server.url("/live/live/master.m3u8");
    launch::wait_for("the first part", || {
        (http::get(&master).send().status == 200).then_some(())
    });
    let (_, urls) = manifests::multivariant(&server, "/live/live/master.m3u8");
    let mut paths: Vec<&str> = urls.iter().map(|url| &url[server.base.len()..]).collect();
    // The highest rung first: its pictures are looked at, and for it the crowd waits.
    paths.sort_by_key(|path| !path.contains("720"));
    thread::sleep(SETTLE);
    let length = Duration::from_secs(effort.live_seconds);
    for waiting in [0, WAITING] {
        let what = if waiting == 0 {
            "live, one viewer of each rendition".to_owned()
        } else {
            format!("live, {waiting} more waiting")
        };
        let before = Cpu::read(&server);
        let (parts, answers) = thread::scope(|scope| {
            let followers: Vec<_> = paths
                .iter()
                .map(|path| scope.spawn(|| follow::follow(&server.base, path, length)))
                .collect();
            let answers = crowd::gather(&server, paths[0], waiting, length);
            let parts: Vec<Vec<Part>> = followers
                .into_iter()
                .map(|follower| follower.join().expect("a follower"))
                .collect();
            (parts, answers)
        });
        before.compare(&server, &what, report);
        availability(&what, &paths, &parts, report);
        if waiting > 0 {
            report.spread(
                &format!("live, {waiting} waiting: blocking reload behind its part, ms, p99"),
                &answers,
                0.99,
                RELOAD_BOUND,
            );
        } else {
            pictures(&what, paths[0], &parts[0], report);
        }
    }
}

/// Reports when parts were there, and whether one is too long.
fn availability(what: &str, paths: &[&str], parts: &[Vec<Part>], report: &mut Report) {
    let mut over = 0;
    for (path, parts) in paths.iter().zip(parts) {
        over += parts.iter().filter(|part| part.is_over()).count();
        let late: Vec<f64> = parts.iter().map(Part::late).collect();
        report.note(&format!(
            "    {path}: {} parts, {:.0} ms from last frame to available at p95",
            parts.len(),
            crate::report::quantile(&late, 0.95)
        ));
    }
    let all = || parts.iter().flatten();
    let late: Vec<f64> = all().map(|part| part.late() - part.ms).collect();
    report.spread(
        &format!("{what}: part after its last frame, less its length, ms, p95"),
        &late,
        0.95,
        PART_BOUND,
    );
    report.bounded(
        &format!("{what}: parts over the part target"),
        f64::from(over as u32),
        0.0,
        json!({"parts": all().count()}),
    );
}

/// Reports the same by the clock in the pictures.
fn pictures(what: &str, path: &str, parts: &[Part], report: &mut Report) {
    let Some(made) = picture::clocks(parts) else {
        report.note("    no clock is drawn on this machine: ffmpeg or a font is missing");
        return;
    };
    let read = made.iter().flatten().count();
    let known = || {
        let pairs = parts.iter().zip(&made);
        pairs.filter_map(|(part, made)| Some((part, (*made)?)))
    };
    let off: Vec<f64> = known().map(|(part, made)| made - part.made).collect();
    report.note(&format!(
        "    {path}: clock read in {read} of {} last frames; it is {:.0} ms behind the timeline at p50, {:.0} at p95",
        parts.len(),
        crate::report::quantile(&off, 0.5),
        crate::report::quantile(&off, 0.95),
    ));
    let late: Vec<f64> = known()
        .map(|(part, made)| part.available - made - part.ms)
        .collect();
    report.spread(
        &format!("{what}: the same by the clock in the picture, p95"),
        &late,
        0.95,
        PART_BOUND,
    );
}

/// CPU seconds so far.
struct Cpu {
    ours: f64,
    theirs: f64,
}

impl Cpu {
    fn read(server: &Server) -> Self {
        let pid = server.guard.pid();
        let children = launch::descendants(pid);
        Self {
            ours: machine::own_cpu_seconds(pid),
            theirs: children
                .iter()
                .map(|(pid, _)| machine::own_cpu_seconds(*pid))
                .sum(),
        }
    }

    fn compare(&self, server: &Server, what: &str, report: &mut Report) {
        let after = Self::read(server);
        let (ours, theirs) = (after.ours - self.ours, after.theirs - self.theirs);
        report.bounded(
            &format!("{what}: CPU time, % of ffmpeg's"),
            100.0 * ours / theirs,
            CPU_BOUND,
            json!({"headend": ours, "ffmpeg": theirs}),
        );
        report.note(&format!(
            "    CPU seconds: headend {ours:.2}, ffmpeg {theirs:.2}"
        ));
    }
}

/// The wall clock in ms.
#[expect(
    clippy::disallowed_methods,
    reason = "the delay from the clock of the machine is what is measured"
)]
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_secs_f64() * 1000.0
}
