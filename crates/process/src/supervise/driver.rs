//! Owns the processes of one job: starts them, watches them, ends them, and starts them again.
//!
//! One task runs a [`Supervisor`]; any number of [`Handle`]s say what is wanted and ask what is.
//! What to run, and what to make of it, is the [`Work`]'s. When the task is dropped, the processes
//! are killed and reaped.

use std::{
    future::Future,
    io,
    os::fd::OwnedFd,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::MissedTickBehavior};

use super::{
    Alarm, Ceiling, LogFile, Machine, Outcome, Patience, Pulse, Reason, Refused, Report, Restart,
    State, Status, Step, Track, Usage, Verdict, Watch, Wish,
    end::Processes,
    limits::Overuse,
    progress::Reports,
    report::{HISTORY, Recorder},
    status::Board,
    usage::Sampler,
};
use crate::{Child, Command, Error, Spawner, Stream};

/// How often tracks are looked at.
const TICK: Duration = Duration::from_millis(250);

/// How often the use of the machine is measured.
const SAMPLE: Duration = Duration::from_secs(1);

/// What a supervisor runs, and who hears what becomes of it.
pub trait Work: Send {
    /// Makes ready for run number `run` and says what to run. May take as long as it needs, a look
    /// at the source included; dropped when the job is to rest.
    fn prepare(&mut self, run: u32) -> impl Future<Output = Result<Run, Reason>> + Send;

    /// The main process runs; its pipes may be taken.
    fn started(&mut self, _main: &mut Child) {}

    /// Something happened. Must not wait.
    fn notice(&mut self, notice: Notice);

    /// The run is over, and no process of it is left. Called after every preparation, whatever
    /// became of it.
    fn over(&mut self, reason: &Reason) -> impl Future<Output = ()> + Send;
}

/// One run of a job.
#[derive(Debug)]
pub struct Run {
    /// The process that the run consists of; its grace is that of all.
    pub main: Command,
    /// Processes that make its input. One whose stdout is [`Stream::Piped`] is led into the stdin
    /// of the main process; others were led to a pipe by who made the command. When one ends, the
    /// main process has the grace to end too.
    pub feeds: Vec<Command>,
    /// Whether the stdout of the main process is ffmpeg's `-progress pipe:1`.
    pub progress: bool,
    /// The tracks to watch. Without any, the run flows as soon as it has started.
    pub tracks: Vec<Track>,
    /// What those who read the tracks count with, in the same order.
    pub pulse: Arc<Pulse>,
    /// How long things may take.
    pub patience: Patience,
}

/// What happened to a job.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The processes of a run have started.
    Started {
        /// Number of the run, from 1.
        run: u32,
        /// Commands as lines, secrets masked.
        commands: Vec<String>,
    },
    /// Every required track flows.
    Flowing,
    /// An alarm; the run goes on.
    Alarm(Alarm),
    /// The alarm is over.
    Recovered,
    /// The run is over.
    Ended(Reason),
    /// There will be another one.
    Restarting {
        /// After this.
        delay: Duration,
        /// Failures in a row.
        failures: u32,
    },
    /// There will be no other one, unless it is wished.
    Done(Outcome),
}

/// The rules of a job.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// When it is started again.
    pub restart: Restart,
    /// What it may take of the machine.
    pub ceiling: Ceiling,
    /// Where the stderr of its processes goes, secrets masked, besides [`Report`]s.
    pub log: Option<LogFile>,
    /// Where the jitter of delays begins; different for each job.
    pub seed: u64,
}

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

/// Runs a job as its handles wish.
pub struct Supervisor<W> {
    work: W,
    spawner: Spawner,
    settings: Settings,
    desk: Desk,
    random: u64,
}

/// Makes a job that is idle until its handle says otherwise and [`Supervisor::run`] is polled.
pub fn supervise<W: Work>(
    settings: Settings,
    spawner: Spawner,
    work: W,
) -> (Handle, Supervisor<W>) {
    let machine = Machine::new(settings.restart, now());
    let board = Arc::new(Mutex::new(Board::new(machine)));
    let (orders, inbox) = watch::channel(Orders {
        wish: Wish::Rest,
        again: 0,
        hurry: false,
    });
    let supervisor = Supervisor {
        work,
        spawner,
        desk: Desk {
            orders: inbox,
            board: Arc::clone(&board),
            again: 0,
        },
        random: settings.seed,
        settings,
    };
    let handle = Handle {
        orders: Arc::new(orders),
        board,
    };
    (handle, supervisor)
}

