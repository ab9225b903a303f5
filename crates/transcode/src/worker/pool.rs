//! A pool of workers: one thread claims tasks, keeps their leases and watches over them; each task
//! has a thread of its own.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{Capacity, Ended, Progress, Reins, Work};
use crate::engine::{Ask, Clock, Engine, Error, Failure, Lease, Needs, Setback, Verdict};

/// How long nothing is looked at, at most.
const TICK: Duration = Duration::from_millis(100);

/// The same during the end.
const LAST_TICK: Duration = Duration::from_millis(20);

/// A pause between two looks that is longer means that this process, or the whole machine, stood
/// still: time that passed in it is nobody's fault. In milliseconds.
const STANDSTILL_MS: i64 = 2_000;

/// How a pool works.
pub struct Options {
    /// Name of the worker in leases and records.
    pub worker: String,
    /// Measures the machine.
    pub capacity: Box<dyn Fn() -> Capacity + Send + Sync>,
    /// How often leases are renewed.
    pub heartbeat: Duration,
    /// A wall clock.
    pub clock: Clock,
}

/// A task that is being worked on.
#[derive(Clone, Debug)]
pub struct Running {
    /// Its lease.
    pub lease: Lease,
    /// Since when, Unix ms.
    pub since_ms: i64,
    /// How far it is.
    pub progress: Progress,
}

/// A running pool. To be ended with [`Pool::stop`]; dropping it ends tasks at once.
pub struct Pool {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    engine: Arc<dyn Engine>,
    work: Arc<dyn Work>,
    options: Options,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tasks: Vec<Held>,
    /// Set when the pool is to end: at this time, Unix ms, at the latest.
    end_ms: Option<i64>,
    /// Set when all leases are to be looked at, due or not.
    recheck: bool,
}

/// A task with its thread.
struct Held {
    lease: Lease,
    reins: Reins,
    since_ms: i64,
    beat_ms: i64,
    /// When it got on last, and how far it was, as [`Reins::advances`] counts.
    advanced: (i64, u64),
    /// Why it was asked to end, unless it ends by itself.
    end: Arc<Mutex<Option<End>>>,
    /// Set when the thread no longer needs what the task needs.
    idle: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Why a task is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Its lease is lost.
    Lost,
    /// It does not get on.
    Stalled(Duration),
    /// The pool ends.
    Shutdown,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.shared.options.worker)
    }
}

