//! Takes in what a walk found: keeps, loads, lets go.

use std::{
    collections::BTreeMap,
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{Catalogue, Diff, Entry, entry};
use crate::{
    model::Kind,
    scan::{Found, Scan},
};

/// Loading is mostly waiting for the disk, and should not take all cores from those who serve.
const MAX_THREADS: usize = 8;

/// Content, and what was known of it if it is the same content.
type Job = (Found, Option<Arc<Entry>>);

impl Catalogue {
    /// Makes what is known agree with a scan and shows it to readers. The caller is alone in
    /// replacing entries.
    pub(super) fn take_in(&self, scan: Scan, opening: bool) -> Diff {
        let mut before = self.known().entries.clone();
        let open = scan
            .found
            .into_iter()
            .map(|found| {
                let entry = before.remove(&found.name);
                let same = entry.filter(|entry| entry.found == found);
                (found, same)
            })
            .collect();
        let entries: BTreeMap<String, Arc<Entry>> = self
            .look_at_all(open, opening)
            .into_iter()
            .map(|entry| (entry.found.name.clone(), entry))
            .collect();
        let mut known = self.known();
        known.entries = entries;
        known.scan_problems = scan.problems;
        known.folders = scan.folders;
        let diff = self.publish(&known);
        drop(known);
        self.work.notify_all();
        for gone in before.into_values() {
            self.forget(&gone);
        }
        log(&diff);
        diff
    }

    /// Looks at content on a few threads; results are in no order.
    fn look_at_all(&self, open: Vec<Job>, opening: bool) -> Vec<Arc<Entry>> {
        let threads = thread::available_parallelism()
            .map_or(1, NonZero::get)
            .min(MAX_THREADS)
            .min(open.len());
        let next = AtomicUsize::new(0);
        let jobs: Vec<Mutex<Option<Job>>> =
            open.into_iter().map(|job| Mutex::new(Some(job))).collect();
        let work = || {
            let mut done = Vec::new();
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let job = job.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some((found, entry)) = job {
                    done.extend(self.look_at(found, entry, opening));
                }
            }
            done
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for other in others {
                match other.join() {
                    Ok(more) => done.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            done
        })
    }

    fn look_at(
        &self,
        found: Found,
        before: Option<Arc<Entry>>,
        opening: bool,
    ) -> Option<Arc<Entry>> {
        if before.as_ref().is_some_and(|entry| entry.is_current()) {
            return before;
        }
        let entry = entry::look(
            found,
            self.store.as_ref(),
            self.options.importer.as_deref(),
            before.as_deref(),
            opening,
        )?;
        if let Some(problem) = entry.problem() {
            tracing::warn!(
                asset = problem.name,
                file = %problem.file.display(),
                reason = problem.reason,
                incomplete = problem.incomplete,
                "asset is not served"
            );
        }
        Some(Arc::new(entry))
    }

    fn forget(&self, entry: &Entry) {
        let (Some(store), Some(asset)) = (&self.store, entry.asset()) else {
            return;
        };
        match asset.kind {
            Kind::Plain => store.remove(&entry::imported(&entry.found, asset.folder.clone())),
            Kind::Dash | Kind::Hls => store.remove(&entry.found),
        }
    }
}

fn log(diff: &Diff) {
    for (what, names) in [
        ("asset added", &diff.added),
        ("asset removed", &diff.removed),
        ("asset changed", &diff.changed),
    ] {
        for name in names {
            tracing::info!(asset = name, "{what}");
        }
    }
}
