//! Work that begins while the source is on its way.
//!
//! Where an index comes before the media (see [`fetch::is_indexed`]) the plan is made of that, and
//! each chunk is encoded as soon as its packets are stored. Until the source is whole all of it is
//! on probation: nothing is packaged, and when the source turns out to be another one, what was
//! made of the first is forgotten and those who work on it lose their leases.

use std::{sync::Arc, time::Duration};

use super::{Ran, Work, uncommitted, unlucky};
use crate::{
    commit::Step,
    engine::Setback,
    fetch::{self, Begun, Growth, Reach},
    job::{cell::Facts, early::Early, graph},
};

/// How often a source that grows is looked at.
const LOOK: Duration = Duration::from_millis(200);

impl Work<'_> {
    /// Returns the source if it is on its way and this step is done with what has come.
    pub(super) fn early(&self) -> Option<Arc<Early>> {
        let facts = self.cell.facts();
        let is_early = matches!(self.step, Step::Plan | Step::Chunk(_))
            && !facts.records.contains_key(&Step::Fetch);
        facts.early.clone().filter(|_| is_early)
    }

    /// Lets a step that failed with what had come of the source wait for all of it. The attempt does
    /// not count.
    pub(super) fn put_off(&self, early: &Early, setback: &Setback) -> Result<(), Setback> {
        tracing::info!(
            job = self.cell.id,
            step = %self.step,
            reason = setback.reason,
            "waits for all of the source"
        );
        early.bar(self.step);
        self.forget_tasks(vec![self.step.to_string()])
    }

    fn forget_tasks(&self, names: Vec<String>) -> Result<(), Setback> {
        let removed = self.steps.engine.remove(&self.cell.id, &names);
        removed.map_err(|error| unlucky(error.to_string()))
    }

    /// Forgets what was made of a source that has become another one.
    fn void(&self) -> Result<(), Setback> {
        tracing::warn!(
            job = self.cell.id,
            "the source has become another one; what was made of it is forgotten"
        );
        let plan = {
            let mut facts = self.cell.facts();
            let Facts { records, found, .. } = &mut *facts;
            records.retain(|step, _| *step == Step::Fetch);
            found.retain(|step| *step == Step::Fetch);
            facts.early = None;
            facts.source = None;
            facts.era += 1;
            facts.plan.take()
        };
        let Some(plan) = plan else {
            return Ok(());
        };
        let mut steps = graph::parts(&plan);
        steps.push(Step::Plan);
        self.forget_tasks(steps.iter().map(Step::to_string).collect())?;
        let ledger = &self.cell.ledger;
        for record in ledger.records().map_err(uncommitted)? {
            if steps.contains(&record.step) {
                let forgotten = ledger.forget(record.step, &record.key);
                forgotten.map_err(uncommitted)?;
            }
        }
        Ok(())
    }
}

/// Looks after what is made of a source while it grows.
pub(super) struct Watch<'a> {
    work: &'a Work<'a>,
    growth: &'a Arc<Growth>,
    version: u64,
    /// Whether it is clear what can be done with this version.
    is_settled: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(work: &'a Work<'a>, growth: &'a Arc<Growth>) -> Self {
        Self {
            work,
            growth,
            version: 0,
            is_settled: false,
        }
    }

    /// Watches until nothing more will come.
    pub(super) fn run(mut self) -> Result<(), Setback> {
        loop {
            // Whatever was begun before the end is looked at behind it.
            let is_ended = self.growth.is_ended();
            let begun = self.growth.begun();
            if let Some(begun) = &begun {
                self.look(begun)?;
            }
            if is_ended {
                return Ok(());
            }
            match begun {
                None => drop(self.growth.wait_begun(LOOK)),
                Some(_) if self.is_settled => drop(self.growth.wait_for(u64::MAX, LOOK)),
                Some(_) => {
                    let more = self.growth.available() + 1;
                    self.growth.wait_for(more, LOOK);
                }
            }
        }
    }

    fn look(&mut self, begun: &Begun) -> Result<(), Setback> {
        let known = {
            let facts = self.work.cell.facts();
            facts.early.as_ref().map(|early| early.content.clone())
        };
        let differs = known.is_some() && begun.content_id.is_some() && known != begun.content_id;
        if begun.version > self.version || differs {
            self.version = begun.version;
            self.is_settled = false;
            self.work.void()?;
        }
        let available = self.growth.available();
        if self.is_settled || begun.bytes == Some(available) {
            return Ok(());
        }
        let Some(content) = &begun.content_id else {
            return Ok(());
        };
        // A file that cannot be read is the download's own trouble.
        let is_indexed = fetch::is_indexed(&begun.path, available).unwrap_or(None);
        self.is_settled = is_indexed.is_some();
        if is_indexed == Some(true) {
            self.index(begun, content);
        }
        Ok(())
    }

    /// Reads the index, and lets work begin.
    fn index(&self, begun: &Begun, content: &str) {
        let (growth, reins) = (self.growth, self.work.reins);
        let stop =
            || reins.stopped() || growth.is_ended() || growth.begun().as_ref() != Some(begun);
        let job = &self.work.cell.id;
        match Reach::read(&self.work.steps.ffmpeg, &begun.path, &stop) {
            Ok(_) if stop() => {}
            Ok(reach) => {
                tracing::info!(job, "the index is there; chunks are encoded as they come");
                let path = begun.path.clone();
                let early = Early::new(path, content.to_owned(), Arc::clone(growth), reach);
                self.work.cell.facts().early = Some(Arc::new(early));
            }
            // It is tried again with all of it, and then it counts.
            Err(error) => tracing::info!(job, %error, "the index cannot be read yet"),
        }
    }
}

/// Returns what is to be said of an attempt at a step that was done with what had come.
pub(super) fn judge(
    work: &Work<'_>,
    early: Option<Arc<Early>>,
    ran: Result<Ran, Setback>,
) -> Result<Ran, Setback> {
    match (ran, early) {
        (Err(setback), Some(early))
            if !work.reins.stopped() && !setback.reason.starts_with(super::source::WISH) =>
        {
            work.put_off(&early, &setback)?;
            Err(setback)
        }
        (ran, _) => ran,
    }
}
