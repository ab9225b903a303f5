//! Jobs: taken in, brought through their steps, paused, cancelled, asked for again, told about.
//!
//! | module | what |
//! |---|---|
//! | `request` | what is asked for, and the file that keeps it |
//! | [`graph`] | which step waits for which, and what each needs |
//! | `cell` | one job in memory |
//! | `early` | a source that is on its way |
//! | `setup` | what jobs are made with, and what they may be told |
//! | `jobs` | all jobs of this process |
//! | `report` | a job as it is told |
//! | `steps` | what is done at each step |
//!
//! Everything about a job can be found out again from its file and its records: [`Jobs::start`]
//! does so. What an engine knows besides, how often a step failed and who is next, may be lost.

mod cell;
mod early;
pub mod graph;
mod jobs;
mod report;
mod request;
mod setup;
mod steps;

pub use jobs::Jobs;
pub use report::{Fault, JobReport, JobState, StepReport, StepState};
pub use request::Request;
pub use setup::{Keeper, Order, PATIENCE, Setup};

/// Why a job cannot be taken in, or not be told what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request cannot be fulfilled as it is; a sentence.
    #[error("{0}")]
    Request(String),
    /// There is no such job.
    #[error("there is no job `{0}`")]
    Unknown(String),
    /// The job is being worked on with other wishes.
    #[error("job `{0}` is under way with other options; cancel it first")]
    Busy(String),
    /// Somebody else looks after the job.
    #[error("job `{id}` is looked after by the {keeper}")]
    Kept {
        /// Its id.
        id: String,
        /// Who has it.
        keeper: Keeper,
    },
    /// ffmpeg is missing or does not work.
    #[error(transparent)]
    Program(process::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::objects::Error),
    /// The records cannot be read.
    #[error(transparent)]
    Ledger(#[from] crate::commit::Error),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] crate::engine::Error),
    /// A thread cannot be started, or the folder for files in the making cannot be used.
    #[error("{what}: {source}")]
    Io {
        /// What failed.
        what: String,
        /// Why.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests;