impl<W: Work> Supervisor<W> {
    /// Runs the job from the wish that it run until it is at rest again, and returns what it came
    /// to. May be called again. Without any handle left, the wish is to rest.
    pub async fn run(&mut self) -> Outcome {
        let mut step = Step::Stay;
        loop {
            step = match step {
                Step::Prepare => self.one_run().await,
                Step::Done(outcome) => {
                    self.work.notice(Notice::Done(outcome.clone()));
                    return outcome;
                }
                Step::Stay | Step::Wait | Step::End => self.desk.idle().await,
            };
        }
    }

    /// Returns the work.
    pub fn work(&mut self) -> &mut W {
        &mut self.work
    }

    async fn one_run(&mut self) -> Step {
        let number = self.desk.begin();
        let reason = match self.prepared(number).await {
            Ok(run) => self.attempt(number, run).await,
            Err(reason) => reason,
        };
        self.work.over(&reason).await;
        let random = self.random();
        let (step, reason) = self.desk.conclude(reason, random);
        self.work.notice(Notice::Ended(reason));
        if step == Step::Wait {
            let (delay, failures) = self.desk.delay();
            self.work.notice(Notice::Restarting { delay, failures });
        }
        step
    }

    /// Prepares a run, unless the wish changes meanwhile.
    async fn prepared(&mut self, number: u32) -> Result<Run, Reason> {
        let mut prepare = pin!(self.work.prepare(number));
        loop {
            tokio::select! {
                run = &mut prepare => return run,
                step = self.desk.changed() => if step == Step::End {
                    return Err(Reason::stop());
                },
            }
        }
    }

    /// Starts the processes of a run and stays with them until they have all ended.
    async fn attempt(&mut self, number: u32, mut run: Run) -> Reason {
        self.desk.tell(Machine::prepared);
        let recorder = self.desk.recorder();
        for command in run.feeds.iter_mut().chain([&mut run.main]) {
            recorder.command(command.line());
            listen(command, &recorder, self.settings.log.as_ref());
        }
        let mut processes = match start(&self.spawner, run.feeds, run.main).await {
            Ok(processes) => processes,
            Err(error) => return Reason::from(&error),
        };
        self.work.started(&mut processes.main);
        let reports = match processes.main.take_stdout() {
            Some(stdout) if run.progress => Reports::new(stdout).unwrap_or_default(),
            _ => Reports::default(),
        };
        self.desk.tell(Machine::started);
        self.work.notice(Notice::Started {
            run: number,
            commands: recorder.report().commands,
        });
        self.desk.watch(run.patience, run.tracks);
        self.stay(processes, &run.pulse, reports).await
    }

    /// Watches processes until they have all ended.
    async fn stay(&mut self, processes: Processes, pulse: &Pulse, mut reports: Reports) -> Reason {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut meter = Meter::new(processes.main.id());
        let mut feed_ended: Option<Instant> = None;
        let reason = loop {
            let end = tokio::select! {
                exit = processes.main.ended() => break processes.blame(exit).await,
                step = self.desk.changed() => (step == Step::End).then(Reason::stop),
                report = reports.next() => {
                    self.desk.progress(report);
                    None
                }
                () = pulse.first() => self.judge(pulse),
                _ = ticks.tick() => {
                    let now = now();
                    let late = processes.ended_feed().filter(|_| {
                        let since = *feed_ended.get_or_insert(now);
                        now.saturating_duration_since(since) >= processes.grace
                    });
                    let limit = match meter.sample(now).await {
                        Some(usage) => {
                            lock(&self.desk.board).usage = Some(usage);
                            meter.overuse.judge(&self.settings.ceiling, &usage, now)
                        }
                        None => None,
                    };
                    late.or(limit).or_else(|| self.judge(pulse))
                }
            };
            if let Some(reason) = end {
                // Refused only when the end is the user's wish, which the machine knows already.
                let _ = lock(&self.desk.board).machine.end(reason.clone(), now());
                break reason;
            }
        };
        processes.end(self.desk.hurried()).await;
        reason
    }

    /// Looks at the tracks; returns why the run must end, if it must.
    fn judge(&mut self, pulse: &Pulse) -> Option<Reason> {
        let (before, verdict) = self.desk.verdict(pulse);
        match verdict {
            Verdict::Dead(reason) => return Some(reason),
            Verdict::Waiting => {}
            Verdict::Well if before == State::Running => {}
            Verdict::Well => {
                self.desk.tell(Machine::flowing);
                self.work.notice(if before == State::Degraded {
                    Notice::Recovered
                } else {
                    Notice::Flowing
                });
            }
            Verdict::Alarm(_) if before == State::Degraded => {}
            Verdict::Alarm(alarm) => {
                if before == State::Connecting {
                    self.desk.tell(Machine::flowing);
                    self.work.notice(Notice::Flowing);
                }
                self.desk.tell(Machine::degraded);
                self.work.notice(Notice::Alarm(alarm));
            }
        }
        None
    }

