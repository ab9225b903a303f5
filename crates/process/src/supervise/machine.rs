//! The state machine of a job: what is wanted, what is, and what to do next.
//!
//! It does nothing itself. The driver tells it what happened and gets the next [`Step`]; whatever
//! the table in [`State`] does not allow is refused and changes nothing.

use std::time::{Duration, Instant};

use super::{Class, Outcome, Reason, Restart, State, Tally, policy::Sequel};

/// What the user wants of a job, whatever it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// To run.
    Run,
    /// To be at rest.
    Rest,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing new: go on.
    Stay,
    /// Prepare a run.
    Prepare,
    /// End the processes, or break off the preparation, and report the end.
    End,
    /// Wait until [`Machine::next_start`].
    Wait,
    /// The job is over.
    Done(Outcome),
}

/// A move that the table does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {from} cannot become {to}")]
pub struct Refused {
    /// What it is.
    pub from: State,
    /// What it was to be.
    pub to: State,
}

/// Wish, state and counters of one job.
#[derive(Clone, Debug)]
pub struct Machine {
    restart: Restart,
    wish: Wish,
    state: State,
    since: Instant,
    tally: Tally,
    ends: [u64; Class::ALL.len()],
    runs: u32,
    restarts: u64,
    /// Failures in a row.
    failures: u32,
    /// Of these, how many lengthen the delay.
    unsettled: u32,
    /// Since when the present run flows.
    flowing_since: Option<Instant>,
    next_start: Option<Instant>,
    /// Why the run is being ended.
    ending: Option<Reason>,
    last: Option<Reason>,
}

impl Machine {
    /// Makes an idle job that nobody wants to run.
    pub fn new(restart: Restart, now: Instant) -> Self {
        Self {
            restart,
            wish: Wish::Rest,
            state: State::Idle,
            since: now,
            tally: Tally::default(),
            ends: [0; Class::ALL.len()],
            runs: 0,
            restarts: 0,
            failures: 0,
            unsettled: 0,
            flowing_since: None,
            next_start: None,
            ending: None,
            last: None,
        }
    }

    /// Takes a wish. Wishing what is already so changes nothing.
    pub fn wish(&mut self, wish: Wish, now: Instant) -> Result<Step, Refused> {
        self.wish = wish;
        match (wish, self.state) {
            (Wish::Run, State::Idle | State::Stopped | State::Failed) => self.begin_anew(now),
            (Wish::Rest, State::Idle | State::Backoff) => {
                self.go(State::Stopped, now)?;
                Ok(Step::Done(Outcome::Stopped))
            }
            (Wish::Rest, state) if state.is_busy() => self.end(Reason::stop(), now),
            _ => Ok(Step::Stay),
        }
    }

    /// Takes the wish for a new run: now, whatever the delay, and not counted as a failure.
    pub fn again(&mut self, now: Instant) -> Result<Step, Refused> {
        self.wish = Wish::Run;
        match self.state {
            State::Idle | State::Stopped | State::Failed | State::Backoff => self.begin_anew(now),
            State::Stopping => {
                self.ending = Some(again());
                Ok(Step::Stay)
            }
            _ => self.end(again(), now),
        }
    }

    /// The plan of the run is made.
    pub fn prepared(&mut self, now: Instant) -> Result<(), Refused> {
        self.go(State::Starting, now)
    }

    /// The processes run.
    pub fn started(&mut self, now: Instant) -> Result<(), Refused> {
        self.go(State::Connecting, now)
    }

    /// Every required track flows, and nothing is amiss.
    pub fn flowing(&mut self, now: Instant) -> Result<(), Refused> {
        self.go(State::Running, now)?;
        self.flowing_since.get_or_insert(now);
        Ok(())
    }

    /// Something is amiss that the job can live with.
    pub fn degraded(&mut self, now: Instant) -> Result<(), Refused> {
        self.go(State::Degraded, now)
    }

    /// The run has to end, for this reason.
    pub fn end(&mut self, reason: Reason, now: Instant) -> Result<Step, Refused> {
        self.go(State::Stopping, now)?;
        self.ending = Some(reason);
        Ok(Step::End)
    }

