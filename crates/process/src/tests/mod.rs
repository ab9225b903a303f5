//! Real children: shells, sleepers and ffmpeg.

mod children;
mod media;
mod shimmed;

use std::{fs, thread, time::Duration, time::Instant};

use crate::{Command, Spawner};

/// Far more than anything here takes, for loaded machines.
const DEADLINE: Duration = Duration::from_secs(30);

fn spawner() -> Spawner {
    Spawner::direct().unwrap()
}

fn shell(script: &str) -> Command {
    Command::new("sh").args(["-c", script])
}

/// Waits for a condition to come about.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Tells whether a process is gone: no entry, or a zombie that belongs to another parent.
pub(crate) fn is_gone(pid: u32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Err(_) => true,
        Ok(stat) => stat
            .rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('Z')),
    }
}

/// Tells whether a process has been reaped.
fn is_reaped(pid: u32) -> bool {
    fs::metadata(format!("/proc/{pid}")).is_err()
}
