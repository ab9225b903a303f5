//! All assets below some roots, kept current.
//!
//! Readers take snapshots without waiting. One scan runs at a time: it walks the roots, keeps what
//! has not changed, and loads the rest on a few threads. Imports of plain media files run one after
//! the other, beside it, since ffmpeg uses all there is of a machine anyway.

mod entry;
mod scanner;
mod watch;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;

use crate::{
    Error,
    importer::{Importer, Progress},
    index::{self, Store},
    model::Asset,
    scan::Scan,
};
use entry::Entry;

/// Where content is and how it is treated.
#[derive(Clone, Default)]
pub struct Options {
    /// Folders to scan, or single media files.
    pub roots: Vec<PathBuf>,
    /// Folder of the index cache; none for `$XDG_CACHE_HOME/headend/index` or
    /// `~/.cache/headend/index`.
    pub cache_dir: Option<PathBuf>,
    /// Brings plain media files to CMAF; none to leave them out.
    pub importer: Option<Arc<dyn Importer>>,
}

/// Content that is not served, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The name it would have.
    pub name: String,
    /// The file at fault.
    pub file: PathBuf,
    /// What is wrong.
    pub reason: String,
    /// Whether parts are missing or cut off, so that it may be on its way; it is tried again as
    /// soon as its files change.
    pub incomplete: bool,
}

/// A running or waiting import.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Import {
    /// The name that the asset will have.
    pub name: String,
    /// The media file.
    pub source: PathBuf,
    /// How far it is; none while it waits.
    pub progress: Option<Progress>,
}

/// What a scan changed, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Diff {
    /// New assets.
    pub added: Vec<String>,
    /// Assets that are no longer there.
    pub removed: Vec<String>,
    /// Assets whose content is another.
    pub changed: Vec<String>,
}

impl Diff {
    /// Tells whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// The assets below the roots. Readers never wait: they see the last finished scan.
pub struct Catalogue {
    options: Options,
    store: Option<Store>,
    snapshot: ArcSwap<Snapshot>,
    known: Mutex<Known>,
    /// Tells the importing thread that there may be work.
    work: Condvar,
    /// Held by whoever replaces entries: the scan that runs, an import that begins or ends.
    changing: Mutex<()>,
}

/// What readers see.
#[derive(Default)]
struct Snapshot {
    /// By ascending name.
    assets: Arc<[Arc<Asset>]>,
    problems: Arc<[Problem]>,
    generation: u64,
}

/// What scans remember.
#[derive(Default)]
struct Known {
    entries: BTreeMap<String, Arc<Entry>>,
    /// What a walk found wrong by itself.
    scan_problems: Vec<Problem>,
    /// Folders with their modification times at the last walk.
    folders: Vec<(PathBuf, i64)>,
    importing: Option<Import>,
}

impl Catalogue {
    /// Scans the roots and loads all that needs no import. Fails only when a root cannot be read;
    /// bad content becomes a [`Problem`].
    pub fn open(options: Options) -> Result<Self, Error> {
        let folder = options.cache_dir.clone().or_else(index::default_folder);
        let catalogue = Self {
            store: folder.map(Store::new),
            ..Self::empty(options)
        };
        let scan = catalogue.walk()?;
        catalogue.take_in(scan, true);
        Ok(catalogue)
    }

    /// Makes a catalogue of these assets that never changes.
    pub fn of(mut assets: Vec<Asset>) -> Self {
        assets.sort_by(|a, b| a.name.cmp(&b.name));
        let catalogue = Self::empty(Options::default());
        catalogue.snapshot.store(Arc::new(Snapshot {
            assets: assets.into_iter().map(Arc::new).collect(),
            ..Snapshot::default()
        }));
        catalogue
    }

    fn empty(options: Options) -> Self {
        Self {
            options,
            store: None,
            snapshot: ArcSwap::default(),
            known: Mutex::default(),
            work: Condvar::new(),
            changing: Mutex::default(),
        }
    }

    /// Returns the asset of this name.
    pub fn get(&self, name: &str) -> Option<Arc<Asset>> {
        self.snapshot.load().get(name)
    }

