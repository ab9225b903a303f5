//! What is done at each step: look whether it has been done, else do it, then commit it.
//!
//! | step | key: what the result depends on | result |
//! |---|---|---|
//! | fetch | the input and its version | where the source is, and a digest of it |
//! | plan | the source, what is wanted, ffmpeg | the plan |
//! | chunk, audio, text, thumbnails | the source, their part of the plan, ffmpeg | segments |
//! | package | the keys of all parts, the plan | manifests and init segments |
//! | publish | the package, the place | a version of the asset |
//!
//! So changing what is wanted of sound makes no picture anew, and a result whose making is the same
//! is taken whoever made it.

mod early;
mod finish;
mod keys;
mod media;
mod protect;
mod show;
mod source;
mod tracks;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use process::Ffmpeg;
use store::objects::Shared;

use super::{Error, Fault, Request, Setup, cell::Cell, graph};
use crate::{
    commit::{self, Key, Made, Record, Step},
    encode::{self, Class},
    engine::{Clock, Engine, Failure, Lease, Setback},
    fetch::{self, Input},
    plan::Plan,
    worker::Reins,
};

/// What a step came to.
pub(super) enum Ran {
    /// It is done.
    Made {
        /// Its record.
        record: Box<Record>,
        /// Whether it had been done before.
        found: bool,
    },
    /// What other steps made is damaged.
    Damaged(Vec<Step>),
}

/// Does steps.
pub(super) struct Steps {
    engine: Arc<dyn Engine>,
    ffmpeg: Ffmpeg,
    /// Name and version of ffmpeg.
    tool: String,
    local: PathBuf,
    fetch: fetch::Options,
    keys: fetch::Policy,
    target: Shared,
    worker: String,
    clock: Clock,
}

impl Steps {
    pub(super) fn new(setup: &Setup) -> Result<Self, Error> {
        let version = setup.ffmpeg.version().map_err(Error::Program)?;
        Ok(Self {
            engine: Arc::clone(&setup.engine),
            ffmpeg: setup.ffmpeg.clone(),
            tool: format!("ffmpeg {version}"),
            local: setup.local.clone(),
            fetch: setup.fetch.clone(),
            keys: setup.keys.clone(),
            target: Arc::clone(&setup.target),
            worker: setup.worker.clone(),
            clock: Arc::clone(&setup.clock),
        })
    }

    /// Looks at a request before it is taken in. Fails with a sentence.
    pub(super) fn check(&self, request: &Request) -> Result<(), String> {
        let input = Input::parse(&request.input).map_err(|error| error.to_string())?;
        let allowed = self.fetch.policy.check(&input);
        allowed.map_err(|error| error.to_string())?;
        match (&request.options.encryption, &request.key_file) {
            (Some(encryption), Some(_)) => {
                encryption.check()?;
                self.key(request)?;
            }
            // Clear media must not pass for protected.
            (Some(_), None) => return Err("encryption needs a key file".to_owned()),
            (None, Some(_)) => return Err("a key file is of no use without encryption".to_owned()),
            (None, None) => {}
        }
        if request.early_publish.is_some() && request.options.encryption.is_some() {
            return Err("what is encrypted cannot be shown early".to_owned());
        }
        let checksum = request.checksum.as_deref().unwrap_or_default();
        let is_hex = checksum.bytes().all(|byte| byte.is_ascii_hexdigit());
        if request.checksum.is_some() && (checksum.len() != 64 || !is_hex) {
            return Err("`checksum` is no SHA-256".to_owned());
        }
        let preset = request.options.preset.check();
        preset.map_err(|error| error.to_string())
    }

    /// Returns where what is downloaded for a job lies.
    pub(super) fn spool(&self, job: &str) -> PathBuf {
        self.local.join("spool").join(job)
    }

    /// Returns the folder of an attempt.
    fn scratch(&self, job: &str, step: Step, fence: u64) -> PathBuf {
        let folder = self.local.join("scratch").join(job);
        folder.join(format!("{step}-{fence}"))
    }

