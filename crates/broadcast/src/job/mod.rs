//! A live channel as a job file says it, in JSON or YAML: two blocks, `job` (what) and `runtime`
//! (where and how).
//!
//! ```yaml
//! job:
//!   name: news
//!   inputs: srt://0.0.0.0:9000?mode=listener
//!   ladder: [720p, 480p, 240p]
//! runtime:
//!   restart: { max_restarts: 10 }
//! ```
//!
//! | module | what |
//! |---|---|
//! | `what`, `runtime` | the two blocks |
//! | `hook` | who is told of events |
//! | `overrides` | the flags of the command line, laid over the file |
//! | `expand` | `${NAME}` in the texts that may hold secrets |
//! | `check` | everything that a type cannot say |
//! | `error` | a fault with file, line and JSON pointer |
//!
//! Everything wrong is told at once. What a source really has is not known here: see [`Job::plan`].

mod check;
mod error;
mod expand;
mod hook;
mod overrides;
mod runtime;
mod what;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use error::JobError;
pub use hook::Webhook;
pub use overrides::Overrides;
pub use runtime::{
    IoPriority, OnFail, ProbeMode, Resources, Restart, RestartPolicy, Runtime, Target, Verify,
};
pub use what::{Latency, OnEof, Record, Timing, What};

use crate::{
    document::{Document, Fault},
    input::{Input, Source},
    ladder::{self, Plan, Problem, Spec, parts},
    probe::Summary,
    units::Seconds,
};

/// A live channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Job {
    /// Where the schema of this file is, for editors.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// What the channel is.
    #[serde(rename = "job")]
    pub what: What,
    /// Where and how it runs.
    pub runtime: Runtime,
}

/// Gives variables of the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a job is made of.
#[derive(Default)]
pub struct Origin<'a> {
    /// Name and text of the job file, if there is one.
    pub file: Option<(&'a str, &'a str)>,
    /// What the command line says; it wins over the file.
    pub overrides: Overrides,
    /// Where `${NAME}` is looked up; without it such texts stay as they are.
    pub environment: Option<Environment<'a>>,
}

/// A plan with the part target that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What is made.
    pub plan: Plan,
    /// Part target; `None` without low latency.
    pub part: Option<Seconds>,
}

/// Reads a job file, variables taken from the environment of this process. Fails with everything
/// that is wrong in it.
pub fn parse(text: &str, file_name: &str) -> Result<Job, Vec<JobError>> {
    load(Origin {
        file: Some((file_name, text)),
        overrides: Overrides::default(),
        environment: Some(&|name| std::env::var(name).ok()),
    })
}

/// Makes a job of a file and a command line. Fails with everything that is wrong in both.
pub fn load(origin: Origin<'_>) -> Result<Job, Vec<JobError>> {
    let (name, text) = origin.file.unwrap_or((error::COMMAND_LINE, ""));
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(fault) => return Err(vec![JobError::new(name, fault)]),
    };
    let (mut job, mut faults): (Job, Vec<Fault>) = document.read();
    let given = origin.overrides.apply(&mut job, &mut faults);
    if let Some(environment) = origin.environment {
        expand::expand(&mut job, environment, &mut faults);
    }
    // What could not be read is missing now; that is not a fault of its own.
    let known: Vec<String> = faults.iter().map(|fault| fault.pointer.clone()).collect();
    let follows = |fault: &Fault| known.iter().any(|pointer| related(pointer, &fault.pointer));
    faults.extend(job.check().into_iter().filter(|fault| !follows(fault)));
    if faults.is_empty() {
        return Ok(job);
    }
    let mut errors: Vec<JobError> = faults
        .into_iter()
        .map(|mut fault| {
            let flag = given.iter().any(|pointer| related(pointer, &fault.pointer));
            if flag {
                return JobError::new(error::COMMAND_LINE, fault);
            }
            fault.position = fault.position.or_else(|| document.position(&fault.pointer));
            JobError::new(name, fault)
        })
        .collect();
    errors.sort_by_key(|error| error.fault.position);
    Err(errors)
}

/// Tells whether one pointer is the other, or leads to it.
fn related(one: &str, other: &str) -> bool {
    let leads = |short: &str, long: &str| {
        long.strip_prefix(short)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    leads(one, other) || leads(other, one)
}

/// Returns the JSON schema of a job file.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Job)
}

impl Job {
    /// Returns the inputs with their sources, in order. Pointers of the faults begin at the root.
    pub fn inputs(&self) -> Result<Vec<(Input, Source)>, Vec<Fault>> {
        let mut inputs = Vec::new();
        let mut faults = Vec::new();
        for (index, input) in self.what.inputs.iter().enumerate() {
            match input.source() {
                Ok(source) => inputs.push((input.clone(), source)),
                Err(wrong) => {
                    let pointer = format!("/job/inputs/{index}");
                    faults.extend(wrong.into_iter().map(|fault| fault.below(&pointer)));
                }
            }
        }
        if faults.is_empty() {
            Ok(inputs)
        } else {
            Err(faults)
        }
    }

    /// Lists the inputs whose packets get their time of arrival.
    pub fn wall_clock(&self) -> Vec<usize> {
        let inputs = self.what.inputs.iter().enumerate();
        inputs
            .filter_map(|(index, input)| input.wall_clock.then_some(index))
            .collect()
    }

    /// Returns what happens when the source ends by itself: as the job says, else the channel ends
    /// with files that are not looped and starts over with anything else.
    pub fn on_eof(&self, sources: &[Source]) -> OnEof {
        let finite = !sources.is_empty() && sources.iter().all(Source::is_finite);
        let usual = if finite {
            OnEof::Finish
        } else {
            OnEof::Restart
        };
        self.what.on_eof.unwrap_or(usual)
    }

    /// Returns what the job wants of its ladder.
    pub fn spec(&self) -> Spec {
        let timing = self.what.timing();
        Spec {
            ladder: self.what.ladder.clone(),
            upscale: self.what.upscale,
            audio: self.what.audio.clone(),
            profile: self.what.profile,
            segment: timing.segment,
            gop: timing.gop,
        }
    }

    /// Plans what is made of a source, and finds the part target: that of a preset becomes one that
    /// all tracks divide segments by, one that the job sets is refused with the nearest that suits
    /// when it does not. Pointers of the faults begin at the root.
    pub fn plan(&self, summary: &Summary) -> Result<Planned, Vec<Problem>> {
        let mut plan = ladder::plan(summary, &self.spec()).map_err(|problems| {
            let rooted = |problem| match problem {
                Problem::Wish(fault) => Problem::Wish(fault.below("/job")),
                other => other,
            };
            problems.into_iter().map(rooted).collect::<Vec<_>>()
        })?;
        let timing = self.what.timing();
        let Some(mut part) = timing.part else {
            return Ok(Planned { plan, part: None });
        };
        let cadences = plan.cadences();
        let segment = plan.segment.unwrap_or_else(|| timing.segment.time());
        let is_set = self.what.part.is_some();
        if let Some(even) = parts::even(part, segment, &cadences).filter(|_| !is_set) {
            part = even;
        } else if let Err(unsuitable) = parts::check(part, &cadences) {
            if is_set {
                let fault = Fault::new("/job/part", unsuitable.to_string());
                return Err(vec![Problem::Wish(fault)]);
            }
            plan.notes.push(unsuitable.to_string());
            part = unsuitable.nearest;
        }
        Ok(Planned {
            plan,
            part: Some(part),
        })
    }

    /// Writes the job as JSON that reads back to the same job.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}

#[cfg(test)]
mod tests;
