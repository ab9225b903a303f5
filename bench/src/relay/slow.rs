//! What slow clients do to memory and to the others: of 1,000 at 4 Mbit/s, ten take half of it and ten take
//! nothing.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    behind,
    crowd::{self, Crowd, Plan, SETTLE},
    servers::Relay,
    source::{self, Source},
};
use crate::{Effort, machine, report::Report};

const CLIENTS: usize = 1000;
/// How many take half, and how many nothing.
const SLOW: usize = 10;
const STUCK: usize = 10;
/// Thousands of bits a second of the feed.
const KILOBITS: u32 = 4000;
/// MiB by which memory may grow meanwhile.
const GROWTH_BOUND: f64 = 20.0;
/// Seconds within which those that take nothing are closed: the window, and 10.
const CLOSED_BOUND: f64 = 15.0;
/// Time between two looks at the server.
const LOOK: Duration = Duration::from_millis(250);

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let feed = Source::ts(folder.path(), KILOBITS);
    let rate = source::rate(folder.path(), KILOBITS);
    crowd::raise_limit();
    let Some(server) = Relay::Headend.start(&feed, report) else {
        return;
    };
    let pid = server.guard.pid();
    let plan = Plan {
        clients: CLIENTS,
        slow: SLOW,
        slow_rate: (rate / 16.0) as u64,
        stuck: STUCK,
        seconds: effort.relay_slow_seconds,
    };
    let mut crowd = Crowd::gather(server.address, server.path, plan);
    crowd.wait_connected();
    let begun = Instant::now();
    let length = SETTLE + Duration::from_secs(effort.relay_slow_seconds);
    let all = sockets(pid);
    let mut closed = None;
    let mut memory = Vec::new();
    let mut cpu = None;
    while begun.elapsed() < length {
        if closed.is_none() && sockets(pid) + STUCK <= all {
            closed = Some(begun.elapsed().as_secs_f64());
        }
        if begun.elapsed() >= SETTLE {
            memory.push(machine::memory(pid, "VmRSS") as f64 / f64::from(1 << 20));
            cpu.get_or_insert_with(|| (machine::own_cpu_seconds(pid), Instant::now()));
        }
        thread::sleep(LOOK);
    }
    let (before, since) = cpu.expect("a look after the beginning");
    let cpu = (machine::own_cpu_seconds(pid) - before) / since.elapsed().as_secs_f64();
    crowd.wait_begun();
    let rates = crowd.wait_counted().rates();
    let (well, ill) = rates.split_at(CLIENTS - SLOW - STUCK);
    let most = memory.iter().copied().fold(0.0, f64::max);
    let growth = most - memory.first().copied().unwrap_or(0.0);
    let detail = json!({
        "cpu": cpu,
        "memory_mib": memory,
        "bits_per_second": rates.iter().sum::<f64>(),
        "bits_per_second_of_slow": ill[..SLOW],
        "stuck_closed_after": closed,
    });
    report.note(&format!(
        "    headend  {CLIENTS:5} clients: {cpu:.3} core, at most {most:.1} MiB, {:.1} Mbit/s in all, those that take half got {:.2} Mbit/s each",
        rates.iter().sum::<f64>() / 1e6,
        ill[..SLOW].iter().sum::<f64>() / 1e6 / SLOW as f64,
    ));
    let title = format!("relay, {SLOW} slow and {STUCK} stuck of {CLIENTS}");
    for (what, value, bound) in [
        ("growth of memory, MiB", growth, GROWTH_BOUND),
        ("others not at full rate", behind(well, rate) as f64, 0.0),
        ("slow ones closed", closed_of(&ill[..SLOW]), 0.0),
        (
            "seconds until the stuck are closed",
            closed.unwrap_or(f64::INFINITY),
            CLOSED_BOUND,
        ),
    ] {
        report.bounded(&format!("{title}: {what}"), value, bound, detail.clone());
    }
}

/// How many got nothing: they were closed.
fn closed_of(rates: &[f64]) -> f64 {
    rates.iter().filter(|rate| **rate <= 0.0).count() as f64
}

/// Counts the sockets of a process.
fn sockets(pid: i32) -> usize {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs");
    let links = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    links
        .filter(|link| link.as_os_str().as_encoded_bytes().starts_with(b"socket:"))
        .count()
}
