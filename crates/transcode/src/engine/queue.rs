//! The order in which tasks are handed out, as a state machine without clock, disk or lock.
//!
//! 1. Jobs of a higher class go first; paused ones not at all.
//! 2. Within a class every other task is one of the oldest job, so that it can be played early; the
//!    ones between go to the other jobs in turn, so that none starves.
//! 3. Within a job the lowest position goes first, except near its end, when no more tasks are left
//!    than workers: then the largest does, so that workers end at about the same time.
//! 4. A task that does not fit beside what runs may be overtaken [`OVERTAKEN`] times; then room is kept
//!    until it fits. One that needs more disk than there is holds nobody up.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ATTEMPTS, Error, LEASE_MS,
    task::{Ask, Failure, Job, Lease, Setback, State, Task, TaskReport, Verdict},
};

/// How often a task that needs more than is free may be overtaken by smaller ones.
const OVERTAKEN: u32 = 8;

/// Delay before the second attempt, in milliseconds; each further one waits four times as long.
const DELAY_MS: i64 = 1000;

/// Greatest delay before an attempt, in milliseconds.
const LONGEST_DELAY_MS: i64 = 300_000;

/// Name of a job and of a task of it.
pub(super) type Key = (String, String);

/// All jobs with their tasks.
#[derive(Debug, Default)]
pub(super) struct Queue {
    jobs: BTreeMap<String, Known>,
    /// The newest fence.
    fence: u64,
    /// Counts tasks that were handed out.
    turn: u64,
    /// What has changed since it was last written.
    changed: Changed,
}

/// Rows that are to be written; those that are no longer there are to be removed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) jobs: BTreeSet<String>,
    pub(super) tasks: BTreeSet<Key>,
}

#[derive(Debug)]
struct Known {
    job: Job,
    /// Turn in which it was last served.
    served: u64,
    tasks: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    report: TaskReport,
    overtaken: u32,
}

impl Queue {
    /// Takes over rows of a database. Leases were held by a process that is gone: the tasks are
    /// ready, and what was begun does not count as an attempt.
    pub(super) fn restore(jobs: Vec<Job>, tasks: Vec<(String, TaskReport)>, fence: u64) -> Self {
        let mut queue = Self {
            fence,
            ..Self::default()
        };
        for job in jobs {
            queue.put_job(job);
        }
        for (job, mut report) in tasks {
            let Some(known) = queue.jobs.get_mut(&job) else {
                continue;
            };
            if let State::Leased { .. } = report.state {
                report.state = State::Ready { at_ms: 0 };
                report.attempts = report.attempts.saturating_sub(1);
            }
            let entry = Entry {
                report,
                overtaken: 0,
            };
            known.tasks.insert(entry.report.task.name.clone(), entry);
        }
        queue.changed = Changed::default();
        queue
    }

    pub(super) fn fence(&self) -> u64 {
        self.fence
    }

    /// Tells whether something has to be written.
    pub(super) fn has_changed(&self) -> bool {
        !self.changed.jobs.is_empty() || !self.changed.tasks.is_empty()
    }

