//! What a client of a relay costs: one feed of 4 Mbit/s to 200 and to 1,000 clients, by headend, by
//! Icecast and by voyandz, one after the other.
//!
//! What a server costs is its own CPU time, without the ffmpeg that feeds it, while the clients are in
//! their stride. voyandz ends at 337 clients (it waits by `select`), so it is asked for 200 only.

use serde_json::json;

use super::{
    FULL, behind,
    crowd::{self, Crowd, Plan},
    servers::{Relay, Running},
    source::{self, Source},
};
use crate::{Effort, machine, report::Report};

/// Cores that 1,000 clients may cost.
const CPU_BOUND: f64 = 0.15;
/// MiB that are resident then.
const MEMORY_BOUND: f64 = 40.0;
/// CPU time at 200 clients, ratio to Icecast's.
const RATIO_BOUND: f64 = 0.25;
/// Thousands of bits a second of the feed.
const KILOBITS: u32 = 4000;
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
    fn sum(&self) -> f64 {
        self.rates.iter().sum()
    }
}

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let feed = Source::ts(folder.path(), KILOBITS);
    let rate = source::rate(folder.path(), KILOBITS);
    crowd::raise_limit();
    for clients in [200, 1000] {
        let mut runs = Vec::new();
        for relay in Relay::ALL {
            let name = relay.name();
            if relay == Relay::Voyandz && clients > MOST_OF_VOYANDZ {
                report.note(&format!(
                    "    voyandz  is not asked: all its clients stall with more than {MOST_OF_VOYANDZ}"
                ));
                continue;
            }
            let Some(server) = relay.start(&feed, report) else {
                continue;
            };
            let run = run(&server, clients, effort.relay_seconds);
            report.note(&format!(
                "    {name:8} {clients:5} clients: {:.3} core, {:5.1} MiB, {:7.1} Mbit/s in all, {} below {:.0} % of the rate; the clients took {:.3} core",
                run.cpu,
                run.memory,
                run.sum() / 1e6,
                behind(&run.rates, rate),
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
                    "behind": behind(&run.rates, rate),
                    "crowd_cpu": run.crowd_cpu,
                })
            })
            .collect::<Vec<_>>()
    );
    let title = format!("relay, {clients} clients of {:.1} Mbit/s", rate / 1e6);
    report.bounded(
        &format!("{title}: not at full rate"),
        behind(&ours.rates, rate) as f64,
        0.0,
        detail.clone(),
    );
    if let Some(icecast) = of("icecast").filter(|run| run.sum() > 0.0) {
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
    let plan = Plan {
        clients,
        seconds,
        ..Plan::default()
    };
    let mut crowd = Crowd::gather(server.address, server.path, plan);
    crowd.wait_connected();
    crowd.wait_begun();
    let before = machine::own_cpu_seconds(pid);
    let found = crowd.wait_counted();
    let cpu = machine::own_cpu_seconds(pid) - before;
    Run {
        cpu: cpu / found.seconds,
        memory: machine::memory(pid, "VmRSS") as f64 / f64::from(1 << 20),
        rates: found.rates(),
        crowd_cpu: found.cpu / found.seconds,
    }
}
