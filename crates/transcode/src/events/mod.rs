//! What happens to jobs, as plain values. Progress bars, lines of JSON, pages and logs are renderers
//! of the same stream.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::{
    commit::Step,
    job::{JobReport, StepState},
};

/// Something that happened to a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When, Unix ms.
    pub at_ms: i64,
    /// Id of the job.
    pub job: String,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A job was taken in, new or from before.
    Submitted {
        /// Where its media comes from, secrets masked.
        input: String,
        /// Where the asset goes.
        to: String,
        /// Name of the asset.
        name: String,
    },
    /// An attempt at a step began.
    Started {
        /// The step.
        step: Step,
        /// Who does it.
        worker: String,
        /// The how-manieth attempt, from 1.
        attempt: u32,
    },
    /// A step is done.
    Done {
        /// The step.
        step: Step,
        /// Whether it had been done before and was found.
        found: bool,
        /// Frames of the result, where it has frames.
        frames: Option<u64>,
        /// Bytes of the result.
        bytes: u64,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// An attempt failed; the step is tried again.
    Again {
        /// The step.
        step: Step,
        /// When, Unix ms.
        again_at_ms: i64,
        /// Why.
        reason: String,
    },
    /// A step failed for good, until somebody asks for it again.
    SetAside {
        /// The step.
        step: Step,
        /// Why.
        reason: String,
        /// The last lines that the program said.
        stderr: Vec<String>,
    },
    /// A step was given back unfinished, since its worker ends.
    GivenBack {
        /// The step.
        step: Step,
    },
    /// What was found of a step is not what its record says; it is done again.
    Damaged {
        /// The step.
        step: Step,
    },
    /// How far the job is; about twice a second while it changes.
    Progress {
        /// All of it. Written as JSON, it has only those steps that run or had a setback.
        #[serde(serialize_with = "brief")]
        report: Box<JobReport>,
    },
    /// The job is paused, or goes on.
    Paused {
        /// Whether it is.
        paused: bool,
    },
    /// The part of the asset that there is can be played, and grows.
    Playable {
        /// The version that grows.
        version: String,
    },
    /// The asset is published.
    Published {
        /// Its version.
        version: String,
        /// Whether it had been published before.
        found: bool,
    },
    /// The job failed; nothing of it is lost, and it may be tried again.
    Failed {
        /// The kind of failure.
        failure: crate::job::Fault,
        /// Why.
        reason: String,
    },
    /// The job was cancelled.
    Cancelled,
}

/// Writes a report without the steps of which there is nothing to say.
#[expect(
    clippy::borrowed_box,
    reason = "serde hands over a reference to the field"
)]
fn brief<S: Serializer>(report: &Box<JobReport>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut brief = JobReport::clone(report);
    brief
        .steps
        .retain(|step| step.state == StepState::Running || step.setback.is_some());
    brief.serialize(serializer)
}

/// Takes events; must not block.
pub type Sink = Arc<dyn Fn(&Event) + Send + Sync>;
