//! Jobs, tasks and leases as plain values.

use serde::{Deserialize, Serialize};

/// A job as far as the order of its tasks goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// Its class: tasks of a higher one go first.
    pub priority: i32,
    /// When it was submitted, Unix ms: among equals the oldest goes first.
    pub submitted_ms: i64,
    /// Whether its tasks are held back. Running ones go on.
    pub paused: bool,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its name, unique in the job.
    pub name: String,
    /// Its place in the order of the job, ascending.
    pub position: u64,
    /// An estimate of the work in it, comparable within the job: near the end of a job the largest
    /// goes first.
    pub size: u64,
    /// What it needs while it runs.
    pub needs: Needs,
}

/// What a task needs while it runs, or what a worker has free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// Threads that work at once.
    pub threads: u32,
    /// Places beside those threads, for what is small: of these a worker has few.
    #[serde(default)]
    pub places: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of disk.
    pub disk: u64,
}

impl Needs {
    /// Tells whether this much is within `free`.
    pub fn fits(&self, free: &Self) -> bool {
        self.threads <= free.threads
            && self.places <= free.places
            && self.memory <= free.memory
            && self.disk <= free.disk
    }
}

/// A worker asking for a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Name of the worker.
    pub worker: String,
    /// What it has free.
    pub free: Needs,
    /// Whether it has nothing else to do: then it takes the next task even if that needs more
    /// threads or memory than there are, since waiting would not change that.
    pub idle: bool,
    /// How many tasks all workers may run at once, roughly: a job with no more tasks left than
    /// that is near its end.
    pub slots: usize,
}

/// The right to work on a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Name of the job.
    pub job: String,
    /// The task.
    pub task: Task,
    /// Grows with every lease; the newest of a task is the one that counts.
    pub fence: u64,
    /// The how-manieth attempt this is, from 1.
    pub attempt: u32,
}

/// Whether trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It may: a connection, a crash, a full disk, a stall.
    Transient,
    /// It does not: the input or the request is at fault.
    Permanent,
}

/// What went wrong with an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setback {
    /// Whether trying again may help.
    pub failure: Failure,
    /// Why, in a line.
    pub reason: String,
    /// The last lines that the program said.
    pub stderr: Vec<String>,
}

/// What becomes of a task that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is tried again at this time, Unix ms.
    Again {
        /// When.
        at_ms: i64,
    },
    /// It is set aside until somebody asks for it again.
    SetAside,
}

/// Where a task is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// It waits for a worker.
    Ready {
        /// Not before, Unix ms.
        at_ms: i64,
    },
    /// Somebody works on it.
    Leased {
        /// The newest lease.
        fence: u64,
        /// Until when it holds, Unix ms.
        until_ms: i64,
        /// Who.
        worker: String,
        /// Since when, Unix ms.
        since_ms: i64,
    },
    /// It is done.
    Done {
        /// When, Unix ms.
        at_ms: i64,
    },
    /// It failed for good, until somebody asks for it again.
    SetAside,
}

/// A task with where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReport {
    /// The task.
    pub task: Task,
    /// Where it is.
    #[serde(flatten)]
    pub state: State,
    /// Attempts that count, the running one included.
    pub attempts: u32,
    /// What went wrong last.
    pub setback: Option<Setback>,
}

/// How many tasks are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Waiting.
    pub ready: usize,
    /// Being worked on.
    pub running: usize,
    /// Done.
    pub done: usize,
    /// Set aside.
    pub set_aside: usize,
}

impl Counts {
    /// Counts tasks.
    pub fn of(tasks: &[TaskReport]) -> Self {
        let mut counts = Self::default();
        for task in tasks {
            match task.state {
                State::Ready { .. } => counts.ready += 1,
                State::Leased { .. } => counts.running += 1,
                State::Done { .. } => counts.done += 1,
                State::SetAside => counts.set_aside += 1,
            }
        }
        counts
    }
}
