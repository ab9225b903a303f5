//! The state of a job as others see it.

use std::time::Instant;

use super::{Class, Machine, Reason, Report, State, Usage, Watch, Wish, report::Recorder};
use crate::ffmpeg::Progress;

/// Last lines of stderr in a status.
const LINES: usize = 20;

/// A job at one instant. Times are milliseconds.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Status {
    /// What is wanted.
    pub wish: Wish,
    /// What is.
    pub state: State,
    /// For how long.
    pub state_ms: u64,
    /// Why the run is being ended, or why the last one ended.
    pub reason: Option<Reason>,
    /// Number of the run, from 1; 0 before the first.
    pub run: u32,
    /// Runs begun after another.
    pub restarts: u64,
    /// Failures in a row.
    pub failures: u32,
    /// Until the next start, during a delay.
    pub next_start_ms: Option<u64>,
    /// How often each state was entered, and how long it lasted, in the order of the states.
    pub states: Vec<StateCount>,
    /// Ended runs by the kind of their end, those that never happened left out.
    pub ends: Vec<EndCount>,
    /// The last report of the encoder in this run.
    pub progress: Option<Progress>,
    /// Speed over the last seconds in thousandths of real time.
    pub speed_permille: Option<u64>,
    /// What the processes take.
    pub usage: Option<Usage>,
    /// The tracks of this run.
    pub tracks: Vec<TrackStatus>,
    /// Commands of this run, or of the last one, secrets masked.
    pub commands: Vec<String>,
    /// Last lines of stderr of this run, or of the last one, secrets masked.
    pub log: Vec<String>,
}

/// Entries into a state and time in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StateCount {
    /// Which one.
    pub state: State,
    /// How often it was entered.
    pub entries: u64,
    /// How long it lasted altogether, in milliseconds.
    pub total_ms: u64,
}

/// Runs that ended in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct EndCount {
    /// How.
    pub class: Class,
    /// How many.
    pub count: u64,
}

/// A track at one instant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TrackStatus {
    /// Its name.
    pub name: String,
    /// Whether the job is nothing without it.
    pub required: bool,
    /// What it gave in this run, counted.
    pub count: u64,
    /// Since the last of it, in milliseconds; `None` before the first.
    pub lag_ms: Option<u64>,
}

/// What the driver writes down and others read.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) machine: Machine,
    pub(super) recorder: Recorder,
    pub(super) history: Vec<Report>,
    pub(super) watch: Option<Watch>,
    pub(super) progress: Option<Progress>,
    pub(super) usage: Option<Usage>,
}

impl Board {
    pub(super) fn new(machine: Machine) -> Self {
        Self {
            machine,
            recorder: Recorder::default(),
            history: Vec::new(),
            watch: None,
            progress: None,
            usage: None,
        }
    }

    pub(super) fn status(&self, now: Instant) -> Status {
        let machine = &self.machine;
        let ms = |it: std::time::Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
        let stay = now.saturating_duration_since(machine.since());
        let states = State::ALL.map(|state| {
            let present = if state == machine.state() {
                stay
            } else {
                std::time::Duration::ZERO
            };
            StateCount {
                state,
                entries: machine.tally().entries(state),
                total_ms: ms(machine.tally().time(state) + present),
            }
        });
        let tracks = self.watch.iter().flat_map(|watch| watch.lags(now));
        Status {
            wish: machine.wished(),
            state: machine.state(),
            state_ms: ms(stay),
            reason: machine.reason().cloned(),
            run: machine.runs(),
            restarts: machine.restarts(),
            failures: machine.failures(),
            next_start_ms: machine.delay_left(now).map(ms),
            states: states.to_vec(),
            ends: Class::ALL
                .into_iter()
                .map(|class| EndCount {
                    class,
                    count: machine.ends(class),
                })
                .filter(|it| it.count > 0)
                .collect(),
            progress: self.progress.clone(),
            speed_permille: self.watch.as_ref().and_then(Watch::speed_permille),
            usage: self.usage,
            tracks: tracks
                .map(|(track, count, lag)| TrackStatus {
                    name: track.name.clone(),
                    required: track.required,
                    count,
                    lag_ms: lag.map(ms),
                })
                .collect(),
            commands: self.recorder.report().commands,
            log: self.recorder.tail(LINES),
        }
    }
}
