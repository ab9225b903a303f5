//! Children of a parent that is killed.

use std::{
    env,
    io::{BufRead, BufReader},
    path::PathBuf,
};

use super::{eventually, is_gone, spawner};
use crate::{
    Command, Exit, Spawner, Stream,
    supervise::{IoClass, Priority},
};

/// Finds the example that is its own stepping stone, which is built along with tests.
fn example() -> Option<PathBuf> {
    let own = env::current_exe().ok()?;
    let path = own.parent()?.parent()?.join("examples/shimmed");
    if path.is_file() {
        return Some(path);
    }
    println!("SKIPPED: {} is not built", path.display());
    None
}

#[test]
fn a_child_ends_with_its_parent_however_that_ends() {
    let Some(example) = example() else { return };
    // This process plays the one that kills, the example is the parent, `sh` the child.
    let command = Command::new(example)
        .args(["sh", "-c", "echo $$ >&2; exec sleep 1000"])
        .stdout(Stream::Piped);
    // The example keeps its child's stderr to itself, so the child is found in the process table.
    let parent = spawner().spawn(command).unwrap();
    let mut child = None;
    eventually("the child runs", || {
        child = child_of(parent.id());
        child.is_some_and(|pid| name_of(pid).as_deref() == Some("sleep"))
    });
    parent.kill();
    assert_eq!(parent.wait(), Exit::Signal(9));
    eventually("the child ends", || is_gone(child.unwrap()));
}

#[test]
fn a_stepping_stone_is_not_noticed() {
    let Some(example) = example() else { return };
    let spawner = Spawner::with_shim(example).unwrap();
    let command = Command::new("sh")
        .args(["-c", "echo $$; exit 5"])
        .stdout(Stream::Piped);
    let mut child = spawner.spawn(command).unwrap();
    let mut line = String::new();
    BufReader::new(child.take_stdout().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line.trim(), child.id().to_string());
    assert_eq!(child.wait(), Exit::Code(5));
}

#[test]
fn priorities_are_set_before_the_program_starts() {
    let Some(example) = example() else { return };
    let spawner = Spawner::with_shim(example).unwrap();
    let run = |priority| {
        let script = "cut -d' ' -f19 /proc/$$/stat; cat /proc/$$/oom_score_adj; \
                      grep Cpus_allowed_list /proc/$$/status; ionice -p $$";
        let command = Command::new("sh").args(["-c", script]).priority(priority);
        String::from_utf8(spawner.run(command).unwrap()).unwrap()
    };
    let plain = run(Priority::default());
    let cpu: u16 = plain
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .and_then(|list| list.trim().split(['-', ',']).next()?.parse().ok())
        .unwrap();
    let output = run(Priority {
        nice: Some(7),
        io: Some(IoClass::BestEffort(6)),
        cpus: vec![cpu],
        oom_score_adj: Some(500),
        strict: false,
    });
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "7");
    assert_eq!(lines[1], "500");
    let allowed = lines[2].rsplit('\t').next().unwrap();
    assert_eq!(allowed, cpu.to_string());
    if Command::new("ionice").resolve().is_some() {
        assert_eq!(lines[3], "best-effort: prio 6");
    }
}

#[test]
fn a_priority_that_cannot_be_had_is_a_warning_or_an_end() {
    let Some(example) = example() else { return };
    let spawner = Spawner::with_shim(example).unwrap();
    let priority = |strict| Priority {
        cpus: vec![65_000],
        strict,
        ..Priority::default()
    };
    for (strict, exit) in [(false, Exit::Code(0)), (true, Exit::Code(127))] {
        let command = Command::new("true").priority(priority(strict));
        let child = spawner.spawn(command).unwrap();
        assert_eq!(child.wait(), exit);
        let said = child.stderr().join("");
        assert!(said.contains("cpus=65000: no such processor"), "{said}");
    }
}

fn child_of(parent: u32) -> Option<u32> {
    let path = format!("/proc/{parent}/task");
    std::fs::read_dir(path).ok()?.flatten().find_map(|task| {
        let children = std::fs::read_to_string(task.path().join("children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    })
}

fn name_of(pid: u32) -> Option<String> {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim().to_owned())
}
