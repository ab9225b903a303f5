//! One job in memory: what is known of it, and how it is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Error, Fault, JobReport, JobState, Request, StepReport, StepState, early::Early, graph,
    request::JobFile,
};
use crate::{
    commit::{Ledger, Record, Step},
    engine::TaskReport,
    plan::{Plan, VideoCodec},
    worker::Running,
};

/// A job that this process looks after.
pub(super) struct Cell {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) request: Request,
    pub(super) ledger: Ledger,
    facts: Mutex<Facts>,
    showing: Mutex<()>,
}

/// What changes of a job.
pub(super) struct Facts {
    /// What is kept beside the records.
    pub(super) file: JobFile,
    /// Steps that are done.
    pub(super) records: BTreeMap<Step, Record>,
    /// Those of them that were done before this process began.
    pub(super) found: BTreeSet<Step>,
    /// The plan, once it is made.
    pub(super) plan: Option<Arc<Plan>>,
    /// The source as a file of this machine, once it is there.
    pub(super) source: Option<PathBuf>,
    /// The source while it is on its way, if that is enough to begin with.
    pub(super) early: Option<Arc<Early>>,
    /// Grows whenever the source becomes another one: what was begun before does not count.
    pub(super) era: u64,
    /// How it ended.
    pub(super) outcome: Option<Outcome>,
    /// Whether what it had made was removed after it was cancelled.
    pub(super) is_purged: bool,
    /// When encoding began, Unix ms, and how much work was done then.
    pace: Option<(i64, u64)>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is published.
    Done {
        /// Its version.
        version: String,
    },
    /// It failed.
    Failed {
        /// The kind of failure.
        fault: Fault,
        /// Why.
        reason: String,
    },
    /// Nobody wants it.
    Cancelled,
}

impl Cell {
    /// Makes the job of a file. Its records are not looked at yet.
    pub(super) fn new(
        id: &str,
        file: JobFile,
        store: &store::objects::Shared,
        prefix: &str,
    ) -> Result<Self, Error> {
        Ok(Self {
            id: id.to_owned(),
            name: file.request.asset_name().map_err(Error::Request)?,
            request: file.request.clone(),
            ledger: Ledger::open(Arc::clone(store), prefix)?,
            facts: Mutex::new(Facts {
                outcome: file.done.as_ref().map(|done| Outcome::Done {
                    version: done.version.clone(),
                }),
                is_purged: false,
                file,
                records: BTreeMap::new(),
                found: BTreeSet::new(),
                plan: None,
                source: None,
                early: None,
                era: 0,
                pace: None,
            }),
            showing: Mutex::default(),
        })
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        // Plain values, set in steps that do not panic.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else shows the part of the result that there is.
    pub(super) fn showing(&self) -> MutexGuard<'_, ()> {
        self.showing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the record of a step that was begun in an era; returns whether that is still the one.
    pub(super) fn keep(&self, step: Step, record: &Record, found: bool, era: u64) -> bool {
        let mut facts = self.facts();
        if facts.era != era && step != Step::Fetch {
            return false;
        }
        if found {
            facts.found.insert(step);
        }
        facts.records.insert(step, record.clone());
        true
    }

    /// Tells whether a step may begin although the source is still on its way.
    pub(super) fn may_begin(&self, step: Step) -> bool {
        let (early, plan) = {
            let facts = self.facts();
            (facts.early.clone(), facts.plan.clone())
        };
        // Samples of the film are taken all over it.
        let needs_all = self.request.options.per_title && step == Step::Plan;
        !needs_all && early.is_some_and(|early| early.holds(step, plan.as_deref()))
    }

    /// Describes the job.
    pub(super) fn report(
        &self,
        tasks: &[TaskReport],
        running: &[Running],
        now_ms: i64,
    ) -> JobReport {
        let mut facts = self.facts();
        let by_name: BTreeMap<&str, &TaskReport> =
            tasks.iter().map(|it| (it.task.name.as_str(), it)).collect();
        let steps = graph::all(facts.plan.as_deref())
            .into_iter()
            .map(|step| {
                let name = step.to_string();
                let task = by_name.get(name.as_str()).copied();
                let run = running
                    .iter()
                    .find(|it| it.lease.job == self.id && it.lease.task.name == name);
                facts.describe(step, task, run)
            })
            .collect();
        let mut report = JobReport {
            id: self.id.clone(),
            request: self.request.masked(),
            name: self.name.clone(),
            state: JobState::Waiting,
            submitted_ms: facts.file.submitted_ms,
            permille: 0,
            speed_permille: None,
            left_ms: None,
            duration_ms: facts.plan.as_deref().map(graph::duration_ms),
            bytes: facts.bytes(),
            damaged: facts.damaged(),
            renditions: facts.renditions(),
            steps,
            version: None,
            reason: None,
            failure: None,
        };
        report.state = facts.state(&report.steps);
        match &facts.outcome {
            Some(Outcome::Done { version }) => report.version = Some(version.clone()),
            Some(Outcome::Failed { fault, reason }) => {
                report.reason = Some(reason.clone());
                report.failure = Some(*fault);
            }
            Some(Outcome::Cancelled) | None => {}
        }
        facts.measure(&mut report, now_ms);
        report
    }
}

impl Facts {
    /// Lists the steps that are done.
    pub(super) fn done(&self) -> BTreeSet<Step> {
        self.records.keys().copied().collect()
    }

