//! What a group of processes takes of the machine, as `/proc` has it.
//!
//! The members are looked up anew every few samples, since that reads one file of every process of
//! the machine; between, only those known are read.

use std::{
    fs,
    time::{Duration, Instant},
};

/// Samples between two looks for members.
const LOOK_EVERY: u32 = 5;

/// What a group takes. All zero when nothing can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    /// Processor time since the start, in milliseconds, ended children included.
    pub cpu_ms: u64,
    /// Processor time since the sample before, in hundredths of one processor.
    pub cpu_percent: Option<u32>,
    /// Memory in RAM, in bytes; shared pages count once a process.
    pub memory: u64,
    /// Bytes read from storage; `None` when the system does not tell.
    pub read_bytes: Option<u64>,
    /// Bytes written to storage; `None` when the system does not tell.
    pub write_bytes: Option<u64>,
    /// Number of processes.
    pub processes: u32,
}

/// Takes samples of one group.
#[derive(Debug)]
pub(super) struct Sampler {
    group: u32,
    members: Vec<u32>,
    samples: u32,
    last: Option<(u64, Instant)>,
}

impl Sampler {
    /// Looks at the group that process `leader` leads.
    pub(super) fn new(leader: u32) -> Self {
        Self {
            group: leader,
            members: Vec::new(),
            samples: 0,
            last: None,
        }
    }

    /// Takes a sample.
    pub(super) fn sample(&mut self, now: Instant) -> Usage {
        if self.samples.is_multiple_of(LOOK_EVERY) {
            self.members = members(self.group);
        }
        self.samples = self.samples.wrapping_add(1);
        let mut usage = Usage::default();
        for pid in &self.members {
            let Some(stat) = Stat::read(*pid).filter(|it| it.group == self.group) else {
                continue;
            };
            usage.processes += 1;
            usage.cpu_ms += stat.cpu_ms;
            usage.memory += stat.memory;
            if let Some((read, written)) = storage(*pid) {
                *usage.read_bytes.get_or_insert(0) += read;
                *usage.write_bytes.get_or_insert(0) += written;
            }
        }
        if let Some((before, at)) = self.last {
            let span = now.saturating_duration_since(at);
            if span >= Duration::from_millis(1) {
                let used = u128::from(usage.cpu_ms.saturating_sub(before));
                usage.cpu_percent = u32::try_from(used * 100 / span.as_millis()).ok();
            }
        }
        self.last = Some((usage.cpu_ms, now));
        usage
    }
}

fn members(group: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return vec![group];
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| Stat::read(*pid).is_some_and(|stat| stat.group == group))
        .collect()
}

/// What we take of `/proc/PID/stat`, see proc(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    group: u32,
    cpu_ms: u64,
    memory: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let tick = rustix::param::clock_ticks_per_second().max(1);
        Self::parse(&text, tick, rustix::param::page_size() as u64)
    }

    fn parse(text: &str, ticks_per_second: u64, page: u64) -> Option<Self> {
        // The second field is the name in parentheses and may hold anything.
        let rest = text.get(text.rfind(')')? + 1..)?;
        let mut fields = rest.split_ascii_whitespace();
        let group = fields.nth(2)?.parse().ok()?; // field 5, pgrp
        let mut ticks: u64 = 0;
        // Fields 14 to 17: utime, stime, and those of children that were waited for.
        for field in fields.by_ref().skip(8).take(4) {
            ticks = ticks.saturating_add(field.parse().ok()?);
        }
        let pages: u64 = fields.nth(6)?.parse().ok()?; // field 24, rss
        Some(Self {
            group,
            cpu_ms: ticks.saturating_mul(1000) / ticks_per_second,
            memory: pages.saturating_mul(page),
        })
    }
}

/// Returns bytes read and written of `/proc/PID/io`, which other users may not read.
fn storage(pid: u32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    Some((field("read_bytes:")?, field("write_bytes:")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_name() {
        let text = "4711 (a) b (c) S 1 4700 4700 0 -1 4194560 10 0 0 0 250 50 20 10 20 0 8 0 100 \
                    999999 2048 18446744073709551615 1 1 0";
        assert_eq!(
            Stat::parse(text, 100, 4096),
            Some(Stat {
                group: 4700,
                cpu_ms: 3300,
                memory: 2048 * 4096
            })
        );
        for text in ["", "1 (x", "1 (x) S 1", "1 (x) S 1 x 1"] {
            assert_eq!(Stat::parse(text, 100, 4096), None, "{text}");
        }
    }

    #[test]
    fn our_own_group_takes_something() {
        let own = Stat::read(std::process::id()).unwrap();
        let mut sampler = Sampler::new(own.group);
        let start = Instant::now();
        assert_eq!(sampler.sample(start).cpu_percent, None);
        let usage = sampler.sample(start + Duration::from_secs(1));
        assert!(usage.processes >= 1 && usage.memory > 0, "{usage:?}");
        assert!(usage.cpu_percent.is_some());
    }
}