    /// Returns the next number of a splitmix64 sequence.
    fn random(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    }
}

/// Where orders come in and the state is written down.
struct Desk {
    orders: watch::Receiver<Orders>,
    board: Arc<Mutex<Board>>,
    /// Wishes for a new run that were taken.
    again: u64,
}

impl Desk {
    /// Begins a run: the last report goes into the history, the page is blank.
    fn begin(&self) -> u32 {
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
    fn conclude(&self, reason: Reason, random: u32) -> (Step, Reason) {
        let mut board = lock(&self.board);
        let step = settled(board.machine.ended(reason.clone(), now(), random));
        let reason = board.machine.reason().cloned().unwrap_or(reason);
        board.recorder.ended(reason.clone());
        board.usage = None;
        (step, reason)
    }

    fn delay(&self) -> (Duration, u32) {
        let board = lock(&self.board);
        let delay = board.machine.delay_left(now()).unwrap_or_default();
        (delay, board.machine.failures())
    }

    fn recorder(&self) -> Recorder {
        lock(&self.board).recorder.clone()
    }

    fn watch(&self, patience: Patience, tracks: Vec<Track>) {
        lock(&self.board).watch = Some(Watch::new(patience, tracks, now()));
    }

    fn progress(&self, report: crate::ffmpeg::Progress) {
        let mut board = lock(&self.board);
        if let (Some(watch), Some(micros)) = (&mut board.watch, report.out_time_us) {
            watch.media_time(micros, now());
        }
        board.progress = Some(report);
    }

    fn verdict(&self, pulse: &Pulse) -> (State, Verdict) {
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
    fn tell(&self, what: impl FnOnce(&mut Machine, Instant) -> Result<(), Refused>) {
        let told = what(&mut lock(&self.board).machine, now());
        settled(told.map(|()| Step::Stay));
    }

    /// Waits for a changed wish or the end of a delay.
    async fn idle(&mut self) -> Step {
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
    async fn changed(&mut self) -> Step {
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
    async fn hurried(&mut self) {
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

/// Measures the use of the machine now and then.
struct Meter {
    sampler: Option<Sampler>,
    last: Option<Instant>,
    overuse: Overuse,
}

impl Meter {
    fn new(leader: u32) -> Self {
        Self {
            sampler: Some(Sampler::new(leader)),
            last: None,
            overuse: Overuse::default(),
        }
    }

    /// Takes a sample if it is time, on a thread that may wait.
    async fn sample(&mut self, now: Instant) -> Option<Usage> {
        let early = |last| now.saturating_duration_since(last) < SAMPLE;
        if self.last.is_some_and(early) {
            return None;
        }
        self.last = Some(now);
        let mut sampler = self.sampler.take()?;
        let sampled = tokio::task::spawn_blocking(move || {
            let usage = sampler.sample(now);
            (sampler, usage)
        });
        let (sampler, usage) = sampled.await.ok()?;
        self.sampler = Some(sampler);
        Some(usage)
    }
}

/// Hands the lines of a command to the report and the log, besides whoever listens already.
fn listen(command: &mut Command, recorder: &Recorder, log: Option<&LogFile>) {
    let mut before = command.on_line.take();
    let (recorder, log, name) = (recorder.clone(), log.cloned(), command.name());
    command.on_line = Some(Box::new(move |line| {
        if let Some(before) = &mut before {
            before(line);
        }
        if let Some(log) = &log {
            log.line(&format!("{name}: {line}"));
        }
        recorder.line(line);
    }));
}

/// Starts the processes of a run on a thread that may wait; none is left when one cannot start.
async fn start(
    spawner: &Spawner,
    feeds: Vec<Command>,
    mut main: Command,
) -> Result<Processes, Error> {
    let spawner = spawner.clone();
    let started = tokio::task::spawn_blocking(move || {
        let grace = main.grace;
        let mut started = Vec::with_capacity(feeds.len());
        for feed in feeds {
            let mut child = spawner.spawn(feed)?;
            if let Some(stdout) = child.take_stdout() {
                main = main.stdin(Stream::File(OwnedFd::from(stdout)));
            }
            started.push(child);
        }
        let main = spawner.spawn(main)?;
        Ok(Processes {
            main,
            feeds: started,
            grace,
        })
    });
    started.await.unwrap_or_else(|error| {
        Err(Error::Spawn {
            program: "processes of a run".to_owned(),
            source: io::Error::other(error),
        })
    })
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
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
