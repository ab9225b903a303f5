use super::*;

/// Makes a folder of files.
fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

const MACHINE: [(&str, &str); 3] = [
    ("sys/devices/system/cpu/online", "0-7\n"),
    (
        "proc/self/status",
        "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-5\n",
    ),
    (
        "proc/meminfo",
        "MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\n",
    ),
];

fn on_machine(files: &[(&str, &str)]) -> Host {
    let all: Vec<_> = MACHINE.iter().chain(files).copied().collect();
    read(machine(&all).path())
}

#[test]
fn a_machine_without_control_groups_is_all_ours() {
    let host = on_machine(&[]);
    assert_eq!(
        (host.processors, host.allowed_processors),
        (Some(8), Some(6))
    );
    assert_eq!(host.parallelism(), 6);
    assert_eq!(host.usable_memory(), Some(16_000_000 * 1024));
    assert_eq!((host.cgroup, host.memory_limit), (None, None));
}

#[test]
fn the_tightest_group_on_the_way_up_counts() {
    let host = on_machine(&[
        ("proc/self/cgroup", "0::/system.slice/headend.service\n"),
        ("sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
        ("sys/fs/cgroup/cpuset.cpus.effective", "0-7\n"),
        ("sys/fs/cgroup/system.slice/cpu.max", "250000 100000\n"),
        ("sys/fs/cgroup/system.slice/memory.max", "max\n"),
        (
            "sys/fs/cgroup/system.slice/headend.service/cpu.max",
            "max 100000\n",
        ),
        (
            "sys/fs/cgroup/system.slice/headend.service/memory.max",
            "1073741824\n",
        ),
        (
            "sys/fs/cgroup/system.slice/headend.service/cpuset.cpus.effective",
            "0-3\n",
        ),
    ]);
    assert_eq!(host.cgroup, Some(2));
    assert_eq!(host.quota_permille, Some(2500));
    assert_eq!(host.memory_limit, Some(1 << 30));
    assert_eq!(host.allowed_processors, Some(4));
    assert_eq!(host.parallelism(), 3);
}

#[test]
fn in_a_container_the_mount_is_our_group() {
    for path in ["0::/\n", "0::/docker/abc\n", "0::/../..\n"] {
        let host = on_machine(&[
            ("proc/self/cgroup", path),
            ("sys/fs/cgroup/cgroup.controllers", ""),
            ("sys/fs/cgroup/cpu.max", "50000 100000\n"),
            ("sys/fs/cgroup/memory.max", "268435456\n"),
        ]);
        assert_eq!(host.quota_permille, Some(500), "{path}");
        assert_eq!(
            (host.parallelism(), host.usable_memory()),
            (1, Some(1 << 28))
        );
    }
}

#[test]
fn version_1_is_read_by_controller() {
    let host = on_machine(&[
        (
            "proc/self/cgroup",
            "5:cpu,cpuacct:/d/x\n4:memory:/d/x\n3:cpuset:/\n0::/\n",
        ),
        ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
        ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ("sys/fs/cgroup/cpu/d/x/cpu.cfs_quota_us", "150000\n"),
        ("sys/fs/cgroup/cpu/d/x/cpu.cfs_period_us", "100000\n"),
        (
            "sys/fs/cgroup/memory/memory.limit_in_bytes",
            "9223372036854771712\n",
        ),
        (
            "sys/fs/cgroup/memory/d/x/memory.limit_in_bytes",
            "536870912\n",
        ),
        ("sys/fs/cgroup/cpuset/cpuset.cpus", "0,2\n"),
    ]);
    assert_eq!((host.cgroup, host.quota_permille), (Some(1), Some(1500)));
    assert_eq!(host.memory_limit, Some(1 << 29));
    assert_eq!(host.allowed_processors, Some(2));
}

#[test]
fn a_limit_above_the_machine_is_none() {
    let host = on_machine(&[(
        "sys/fs/cgroup/memory/memory.limit_in_bytes",
        "9223372036854771712\n",
    )]);
    assert_eq!(host.memory_limit, None);
}

#[test]
fn nonsense_is_no_limit() {
    let host = read(
        machine(&[
            ("proc/self/cgroup", "::\n0\n"),
            ("sys/fs/cgroup/cgroup.controllers", ""),
            ("sys/fs/cgroup/cpu.max", "1 0\n"),
            ("proc/meminfo", "MemTotal: lots\n"),
        ])
        .path(),
    );
    assert_eq!((host.quota_permille, host.usable_memory()), (None, None));
    assert_eq!(host.parallelism(), 1);
}
