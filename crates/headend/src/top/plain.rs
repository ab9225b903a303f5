//! A sample as plain text, for where there is no terminal.

use std::fmt::Write as _;

use super::{
    Sample,
    draw::{CHANNEL_COLUMNS, TRACK_COLUMNS, columns, percent, track_columns},
};
use crate::{table, text};

/// Lines of a channel's log.
const LOG_LINES: usize = 5;

/// Writes a sample; rates are since `before`.
pub(crate) fn text(address: &str, before: &Sample, now: &Sample) -> String {
    let server = &now.server;
    let machine = &server.machine;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "headend {} at {address}, up {}, {} connections, {} requests, {} assets",
        server.version,
        text::clock(server.uptime_ms),
        server.connections.open,
        server.requests,
        server.assets,
    );
    let amount = |bytes: Option<u64>| bytes.map_or_else(|| "n/a".to_owned(), text::bytes);
    let _ = writeln!(
        out,
        "machine: CPU {} of {} threads, memory {} of {} free; headend itself: CPU {}, memory {}",
        percent(machine.cpu_percent),
        machine.parallelism,
        amount(machine.available_memory),
        amount(machine.memory),
        percent(machine.own_cpu_percent),
        amount(machine.own_memory),
    );
    let channels = &now.channels.channels;
    if channels.is_empty() {
        out.push_str("no channels\n");
        return out;
    }
    let rows: Vec<[String; 10]> = channels
        .iter()
        .map(|channel| columns(channel, now.flow(before, channel)))
        .collect();
    let right = [false, false, true, true, true, true, true, true, true, true];
    let _ = write!(out, "\n{}", table::render(CHANNEL_COLUMNS, right, &rows));
    for channel in channels {
        let rows: Vec<[String; 7]> = channel.tracks.iter().map(track_columns).collect();
        let right = [false, false, true, false, true, true, true];
        let _ = write!(
            out,
            "\n{}, {}\n{}",
            channel.name,
            channel.state_text(),
            table::render(TRACK_COLUMNS, right, &rows)
        );
        for line in channel.log.iter().rev().take(LOG_LINES).rev() {
            let _ = writeln!(out, "  | {line}");
        }
    }
    out
}
