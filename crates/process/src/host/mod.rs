//! Processors and memory that we may use: of the machine, of the affinity mask, of the control
//! group. Reads text files below a root, so that a test is a folder of files.

mod cgroup;
mod cpus;

use std::{fs, path::Path};

use cgroup::Limits;

/// What there is and what of it is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Host {
    /// Processors of the machine that are on.
    pub processors: Option<u32>,
    /// Processors that we may run on, by affinity and by the control group's set.
    pub allowed_processors: Option<u32>,
    /// Processor time that the control group grants, in thousandths of a processor.
    pub quota_permille: Option<u64>,
    /// Memory of the machine in bytes.
    pub memory: Option<u64>,
    /// Memory that is free or can be freed, in bytes.
    pub available_memory: Option<u64>,
    /// Memory that the control group grants, in bytes.
    pub memory_limit: Option<u64>,
    /// Version of the control groups, 1 or 2.
    pub cgroup: Option<u8>,
}

impl Host {
    /// Returns how many threads can work at once: the least of what limits them, at least one.
    pub fn parallelism(&self) -> u32 {
        let quota = self
            .quota_permille
            .map(|quota| u32::try_from(quota.div_ceil(1000)).unwrap_or(u32::MAX));
        [self.allowed_processors.or(self.processors), quota]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(1)
            .max(1)
    }

    /// Returns how many bytes of memory we may use.
    pub fn usable_memory(&self) -> Option<u64> {
        [self.memory, self.memory_limit].into_iter().flatten().min()
    }
}

/// Reads what is known below `root`, which is `/` except in tests. What cannot be read is `None`.
pub fn read(root: &Path) -> Host {
    let Limits {
        version,
        quota_permille,
        memory,
        processors,
    } = cgroup::read(root);
    let status = text(root, "proc/self/status");
    let affinity = status
        .as_deref()
        .and_then(|status| field(status, "Cpus_allowed_list:"))
        .and_then(cpus::count);
    let meminfo = text(root, "proc/meminfo");
    let kibibytes = |name| {
        let value = field(meminfo.as_deref()?, name)?;
        value
            .strip_suffix("kB")?
            .trim()
            .parse::<u64>()
            .ok()?
            .checked_mul(1024)
    };
    let total = kibibytes("MemTotal:");
    Host {
        processors: text(root, "sys/devices/system/cpu/online")
            .as_deref()
            .and_then(cpus::count),
        allowed_processors: [affinity, processors].into_iter().flatten().min(),
        quota_permille,
        memory: total,
        available_memory: kibibytes("MemAvailable:"),
        // Version 1 writes "no limit" as a number that no machine has.
        memory_limit: memory.filter(|limit| total.is_none_or(|total| *limit < total)),
        cgroup: version,
    }
}

/// Raises the soft limit of open files to the hard one and returns it. `None` is no limit.
pub fn raise_open_files() -> std::io::Result<Option<u64>> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)?;
    Ok(limit.maximum)
}

fn text(root: &Path, path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(root.join(path)).ok()
}

/// Returns what follows `name` on its line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

#[cfg(test)]
mod tests;