    /// Takes what has to be written.
    pub(super) fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&mut self, changed: Changed) {
        self.changed.jobs.extend(changed.jobs);
        self.changed.tasks.extend(changed.tasks);
    }

    pub(super) fn job(&self, name: &str) -> Option<&Job> {
        Some(&self.jobs.get(name)?.job)
    }

    pub(super) fn task(&self, (job, task): &Key) -> Option<&TaskReport> {
        Some(&self.jobs.get(job)?.tasks.get(task)?.report)
    }

    pub(super) fn put_job(&mut self, job: Job) {
        self.changed.jobs.insert(job.name.clone());
        if let Some(known) = self.jobs.get_mut(&job.name) {
            known.job = job;
            return;
        }
        let known = Known {
            job,
            served: 0,
            tasks: BTreeMap::new(),
        };
        self.jobs.insert(known.job.name.clone(), known);
    }

    pub(super) fn drop_job(&mut self, name: &str) {
        let Some(known) = self.jobs.remove(name) else {
            return;
        };
        self.changed.jobs.insert(name.to_owned());
        let keys = known.tasks.into_keys().map(|task| (name.to_owned(), task));
        self.changed.tasks.extend(keys);
    }

    pub(super) fn enqueue(&mut self, job: &str, tasks: &[Task], now_ms: i64) -> Result<(), Error> {
        let known = self.known(job)?;
        let mut added = Vec::new();
        for task in tasks {
            if known.tasks.contains_key(&task.name) {
                continue;
            }
            let report = TaskReport {
                task: task.clone(),
                state: State::Ready { at_ms: now_ms },
                attempts: 0,
                setback: None,
            };
            let entry = Entry {
                report,
                overtaken: 0,
            };
            known.tasks.insert(task.name.clone(), entry);
            added.push((job.to_owned(), task.name.clone()));
        }
        self.changed.tasks.extend(added);
        Ok(())
    }

    pub(super) fn claim(&mut self, ask: &Ask, now_ms: i64) -> Option<Lease> {
        self.set_silent_aside(now_ms);
        let mut overtaken: Vec<Key> = Vec::new();
        let mut chosen = None;
        'jobs: for job in self.order() {
            let known = &self.jobs[&job];
            for name in known.ready(ask.slots, now_ms) {
                let entry = &known.tasks[&name];
                let needs = &entry.report.task.needs;
                let key = (job.clone(), name);
                if needs.fits(&ask.free) || ask.idle && needs.disk <= ask.free.disk {
                    chosen = Some(key);
                    break 'jobs;
                }
                // Others of the job need none of that.
                if needs.disk > ask.free.disk || needs.places > ask.free.places {
                    continue;
                }
                if entry.overtaken >= OVERTAKEN {
                    break 'jobs;
                }
                overtaken.push(key);
                // What comes later in this job is no smaller, as a rule.
                break;
            }
        }
        let (job, name) = chosen?;
        for (job, name) in overtaken {
            if let Some(entry) = self.entry(&job, &name) {
                entry.overtaken += 1;
            }
        }
        self.fence += 1;
        self.turn += 1;
        let (fence, turn) = (self.fence, self.turn);
        self.changed.tasks.insert((job.clone(), name.clone()));
        self.jobs.get_mut(&job)?.served = turn;
        let report = &mut self.entry(&job, &name)?.report;
        report.attempts += 1;
        report.state = State::Leased {
            fence,
            until_ms: now_ms + LEASE_MS,
            worker: ask.worker.clone(),
            since_ms: now_ms,
        };
        Some(Lease {
            task: report.task.clone(),
            attempt: report.attempts,
            job,
            fence,
        })
    }

    /// Sets tasks aside whose holders fell silent as often as a task may be tried: whatever it is,
    /// it takes workers along.
    fn set_silent_aside(&mut self, now_ms: i64) {
        for (job, known) in &mut self.jobs {
            for (name, entry) in &mut known.tasks {
                let report = &mut entry.report;
                let State::Leased { until_ms, .. } = report.state else {
                    continue;
                };
                if until_ms <= now_ms && report.attempts >= ATTEMPTS {
                    report.state = State::SetAside;
                    report.setback = Some(Setback {
                        failure: Failure::Transient,
                        reason: format!("{ATTEMPTS} workers in a row fell silent over it"),
                        stderr: Vec::new(),
                    });
                    self.changed.tasks.insert((job.clone(), name.clone()));
                }
            }
        }
    }

    /// Returns the jobs that may be served, the next one first.
    fn order(&self) -> Vec<String> {
        let mut jobs: Vec<&Known> = self.jobs.values().filter(|it| !it.job.paused).collect();
        jobs.sort_by_key(|it| (-it.job.priority, it.job.submitted_ms, &it.job.name));
        let mut order = Vec::with_capacity(jobs.len());
        for class in jobs.chunk_by(|a, b| a.job.priority == b.job.priority) {
            let Some((oldest, others)) = class.split_first() else {
                continue;
            };
            let mut others = others.to_vec();
            others.sort_by_key(|it| it.served);
            // It has had the last turn of this class: the others are next.
            let had_its_turn = others.iter().all(|it| it.served < oldest.served);
            if had_its_turn && oldest.served > 0 {
                others.push(oldest);
            } else {
                others.insert(0, oldest);
            }
            order.extend(others.iter().map(|it| it.job.name.clone()));
        }
        order
    }

    pub(super) fn heartbeat(&mut self, lease: &Lease, now_ms: i64) -> Result<(), Error> {
        // Not written: leases end with the process that keeps this queue.
        if let State::Leased { until_ms, .. } = &mut self.held(lease)?.state {
            *until_ms = now_ms + LEASE_MS;
        }
        Ok(())
    }

    pub(super) fn complete(&mut self, lease: &Lease, now_ms: i64) -> Result<(), Error> {
        let report = self.held(lease)?;
        report.state = State::Done { at_ms: now_ms };
        report.setback = None;
        self.touch(lease);
        Ok(())
    }

    pub(super) fn release(&mut self, lease: &Lease, at_ms: i64) -> Result<(), Error> {
        let report = self.held(lease)?;
        report.state = State::Ready { at_ms };
        report.attempts = report.attempts.saturating_sub(1);
        self.touch(lease);
        Ok(())
    }

    pub(super) fn fail(
        &mut self,
        lease: &Lease,
        setback: &Setback,
        now_ms: i64,
    ) -> Result<Verdict, Error> {
        let report = self.held(lease)?;
        let hopeless = setback.failure == Failure::Permanent || report.attempts >= ATTEMPTS;
        let verdict = if hopeless {
            report.state = State::SetAside;
            Verdict::SetAside
        } else {
            let at_ms = now_ms + delay_ms(report.attempts);
            report.state = State::Ready { at_ms };
            Verdict::Again { at_ms }
        };
        report.setback = Some(setback.clone());
        self.touch(lease);
        Ok(verdict)
    }

    pub(super) fn retry(&mut self, job: &str, tasks: &[String], now_ms: i64) -> Result<(), Error> {
        let known = self.known(job)?;
        let mut changed = Vec::new();
        for name in tasks {
            let Some(entry) = known.tasks.get_mut(name) else {
                continue;
            };
            if let State::Leased { .. } = entry.report.state {
                continue;
            }
            entry.report.state = State::Ready { at_ms: now_ms };
            entry.report.attempts = 0;
            changed.push((job.to_owned(), name.clone()));
        }
        self.changed.tasks.extend(changed);
        Ok(())
    }

    pub(super) fn remove(&mut self, job: &str, tasks: &[String]) -> Result<(), Error> {
        let known = self.known(job)?;
        let mut changed = Vec::new();
        for name in tasks {
            if known.tasks.remove(name).is_some() {
                changed.push((job.to_owned(), name.clone()));
            }
        }
        self.changed.tasks.extend(changed);
        Ok(())
    }

    pub(super) fn jobs(&self) -> Vec<Job> {
        let mut jobs: Vec<Job> = self.jobs.values().map(|it| it.job.clone()).collect();
        jobs.sort_by(|a, b| (a.submitted_ms, &a.name).cmp(&(b.submitted_ms, &b.name)));
        jobs
    }

    pub(super) fn tasks(&self, job: &str) -> Result<Vec<TaskReport>, Error> {
        let known = self.jobs.get(job).ok_or_else(|| no_job(job))?;
        let mut tasks: Vec<TaskReport> = known.tasks.values().map(|it| it.report.clone()).collect();
        tasks.sort_by(|a, b| {
            let key = |it: &TaskReport| (it.task.position, it.task.name.clone());
            key(a).cmp(&key(b))
        });
        Ok(tasks)
    }

    fn known(&mut self, job: &str) -> Result<&mut Known, Error> {
        self.jobs.get_mut(job).ok_or_else(|| no_job(job))
    }

    fn entry(&mut self, job: &str, task: &str) -> Option<&mut Entry> {
        self.jobs.get_mut(job)?.tasks.get_mut(task)
    }

    /// Returns the task of a lease that still counts.
    fn held(&mut self, lease: &Lease) -> Result<&mut TaskReport, Error> {
        let lost = || Error::Lost {
            job: lease.job.clone(),
            task: lease.task.name.clone(),
        };
        let entry = self.entry(&lease.job, &lease.task.name).ok_or_else(lost)?;
        match entry.report.state {
            State::Leased { fence, .. } if fence == lease.fence => Ok(&mut entry.report),
            _ => Err(lost()),
        }
    }

    fn touch(&mut self, lease: &Lease) {
        let key = (lease.job.clone(), lease.task.name.clone());
        self.changed.tasks.insert(key);
    }
}

impl Known {
    /// Returns the tasks that may be handed out, the next one first.
    fn ready(&self, slots: usize, now_ms: i64) -> Vec<String> {
        let is_ready = |it: &&Entry| match it.report.state {
            State::Ready { at_ms } => at_ms <= now_ms,
            State::Leased { until_ms, .. } => until_ms <= now_ms,
            State::Done { .. } | State::SetAside => false,
        };
        let mut ready: Vec<&Entry> = self.tasks.values().filter(is_ready).collect();
        ready.sort_by_key(|it| (it.report.task.position, &it.report.task.name));
        if ready.len() <= slots {
            // A stable sort: of equals the first stays first.
            ready.sort_by_key(|it| std::cmp::Reverse(it.report.task.size));
        }
        ready.iter().map(|it| it.report.task.name.clone()).collect()
    }
}

/// Returns how long to wait after so many attempts.
fn delay_ms(attempts: u32) -> i64 {
    let doublings = 2 * attempts.saturating_sub(1).min(16);
    (DELAY_MS << doublings).min(LONGEST_DELAY_MS)
}

fn no_job(job: &str) -> Error {
    Error::NoJob {
        job: job.to_owned(),
    }
}
