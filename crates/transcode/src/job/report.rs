//! A job as it is told: for pages, the API, progress bars and `--json`.

use serde::{Deserialize, Serialize};

use crate::{
    commit::Step,
    engine::{Setback, State, TaskReport},
    worker::Progress,
};

use super::Request;

/// Where a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits for its turn.
    #[default]
    Waiting,
    /// Its source is fetched.
    Fetching,
    /// Its source is looked into.
    Planning,
    /// Chunks, sound, subtitles and pictures are made.
    Encoding,
    /// Manifests are made.
    Packaging,
    /// It is put in place.
    Publishing,
    /// It is held back; what runs goes on to its end.
    Paused,
    /// It is done.
    Done,
    /// A step failed for good; it may be asked for again.
    Failed,
    /// Nobody wants it any more.
    Cancelled,
}

impl JobState {
    /// Tells whether nothing happens to the job any more unless somebody asks for it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// What kind of thing made a job fail; the binary makes exit codes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Anything else.
    Other,
    /// The request cannot be fulfilled as it is.
    Request,
    /// A program is missing.
    Program,
    /// The input cannot be read, or not all of it.
    Input,
    /// What was made is not right.
    Check,
}

/// One step of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// Which.
    pub step: Step,
    /// Where it is.
    pub state: StepState,
    /// Share of the whole job's work, in thousandths of a processor second, estimated.
    pub work_ms: u64,
    /// How far it is, while it runs.
    pub progress: Option<Progress>,
    /// Attempts that count, the running one included.
    pub attempts: u32,
    /// Who works on it.
    pub worker: Option<String>,
    /// Bytes of the result.
    pub bytes: Option<u64>,
    /// What went wrong last.
    pub setback: Option<Setback>,
}

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It waits for others.
    Waiting,
    /// It waits for a worker.
    Ready,
    /// Somebody works on it.
    Running,
    /// It is done.
    Done,
    /// It failed for good.
    SetAside,
}

impl StepState {
    /// Returns the state of a step from its task, if it has one.
    pub(super) fn of(task: Option<&TaskReport>) -> Self {
        match task.map(|task| &task.state) {
            None => Self::Waiting,
            Some(State::Ready { .. }) => Self::Ready,
            Some(State::Leased { .. }) => Self::Running,
            Some(State::Done { .. }) => Self::Done,
            Some(State::SetAside) => Self::SetAside,
        }
    }
}

/// A job at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReport {
    /// Its id.
    pub id: String,
    /// What was asked for, secrets masked.
    pub request: Request,
    /// Name of the asset.
    pub name: String,
    /// Where it is.
    pub state: JobState,
    /// When it was submitted, Unix ms.
    pub submitted_ms: i64,
    /// How much of the work is done, in thousandths.
    pub permille: u16,
    /// Media time encoded in the time it took, in thousandths, when known.
    pub speed_permille: Option<u64>,
    /// How long it will take yet, in milliseconds, when known.
    pub left_ms: Option<u64>,
    /// How long the output is, in milliseconds, when known.
    pub duration_ms: Option<u64>,
    /// Bytes made so far.
    pub bytes: u64,
    /// Frames of the source, of pictures and sound, that could not be decoded right and were
    /// concealed; those that two chunks look at count twice.
    pub damaged: u64,
    /// The renditions, such as `1920x1080 h264`, when planned.
    pub renditions: Vec<String>,
    /// All steps, in order.
    pub steps: Vec<StepReport>,
    /// The version that was published.
    pub version: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// What kind of thing made it fail.
    pub failure: Option<Fault>,
}

impl JobReport {
    /// Counts the steps that `which` holds for: those done, and all.
    pub fn count(&self, which: impl Fn(Step) -> bool) -> (usize, usize) {
        let steps = self.steps.iter().filter(|it| which(it.step));
        steps.fold((0, 0), |(done, all), step| {
            (done + usize::from(step.state == StepState::Done), all + 1)
        })
    }

    /// Sums up the work of all steps: how much is done, and how much there is, in milliseconds of a
    /// processor.
    pub(super) fn work(&self) -> (u64, u64) {
        let mut done = 0;
        let mut all = 0;
        for step in &self.steps {
            all += step.work_ms;
            done += match (step.state, step.progress) {
                (StepState::Done, _) => step.work_ms,
                (
                    StepState::Running,
                    Some(Progress {
                        done,
                        total: Some(total),
                        ..
                    }),
                ) => step.work_ms.saturating_mul(done.min(total)) / total.max(1),
                _ => 0,
            };
        }
        (done, all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan::Options, worker::Unit};

    fn step(step: Step, state: StepState, work_ms: u64, done: Option<u64>) -> StepReport {
        StepReport {
            step,
            state,
            work_ms,
            progress: done.map(|done| Progress {
                unit: Unit::Frames,
                done,
                total: Some(100),
                ..Progress::default()
            }),
            attempts: 0,
            worker: None,
            bytes: None,
            setback: None,
        }
    }

    #[test]
    fn work_is_weighed_by_step_and_running_steps_count_in_part() {
        let report = JobReport {
            id: "film-0".to_owned(),
            request: Request {
                input: "film.mp4".to_owned(),
                to: "/films".to_owned(),
                name: None,
                priority: 0,
                options: Options::default(),
                key_file: None,
                early_publish: None,
                checksum: None,
            },
            name: "film".to_owned(),
            state: JobState::Encoding,
            submitted_ms: 0,
            permille: 0,
            speed_permille: None,
            left_ms: None,
            duration_ms: None,
            bytes: 0,
            damaged: 0,
            renditions: Vec::new(),
            steps: vec![
                step(Step::Chunk(0), StepState::Done, 1000, None),
                step(Step::Chunk(1), StepState::Running, 1000, Some(25)),
                step(Step::Chunk(2), StepState::Ready, 1000, None),
                // A report from before a retry says more than there is.
                step(Step::Audio(0), StepState::Running, 100, Some(250)),
                step(Step::Package, StepState::Waiting, 1, None),
            ],
            version: None,
            reason: None,
            failure: None,
        };
        assert_eq!(report.work(), (1000 + 250 + 100, 3101));
        let chunks = |step| matches!(step, Step::Chunk(_));
        assert_eq!(report.count(chunks), (1, 3));
    }
}
