//! How long a byte takes from the feed to a client: small writes of 4 Mbit/s that carry their time
//! ([`super::pulse`]), beside no, 49 and 199 other clients.
//!
//! Some of the clients look at every byte as it comes, half of these connected before the others and half
//! behind them. The rest count, as elsewhere.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    crowd::{self, Crowd, Plan},
    pulse::{self, Times},
    servers::{Relay, Running},
    source::Source,
};
use crate::{
    Effort, machine,
    report::{Report, quantile},
};

/// Clients, and bounds of the median and of the hundredth that takes longest, milliseconds.
const ROWS: [(usize, Option<f64>, Option<f64>); 3] = [
    (1, Some(0.2), None),
    (50, None, None),
    (200, Some(1.0), Some(10.0)),
];
/// Most clients that look at every byte.
const PROBES: usize = 4;
/// Share of the writes that have to be seen for their times to say something.
const SEEN: f64 = 0.95;

/// How one server did.
struct Run {
    name: &'static str,
    /// Milliseconds that a write took to each client that looked.
    hops: Vec<f64>,
    /// Share of the writes that they saw.
    seen: f64,
    /// CPU seconds a second of the server.
    cpu: f64,
}

impl Run {
    fn at(&self, q: f64) -> f64 {
        quantile(&self.hops, q)
    }

    fn detail(&self) -> Value {
        json!({
            "server": self.name,
            "p50": self.at(0.5),
            "p95": self.at(0.95),
            "p99": self.at(0.99),
            "most": self.at(1.0),
            "count": self.hops.len(),
            "seen": self.seen,
            "cpu": self.cpu,
        })
    }
}

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let feed = Source::pulse(folder.path());
    crowd::raise_limit();
    for (clients, median, tail) in ROWS {
        let mut runs = Vec::new();
        for relay in Relay::ALL {
            let Some(server) = relay.start(&feed, report) else {
                continue;
            };
            let run = run(
                relay.name(),
                &server,
                clients,
                effort.relay_seconds.div_ceil(2),
            );
            report.note(&format!(
                "    {:8} {clients:5} clients: p50 {:.3} ms, p95 {:.3}, p99 {:.3}, most {:.1}, {:.1} % of the writes seen, {:.3} core",
                run.name,
                run.at(0.5),
                run.at(0.95),
                run.at(0.99),
                run.at(1.0),
                run.seen * 100.0,
                run.cpu,
            ));
            runs.push(run);
        }
        let detail: Value = runs.iter().map(Run::detail).collect();
        let Some(ours) = runs.iter().find(|run| run.name == "headend") else {
            continue;
        };
        let title = format!("relay hop, clients {clients}");
        let mut row = |what: &str, value: f64, bound: Option<f64>| {
            let name = format!("{title}: {what}");
            match bound {
                Some(bound) => report.bounded(&name, value, bound, detail.clone()),
                None => report.measured(&name, value, detail.clone()),
            }
        };
        row("p50, ms", ours.at(0.5), median);
        row("p99, ms", ours.at(0.99), tail);
        row(
            "writes not seen, %",
            (100.0 - ours.seen * 100.0).max(0.0),
            Some(100.0 - SEEN * 100.0),
        );
        for peer in runs
            .iter()
            .filter(|run| run.name != "headend" && run.seen >= SEEN)
        {
            let what = format!("p50, ratio to {}", peer.name);
            row(&what, ours.at(0.5) / peer.at(0.5), None);
        }
    }
}

fn run(name: &'static str, server: &Running, clients: usize, seconds: u64) -> Run {
    let length = Duration::from_secs(seconds);
    let probes = clients.min(PROBES);
    let mut sockets: Vec<TcpStream> = Vec::new();
    for _ in 0..probes.div_ceil(2) {
        sockets.push(connect(server.address, server.path));
    }
    // Those who count do so for longer than is measured.
    let mut crowd = (clients > probes).then(|| {
        let plan = Plan {
            clients: clients - probes,
            seconds: seconds + 30,
            ..Plan::default()
        };
        Crowd::gather(server.address, server.path, plan)
    });
    if let Some(crowd) = &mut crowd {
        crowd.wait_connected();
    }
    while sockets.len() < probes {
        sockets.push(connect(server.address, server.path));
    }
    let from = Instant::now() + crowd::SETTLE;
    let looking: Vec<_> = sockets
        .into_iter()
        .map(|socket| look(socket, from, from + length))
        .collect();
    thread::sleep(from.saturating_duration_since(Instant::now()));
    let pid = server.guard.pid();
    let before = machine::own_cpu_seconds(pid);
    thread::sleep(length);
    let cpu = (machine::own_cpu_seconds(pid) - before) / length.as_secs_f64();
    let found = looking.into_iter().map(|it| it.join().expect("a client"));
    let hops: Vec<f64> = found.flatten().collect();
    let written = length.as_secs_f64() / pulse::INTERVAL.as_secs_f64() * probes as f64;
    let seen = hops.len() as f64 / written;
    Run {
        name,
        // Of one that gave nothing, so that it has a figure at all.
        hops: if hops.is_empty() {
            vec![f64::INFINITY]
        } else {
            hops
        },
        seen,
        cpu,
    }
}

fn connect(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let patience = Some(Duration::from_secs(1));
    stream.set_read_timeout(patience).expect("a time limit");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: relay\r\n\r\n").expect("a request");
    stream
}

/// Looks at every byte until an instant; returns the milliseconds that what came meanwhile had taken.
fn look(mut stream: TcpStream, from: Instant, until: Instant) -> JoinHandle<Vec<f64>> {
    thread::spawn(move || {
        let mut times = Times::default();
        let mut hops = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        while Instant::now() < until {
            // Nothing for a while, or its end: the writes that are not seen tell.
            let len = match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => len,
                Err(_) => continue,
            };
            let (now, is_counted) = (pulse::now(), Instant::now() >= from);
            let written = times.find(&buffer[..len]);
            if is_counted {
                let took = written.iter().map(|time| now.saturating_sub(*time));
                hops.extend(took.map(|nanos| nanos as f64 / 1e6));
            }
        }
        hops
    })
}
