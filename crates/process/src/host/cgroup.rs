//! Limits of the control group that we are in, version 2 or 1 (Linux, `admin-guide/cgroup-v2.rst`
//! and `cgroup-v1/`): the tightest on the way from our group up to the root.

use std::path::{Path, PathBuf};

use super::{cpus, text};

/// What a control group grants; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) version: Option<u8>,
    pub(super) quota_permille: Option<u64>,
    pub(super) memory: Option<u64>,
    pub(super) processors: Option<u32>,
}

/// Where control groups are mounted, below the root.
const MOUNT: &str = "sys/fs/cgroup";

pub(super) fn read(root: &Path) -> Limits {
    let mount = root.join(MOUNT);
    let membership = text(root, "proc/self/cgroup").unwrap_or_default();
    if text(&mount, "cgroup.controllers").is_some() {
        return version_2(&mount, &membership);
    }
    if mount.join("memory").is_dir() || mount.join("cpu").is_dir() {
        return version_1(&mount, &membership);
    }
    Limits::default()
}

fn version_2(mount: &Path, membership: &str) -> Limits {
    let ours = group_of(membership, str::is_empty);
    let mut limits = Limits {
        version: Some(2),
        ..Limits::default()
    };
    for group in up_from(mount, ours) {
        let quota = text(&group, "cpu.max").and_then(|text| quota_2(&text));
        let memory = text(&group, "memory.max").and_then(|text| text.trim().parse().ok());
        let set = text(&group, "cpuset.cpus.effective").and_then(|list| cpus::count(&list));
        limits.tighten(quota, memory, set);
    }
    limits
}

fn version_1(mount: &Path, membership: &str) -> Limits {
    let mut limits = Limits {
        version: Some(1),
        ..Limits::default()
    };
    let groups = |controller: &'static str| {
        let ours = group_of(membership, |list| {
            list.split(',').any(|it| it == controller)
        });
        up_from(&mount.join(controller), ours)
    };
    let number = |group: &Path, name: &str| text(group, name)?.trim().parse::<i64>().ok();
    for group in groups("cpu") {
        let quota = number(&group, "cpu.cfs_quota_us");
        let period = number(&group, "cpu.cfs_period_us");
        let quota = quota
            .zip(period)
            .and_then(|(quota, period)| permille(quota, period));
        limits.tighten(quota, None, None);
    }
    for group in groups("memory") {
        let memory = number(&group, "memory.limit_in_bytes");
        limits.tighten(None, memory.and_then(|it| u64::try_from(it).ok()), None);
    }
    for group in groups("cpuset") {
        let list = text(&group, "cpuset.effective_cpus").or_else(|| text(&group, "cpuset.cpus"));
        limits.tighten(None, None, list.as_deref().and_then(cpus::count));
    }
    limits
}

impl Limits {
    fn tighten(&mut self, quota: Option<u64>, memory: Option<u64>, processors: Option<u32>) {
        self.quota_permille = least(self.quota_permille, quota);
        self.memory = least(self.memory, memory);
        self.processors = least(self.processors, processors);
    }
}

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Finds our group in `/proc/self/cgroup`, whose lines are `id:controllers:path`.
fn group_of(membership: &str, is_wanted: impl Fn(&str) -> bool) -> &str {
    membership
        .lines()
        .filter_map(|line| {
            line.splitn(3, ':')
                .skip(1)
                .collect::<Vec<_>>()
                .try_into()
                .ok()
        })
        .find_map(|[controllers, path]: [&str; 2]| is_wanted(controllers).then_some(path))
        .unwrap_or("/")
}

/// Lists our group's folder and those above it. In a container the path may be that of the host,
/// which is not there; what is mounted is then our group itself.
fn up_from(mount: &Path, group: &str) -> Vec<PathBuf> {
    let plain = Path::new(group.trim_start_matches('/'));
    let climbs = plain
        .components()
        .any(|part| !matches!(part, std::path::Component::Normal(_)));
    let mut groups = Vec::new();
    if !climbs {
        groups.extend(
            plain
                .ancestors()
                .filter(|part| !part.as_os_str().is_empty())
                .map(|part| mount.join(part))
                .filter(|folder| folder.is_dir()),
        );
    }
    groups.push(mount.to_path_buf());
    groups
}

/// Reads `cpu.max`: `max 100000` or `quota period`.
fn quota_2(text: &str) -> Option<u64> {
    let (quota, period) = text.trim().split_once(' ')?;
    permille(quota.parse().ok()?, period.parse().ok()?)
}

/// Version 1 writes no limit as -1.
fn permille(quota: i64, period: i64) -> Option<u64> {
    let quota = u64::try_from(quota).ok()?;
    let period = u64::try_from(period).ok()?;
    quota.checked_mul(1000)?.checked_div(period)
}
