//! What is told of the machine: how busy it is, and what this process takes of it. Reads text files
//! below a root, so that a test is a folder of files; what cannot be read is absent.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

/// The machine at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MachineReport {
    /// Threads that can work at once.
    pub(crate) parallelism: u32,
    /// Share of all processors that is busy, in hundredths.
    pub(crate) cpu_percent: Option<u32>,
    /// Processes that ran or wanted to, over 1, 5 and 15 minutes, in hundredths.
    pub(crate) load: Option<[u64; 3]>,
    /// Memory that we may use, in bytes.
    pub(crate) memory: Option<u64>,
    /// Memory of the machine that is free or can be freed, in bytes.
    pub(crate) available_memory: Option<u64>,
    /// Processor time of this process, in hundredths of one processor.
    pub(crate) own_cpu_percent: Option<u32>,
    /// Memory of this process in bytes.
    pub(crate) own_memory: Option<u64>,
    /// How long processes of the control group were held back by its quota, in milliseconds.
    pub(crate) throttled_ms: Option<u64>,
    /// Periods of the quota in which they were, in thousandths.
    pub(crate) throttled_permille: Option<u64>,
}

/// Takes samples; shares of processor time are of the time since the sample before.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    /// Busy and all ticks of the machine.
    machine: Option<(u64, u64)>,
    /// Ticks of this process, and all ticks of the machine.
    own: Option<(u64, u64)>,
}

impl Sampler {
    /// Takes a sample below `root`, which is `/` except in tests.
    pub(crate) fn sample(&mut self, root: &Path) -> MachineReport {
        let read = |path: &str| fs::read_to_string(root.join(path)).ok();
        let host = process::host::read(root);
        let ticks = read("proc/stat").as_deref().and_then(machine_ticks);
        let processors = u64::from(host.processors.unwrap_or(1).max(1));
        let own = read("proc/self/stat").as_deref().and_then(own_stat);
        let throttle = read("sys/fs/cgroup/cpu.stat")
            .or_else(|| read("sys/fs/cgroup/cpu/cpu.stat"))
            .and_then(|text| Throttle::parse(&text));
        let report = MachineReport {
            parallelism: host.parallelism(),
            cpu_percent: share(self.machine, ticks, 100),
            load: read("proc/loadavg").as_deref().and_then(load),
            memory: host.usable_memory(),
            available_memory: host.available_memory,
            own_cpu_percent: share(
                self.own,
                own.zip(ticks).map(|(own, (_, all))| (own.ticks, all)),
                100 * processors,
            ),
            own_memory: own.map(|own| own.pages.saturating_mul(page_size())),
            throttled_ms: throttle.map(|throttle| throttle.ms),
            throttled_permille: throttle.map(|throttle| throttle.permille),
        };
        self.own = own.zip(ticks).map(|(own, (_, all))| (own.ticks, all));
        self.machine = ticks;
        report
    }
}

fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

/// Returns `scale` times the growth of the part over that of the whole.
fn share(before: Option<(u64, u64)>, now: Option<(u64, u64)>, scale: u64) -> Option<u32> {
    let ((part_before, whole_before), (part, whole)) = (before?, now?);
    let whole = whole.checked_sub(whole_before).filter(|whole| *whole > 0)?;
    let part = part.saturating_sub(part_before);
    u32::try_from(part.saturating_mul(scale) / whole).ok()
}

/// Reads busy and all ticks from `/proc/stat`, see proc(5).
fn machine_ticks(text: &str) -> Option<(u64, u64)> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line
        .split_ascii_whitespace()
        .map_while(|field| field.parse().ok())
        .take(8) // guest time is in user time already
        .collect();
    let all: u64 = ticks.iter().sum();
    let idle = ticks.get(3)? + ticks.get(4).unwrap_or(&0);
    Some((all.saturating_sub(idle), all))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Own {
    ticks: u64,
    pages: u64,
}

/// Reads `/proc/self/stat`, see proc(5).
fn own_stat(text: &str) -> Option<Own> {
    // The second field is the name in parentheses and may hold anything.
    let rest = text.get(text.rfind(')')? + 1..)?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Own {
        ticks: field(14)?.saturating_add(field(15)?),
        pages: field(24)?,
    })
}

fn load(text: &str) -> Option<[u64; 3]> {
    let mut fields = text.split_ascii_whitespace();
    let mut next = || {
        let (whole, hundredths) = fields.next()?.split_once('.')?;
        let hundredths: u64 = hundredths.get(..2)?.parse().ok()?;
        Some(whole.parse::<u64>().ok()?.checked_mul(100)? + hundredths)
    };
    Some([next()?, next()?, next()?])
}

/// What a control group's quota did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Throttle {
    ms: u64,
    permille: u64,
}

impl Throttle {
    /// Reads `cpu.stat` of version 2 (microseconds) or 1 (nanoseconds); `None` without a quota.
    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
            line.trim().parse::<u64>().ok()
        };
        let periods = value("nr_periods").filter(|periods| *periods > 0)?;
        let ms = value("throttled_usec")
            .map(|micros| micros / 1000)
            .or_else(|| value("throttled_time").map(|nanos| nanos / 1_000_000))?;
        Some(Self {
            ms,
            permille: value("nr_throttled")?.saturating_mul(1000) / periods,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_time_between_samples() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("proc/stat", "cpu  100 0 100 700 100 0 0 0 5 5\ncpu0 1\n");
        write("proc/loadavg", "0.52 1.04 12.00 1/100 5\n");
        write("proc/meminfo", "MemTotal: 2048 kB\nMemAvailable: 1024 kB\n");
        write("sys/devices/system/cpu/online", "0-1\n");
        write(
            "proc/self/stat",
            "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 10 10 0 0 20 0 1 0 5 100 3 1\n",
        );
        let mut sampler = Sampler::default();
        let first = sampler.sample(root.path());
        assert_eq!(first.cpu_percent, None);
        assert_eq!(first.load, Some([52, 104, 1200]));
        assert_eq!(first.memory, Some(2048 * 1024));
        assert_eq!(first.own_memory, Some(3 * page_size()));
        assert_eq!(first.throttled_ms, None);

        write("proc/stat", "cpu  150 0 100 750 100 0 0 0\n");
        write(
            "proc/self/stat",
            "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 20 10 0 0 20 0 1 0 5 100 3 1\n",
        );
        write(
            "sys/fs/cgroup/cpu.stat",
            "usage_usec 5\nnr_periods 200\nnr_throttled 10\nthrottled_usec 5000\n",
        );
        let second = sampler.sample(root.path());
        assert_eq!(second.cpu_percent, Some(50));
        assert_eq!(second.own_cpu_percent, Some(20));
        assert_eq!(second.throttled_ms, Some(5));
        assert_eq!(second.throttled_permille, Some(50));
    }

    #[test]
    fn what_is_not_there_is_absent() {
        let root = tempfile::tempdir().unwrap();
        let report = Sampler::default().sample(root.path());
        assert_eq!(
            report,
            MachineReport {
                parallelism: 1,
                ..MachineReport::default()
            }
        );
        for text in ["", "cpu", "cpu  x", "1 (", "1 (a) S"] {
            assert_eq!(machine_ticks(text), None, "{text}");
            assert_eq!(own_stat(text), None, "{text}");
            assert_eq!(load(text), None, "{text}");
        }
    }
}
