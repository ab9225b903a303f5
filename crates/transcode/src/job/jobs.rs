//! All jobs of this process: one thread sees to it that whatever can run is asked for, and says how
//! far jobs are.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    Error, JobReport, Keeper, Order, Request, Setup,
    cell::{Cell, Outcome},
    graph,
    request::{Done, JobFile},
    steps::{Ran, Steps},
};
use crate::{
    commit::Step,
    engine::{Failure, Job, Lease, Setback, State, Task, TaskReport},
    events::{Event, What},
    worker::{Ended, Machine, Options, Pool, Reins, Running, Work},
};

/// How often jobs are looked at when nothing seems to happen, and told about while they run.
const TICK: Duration = Duration::from_millis(500);

/// How often leases are renewed.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long the work of a job is kept after it is done, in milliseconds: asked for again meanwhile, it
/// does nothing twice.
const KEEP_DONE_MS: i64 = 24 * 3_600_000;

/// How long the work of a job that was never done is kept, in milliseconds, unless it is a server's.
const KEEP_UNDONE_MS: i64 = 14 * KEEP_DONE_MS;

/// Where folders of jobs lie in the store of the work.
const JOBS: &str = "jobs";

/// The jobs of this process, and the workers on them.
pub struct Jobs {
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
}

struct Shared {
    setup: Setup,
    steps: Steps,
    cells: Mutex<BTreeMap<String, Arc<Cell>>>,
    /// The workers, until the end.
    pool: Mutex<Option<Pool>>,
    ending: AtomicBool,
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jobs({})", self.shared.setup.worker)
    }
}

impl Jobs {
    /// Starts workers, and takes up the jobs of this keeper that are in the store. Blocks while they
    /// are read.
    pub fn start(setup: Setup) -> Result<Self, Error> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |source: io::Error| Error::Io { what, source }
        };
        let local = &setup.local;
        std::fs::create_dir_all(local).map_err(failed(&local.display().to_string()))?;
        let machine = Machine::new(setup.threads, local.clone());
        let options = Options {
            worker: setup.worker.clone(),
            capacity: Box::new(move || machine.capacity()),
            heartbeat: HEARTBEAT,
            clock: Arc::clone(&setup.clock),
        };
        let shared = Arc::new(Shared {
            steps: Steps::new(&setup)?,
            setup,
            cells: Mutex::default(),
            pool: Mutex::default(),
            ending: AtomicBool::new(false),
        });
        shared.take_up()?;
        let engine = Arc::clone(&shared.setup.engine);
        let work = Arc::new(Worker(Arc::downgrade(&shared)));
        let pool = Pool::start(engine, work, options).map_err(failed("workers"))?;
        *shared.pool() = Some(pool);
        let own = Arc::clone(&shared);
        let keeper = thread::Builder::new()
            .name("jobs".to_owned())
            .spawn(move || own.keep())
            .map_err(failed("jobs"))?;
        Ok(Self {
            shared,
            keeper: Some(keeper),
        })
    }

    /// Takes in a job and returns its id. One that is known goes on where it was; one that failed
    /// is tried again; one that is done is looked at anew, which does only what is not there.
    pub fn submit(&self, request: Request) -> Result<String, Error> {
        self.shared.submit(request)
    }

    /// Describes all jobs, the oldest first.
    pub fn list(&self) -> Vec<JobReport> {
        let running = self.shared.running();
        let cells: Vec<_> = self.shared.cells().values().map(Arc::clone).collect();
        let mut reports: Vec<JobReport> = cells
            .iter()
            .map(|cell| self.shared.report(cell, &running))
            .collect();
        reports.sort_by(|a, b| (a.submitted_ms, &a.id).cmp(&(b.submitted_ms, &b.id)));
        reports
    }

    /// Describes a job.
    pub fn get(&self, id: &str) -> Result<JobReport, Error> {
        let cell = self.shared.cell(id)?;
        Ok(self.shared.report(&cell, &self.shared.running()))
    }

    /// Tells a job what to do.
    pub fn order(&self, id: &str, order: &Order) -> Result<(), Error> {
        self.shared.order(id, order)
    }

    /// Asks for the end: tasks that need longer than `grace` are given back at once, others when it
    /// is over. A later call may shorten the grace.
    pub fn stop(&self, grace: Duration) {
        if let Some(pool) = &*self.shared.pool() {
            pool.stop(grace);
        }
    }

    /// Tells whether the workers have ended.
    pub fn is_ended(&self) -> bool {
        self.shared.pool().as_ref().is_none_or(Pool::is_ended)
    }

    /// Waits for the end that was asked for.
    pub fn join(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let pool = self.shared.pool().take();
        if let Some(pool) = pool {
            pool.join();
        }
        self.shared.ending.store(true, Ordering::Release);
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
        self.end();
    }
}

