//! Where what is wanted of a job comes in, and what it does is written down.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{
    Machine, Outcome, Patience, Pulse, Reason, Refused, Report, Restart, State, Status, Step,
    Track, Usage, Verdict, Watch, Wish,
    report::{HISTORY, Recorder},
    status::Board,
};
use crate::ffmpeg::Progress;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Orders {
    wish: Wish,
    /// Raised for each new run that is wished.
    again: u64,
    /// Whether a stop has no grace.
    hurry: bool,
}

/// Says what is wanted of a job and asks what is. Clones are equal.
#[derive(Clone, Debug)]
pub struct Handle {
    orders: Arc<watch::Sender<Orders>>,
    board: Arc<Mutex<Board>>,
}

impl Handle {
    /// Wishes the job to run.
    pub fn start(&self) {
        self.orders.send_modify(|it| {
            it.wish = Wish::Run;
            it.hurry = false;
        });
    }

    /// Wishes the job to be at rest. Its processes are told to end and have their grace.
    pub fn stop(&self) {
        self.orders.send_modify(|it| it.wish = Wish::Rest);
    }

    /// Wishes the job to be at rest at once: no grace, also for a stop that is under way.
    pub fn kill(&self) {
        self.orders.send_modify(|it| {
            it.wish = Wish::Rest;
            it.hurry = true;
        });
    }

    /// Wishes a new run, now.
    pub fn again(&self) {
        self.orders.send_modify(|it| {
            it.wish = Wish::Run;
            it.hurry = false;
            it.again += 1;
        });
    }

    /// Returns the state of the job.
    pub fn status(&self, now: Instant) -> Status {
        lock(&self.board).status(now)
    }

    /// Returns the reports of the last runs, the present one last.
    pub fn reports(&self) -> Vec<Report> {
        let board = lock(&self.board);
        let mut reports = board.history.clone();
        reports.push(board.recorder.report());
        reports
    }
}

/// Opens the desk of a job that is idle.
pub(super) fn open(restart: Restart) -> (Handle, Desk) {
    let board = Arc::new(Mutex::new(Board::new(Machine::new(restart, now()))));
    let (orders, inbox) = watch::channel(Orders {
        wish: Wish::Rest,
        again: 0,
        hurry: false,
    });
    let desk = Desk {
        orders: inbox,
        board: Arc::clone(&board),
        again: 0,
    };
    let handle = Handle {
        orders: Arc::new(orders),
        board,
    };
    (handle, desk)
}

/// Where orders come in and the state is written down.
pub(super) struct Desk {
    orders: watch::Receiver<Orders>,
    board: Arc<Mutex<Board>>,
    /// Wishes for a new run that were taken.
    again: u64,
}

impl Desk {
    /// Begins a run: the last report goes into the history, the page is blank.
    pub(super) fn begin(&self) -> u32 {
        let mut board = lock(&self.board);
        let number = board.machine.runs();
        let last = std::mem::replace(&mut board.recorder, Recorder::new(number));
        if number > 1 {
            board.history.push(last.report());
            let surplus = board.history.len().saturating_sub(HISTORY);
            board.history.drain(..surplus);
        }
        board.progress = None;
        board.usage = None;
        board.watch = None;
        number
    }

    /// Ends a run; returns what comes next, and why it ended.
    pub(super) fn conclude(&self, reason: Reason, random: u32) -> (Step, Reason) {
        let mut board = lock(&self.board);
        let step = settled(board.machine.ended(reason.clone(), now(), random));
        let reason = board.machine.reason().cloned().unwrap_or(reason);
        board.recorder.ended(reason.clone());
        board.usage = None;
        (step, reason)
    }

    pub(super) fn delay(&self) -> (Duration, u32) {
        let board = lock(&self.board);
        let delay = board.machine.delay_left(now()).unwrap_or_default();
        (delay, board.machine.failures())
    }

    pub(super) fn recorder(&self) -> Recorder {
        lock(&self.board).recorder.clone()
    }

