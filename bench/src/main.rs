//! Measures the binary on this machine: CPU time per request against nginx serving the same bytes
//! from disk, start-up and memory with many assets, how far behind live players are, the delays of
//! a live channel, VoD jobs against a plain ffmpeg, and relays to many clients against others. Prints a table and writes
//! `bench/results.json`; a bound that is not met is marked, never an error.
//!
//! Arguments choose what is measured, by the names in [`PARTS`] or their beginnings (`relay` is `relay-cost`,
//! `relay-hop` and so on); all without any.
//! `HEADEND_BENCH=quick` makes one short round of everything, to see that it works.
#![forbid(unsafe_code)]

mod live;
mod load;
mod machine;
mod nginx;
mod players;
mod relay;
mod report;
mod startup;
mod transcode;

use report::Report;

/// How much is done.
#[derive(Clone, Copy, Debug)]
struct Effort {
    /// Interleaved rounds of load; the median counts.
    rounds: usize,
    /// Seconds of load for one server in one round.
    seconds: u32,
    /// Assets of the start-up measurement.
    assets: usize,
    /// Assets of the memory measurement.
    memory_assets: usize,
    /// Seconds for which a channel runs before players watch it: its output is verified meanwhile.
    channel_seconds: u64,
    /// Seconds that a player has to come into its stride.
    player_start_seconds: u64,
    /// Seconds for which it is looked at then.
    player_seconds: u64,
    /// Seconds for which a live channel is followed, twice.
    live_seconds: u64,
    /// Seconds of the film of VoD jobs.
    film_seconds: u32,
    /// How often it is made in each way.
    films: usize,
    /// Seconds for which the clients of a relay count.
    relay_seconds: u64,
    /// Clients of a relay that are very many.
    relay_many: usize,
    /// Seconds for which slow clients of a relay are borne.
    relay_slow_seconds: u64,
    /// Clients that join a relay in each container.
    relay_joins: u32,
}

/// Measures something.
type Measure = fn(Effort, &mut Report);

/// What can be measured.
const PARTS: [(&str, Measure); 11] = [
    ("load", load::measure),
    ("startup", startup::measure),
    ("players-live", players::live),
    ("players-simulated", players::simulated),
    ("live", live::measure),
    ("transcode", transcode::measure),
    ("relay-cost", relay::cost::measure),
    ("relay-hop", relay::hop::measure),
    ("relay-join", relay::join::measure),
    ("relay-many", relay::many::measure),
    ("relay-slow", relay::slow::measure),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    match wanted.split_first().map(|(word, rest)| (&**word, rest)) {
        Some((relay::crowd::WORD, rest)) => return relay::crowd::run(rest),
        Some((relay::pulse::WORD, rest)) => return relay::pulse::run(rest),
        _ => {}
    }
    let quick = std::env::var("HEADEND_BENCH").is_ok_and(|value| value == "quick");
    let effort = if quick {
        Effort {
            rounds: 1,
            seconds: 1,
            assets: 20,
            memory_assets: 5,
            channel_seconds: 5,
            player_start_seconds: 5,
            player_seconds: 2,
            live_seconds: 6,
            film_seconds: 24,
            films: 1,
            relay_seconds: 3,
            relay_many: 500,
            relay_slow_seconds: 3,
            relay_joins: 2,
        }
    } else {
        Effort {
            rounds: 5,
            seconds: 3,
            assets: 1000,
            memory_assets: 100,
            channel_seconds: 30,
            player_start_seconds: 15,
            player_seconds: 20,
            live_seconds: 60,
            film_seconds: 240,
            films: 3,
            relay_seconds: 30,
            relay_many: 5000,
            relay_slow_seconds: 60,
            relay_joins: 10,
        }
    };
    for name in &wanted {
        let known = PARTS.map(|(known, _)| known);
        let is_known = known.iter().any(|known| is_meant(name, known));
        assert!(is_known, "`{name}` is none of {known:?}");
    }
    let mut report = Report::new();
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|wanted| is_meant(wanted, name)) {
            measure(effort, &mut report);
            // What was measured is there whatever becomes of the next.
            report.save();
        }
    }
}

/// Tells whether a part is meant: by its name, or by what that begins with.
fn is_meant(wanted: &str, name: &str) -> bool {
    let rest = name.strip_prefix(wanted);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}
