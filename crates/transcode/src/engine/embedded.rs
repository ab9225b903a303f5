//! The engine within this process: the queue under one lock, written through to a database that one
//! process has open at a time.

use std::{
    fmt,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Ask, Engine, Error, Job, Lease, Setback, Task, TaskReport, Verdict, queue::Queue, rows::Rows,
};

/// A wall clock: a function that returns milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// An engine for the workers of this process.
pub struct Embedded {
    clock: Clock,
    rows: Rows,
    inner: Mutex<Inner>,
    news: Condvar,
}

struct Inner {
    queue: Queue,
    /// Number of the last change.
    changes: u64,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedded({:?})", self.rows)
    }
}

impl Embedded {
    /// Opens an engine over a database file, which is made if it is missing and begun anew if it
    /// cannot be read; without a file nothing outlives the process. Fails if another process has
    /// the file open.
    pub fn open(path: Option<&Path>, clock: Clock) -> Result<Self, Error> {
        let (rows, queue) = Rows::open(path)?;
        Ok(Self {
            clock,
            rows,
            inner: Mutex::new(Inner { queue, changes: 1 }),
            news: Condvar::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The queue changes in steps that do not panic between.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the queue, writes what has changed, and tells who watches.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Queue, i64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let now_ms = (self.clock)();
        let mut inner = self.lock();
        let outcome = change(&mut inner.queue, now_ms)?;
        inner.changes += 1;
        self.news.notify_all();
        self.rows.write(&mut inner.queue)?;
        Ok(outcome)
    }
}

impl Engine for Embedded {
    fn put_job(&self, job: &Job) -> Result<(), Error> {
        self.change(|queue, _| {
            queue.put_job(job.clone());
            Ok(())
        })
    }

    fn drop_job(&self, job: &str) -> Result<(), Error> {
        self.change(|queue, _| {
            queue.drop_job(job);
            Ok(())
        })
    }

    fn enqueue(&self, job: &str, tasks: &[Task]) -> Result<(), Error> {
        self.change(|queue, now_ms| queue.enqueue(job, tasks, now_ms))
    }

    fn claim(&self, ask: &Ask) -> Result<Option<Lease>, Error> {
        let now_ms = (self.clock)();
        let mut inner = self.lock();
        let lease = inner.queue.claim(ask, now_ms);
        if inner.queue.has_changed() {
            inner.changes += 1;
            self.news.notify_all();
        }
        self.rows.write(&mut inner.queue)?;
        Ok(lease)
    }

    fn heartbeat(&self, lease: &Lease) -> Result<(), Error> {
        let now_ms = (self.clock)();
        self.lock().queue.heartbeat(lease, now_ms)
    }

    fn complete(&self, lease: &Lease) -> Result<(), Error> {
        self.change(|queue, now_ms| queue.complete(lease, now_ms))
    }

    fn release(&self, lease: &Lease, delay: Duration) -> Result<(), Error> {
        let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        self.change(|queue, now_ms| queue.release(lease, now_ms.saturating_add(delay_ms)))
    }

    fn fail(&self, lease: &Lease, setback: &Setback) -> Result<Verdict, Error> {
        self.change(|queue, now_ms| queue.fail(lease, setback, now_ms))
    }

    fn retry(&self, job: &str, tasks: &[String]) -> Result<(), Error> {
        self.change(|queue, now_ms| queue.retry(job, tasks, now_ms))
    }

    fn remove(&self, job: &str, tasks: &[String]) -> Result<(), Error> {
        self.change(|queue, _| queue.remove(job, tasks))
    }

    fn jobs(&self) -> Result<Vec<Job>, Error> {
        Ok(self.lock().queue.jobs())
    }

    fn tasks(&self, job: &str) -> Result<Vec<TaskReport>, Error> {
        self.lock().queue.tasks(job)
    }

    fn watch(&self, seen: u64, limit: Duration) -> u64 {
        let inner = self.lock();
        let (inner, _) = self
            .news
            .wait_timeout_while(inner, limit, |inner| inner.changes <= seen)
            .unwrap_or_else(PoisonError::into_inner);
        inner.changes
    }
}

#[cfg(test)]
mod tests;