impl Shared {
    fn cells(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Cell>>> {
        // Entries are added and removed whole.
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pool(&self) -> MutexGuard<'_, Option<Pool>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cell(&self, id: &str) -> Result<Arc<Cell>, Error> {
        let cells = self.cells();
        let cell = cells.get(id).ok_or_else(|| Error::Unknown(id.to_owned()))?;
        Ok(Arc::clone(cell))
    }

    fn running(&self) -> Vec<Running> {
        self.pool().as_ref().map(Pool::running).unwrap_or_default()
    }

    fn now_ms(&self) -> i64 {
        (self.setup.clock)()
    }

    fn say(&self, job: &str, what: What) {
        let event = Event {
            at_ms: self.now_ms(),
            job: job.to_owned(),
            what,
        };
        (self.setup.sink)(&event);
    }

    fn report(&self, cell: &Cell, running: &[Running]) -> JobReport {
        // Of a job that is over the engine knows nothing.
        let tasks = self.setup.engine.tasks(&cell.id).unwrap_or_default();
        cell.report(&tasks, running, self.now_ms())
    }

    /// Returns where everything of a job lies in the store of the work.
    fn prefix(&self, id: &str) -> String {
        format!("{}/{JOBS}/{id}", self.setup.prefix)
    }

    /// Reads the jobs of the store that are this keeper's, and drops what the engine alone knows.
    fn take_up(&self) -> Result<(), Error> {
        let store = &self.setup.work;
        for id in store.folders(&format!("{}/{JOBS}", self.setup.prefix))? {
            let prefix = self.prefix(&id);
            let Some(file) = JobFile::read(&**store, &prefix)? else {
                continue;
            };
            let is_old = self.is_old(&file, &prefix)?;
            let is_ours = (file.keeper, self.setup.keeper) == (Keeper::Server, Keeper::Server);
            if !is_old && !is_ours {
                continue;
            }
            let cell = Arc::new(Cell::new(&id, file, store, &prefix)?);
            if is_old {
                tracing::info!(job = id, "the work of an old job is removed");
                self.purge(&cell)?;
                continue;
            }
            self.steps.clear_scratch(&id);
            if cell.facts().outcome.is_none() {
                self.make_known(&cell)?;
            }
            self.announce(&cell);
            self.cells().insert(id, cell);
        }
        for job in self.setup.engine.jobs()? {
            let is_known = self.cells().contains_key(&job.name);
            if !is_known {
                self.setup.engine.drop_job(&job.name)?;
            }
        }
        Ok(())
    }

    /// Tells whether the work of a job has been kept long enough.
    fn is_old(&self, file: &JobFile, prefix: &str) -> Result<bool, Error> {
        let now_ms = self.now_ms();
        if let Some(done) = &file.done {
            return Ok(now_ms - done.at_ms > KEEP_DONE_MS);
        }
        // A server goes on with its jobs; of a command nobody knows whether it is asked for again.
        let written = self.setup.work.head(&JobFile::place(prefix))?;
        let age_ms = written.map_or(0, |entry| now_ms - entry.modified_ms);
        Ok(file.keeper == Keeper::Command && age_ms > KEEP_UNDONE_MS)
    }

    fn submit(&self, request: Request) -> Result<String, Error> {
        let id = request.id().map_err(Error::Request)?;
        self.steps.check(&request).map_err(Error::Request)?;
        let store = &self.setup.work;
        let mut submitted_ms = self.now_ms();
        let prefix = self.prefix(&id);
        if let Some(file) = JobFile::read(&**store, &prefix)? {
            let is_same = file.request == request;
            if file.keeper != self.setup.keeper && file.done.is_none() {
                return Err(Error::Kept {
                    id,
                    keeper: file.keeper,
                });
            }
            let known = self.cells().get(&id).map(Arc::clone);
            if let Some(known) = known {
                let is_over = known.facts().outcome.is_some();
                match (is_over, is_same) {
                    (false, true) => return Ok(id),
                    (false, false) => return Err(Error::Busy(id)),
                    (true, _) => self.setup.engine.drop_job(&id)?,
                }
            }
            submitted_ms = file.submitted_ms;
        }
        let file = JobFile::new(request, submitted_ms, self.setup.keeper);
        file.write(&**store, &prefix)?;
        let cell = Arc::new(Cell::new(&id, file, store, &prefix)?);
        self.steps.clear_scratch(&id);
        self.make_known(&cell)?;
        self.announce(&cell);
        self.cells().insert(id.clone(), cell);
        Ok(id)
    }

    fn announce(&self, cell: &Cell) {
        let shown = cell.request.masked();
        let name = cell.name.clone();
        let (input, to) = (shown.input, shown.to);
        self.say(&cell.id, What::Submitted { input, to, name });
    }

    /// Tells the engine of a job.
    fn make_known(&self, cell: &Cell) -> Result<(), Error> {
        let job = {
            let facts = cell.facts();
            Job {
                name: cell.id.clone(),
                priority: facts.file.request.priority,
                submitted_ms: facts.file.submitted_ms,
                paused: facts.file.paused,
            }
        };
        Ok(self.setup.engine.put_job(&job)?)
    }

    fn order(&self, id: &str, order: &Order) -> Result<(), Error> {
        let cell = self.cell(id)?;
        match order {
            Order::Pause | Order::Resume => {
                let paused = *order == Order::Pause;
                Self::rewrite(&cell, |file| file.paused = paused)?;
                self.make_known(&cell)?;
                self.say(id, What::Paused { paused });
            }
            Order::Priority(priority) => {
                Self::rewrite(&cell, |file| file.request.priority = *priority)?;
                self.make_known(&cell)?;
            }
            Order::Retry => self.retry(&cell)?,
            Order::Redo(steps) => self.redo(&cell, steps)?,
            Order::RedoTrack(track) => {
                let plan = cell.facts().plan.clone();
                let steps = plan
                    .map(|plan| graph::steps_of(&plan, track))
                    .unwrap_or_default();
                if steps.is_empty() {
                    return Err(Error::Request(format!("the job has no track `{track}`")));
                }
                self.redo(&cell, &steps)?;
            }
            Order::Cancel => {
                {
                    let mut facts = cell.facts();
                    if !matches!(facts.outcome, None | Some(Outcome::Failed { .. })) {
                        return Err(Error::Request("the job is over".to_owned()));
                    }
                    facts.outcome = Some(Outcome::Cancelled);
                }
                self.setup.engine.drop_job(id)?;
                self.recheck();
                self.say(id, What::Cancelled);
                let place = JobFile::place(cell.ledger.prefix());
                cell.ledger.store().delete(&place)?;
            }
            Order::Remove => {
                if cell.facts().outcome.is_none() {
                    return Err(Error::Busy(id.to_owned()));
                }
                self.setup.engine.drop_job(id)?;
                self.purge(&cell)?;
                self.cells().remove(id);
            }
        }
        Ok(())
    }

    /// Has the workers look at once whether their tasks are still wanted.
    fn recheck(&self) {
        if let Some(pool) = &*self.pool() {
            pool.recheck();
        }
    }

    fn rewrite(cell: &Cell, change: impl FnOnce(&mut JobFile)) -> Result<(), Error> {
        let file = {
            let mut facts = cell.facts();
            change(&mut facts.file);
            facts.file.clone()
        };
        file.write(&**cell.ledger.store(), cell.ledger.prefix())
    }

    /// Removes what a job has made and downloaded.
    fn purge(&self, cell: &Cell) -> Result<(), Error> {
        cell.ledger.purge()?;
        self.steps.clear_scratch(&cell.id);
        let spool = self.steps.spool(&cell.id);
        match std::fs::remove_dir_all(&spool) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Io {
                what: spool.display().to_string(),
                source,
            }),
            _ => Ok(()),
        }
    }

    /// Tries what was set aside again.
    fn retry(&self, cell: &Cell) -> Result<(), Error> {
        if !matches!(cell.facts().outcome, None | Some(Outcome::Failed { .. })) {
            return Err(Error::Request("the job has not failed".to_owned()));
        }
        self.make_known(cell)?;
        let set_aside = |task: &TaskReport| task.state == State::SetAside;
        let tasks = self.setup.engine.tasks(&cell.id)?;
        let names: Vec<String> = tasks
            .into_iter()
            .filter(set_aside)
            .map(|task| task.task.name)
            .collect();
        cell.facts().outcome = None;
        Ok(self.setup.engine.retry(&cell.id, &names)?)
    }

    /// Forgets what steps have made, and asks for them again.
    fn redo(&self, cell: &Cell, steps: &[Step]) -> Result<(), Error> {
        if cell.facts().outcome == Some(Outcome::Cancelled) {
            return Err(Error::Request("the job was cancelled".to_owned()));
        }
        // Of a job that was done before this process began there is no plan, only records.
        let plan = cell.facts().plan.clone();
        if let Some(plan) = plan {
            let known = graph::all(Some(&plan));
            if let Some(unknown) = steps.iter().find(|step| !known.contains(step)) {
                return Err(Error::Request(format!("the job has no step `{unknown}`")));
            }
        }
        self.make_known(cell)?;
        self.drop_steps(cell, steps)?;
        Self::rewrite(cell, |file| file.done = None)?;
        cell.facts().outcome = None;
        Ok(())
    }

    /// Forgets what steps have made, with all that was made of it.
    fn drop_steps(&self, cell: &Cell, steps: &[Step]) -> Result<(), Error> {
        let mut steps = steps.to_vec();
        let late = [Step::Package, Step::Publish];
        steps.extend(
            late.iter()
                .filter(|it| !steps.contains(it))
                .copied()
                .collect::<Vec<_>>(),
        );
        {
            let mut facts = cell.facts();
            facts.records.retain(|step, _| !steps.contains(step));
            facts.found.retain(|step| !steps.contains(step));
        }
        for record in cell.ledger.records()? {
            if steps.contains(&record.step) {
                cell.ledger.forget(record.step, &record.key)?;
            }
        }
        let dropped = steps.iter().map(Step::to_string);
        let (late, early): (Vec<String>, Vec<String>) =
            dropped.partition(|name| late.iter().any(|it| it.to_string() == *name));
        self.setup.engine.remove(&cell.id, &late)?;
        Ok(self.setup.engine.retry(&cell.id, &early)?)
    }

    /// Looks after the jobs until the end.
    fn keep(&self) {
        let mut seen = 0;
        let mut told: BTreeMap<String, JobReport> = BTreeMap::new();
        while !self.ending.load(Ordering::Acquire) {
            seen = self.setup.engine.watch(seen, TICK);
            let cells: Vec<_> = self.cells().values().map(Arc::clone).collect();
            for cell in &cells {
                if let Err(error) = self.advance(cell).and_then(|()| self.tidy(cell)) {
                    tracing::warn!(job = cell.id, %error, "the job is looked at again");
                }
            }
            self.tell_progress(&cells, &mut told);
        }
    }

    /// Asks for whatever can run, and ends the job when nothing can any more.
    fn advance(&self, cell: &Cell) -> Result<(), Error> {
        let (done, plan) = {
            let facts = cell.facts();
            if facts.outcome.is_some() {
                return Ok(());
            }
            (facts.done(), facts.plan.clone())
        };
        if done.contains(&Step::Publish) {
            return self.finish(cell);
        }
        let tasks = self.setup.engine.tasks(&cell.id)?;
        let known: BTreeMap<&str, &TaskReport> =
            tasks.iter().map(|it| (it.task.name.as_str(), it)).collect();
        let is_open =
            |task: &&TaskReport| matches!(task.state, State::Ready { .. } | State::Leased { .. });
        let fetch = known.get(Step::Fetch.to_string().as_str());
        if fetch.is_some_and(|task| task.state == State::SetAside) {
            // What was begun with the part that came is in vain for now.
            let open = tasks.iter().filter(is_open);
            let names: Vec<String> = open.map(|task| task.task.name.clone()).collect();
            self.setup.engine.remove(&cell.id, &names)?;
            self.recheck();
            self.give_up(cell, &tasks);
            return Ok(());
        }
        let mut new: Vec<Task> = Vec::new();
        let mut again: Vec<String> = Vec::new();
        for step in graph::runnable(&done, plan.as_deref(), &|step| cell.may_begin(step)) {
            let task = graph::task(step, plan.as_deref());
            match known.get(task.name.as_str()).map(|it| &it.state) {
                None => new.push(task),
                Some(State::Done { .. }) => again.push(task.name),
                Some(_) => {}
            }
        }
        if !new.is_empty() {
            self.setup.engine.enqueue(&cell.id, &new)?;
        }
        if !again.is_empty() {
            self.setup.engine.retry(&cell.id, &again)?;
        }
        if new.is_empty() && again.is_empty() && !tasks.iter().any(|task| is_open(&task)) {
            self.give_up(cell, &tasks);
        }
        Ok(())
    }

    /// Removes what a cancelled job has made, once nobody works on it any more, and the work of one
    /// that has been done for long.
    fn tidy(&self, cell: &Cell) -> Result<(), Error> {
        let now_ms = self.now_ms();
        let is_due = {
            let facts = cell.facts();
            let is_old = |done: &Done| now_ms - done.at_ms > KEEP_DONE_MS;
            let is_unwanted = facts.outcome == Some(Outcome::Cancelled)
                || facts.file.done.as_ref().is_some_and(is_old);
            is_unwanted && !facts.is_purged
        };
        let is_held = || self.running().iter().any(|it| it.lease.job == cell.id);
        if is_due && !is_held() {
            self.purge(cell)?;
            cell.facts().is_purged = true;
        }
        Ok(())
    }

    fn finish(&self, cell: &Cell) -> Result<(), Error> {
        let (version, found) = {
            let facts = cell.facts();
            let record = facts.records.get(&Step::Publish);
            let version = record.map(Steps::version);
            (
                version.unwrap_or_default(),
                facts.found.contains(&Step::Publish),
            )
        };
        let at_ms = self.now_ms();
        Self::rewrite(cell, |file| {
            file.done = Some(Done {
                at_ms,
                version: version.clone(),
            });
        })?;
        self.setup.engine.drop_job(&cell.id)?;
        // Nobody works on it any more, so whatever no record names is left over.
        if let Err(error) = cell.ledger.sweep(at_ms) {
            tracing::warn!(job = cell.id, %error, "what is left over stays");
        }
        let what = What::Published {
            version: version.clone(),
            found,
        };
        self.say(&cell.id, what);
        cell.facts().outcome = Some(Outcome::Done { version });
        Ok(())
    }

    /// Fails a job of which nothing can run any more.
    fn give_up(&self, cell: &Cell, tasks: &[TaskReport]) {
        let Some((step, setback)) = tasks.iter().find_map(|task| {
            let setback = task
                .setback
                .clone()
                .filter(|_| task.state == State::SetAside)?;
            Some((task.task.name.parse().ok()?, setback))
        }) else {
            return;
        };
        let fault = Steps::fault(step, &setback);
        let reason = format!("{step}: {}", setback.reason);
        let what = What::Failed {
            failure: fault,
            reason: reason.clone(),
        };
        self.say(&cell.id, what);
        cell.facts().outcome = Some(Outcome::Failed { fault, reason });
    }

    /// Says how far jobs are where that has changed.
    fn tell_progress(&self, cells: &[Arc<Cell>], told: &mut BTreeMap<String, JobReport>) {
        let running = self.running();
        for cell in cells {
            let is_over = cell.facts().outcome.is_some();
            if is_over && told.get(&cell.id).is_none_or(|it| it.state.is_final()) {
                continue;
            }
            let report = self.report(cell, &running);
            if told.get(&cell.id) != Some(&report) {
                let shown = Box::new(report.clone());
                self.say(&cell.id, What::Progress { report: shown });
                told.insert(cell.id.clone(), report);
            }
        }
        told.retain(|id, _| cells.iter().any(|cell| cell.id == *id));
    }

    /// Does a task.
    fn carry_out(&self, lease: &Lease, reins: &Reins) -> Result<(), Setback> {
        let permanent = |reason: String| Setback {
            failure: Failure::Permanent,
            ..unlucky(reason)
        };
        let cell = self
            .cell(&lease.job)
            .map_err(|error| permanent(error.to_string()))?;
        let step: Step = lease.task.name.parse().map_err(permanent)?;
        let begun_ms = self.now_ms();
        self.say(
            &cell.id,
            What::Started {
                step,
                worker: self.setup.worker.clone(),
                attempt: lease.attempt,
            },
        );
        let era = cell.facts().era;
        match self.steps.run(&cell, step, lease, reins)? {
            Ran::Made { record, found } => {
                if !cell.keep(step, &record, found, era) {
                    let reason = "the source has become another one";
                    let forgotten = cell.ledger.forget(step, &record.key);
                    return Err(forgotten.map_or_else(
                        |error| unlucky(error.to_string()),
                        |()| unlucky(reason.to_owned()),
                    ));
                }
                if let Some(version) = self.steps.show(&cell) {
                    self.say(&cell.id, What::Playable { version });
                }
                let took_ms = u64::try_from(self.now_ms() - begun_ms).unwrap_or(0);
                self.say(
                    &cell.id,
                    What::Done {
                        step,
                        found,
                        frames: record.made.frames,
                        bytes: record.bytes(),
                        took_ms,
                    },
                );
                Ok(())
            }
            Ran::Damaged(steps) => {
                for step in &steps {
                    self.say(&cell.id, What::Damaged { step: *step });
                }
                // This task goes with what it was to be made of.
                let dropped = self.drop_steps(&cell, &steps);
                dropped.map_err(|error| unlucky(error.to_string()))
            }
        }
    }
}