    /// Returns what the source is known by, be it there or on its way.
    pub(super) fn content(&self) -> Option<String> {
        let record = self.records.get(&Step::Fetch);
        let content = record.and_then(|record| record.made.facts["content"].as_str());
        let early = || self.early.as_ref().map(|early| early.content.clone());
        content.map(str::to_owned).or_else(early)
    }

    /// Returns the source as a file of this machine, be it there or on its way.
    pub(super) fn source(&self) -> Option<PathBuf> {
        let early = || self.early.as_ref().map(|early| early.path.clone());
        self.source.clone().or_else(early)
    }

    fn describe(&self, step: Step, task: Option<&TaskReport>, run: Option<&Running>) -> StepReport {
        let record = self.records.get(&step);
        let is_over = matches!(self.outcome, Some(Outcome::Done { .. }));
        let state = if record.is_some() || is_over {
            StepState::Done
        } else {
            match StepState::of(task) {
                // What it made is gone; it is about to be asked for again.
                StepState::Done => StepState::Ready,
                other => other,
            }
        };
        StepReport {
            step,
            state,
            work_ms: self
                .plan
                .as_deref()
                .map_or(0, |plan| graph::size(step, plan)),
            progress: run.map(|run| run.progress),
            attempts: task.map_or(0, |task| task.attempts),
            worker: match task.map(|task| &task.state) {
                Some(crate::engine::State::Leased { worker, .. }) => Some(worker.clone()),
                _ => None,
            },
            bytes: record.map(Record::bytes),
            setback: task.and_then(|task| task.setback.clone()),
        }
    }

    fn state(&self, steps: &[StepReport]) -> JobState {
        match &self.outcome {
            Some(Outcome::Done { .. }) => return JobState::Done,
            Some(Outcome::Failed { .. }) => return JobState::Failed,
            Some(Outcome::Cancelled) => return JobState::Cancelled,
            None => {}
        }
        if self.file.paused {
            return JobState::Paused;
        }
        let begun = |step: &&StepReport| step.state == StepState::Running;
        let last_begun = steps.iter().rev().find(begun);
        match last_begun.map(|it| it.step) {
            Some(Step::Publish) => JobState::Publishing,
            Some(Step::Package) => JobState::Packaging,
            Some(Step::Plan | Step::Probe) => JobState::Planning,
            Some(Step::Fetch) => JobState::Fetching,
            Some(_) => JobState::Encoding,
            None if self.plan.is_some() => JobState::Encoding,
            None => JobState::Waiting,
        }
    }

    /// Adds how much is done and how long the rest takes, by the work done since encoding began.
    fn measure(&mut self, report: &mut JobReport, now_ms: i64) {
        let (done, all) = report.work();
        if report.state == JobState::Done {
            report.permille = 1000;
            return;
        }
        report.permille = (done.saturating_mul(1000) / all.max(1)).min(1000) as u16;
        if report.state != JobState::Encoding {
            return;
        }
        let (since_ms, before) = *self.pace.get_or_insert((now_ms, done));
        let Some(took_ms) = u64::try_from(now_ms - since_ms).ok().filter(|it| *it > 0) else {
            return;
        };
        let Some(made) = done.checked_sub(before).filter(|it| *it > 0) else {
            return;
        };
        report.left_ms = Some((all - done).saturating_mul(took_ms) / made);
        report.speed_permille = report
            .duration_ms
            .map(|ms| ms.saturating_mul(made) / all.max(1) * 1000 / took_ms);
    }

    fn bytes(&self) -> u64 {
        let made = |step: &Step| !matches!(step, Step::Fetch | Step::Plan | Step::Publish);
        let records = self.records.iter().filter(|(step, _)| made(step));
        records.map(|(_, record)| record.bytes()).sum()
    }

    /// Counts the frames of the source that could not be decoded.
    fn damaged(&self) -> u64 {
        let records = self.records.values();
        let damaged = |record: &Record| record.made.facts["damaged"].as_u64();
        records.filter_map(damaged).sum()
    }

    fn renditions(&self) -> Vec<String> {
        let Some(plan) = &self.plan else {
            return Vec::new();
        };
        let videos = plan.videos.iter().map(|video| {
            let codec = match video.codec {
                VideoCodec::H264 => "H.264",
                VideoCodec::H265 => "H.265",
                VideoCodec::Av1 => "AV1",
            };
            format!("{}x{} {codec}", video.width, video.height)
        });
        let audios = plan.audios.iter().map(|audio| {
            let language = audio.language.as_deref().unwrap_or("und");
            format!("AAC {} ch {language}", audio.channels)
        });
        let texts = plan.texts.iter().map(|text| {
            let language = text.language.as_deref().unwrap_or("und");
            format!("WebVTT {language}")
        });
        videos.chain(audios).chain(texts).collect()
    }
}
