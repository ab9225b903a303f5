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
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::MissedTickBehavior;

use super::{
    Alarm, Ceiling, Handle, LogFile, Machine, Outcome, Patience, Pulse, Reason, Restart, State,
    Step, Track, Usage, Verdict,
    desk::{Desk, now, open},
    end::Processes,
    limits::Overuse,
    progress::Reports,
    report::Recorder,
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
    /// Where the stderr of its processes goes, secrets masked, besides [`Report`](super::Report)s.
    pub log: Option<LogFile>,
    /// Where the jitter of delays begins; different for each job.
    pub seed: u64,
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
    let (handle, desk) = open(settings.restart);
    let supervisor = Supervisor {
        work,
        spawner,
        desk,
        random: settings.seed,
        settings,
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
                () = pulse.news() => self.judge(pulse),
                _ = ticks.tick() => {
                    let now = now();
                    let late = processes.ended_feed().filter(|_| {
                        let since = *feed_ended.get_or_insert(now);
                        now.saturating_duration_since(since) >= processes.grace
                    });
                    let limit = match meter.sample(now).await {
                        Some(usage) => {
                            self.desk.usage(usage);
                            meter.overuse.judge(&self.settings.ceiling, &usage, now)
                        }
                        None => None,
                    };
                    late.or(limit).or_else(|| self.judge(pulse))
                }
            };
            if let Some(reason) = end {
                self.desk.end(reason.clone());
                break reason;
            }
        };
        processes.end(self.desk.hurried()).await;
        reason
    }

    /// Looks at the tracks; returns why the run must end, if it must.
    fn judge(&mut self, pulse: &Pulse) -> Option<Reason> {
        if let Some(fault) = pulse.fault() {
            return Some(fault.clone());
        }
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
