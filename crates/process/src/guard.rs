//! A process beside ours that ends what a parent-death signal does not reach.
//!
//! The signal of [`crate::shim`] reaches children, not what they start in turn: a shell dies, its
//! `sleep` lives on. A parent that ends in order ends whole groups; one that is killed cannot. So one
//! small process, our own binary once more, is told of every group over a pipe, and ends those that
//! are left when the pipe closes, which is when the parent is no more, whatever became of it: first
//! `SIGTERM`, and [`GRACE`] later `SIGKILL`.
//!
//! It is started with the first child, is in a group of its own, and is there while there is something
//! to guard. What leaves its group (a daemon, `setsid`) is not found.

use std::{
    collections::{BTreeSet, HashSet},
    io::{self, BufRead, BufReader, Read, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{self, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// First argument of the process. Not for people.
pub(crate) const MARK: &str = "__guard";

/// How long groups may take to end by themselves.
const GRACE: Duration = Duration::from_millis(1500);
const LOOK: Duration = Duration::from_millis(20);

/// Our end of the process.
#[derive(Debug)]
pub(crate) struct Guard {
    program: PathBuf,
    post: Mutex<Post>,
}

#[derive(Debug, Default)]
struct Post {
    guard: Option<process::Child>,
    /// What it has to know, in case it has to be started again.
    groups: BTreeSet<i32>,
}

impl Guard {
    /// Makes one that will be started by the first group; `program` calls
    /// [`crate::shim::run_if_shim`].
    pub(crate) fn new(program: PathBuf) -> Self {
        Self {
            program,
            post: Mutex::default(),
        }
    }

    /// Tells of a group that has begun. Called where children are started, one at a time.
    pub(crate) fn watch(&self, group: Pid) {
        let group = group.as_raw_nonzero().get();
        let mut post = self.lock();
        post.groups.insert(group);
        if post.tell(&format!("+{group}\n")) {
            return;
        }
        // There is none yet, or somebody has ended it.
        if let Err(error) = post.start(&self.program) {
            tracing::warn!(%error, "what children start would outlive a kill of this process");
        }
    }

    /// Tells of a group of which nothing is left; called before its number can be given away.
    pub(crate) fn forget(&self, group: Pid) {
        let group = group.as_raw_nonzero().get();
        let mut post = self.lock();
        post.groups.remove(&group);
        if post.groups.is_empty() {
            post.dismiss();
        } else {
            // One that is gone is started again with the next group.
            post.tell(&format!("-{group}\n"));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Post> {
        // The set is what is told; both change together and nothing between can panic.
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Post {
    /// Writes a line to the process; tells whether it has taken it.
    fn tell(&mut self, line: &str) -> bool {
        let stdin = self.guard.as_mut().and_then(|guard| guard.stdin.as_mut());
        stdin.is_some_and(|pipe| pipe.write_all(line.as_bytes()).is_ok())
    }

    fn start(&mut self, program: &Path) -> io::Result<()> {
        self.dismiss();
        #[expect(
            clippy::disallowed_methods,
            reason = "it is to outlive us by a moment, which no other child may"
        )]
        let mut command = process::Command::new(program);
        command
            .arg(MARK)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        self.guard = Some(command.spawn()?);
        let known: Vec<String> = self.groups.iter().map(|it| format!("+{it}\n")).collect();
        if self.tell(&known.concat()) {
            Ok(())
        } else {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    /// Lets the process end and reaps it.
    fn dismiss(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            if self.groups.is_empty() {
                // It has nothing to do, and what it heard last may be of a group that is no more.
                let _ = guard.kill();
            }
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.dismiss();
    }
}

/// Keeps watch as the process that was started for it, until the pipe on stdin closes.
pub(crate) fn keep(input: impl Read) {
    let mut groups = HashSet::new();
    for line in BufReader::new(input).lines().map_while(Result::ok) {
        let (sign, number) = line.split_at_checked(1).unwrap_or_default();
        let Some(group) = number.parse().ok().and_then(Pid::from_raw) else {
            continue;
        };
        match sign {
            "+" => groups.insert(group),
            _ => groups.remove(&group),
        };
    }
    end(groups);
}

/// Ends groups.
fn end(mut groups: HashSet<Pid>) {
    for group in &groups {
        // It may have ended with the parent.
        let _ = kill_process_group(*group, Signal::TERM);
    }
    let begun = Instant::now();
    loop {
        groups.retain(|group| test_kill_process_group(*group).is_ok());
        if groups.is_empty() {
            return;
        }
        if begun.elapsed() >= GRACE {
            break;
        }
        thread::sleep(LOOK);
    }
    for group in &groups {
        let _ = kill_process_group(*group, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::{
        Command, Exit, Spawner, Stream,
        tests::{eventually, is_gone},
    };

    /// Starts a shell with a child of its own; returns both.
    fn family(spawner: &Spawner, script: &str) -> (crate::Child, u32) {
        let command = Command::new("sh").args(["-c", script]);
        let mut child = spawner.spawn(command.stdout(Stream::Piped)).unwrap();
        let mut line = String::new();
        BufReader::new(child.take_stdout().unwrap())
            .read_line(&mut line)
            .unwrap();
        (child, line.trim().parse().unwrap())
    }

    #[test]
    fn groups_end_with_the_pipe_and_those_forgotten_live() {
        let spawner = Spawner::direct().unwrap();
        let script = "sleep 1000 & echo $!; wait";
        let deaf = "trap '' TERM; sleep 1000 & echo $!; wait";
        let (first, below) = family(&spawner, script);
        let (stubborn, below_stubborn) = family(&spawner, deaf);
        let (spared, below_spared) = family(&spawner, script);
        let (reader, mut writer) = std::io::pipe().unwrap();
        let watch = thread::spawn(move || keep(reader));
        let (a, b, c) = (first.id(), stubborn.id(), spared.id());
        write!(writer, "+{a}\n+{c}\n+x\n+{b}\n-{c}\n\n").unwrap();
        drop(writer);
        watch.join().unwrap();
        assert_eq!(first.wait(), Exit::Signal(15));
        assert_eq!(stubborn.wait(), Exit::Signal(9));
        eventually("all below end", || {
            is_gone(below) && is_gone(below_stubborn)
        });
        assert!(spared.exit().is_none() && !is_gone(below_spared));
    }
}