/// Makes the setback of an attempt that is worth another one.
fn unlucky(reason: String) -> Setback {
    Setback {
        failure: Failure::Transient,
        reason,
        stderr: Vec::new(),
    }
}

/// What the pool calls; it must not keep the jobs alive.
struct Worker(Weak<Shared>);

impl Work for Worker {
    fn run(&self, lease: &Lease, reins: &Reins) -> Result<(), Setback> {
        match self.0.upgrade() {
            Some(shared) => shared.carry_out(lease, reins),
            None => Err(unlucky("the process ends".to_owned())),
        }
    }

    fn patience(&self, task: &Task) -> Option<Duration> {
        let step: Step = task.name.parse().ok()?;
        let encodes = matches!(
            step,
            Step::Chunk(_) | Step::Audio(_) | Step::Text(_) | Step::Thumbnails
        );
        // Others watch over their connections.
        let shared = self.0.upgrade().filter(|_| encodes)?;
        Some(shared.setup.patience)
    }

    fn ended(&self, lease: &Lease, how: &Ended) {
        let (Some(shared), Ok(step)) = (self.0.upgrade(), lease.task.name.parse()) else {
            return;
        };
        let what = match how {
            Ended::Done | Ended::Lost => return,
            Ended::Again(setback, again_at_ms) => What::Again {
                step,
                again_at_ms: *again_at_ms,
                reason: setback.reason.clone(),
            },
            Ended::SetAside(setback) => What::SetAside {
                step,
                reason: setback.reason.clone(),
                stderr: setback.stderr.clone(),
            },
            Ended::GivenBack => What::GivenBack { step },
        };
        shared.say(&lease.job, what);
    }
}
