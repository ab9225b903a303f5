//! Who does what next: tasks of jobs, handed out under leases.
//!
//! An engine knows names, order and needs of tasks, and nothing of media. What a task made lies in
//! the store under its record; an engine that forgets everything loses counts of attempts and whose
//! turn it is, and is filled again from the store.
//!
//! | question | answer |
//! |---|---|
//! | who owns a task | the holder of the newest fence; a lease is kept by heartbeats |
//! | what when the holder falls silent | after [`LEASE_MS`] somebody else may have the task; an old holder whose task nobody took may go on |
//! | what when it fails | it is tried again after a growing delay, [`ATTEMPTS`] times; then, or when trying again cannot help, it is set aside with what it said, and other tasks go on |
//! | what when it is given back | it is ready again, and the attempt does not count |
//! | which task is next | `queue` |
//!
//! Every method blocks shortly. The clock is given when an engine is opened.

mod embedded;
mod queue;
mod rows;
mod task;

#[cfg(test)]
mod conformance;

use std::time::Duration;

pub use embedded::{Clock, Embedded};
pub use task::{
    Ask, Counts, Failure, Job, Lease, Needs, Setback, State, Task, TaskReport, Verdict,
};

/// How long a lease holds without a heartbeat, in milliseconds.
pub const LEASE_MS: i64 = 30_000;

/// How often a task may be tried.
pub const ATTEMPTS: u32 = 5;

/// Why an engine cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Somebody else has the task by now, or nobody is to have it.
    #[error("the lease of task `{task}` of job `{job}` is lost")]
    Lost {
        /// Name of the job.
        job: String,
        /// Name of the task.
        task: String,
    },
    /// There is no such job.
    #[error("there is no job `{job}`")]
    NoJob {
        /// Its name.
        job: String,
    },
    /// Another process has the database open.
    #[error("`{path}` is in use by another process")]
    InUse {
        /// The database.
        path: String,
    },
    /// The database fails.
    #[error("database `{path}`: {reason}")]
    Database {
        /// The database.
        path: String,
        /// What it says.
        reason: String,
    },
}

/// Hands out tasks. Backends pass the same suite of tests.
pub trait Engine: Send + Sync {
    /// Makes a job known, or changes what is known of it. Its tasks stay.
    fn put_job(&self, job: &Job) -> Result<(), Error>;

    /// Forgets a job with its tasks; their leases are lost.
    fn drop_job(&self, job: &str) -> Result<(), Error>;

    /// Adds tasks of a known job. One that is known already is left as it is.
    fn enqueue(&self, job: &str, tasks: &[Task]) -> Result<(), Error>;

    /// Hands out the next task that fits; `None` when there is none now.
    fn claim(&self, ask: &Ask) -> Result<Option<Lease>, Error>;

    /// Says that the task is being worked on. Fails with [`Error::Lost`] when that is in vain.
    fn heartbeat(&self, lease: &Lease) -> Result<(), Error>;

    /// Says that the task is done.
    fn complete(&self, lease: &Lease) -> Result<(), Error>;

    /// Gives the task back, to be handed out again after a delay. The attempt does not count.
    fn release(&self, lease: &Lease, delay: Duration) -> Result<(), Error>;

    /// Says that the task failed, and returns what becomes of it.
    fn fail(&self, lease: &Lease, setback: &Setback) -> Result<Verdict, Error>;

    /// Takes back that tasks are done or set aside, and forgets their attempts: they are ready.
    /// Tasks that are being worked on stay so.
    fn retry(&self, job: &str, tasks: &[String]) -> Result<(), Error>;

    /// Removes tasks of a job; leases of them are lost.
    fn remove(&self, job: &str, tasks: &[String]) -> Result<(), Error>;

    /// Lists the jobs, the oldest first.
    fn jobs(&self) -> Result<Vec<Job>, Error>;

    /// Lists the tasks of a job in their order.
    fn tasks(&self, job: &str) -> Result<Vec<TaskReport>, Error>;

    /// Waits until something may have changed since the `seen` change, at most for `limit`, and
    /// returns the number of the last change.
    fn watch(&self, seen: u64, limit: Duration) -> u64;
}