    pub(super) fn watch(&self, patience: Patience, tracks: Vec<Track>) {
        lock(&self.board).watch = Some(Watch::new(patience, tracks, now()));
    }

    pub(super) fn usage(&self, usage: Usage) {
        lock(&self.board).usage = Some(usage);
    }

    /// The run has to end. Told of a wish of the user, the machine knows already.
    pub(super) fn end(&self, reason: Reason) {
        let _ = lock(&self.board).machine.end(reason, now());
    }

    pub(super) fn progress(&self, report: Progress) {
        let mut board = lock(&self.board);
        if let (Some(watch), Some(micros)) = (&mut board.watch, report.out_time_us) {
            watch.media_time(micros, now());
        }
        board.progress = Some(report);
    }

    pub(super) fn verdict(&self, pulse: &Pulse) -> (State, Verdict) {
        let now = now();
        let mut board = lock(&self.board);
        let state = board.machine.state();
        let verdict = board.watch.as_mut().map_or(Verdict::Well, |watch| {
            watch.counts(pulse.counts(), now);
            watch.verdict(now)
        });
        (state, verdict)
    }

    /// Tells the machine of something that follows from its own steps, so that it cannot refuse.
    pub(super) fn tell(&self, what: impl FnOnce(&mut Machine, Instant) -> Result<(), Refused>) {
        let told = what(&mut lock(&self.board).machine, now());
        settled(told.map(|()| Step::Stay));
    }

    /// Waits for a changed wish or the end of a delay.
    pub(super) async fn idle(&mut self) -> Step {
        let next = lock(&self.board).machine.next_start();
        match next {
            None => self.changed().await,
            Some(at) => tokio::select! {
                step = self.changed() => step,
                () = tokio::time::sleep_until(at.into()) => {
                    settled(lock(&self.board).machine.due(now()))
                }
            },
        }
    }

    /// Waits for a changed wish and takes it; without any handle the wish is to rest. Safe to
    /// cancel.
    pub(super) async fn changed(&mut self) -> Step {
        if self.orders.changed().await.is_ok() {
            return self.take();
        }
        match self.abandoned() {
            Some(step) => step,
            None => std::future::pending().await,
        }
    }

    /// Waits until a stop is to have no grace; for ever if none is. Wishes that come meanwhile are
    /// taken, since they have changed for the last time.
    pub(super) async fn hurried(&mut self) {
        loop {
            if self.orders.has_changed().is_err() {
                // What the last handle wished is void.
                return std::future::pending().await;
            }
            self.take();
            let orders = *self.orders.borrow();
            if orders.hurry && orders.wish == Wish::Rest {
                return;
            }
            if self.orders.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Takes the present wish.
    fn take(&mut self) -> Step {
        let orders = *self.orders.borrow_and_update();
        let mut board = lock(&self.board);
        if orders.wish == Wish::Run && orders.again != self.again {
            self.again = orders.again;
            return settled(board.machine.again(now()));
        }
        settled(board.machine.wish(orders.wish, now()))
    }

    /// Takes the wish to rest of a job that no handle is left of.
    fn abandoned(&self) -> Option<Step> {
        let machine = &mut lock(&self.board).machine;
        match (machine.wished(), machine.state().is_at_rest()) {
            (_, true) => Some(Step::Done(Outcome::Stopped)),
            (Wish::Run, false) => Some(settled(machine.wish(Wish::Rest, now()))),
            (Wish::Rest, false) => None,
        }
    }
}

/// Takes the step that the machine says. What it refuses was not to be asked for: nothing changes.
fn settled(step: Result<Step, Refused>) -> Step {
    step.unwrap_or_else(|refused| {
        debug_assert!(false, "{refused}");
        tracing::error!(%refused, "job in the wrong state");
        Step::Stay
    })
}

fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    // Values set one by one, each of them right by itself.
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the time of tokio's clock, which tests may stop.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
