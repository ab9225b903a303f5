//! Measures the binary on this machine: CPU time per request against nginx serving the same bytes
//! from disk, start-up and memory with many assets, and how far behind live players are. Prints a table and writes
//! `bench/results.json`; a bound that is not met is marked, never an error.
//!
//! `HEADEND_BENCH=quick` makes one short round of everything, to see that it works.
#![forbid(unsafe_code)]

mod load;
mod machine;
mod nginx;
mod players;
mod report;
mod startup;

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
    /// Seconds that a player has to come into its stride.
    player_start_seconds: u64,
    /// Seconds for which it is looked at then.
    player_seconds: u64,
}

fn main() {
    let quick = std::env::var("HEADEND_BENCH").is_ok_and(|value| value == "quick");
    let effort = if quick {
        Effort {
            rounds: 1,
            seconds: 1,
            assets: 20,
            memory_assets: 5,
            player_start_seconds: 5,
            player_seconds: 2,
        }
    } else {
        Effort {
            rounds: 5,
            seconds: 3,
            assets: 1000,
            memory_assets: 100,
            player_start_seconds: 15,
            player_seconds: 20,
        }
    };
    let mut report = Report::new();
    load::measure(effort, &mut report);
    startup::measure(effort, &mut report);
    players::live(effort, &mut report);
    players::simulated(effort, &mut report);
    report.finish();
}
