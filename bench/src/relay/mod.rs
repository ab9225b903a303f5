//! What a client of a relay costs: one feed of 4 Mbit/s to 200 and to 1,000 clients, by headend, by
//! Icecast and by voyandz, one after the other.
//!
//! The feed is the same everywhere: a transport stream made beforehand, sent by ffmpeg at its own pace. The
//! clients are one process that counts the bytes of each of them and throws them away in the kernel
//! ([`crowd`]), so that it takes little of what is measured. What a server costs is its own CPU time, without
//! the ffmpeg that feeds it, while the clients are in their stride.
//!
//! voyandz ends at 337 clients (it waits by `select`), so it is asked for 200 only.

pub(crate) mod crowd;
mod servers;

use std::path::Path;

use harness::{clips, launch};
use serde_json::json;

use self::{crowd::Crowd, servers::Running};
use crate::{Effort, machine, report::Report};

/// Cores that 1,000 clients may cost.
const CPU_BOUND: f64 = 0.15;
/// MiB that are resident then.
const MEMORY_BOUND: f64 = 40.0;
/// CPU time at 200 clients, ratio to Icecast's.
const RATIO_BOUND: f64 = 0.25;
/// A client is at full rate with this share of what the feed has.
const FULL: f64 = 0.95;
/// Clients of voyandz at most.
const MOST_OF_VOYANDZ: usize = 337;

/// How one server did.
struct Run {
    /// CPU seconds a second.
    cpu: f64,
    /// Resident MiB at the end.
    memory: f64,
    /// Bits a second of each client.
    rates: Vec<f64>,
    /// CPU seconds a second of the clients' process.
    crowd_cpu: f64,
}

impl Run {
    /// Clients that are not at the full rate of the feed.
    fn behind(&self, rate: f64) -> usize {
        let slow = self.rates.iter().filter(|it| **it < FULL * rate);
        slow.count()
    }

    fn sum(&self) -> f64 {
        self.rates.iter().sum()
    }
}

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let folder = tempfile::tempdir().expect("temporary folder");
    make_feed(folder.path());
    let bytes = std::fs::metadata(folder.path().join(FEED)).expect("the feed");
    let rate = bytes.len() as f64 * 8.0 / f64::from(FEED_SECONDS);
    crowd::raise_limit();
    for clients in [200, 1000] {
        let mut runs = Vec::new();
        for (name, start) in servers::ALL {
            if name == "voyandz" && clients > MOST_OF_VOYANDZ {
                report.note(&format!(
                    "    voyandz  is not asked: all its clients stall with more than {MOST_OF_VOYANDZ}"
                ));
                continue;
            }
            let Some(server) = start(folder.path()) else {
                report.note(&format!(
                    "    {name} is not installed: scripts/setup.sh bench"
                ));
                continue;
            };
            let run = run(&server, clients, effort.relay_seconds);
            report.note(&format!(
                "    {name:8} {clients:5} clients: {:.3} core, {:5.1} MiB, {:7.1} Mbit/s in all, {} below {:.0} % of the rate; the clients took {:.3} core",
                run.cpu,
                run.memory,
                run.sum() / 1e6,
                run.behind(rate),
                FULL * 100.0,
                run.crowd_cpu,
            ));
            runs.push((name, run));
        }
        verdicts(clients, rate, &runs, report);
    }
}

fn verdicts(clients: usize, rate: f64, runs: &[(&str, Run)], report: &mut Report) {
    let of = |name| runs.iter().find(|run| run.0 == name).map(|run| &run.1);
    let Some(ours) = of("headend") else { return };
    let detail = json!(
        runs.iter()
            .map(|(name, run)| {
                json!({
                    "server": name,
                    "cpu": run.cpu,
                    "memory_mib": run.memory,
                    "bits_per_second": run.sum(),
                    "behind": run.behind(rate),
                    "crowd_cpu": run.crowd_cpu,
                })
            })
            .collect::<Vec<_>>()
    );
    let title = format!("relay, {clients} clients of {:.1} Mbit/s", rate / 1e6);
    report.bounded(
        &format!("{title}: not at full rate"),
        ours.behind(rate) as f64,
        0.0,
        detail.clone(),
    );
    if let Some(icecast) = of("icecast") {
        // For the bytes that each delivered: one that is starved costs little.
        let per_bit = |run: &Run| run.cpu / run.sum();
        report.bounded(
            &format!("{title}: CPU time, ratio to Icecast"),
            per_bit(ours) / per_bit(icecast),
            RATIO_BOUND,
            detail.clone(),
        );
    }
    if clients == 1000 {
        report.bounded(
            &format!("{title}: cores"),
            ours.cpu,
            CPU_BOUND,
            detail.clone(),
        );
        report.bounded(&format!("{title}: MiB"), ours.memory, MEMORY_BOUND, detail);
    }
}

fn run(server: &Running, clients: usize, seconds: u64) -> Run {
    let pid = server.guard.pid();
    let mut crowd = Crowd::gather(server.address, server.path, clients, seconds);
    crowd.wait_begun();
    let before = machine::own_cpu_seconds(pid);
    let found = crowd.wait_counted();
    let cpu = machine::own_cpu_seconds(pid) - before;
    Run {
        cpu: cpu / found.seconds,
        memory: machine::memory(pid, "VmRSS") as f64 / f64::from(1 << 20),
        rates: found
            .bytes
            .iter()
            .map(|bytes| *bytes as f64 * 8.0 / found.seconds)
            .collect(),
        crowd_cpu: found.cpu / found.seconds,
    }
}

/// Name and length of the feed's file.
const FEED: &str = "feed.ts";
const FEED_SECONDS: u32 = 20;

/// Makes a transport stream of a constant 4 Mbit/s with a key frame every two seconds.
fn make_feed(folder: &Path) {
    clips::ffmpeg(
        folder,
        &format!(
            "-f lavfi -i testsrc2=size=640x360:rate=25,noise=alls=20:allf=t -t {FEED_SECONDS} -c:v libx264 \
             -preset ultrafast -pix_fmt yuv420p -g 50 -keyint_min 50 -sc_threshold 0 -b:v 3600k \
             -minrate 3600k -maxrate 3600k -bufsize 1800k -x264-params nal-hrd=cbr \
             -muxrate 4000k -f mpegts {FEED}"
        ),
    );
}

/// Arguments of ffmpeg that send the feed for ever, without the output.
fn feeder(folder: &Path) -> String {
    let file = folder.join(FEED);
    format!(
        "ffmpeg -v error -nostdin -re -stream_loop -1 -i {} -c copy -muxrate 4000k -f mpegts",
        file.display()
    )
}

/// Makes a command of words that hold no blanks.
fn command_of(words: &str) -> std::process::Command {
    let mut words = words.split_whitespace();
    let mut command = launch::command(words.next().expect("a program"));
    command.args(words);
    command
}