impl Pool {
    /// Starts to work on the tasks of an engine.
    pub fn start(
        engine: Arc<dyn Engine>,
        work: Arc<dyn Work>,
        options: Options,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            engine,
            work,
            options,
            state: Mutex::default(),
        });
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("pool".to_owned())
            .spawn(move || own.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Lists what is being worked on.
    pub fn running(&self) -> Vec<Running> {
        let state = self.shared.lock();
        let describe = |held: &Held| Running {
            lease: held.lease.clone(),
            since_ms: held.since_ms,
            progress: held.reins.progress(),
        };
        state.tasks.iter().map(describe).collect()
    }

    /// Has all leases looked at soon, so that tasks that nobody wants any more end.
    pub fn recheck(&self) {
        self.shared.lock().recheck = true;
    }

    /// Asks for the end: nothing is claimed any more, tasks that need longer than `grace` are given
    /// back at once, others are given back when it is over. A later call may shorten the grace.
    pub fn stop(&self, grace: Duration) {
        let now_ms = (self.shared.options.clock)();
        let grace_ms = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
        let end_ms = now_ms.saturating_add(grace_ms);
        let mut state = self.shared.lock();
        state.end_ms = Some(state.end_ms.map_or(end_ms, |it| it.min(end_ms)));
    }

    /// Tells whether the end that was asked for has come.
    pub fn is_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the end that was asked for.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic in it was reported by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Entries are added and removed whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(self: &Arc<Self>) {
        let mut seen = 0;
        let mut looked_ms = (self.options.clock)();
        loop {
            let now_ms = (self.options.clock)();
            let stood_ms = match now_ms - looked_ms {
                pause if pause > STANDSTILL_MS => pause,
                _ => 0,
            };
            looked_ms = now_ms;
            self.reap();
            self.look_after(now_ms, stood_ms);
            let end_ms = self.lock().end_ms;
            let pause = if let Some(end_ms) = end_ms {
                if self.wind_up(now_ms, end_ms) {
                    return;
                }
                LAST_TICK
            } else {
                self.fill(now_ms);
                TICK
            };
            seen = self.engine.watch(seen, pause);
        }
    }

    /// Removes tasks whose threads have ended.
    fn reap(&self) {
        let mut ended = Vec::new();
        {
            let mut state = self.lock();
            let mut index = 0;
            while index < state.tasks.len() {
                let thread = state.tasks[index].thread.as_ref();
                if thread.is_none_or(JoinHandle::is_finished) {
                    ended.push(state.tasks.swap_remove(index));
                } else {
                    index += 1;
                }
            }
        }
        for held in ended {
            let panicked = held.thread.is_some_and(|thread| thread.join().is_err());
            if panicked {
                let setback = Setback {
                    failure: Failure::Transient,
                    reason: "the worker failed; its log says more".to_owned(),
                    stderr: Vec::new(),
                };
                self.tell(&held.lease, self.failed(&held.lease, setback));
            }
        }
    }

    /// Renews leases, and ends tasks that lost theirs or do not get on.
    fn look_after(&self, now_ms: i64, stood_ms: i64) {
        let heartbeat_ms = i64::try_from(self.options.heartbeat.as_millis()).unwrap_or(i64::MAX);
        let mut due = Vec::new();
        {
            let mut state = self.lock();
            let recheck = std::mem::take(&mut state.recheck);
            for held in &mut state.tasks {
                held.advanced.0 += stood_ms;
                if now_ms - held.beat_ms >= heartbeat_ms || stood_ms > 0 || recheck {
                    held.beat_ms = now_ms;
                    due.push((held.lease.clone(), held.end_handle()));
                }
                let advances = held.reins.advances();
                if advances != held.advanced.1 {
                    held.advanced = (now_ms, advances);
                }
                let Some(patience) = self.work.patience(&held.lease.task) else {
                    continue;
                };
                let patience_ms = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
                if now_ms - held.advanced.0 >= patience_ms {
                    held.end_handle().ask(End::Stalled(patience));
                }
            }
        }
        for (lease, end) in due {
            match self.engine.heartbeat(&lease) {
                Ok(()) => {}
                Err(error @ (Error::Lost { .. } | Error::NoJob { .. })) => {
                    // One that has ended by itself meanwhile has no lease either.
                    tracing::debug!(%error, "ending the task");
                    end.ask(End::Lost);
                }
                // The lease may hold; it is renewed the next time.
                Err(error) => tracing::warn!(%error, "a lease was not renewed"),
            }
        }
    }

    /// Ends what cannot end in time by itself. Returns whether all has ended.
    fn wind_up(&self, now_ms: i64, end_ms: i64) -> bool {
        let state = self.lock();
        let left_ms = end_ms - now_ms;
        for held in &state.tasks {
            if left_ms <= 0 || held.left_ms(now_ms).is_none_or(|it| it >= left_ms) {
                held.end_handle().ask(End::Shutdown);
            }
        }
        state.tasks.is_empty()
    }

    /// Claims as much as there is room for.
    fn fill(self: &Arc<Self>, now_ms: i64) {
        let capacity = (self.options.capacity)();
        loop {
            let needs: Vec<Needs> = self
                .lock()
                .tasks
                .iter()
                .filter(|held| !held.idle.load(Ordering::Acquire))
                .map(|held| held.lease.task.needs)
                .collect();
            let free = capacity.beside(needs.iter().copied());
            let idle = needs.is_empty();
            let ask = Ask {
                worker: self.options.worker.clone(),
                free,
                idle,
                slots: capacity.total.threads as usize,
            };
            match self.engine.claim(&ask) {
                Ok(Some(lease)) => self.begin(lease, now_ms),
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(%error, "no task can be claimed");
                    return;
                }
            }
        }
    }

    fn begin(self: &Arc<Self>, lease: Lease, now_ms: i64) {
        let reins = Reins::default();
        let end = Arc::default();
        let idle: Arc<AtomicBool> = Arc::default();
        let own = Arc::clone(self);
        let task = Begun {
            lease: lease.clone(),
            reins: reins.clone(),
            end: Arc::clone(&end),
            idle: Arc::clone(&idle),
        };
        let thread = thread::Builder::new()
            .name(lease.task.name.clone())
            .spawn(move || own.carry_out(&task));
        match thread {
            Ok(thread) => self.lock().tasks.push(Held {
                lease,
                reins,
                since_ms: now_ms,
                beat_ms: now_ms,
                advanced: (now_ms, 0),
                end,
                idle,
                thread: Some(thread),
            }),
            Err(error) => {
                tracing::error!(%error, "no thread for a task");
                let given_back = self.engine.release(&lease, Duration::from_secs(1));
                self.tell(&lease, given_back.map(|()| Ended::GivenBack));
            }
        }
    }

    /// Runs a task and tells the engine how it went.
    fn carry_out(&self, task: &Begun) {
        let Begun { lease, reins, .. } = task;
        let outcome = self.work.run(lease, reins);
        task.idle.store(true, Ordering::Release);
        let end = *task.end.lock().unwrap_or_else(PoisonError::into_inner);
        let told = match (outcome, end) {
            (Ok(()), _) => self.engine.complete(lease).map(|()| Ended::Done),
            (Err(_), Some(End::Lost)) => Ok(Ended::Lost),
            (Err(_), Some(End::Shutdown)) => self
                .engine
                .release(lease, Duration::ZERO)
                .map(|()| Ended::GivenBack),
            (Err(setback), Some(End::Stalled(patience))) => {
                let reason = format!("it did not get on for {} s", patience.as_secs());
                self.failed(
                    lease,
                    Setback {
                        failure: Failure::Transient,
                        reason,
                        ..setback
                    },
                )
            }
            (Err(setback), None) => self.failed(lease, setback),
        };
        self.tell(lease, told);
    }

    fn failed(&self, lease: &Lease, setback: Setback) -> Result<Ended, Error> {
        let verdict = self.engine.fail(lease, &setback)?;
        Ok(match verdict {
            Verdict::Again { at_ms } => Ended::Again(setback, at_ms),
            Verdict::SetAside => Ended::SetAside(setback),
        })
    }

    /// Tells how an attempt ended. When the engine could not be told, the task is handed out again
    /// as soon as its lease is over.
    fn tell(&self, lease: &Lease, told: Result<Ended, Error>) {
        let ended = told.unwrap_or_else(|error| {
            let (job, task) = (&lease.job, &lease.task.name);
            match error {
                Error::Lost { .. } | Error::NoJob { .. } => {
                    tracing::debug!(job, task, "nobody waited for the end of a task");
                }
                error => tracing::warn!(job, task, %error, "the end of a task was not taken"),
            }
            Ended::Lost
        });
        self.work.ended(lease, &ended);
    }
}

/// What the thread of a task knows.
struct Begun {
    lease: Lease,
    reins: Reins,
    end: Arc<Mutex<Option<End>>>,
    idle: Arc<AtomicBool>,
}

/// What ends a task.
struct EndHandle {
    reins: Reins,
    end: Arc<Mutex<Option<End>>>,
}

impl EndHandle {
    /// Asks the task to end; the first reason counts.
    fn ask(&self, end: End) {
        let mut place = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        place.get_or_insert(end);
        self.reins.stop();
    }
}

impl Held {
    fn end_handle(&self) -> EndHandle {
        EndHandle {
            reins: self.reins.clone(),
            end: Arc::clone(&self.end),
        }
    }

    /// Estimates how long the task goes on, in milliseconds; `None` when that is not known.
    fn left_ms(&self, now_ms: i64) -> Option<i64> {
        let progress = self.reins.progress();
        let (done, total) = (i128::from(progress.done), i128::from(progress.total?));
        let taken = i128::from(now_ms - self.since_ms);
        let left = (total - done).max(0) * taken / (done > 0).then_some(done)?;
        i64::try_from(left).ok()
    }
}

#[cfg(test)]
mod tests;