    /// The run is over: no process is left. `reason` says why, unless it had been ended. `random`
    /// is evenly spread over its range.
    pub fn ended(&mut self, reason: Reason, now: Instant, random: u32) -> Result<Step, Refused> {
        if !self.state.is_busy() && self.state != State::Stopping {
            return Err(Refused {
                from: self.state,
                to: State::Backoff,
            });
        }
        let reason = self.ending.take().unwrap_or(reason);
        if let Some(since) = self.flowing_since.take() {
            let flowed = now.saturating_duration_since(since);
            if flowed >= self.restart.settled_after.min(self.restart.reset_after) {
                self.unsettled = 0;
            }
            if flowed >= self.restart.reset_after {
                self.failures = 0;
            }
        }
        self.ends[reason.class as usize] += 1;
        self.last = Some(reason.clone());
        if self.wish == Wish::Rest {
            self.go_by_stopping(State::Stopped, now)?;
            return Ok(Step::Done(Outcome::Stopped));
        }
        if matches!(reason.class, Class::Again | Class::Stop) {
            self.go_by_stopping(State::Probing, now)?;
            self.restarts += 1;
            self.runs = self.runs.saturating_add(1);
            return Ok(Step::Prepare);
        }
        match self.restart.sequel(&reason, self.failures) {
            Sequel::Finish => {
                self.wish = Wish::Rest;
                self.go_by_stopping(State::Stopped, now)?;
                Ok(Step::Done(Outcome::Finished))
            }
            Sequel::Fail => {
                self.go(State::Failed, now)?;
                Ok(Step::Done(Outcome::Failed(reason)))
            }
            Sequel::GiveUp => {
                self.go(State::Failed, now)?;
                Ok(Step::Done(Outcome::GaveUp(reason)))
            }
            Sequel::Retry => {
                let delay = self.restart.delay_after(self.unsettled, random);
                self.go(State::Backoff, now)?;
                self.failures = self.failures.saturating_add(1);
                self.unsettled = self.unsettled.saturating_add(1);
                self.next_start = now.checked_add(delay);
                Ok(Step::Wait)
            }
        }
    }

    /// Goes on when the delay is over.
    pub fn due(&mut self, now: Instant) -> Result<Step, Refused> {
        if self.state != State::Backoff || self.next_start.is_some_and(|at| now < at) {
            return Ok(Step::Stay);
        }
        self.restarts += 1;
        self.prepare(now)
    }

    /// Returns what is wanted.
    pub fn wished(&self) -> Wish {
        self.wish
    }

    /// Returns what is.
    pub fn state(&self) -> State {
        self.state
    }

    /// Returns since when.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Returns entries into states and time in them.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Returns how many runs ended in a way.
    pub fn ends(&self, class: Class) -> u64 {
        self.ends[class as usize]
    }

    /// Returns the number of runs begun.
    pub fn runs(&self) -> u32 {
        self.runs
    }

    /// Returns the number of runs begun after another, on request or not.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Returns the number of failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns when the next run is begun, during a delay.
    pub fn next_start(&self) -> Option<Instant> {
        self.next_start
    }

    /// Returns the delay that is left, during one.
    pub fn delay_left(&self, now: Instant) -> Option<Duration> {
        Some(self.next_start?.saturating_duration_since(now))
    }

    /// Returns why the run is being ended, or why the last one ended.
    pub fn reason(&self) -> Option<&Reason> {
        self.ending.as_ref().or(self.last.as_ref())
    }

    /// Begins a run without regard to what was before.
    fn begin_anew(&mut self, now: Instant) -> Result<Step, Refused> {
        self.failures = 0;
        self.unsettled = 0;
        self.prepare(now)
    }

    fn prepare(&mut self, now: Instant) -> Result<Step, Refused> {
        self.go(State::Probing, now)?;
        self.runs = self.runs.saturating_add(1);
        Ok(Step::Prepare)
    }

    /// Goes to a state at once or, where the table has no such way, by [`State::Stopping`].
    fn go_by_stopping(&mut self, to: State, now: Instant) -> Result<(), Refused> {
        if !self.state.may_become(to) {
            self.go(State::Stopping, now)?;
        }
        self.go(to, now)
    }

    /// Every change of state is made here.
    fn go(&mut self, to: State, now: Instant) -> Result<(), Refused> {
        if !self.state.may_become(to) {
            return Err(Refused {
                from: self.state,
                to,
            });
        }
        self.tally.passed(self.state, self.since, to, now);
        self.state = to;
        self.since = now;
        self.next_start = None;
        Ok(())
    }
}

fn again() -> Reason {
    Reason::new(Class::Again, "started anew on request")
}