    /// Removes what attempts at a job left behind that were cut off. Nobody may work on it.
    pub(super) fn clear_scratch(&self, job: &str) {
        let folder = self.local.join("scratch").join(job);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(folder = %folder.display(), %error, "scratch stays");
            }
            _ => {}
        }
    }

    /// Returns the version that a publication is.
    pub(super) fn version(record: &Record) -> String {
        record.made.facts["version"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Tells what kind of failure it is that a step was set aside.
    pub(super) fn fault(step: Step, setback: &Setback) -> Fault {
        match step {
            Step::Plan if setback.reason.starts_with(source::WISH) => Fault::Request,
            Step::Fetch | Step::Probe | Step::Plan => Fault::Input,
            Step::Publish if !setback.reason.starts_with(finish::CHECK) => Fault::Other,
            Step::Package | Step::Publish => Fault::Check,
            _ if setback.reason.contains("Unknown encoder") => Fault::Program,
            Step::Chunk(_) | Step::Audio(_) | Step::Text(_)
                if setback.failure == Failure::Permanent =>
            {
                Fault::Input
            }
            _ => Fault::Other,
        }
    }

    /// Does a step.
    pub(super) fn run(
        &self,
        cell: &Cell,
        step: Step,
        lease: &Lease,
        reins: &Reins,
    ) -> Result<Ran, Setback> {
        let job = Work {
            steps: self,
            cell,
            step,
            lease,
            reins,
        };
        let early = job.early();
        let ran = match step {
            Step::Fetch => job.fetch(),
            Step::Plan => job.plan(),
            Step::Chunk(_) | Step::Audio(_) | Step::Text(_) | Step::Thumbnails => job.part(),
            Step::Package => job.package(),
            Step::Publish => job.publish(),
            Step::Probe => Err(hopeless("there is no such step")),
        };
        early::judge(&job, early, ran)
    }

    /// Looks which parts of a plan have been made already.
    fn found(&self, cell: &Cell, plan: &Plan, content: &str) -> BTreeMap<Step, Record> {
        let mut found = BTreeMap::new();
        for step in graph::parts(plan) {
            let key = keys::part(step, plan, content, &self.tool);
            match cell.ledger.find(step, &key) {
                Ok(Some(record)) => {
                    found.insert(step, record);
                }
                Ok(None) => {}
                // It is looked for again when it is its turn.
                Err(error) => tracing::warn!(job = cell.id, %step, %error, "records"),
            }
        }
        found
    }
}

/// A step that is being done.
struct Work<'a> {
    steps: &'a Steps,
    cell: &'a Cell,
    step: Step,
    lease: &'a Lease,
    reins: &'a Reins,
}

impl Work<'_> {
    /// Looks whether the step has been done.
    fn look(&self, key: &Key) -> Result<Option<Ran>, Setback> {
        let record = self.cell.ledger.find(self.step, key).map_err(uncommitted)?;
        Ok(record.map(|record| Ran::Made {
            record: Box::new(record),
            found: true,
        }))
    }

    /// Makes sure that nobody else has the step by now.
    fn still_ours(&self) -> Result<(), Setback> {
        self.steps
            .engine
            .heartbeat(self.lease)
            .map_err(|error| unlucky(error.to_string()))
    }

    /// Returns the plan and the digest of the source.
    fn planned(&self) -> Result<(Arc<Plan>, String), Setback> {
        let facts = self.cell.facts();
        facts
            .plan
            .clone()
            .zip(facts.content())
            .ok_or_else(|| unlucky("the plan is gone"))
    }

    /// Begins what is said in a record.
    fn made(&self, tool: &str, facts: serde_json::Value) -> Made {
        Made {
            facts,
            tool: tool.to_owned(),
            worker: self.steps.worker.clone(),
            attempt: self.lease.attempt,
            fence: self.lease.fence,
            ..Made::default()
        }
    }
}

/// Makes the setback of a failed attempt that is worth another one.
fn unlucky(reason: impl Into<String>) -> Setback {
    Setback {
        failure: Failure::Transient,
        reason: reason.into(),
        stderr: Vec::new(),
    }
}

/// Makes the setback of an attempt that is not worth another one.
fn hopeless(reason: impl Into<String>) -> Setback {
    Setback {
        failure: Failure::Permanent,
        ..unlucky(reason)
    }
}

/// Makes the setback of records that cannot be read or written.
fn uncommitted(error: commit::Error) -> Setback {
    if error.may_pass() {
        unlucky(error.to_string())
    } else {
        hopeless(error.to_string())
    }
}

/// Makes the setback of a failed encode.
fn unencoded(failure: encode::Failure) -> Setback {
    Setback {
        failure: match failure.class {
            Class::Permanent => Failure::Permanent,
            Class::Transient | Class::Stopped => Failure::Transient,
        },
        reason: failure.reason,
        stderr: failure.stderr,
    }
}
