//! Whether very many clients are borne: 5,000 of half a megabit a second.

use serde_json::json;

use super::{
    behind,
    crowd::{self, Crowd, Plan},
    servers::Relay,
    source::{self, Source},
};
use crate::{Effort, machine, report::Report};

/// Thousands of bits a second of the feed.
const KILOBITS: u32 = 500;
/// Descriptors of a process beside those of its clients.
const OTHERS: u64 = 200;

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let clients = effort.relay_many;
    let limit = crowd::raise_limit();
    if limit < clients as u64 + OTHERS {
        report.note(&format!(
            "    relay, {clients} clients: not measured, a process may have {limit} descriptors only"
        ));
        return;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let feed = Source::ts(folder.path(), KILOBITS);
    let rate = source::rate(folder.path(), KILOBITS);
    let Some(server) = Relay::Headend.start(&feed, report) else {
        return;
    };
    let pid = server.guard.pid();
    let plan = Plan {
        clients,
        seconds: effort.relay_seconds,
        ..Plan::default()
    };
    let mut crowd = Crowd::gather(server.address, server.path, plan);
    crowd.wait_connected();
    crowd.wait_begun();
    let before = machine::own_cpu_seconds(pid);
    let found = crowd.wait_counted();
    let cpu = (machine::own_cpu_seconds(pid) - before) / found.seconds;
    let rates = found.rates();
    let gone = found.bytes.iter().filter(|bytes| **bytes == 0).count();
    let memory = machine::memory(pid, "VmRSS") as f64 / f64::from(1 << 20);
    let crowd_cpu = found.cpu / found.seconds;
    let detail = json!({
        "refused": found.refused,
        "behind": behind(&rates, rate),
        "bits_per_second": rates.iter().sum::<f64>(),
        "cpu": cpu,
        "memory_mib": memory,
        "crowd_cpu": crowd_cpu,
    });
    report.note(&format!(
        "    headend  {clients:5} clients: {:.1} Mbit/s in all, {} refused; the clients took {crowd_cpu:.3} core",
        rates.iter().sum::<f64>() / 1e6,
        found.refused,
    ));
    let title = format!("relay, {clients} clients of {:.1} Mbit/s", rate / 1e6);
    let mut row = |what: &str, value: f64, bound: Option<f64>| {
        let name = format!("{title}: {what}");
        match bound {
            Some(bound) => report.bounded(&name, value, bound, detail.clone()),
            None => report.measured(&name, value, detail.clone()),
        }
    };
    row("refused, closed or without a byte", gone as f64, Some(0.0));
    row("not at full rate", behind(&rates, rate) as f64, Some(0.0));
    row("cores", cpu, None);
    row("MiB", memory, None);
}