    /// Returns the asset whose name is the longest run of leading components of `path`, and the
    /// rest of the path without a leading `/`.
    pub fn find_longest<'p>(&self, path: &'p str) -> Option<(Arc<Asset>, &'p str)> {
        let snapshot = self.snapshot.load();
        let mut end = path.len();
        loop {
            let (name, rest) = path.split_at(end);
            if let Some(asset) = snapshot.get(name) {
                return Some((asset, rest.strip_prefix('/').unwrap_or(rest)));
            }
            end = name.rfind('/')?;
        }
    }

    /// Returns all assets by ascending name.
    pub fn all(&self) -> Arc<[Arc<Asset>]> {
        Arc::clone(&self.snapshot.load().assets)
    }

    /// Returns a number that grows whenever the set of assets or problems changes.
    pub fn generation(&self) -> u64 {
        self.snapshot.load().generation
    }

    /// Returns the content that is not served, by ascending name.
    pub fn problems(&self) -> Arc<[Problem]> {
        Arc::clone(&self.snapshot.load().problems)
    }

    /// Returns the running import, if any, and then the waiting ones by ascending name.
    pub fn importing(&self) -> Vec<Import> {
        let known = self.known();
        let waiting = known.entries.values().filter_map(|entry| entry.waiting());
        known.importing.iter().cloned().chain(waiting).collect()
    }

    /// Walks the roots again, loads what is new or changed, and lets go of what is no longer there.
    pub fn rescan(&self) -> Result<Diff, Error> {
        let _alone = self.change();
        let scan = self.walk()?;
        Ok(self.take_in(scan, false))
    }

    fn walk(&self) -> Result<Scan, Error> {
        let scans: Result<Vec<Scan>, Error> = self
            .options
            .roots
            .iter()
            .map(|root| crate::scan::scan(root))
            .collect();
        Ok(Scan::join(scans?))
    }

    /// Waits to be the only one that replaces entries.
    fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change under the lock is a whole one, so a poisoned lock holds good data.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows readers what is known now. Returns what changed for them.
    fn publish(&self, known: &Known) -> Diff {
        let before = self.snapshot.load_full();
        let assets: Arc<[Arc<Asset>]> = known
            .entries
            .values()
            .filter_map(|entry| entry.asset())
            .map(Arc::clone)
            .collect();
        let mut problems: Vec<Problem> = known.scan_problems.clone();
        let of_entries = known.entries.values().filter_map(|entry| entry.problem());
        problems.extend(of_entries.cloned());
        problems.sort_by(|a, b| (&a.name, &a.file).cmp(&(&b.name, &b.file)));
        let diff = diff(&before.assets, &assets);
        if !diff.is_empty() || *before.problems != *problems {
            self.snapshot.store(Arc::new(Snapshot {
                assets,
                problems: problems.into(),
                generation: before.generation + 1,
            }));
        }
        diff
    }
}

impl Snapshot {
    fn get(&self, name: &str) -> Option<Arc<Asset>> {
        let at = self
            .assets
            .binary_search_by(|asset| asset.name.as_str().cmp(name))
            .ok()?;
        self.assets.get(at).map(Arc::clone)
    }
}

/// Compares two lists by ascending name.
fn diff(before: &[Arc<Asset>], after: &[Arc<Asset>]) -> Diff {
    let mut diff = Diff::default();
    let old: BTreeMap<&str, &Arc<Asset>> = by_name(before);
    let new: BTreeMap<&str, &Arc<Asset>> = by_name(after);
    for (name, asset) in &new {
        match old.get(name) {
            None => diff.added.push((*name).to_owned()),
            Some(was) if !Arc::ptr_eq(was, asset) => diff.changed.push((*name).to_owned()),
            Some(_) => {}
        }
    }
    diff.removed = old
        .keys()
        .filter(|name| !new.contains_key(*name))
        .map(|name| (*name).to_owned())
        .collect();
    diff
}

fn by_name(assets: &[Arc<Asset>]) -> BTreeMap<&str, &Arc<Asset>> {
    assets
        .iter()
        .map(|asset| (asset.name.as_str(), asset))
        .collect()
}
