//! A running child: its pipes, its end, and the ending of it.
//!
//! Two threads serve each child: one reads stderr, one waits. The waiter first learns of the exit
//! *without* reaping, kills what is left of the group, and only then reaps, so that a signal never
//! meets a process or group that took over the number.

use std::{
    pin::pin,
    process::{self, ChildStderr, ChildStdin, ChildStdout},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::sync::Notify;

use crate::{Command, Error, Exit, Failure, Spawner, command::OnLine, tail, tail::Tail};

/// How long the last lines of stderr are waited for after the exit, in case a process that left
/// the group holds the pipe open.
const STDERR_DRAIN: Duration = Duration::from_secs(1);

/// A process that was started, and the group it leads. Dropping it kills the group.
#[derive(Debug)]
pub struct Child {
    shared: Arc<Shared>,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    name: String,
    line: String,
    stop_signal: Signal,
    grace: Duration,
}

#[derive(Debug)]
struct Shared {
    pid: Pid,
    state: Mutex<State>,
    ended: Condvar,
    ended_async: Notify,
    tail: Tail,
}

#[derive(Debug, Default)]
struct State {
    /// The process number may belong to another by now.
    reaped: bool,
    /// Set when stderr has been read as well.
    exit: Option<Exit>,
}

impl Child {
    /// Takes charge of a fresh process.
    pub(crate) fn supervise(
        mut process: process::Child,
        command: Command,
        spawner: Spawner,
    ) -> Result<Self, Error> {
        let name = command.name();
        let line = command.line();
        let stderr = process.stderr.take();
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take());
        let shared = Arc::new(Shared {
            pid: Pid::from_child(&process),
            state: Mutex::default(),
            ended: Condvar::new(),
            ended_async: Notify::new(),
            tail: Tail::new(command.kept_lines),
        });
        let started = start_threads(&shared, process, stderr, command.on_line, spawner);
        let child = Self {
            shared,
            stdin,
            stdout,
            name,
            line,
            stop_signal: command.stop_signal,
            grace: command.grace,
        };
        started.map_err(|source| Error::Spawn {
            program: child.name.clone(),
            source,
        })?;
        Ok(child)
    }

    /// Returns the process number, which is the group's too.
    pub fn id(&self) -> u32 {
        self.shared.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// Returns the name of the program.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes the writing end of stdin, if it was asked for; dropping it is end of file.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// Takes the reading end of stdout, if it was asked for.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.stdout.take()
    }

    /// Returns the last lines of stderr, oldest first, secrets masked.
    pub fn stderr(&self) -> Vec<String> {
        self.shared.tail.lines()
    }

    /// Returns how it ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        self.shared.lock().exit
    }

    /// Waits for the end.
    pub fn wait(&self) -> Exit {
        let mut state = self.shared.lock();
        loop {
            if let Some(exit) = state.exit {
                return exit;
            }
            state = self
                .shared
                .ended
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for the end, at most for `limit`.
    pub fn wait_timeout(&self, limit: Duration) -> Option<Exit> {
        let deadline = Instant::now().checked_add(limit);
        let mut state = self.shared.lock();
        while state.exit.is_none() {
            let left = deadline.map_or(limit, |it| it.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            state = self
                .shared
                .ended
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.exit
    }

    /// Waits for the end without holding a thread; safe to cancel.
    pub async fn ended(&self) -> Exit {
        loop {
            let mut notified = pin!(self.shared.ended_async.notified());
            // Registered before looking, so that an end in between is not missed.
            notified.as_mut().enable();
            if let Some(exit) = self.exit() {
                return exit;
            }
            notified.await;
        }
    }

    /// Tells the group to end, by the signal of the command, and returns at once.
    pub fn terminate(&self) {
        self.shared.signal(self.stop_signal);
    }

    /// Kills the group (`SIGKILL`) and returns at once.
    pub fn kill(&self) {
        self.shared.signal(Signal::KILL);
    }

    /// Ends the group: the signal of the command, its grace, `SIGKILL`; then waits for the end.
    pub fn stop(&self) -> Exit {
        self.terminate();
        if let Some(exit) = self.wait_timeout(self.grace) {
            return exit;
        }
        self.kill();
        self.wait()
    }

    /// Waits for the end and makes an error of anything but code 0.
    pub fn finish(&self) -> Result<(), Error> {
        let exit = self.wait();
        if exit.success() {
            return Ok(());
        }
        Err(Error::Failed {
            failure: Box::new(self.failure(Some(exit))),
        })
    }

    /// Describes a failure of this child.
    pub fn failure(&self, exit: Option<Exit>) -> Failure {
        Failure {
            program: self.name.clone(),
            command: self.line.clone(),
            exit,
            stderr: self.stderr(),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The waiter reaps; it keeps what it needs.
        self.kill();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Two plain values, each set in one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signals the group unless its number may have been given away.
    fn signal(&self, signal: Signal) {
        let state = self.lock();
        if !state.reaped {
            // The only error is that the group is gone.
            let _ = kill_process_group(self.pid, signal);
        }
    }
}

fn start_threads(
    shared: &Arc<Shared>,
    mut process: process::Child,
    stderr: Option<ChildStderr>,
    on_line: Option<OnLine>,
    spawner: Spawner,
) -> std::io::Result<()> {
    let (drained, drain) = mpsc::sync_channel::<()>(1);
    let tail = shared.tail.clone();
    let reader = thread::Builder::new()
        .name(format!("stderr {}", process.id()))
        .spawn(move || {
            if let Some(stderr) = stderr {
                tail::follow(stderr, &tail, on_line);
            }
            drop(drained);
        });
    let (handed, hand) = mpsc::sync_channel::<process::Child>(1);
    let keeper = Arc::clone(shared);
    let waiter = thread::Builder::new()
        .name(format!("wait {}", process.id()))
        .spawn(move || {
            if let Ok(process) = hand.recv() {
                attend(&keeper, process, &drain, &spawner);
            }
            // Until here: the end of the spawner's thread would signal the child.
            drop(spawner);
        });
    if let Err(error) = reader.and(waiter) {
        // Nobody would wait for it.
        let _ = kill_process_group(shared.pid, Signal::KILL);
        let exit = process.wait().map_or(Exit::Code(-1), Exit::from);
        conclude(shared, exit);
        return Err(error);
    }
    // The waiter takes one child from a channel that holds one.
    let _ = handed.send(process);
    Ok(())
}

/// Waits for the process, ends what is left of its group, reaps it, reports.
fn attend(
    shared: &Shared,
    mut process: process::Child,
    drain: &mpsc::Receiver<()>,
    spawner: &Spawner,
) {
    let flags = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while waitid(WaitId::Pid(shared.pid), flags).is_err_and(|error| error == Errno::INTR) {}

    let mut state = shared.lock();
    let _ = kill_process_group(shared.pid, Signal::KILL);
    spawner.forget(shared.pid);
    let exit = process.wait().map_or(Exit::Code(-1), Exit::from);
    state.reaped = true;
    drop(state);

    // Nothing is ever sent: the sender is dropped when stderr has been read.
    let _ = drain.recv_timeout(STDERR_DRAIN);
    conclude(shared, exit);
}

fn conclude(shared: &Shared, exit: Exit) {
    let mut state = shared.lock();
    state.reaped = true;
    state.exit = Some(exit);
    drop(state);
    shared.ended.notify_all();
    shared.ended_async.notify_waiters();
}
