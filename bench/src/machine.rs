//! What the kernel says of processes: CPU time and memory of a whole tree.

use std::{collections::HashSet, fs, path::PathBuf};

use harness::launch;

/// Length of a clock tick of `/proc/PID/stat`: `USER_HZ` is 100 on every Linux we run on.
const TICK_SECONDS: f64 = 0.01;

/// Returns the CPU seconds, user and system, that a process, its living descendants and the children
/// it has waited for have used.
pub(crate) fn cpu_seconds(pid: i32) -> f64 {
    let mut tree: HashSet<i32> = launch::descendants(pid)
        .into_iter()
        .map(|(pid, _)| pid)
        .collect();
    tree.insert(pid);
    let of_tree = tree.into_iter().filter_map(|pid| ticks(pid, 4));
    of_tree.sum::<u64>() as f64 * TICK_SECONDS
}

/// Returns the CPU seconds of all children that this process has waited for, and of theirs.
pub(crate) fn waited_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, after)| after);
    let ticks = fields.split(' ').skip(13).take(2);
    ticks.filter_map(|it| it.parse::<u64>().ok()).sum::<u64>() as f64 * TICK_SECONDS
}

/// Returns the CPU seconds, user and system, that a process itself has used.
pub(crate) fn own_cpu_seconds(pid: i32) -> f64 {
    ticks(pid, 2).unwrap_or(0) as f64 * TICK_SECONDS
}

/// Sum of the first `count` of the fields 14 to 17 of `/proc/PID/stat`: utime, stime, cutime, cstime.
fn ticks(pid: i32, count: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = after.split(' ').collect();
    fields
        .get(11..11 + count)?
        .iter()
        .map(|field| field.parse::<u64>().ok())
        .sum()
}

/// Returns a line of `/proc/PID/status` that is in kB, such as `VmRSS` or `RssAnon`, in bytes.
pub(crate) fn memory(pid: i32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes: Option<u64> =
        line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kilobytes.expect("a line in kB") * 1024
}

/// One line on the machine, for the report.
pub(crate) fn describe() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown CPU", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    format!("{cores} cores, {model}, load {load} at the start")
}

/// Finds a program of others that `scripts/setup.sh bench` installs from PyPI.
pub(crate) fn peer(program: &str) -> Option<PathBuf> {
    let path = launch::repository()
        .join("bench/peers/venv/bin")
        .join(program);
    path.is_file().then_some(path)
}
