//! Follows changes: a cheap look every now and then, a scan when something looks different, and
//! imports beside it.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use store::mapped::modified_ns;

use super::{
    Catalogue, Import,
    entry::{self, Entry, State},
};
use crate::{
    Error,
    importer::{ImportError, Progress, Watcher},
    scan::Found,
    stamp::Stamp,
};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(1500);
/// A scan is due after so many looks even if nothing looks different: segments that were written
/// over in place show only there.
const SCAN_EVERY: u32 = 20;
/// How long the importing thread sleeps at most before it looks whether to stop.
const IMPORT_PATIENCE: Duration = Duration::from_secs(1);

impl Catalogue {
    /// Follows changes and runs imports until `pause` says to stop: it sleeps for about the time it
    /// is given and returns whether to go on. Blocks; meant for a thread of its own.
    pub fn watch(&self, pause: &mut dyn FnMut(Duration) -> bool) {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| self.import_until(&stop));
            let mut looks = 0;
            while pause(LOOK_EVERY) {
                looks += 1;
                if looks < SCAN_EVERY && self.looks_current() {
                    continue;
                }
                looks = 0;
                if let Err(error) = self.rescan() {
                    tracing::warn!(%error, "root cannot be read");
                }
            }
            stop.store(true, Ordering::Relaxed);
            self.work.notify_all();
        });
    }

    /// Tells whether all looks as it did at the last scan: asks for the times of folders and of
    /// manifests, and looks closer at what is broken or waits.
    pub fn looks_current(&self) -> bool {
        let known = self.known();
        let folders = known.folders.iter().all(|(path, modified)| {
            std::fs::metadata(path).is_ok_and(|metadata| modified_ns(&metadata) == *modified)
        });
        folders && known.entries.values().all(|entry| entry.looks_current())
    }

    /// Runs all waiting imports, one after the other, until none is left or `stop` is set. Returns
    /// how many there were.
    pub fn import_waiting(&self, stop: &AtomicBool) -> usize {
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) && self.import_one(stop) {
            count += 1;
        }
        count
    }

    fn import_until(&self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            if self.import_waiting(stop) > 0 {
                continue;
            }
            let known = self.known();
            drop(
                self.work
                    .wait_timeout(known, IMPORT_PATIENCE)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
    }

    /// Runs the first waiting import; false when there is none.
    fn import_one(&self, stop: &AtomicBool) -> bool {
        let Some(importer) = &self.options.importer else {
            return false;
        };
        let Some((found, stamp)) = self.begin_import() else {
            return false;
        };
        let source = found.main_file();
        tracing::info!(asset = found.name, source = %source.display(), "import begins");
        let watcher = ImportWatcher {
            catalogue: self,
            stop,
        };
        let made = importer.import(&source, &watcher);
        let stopped = made.as_ref().is_err_and(|error| error.stopped);
        let folder = made.map_err(|ImportError { reason, .. }| Error::Unsupported {
            path: source,
            reason: format!("import failed: {reason}"),
        });
        let entry = if stopped {
            Entry {
                found,
                state: State::Waiting {
                    stamp,
                    settled: true,
                },
            }
        } else {
            entry::take_import(found, stamp, folder, self.store.as_ref())
        };
        if let Some(problem) = entry.problem() {
            let file = problem.file.display();
            tracing::warn!(asset = problem.name, %file, reason = problem.reason, "not imported");
        }
        let _alone = self.change();
        let mut known = self.known();
        known.importing = None;
        let name = entry.found.name.clone();
        // If the file went away meanwhile, a scan has taken the entry out.
        if let Some(place) = known.entries.get_mut(&name) {
            *place = Arc::new(entry);
        }
        self.publish(&known);
        !stopped
    }

    /// Marks the first import that is ready as running.
    fn begin_import(&self) -> Option<(Found, Stamp)> {
        let _alone = self.change();
        let mut known = self.known();
        let (found, stamp) = known.entries.values().find_map(|entry| match entry.state {
            State::Waiting {
                stamp,
                settled: true,
            } => Some((entry.found.clone(), stamp)),
            _ => None,
        })?;
        let running = Entry {
            found: found.clone(),
            state: State::Importing,
        };
        known.entries.insert(found.name.clone(), Arc::new(running));
        known.importing = Some(Import {
            name: found.name.clone(),
            source: found.main_file(),
            progress: Some(Progress::default()),
        });
        Some((found, stamp))
    }
}

struct ImportWatcher<'a> {
    catalogue: &'a Catalogue,
    stop: &'a AtomicBool,
}

impl Watcher for ImportWatcher<'_> {
    fn progress(&self, progress: Progress) {
        if let Some(import) = &mut self.catalogue.known().importing {
            import.progress = Some(progress);
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
