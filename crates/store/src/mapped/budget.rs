//! The table of mapped files: fixed size, read without a lock, second chance when it is full.

use std::{
    fs, io,
    path::Path,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwapOption;

use super::{
    file::Fault,
    mapping::{Fingerprint, Mapping},
    stem::Stems,
};

/// Most files the shared table holds, whatever the limits of the machine.
const MOST_FILES: usize = 16_384;

/// Which file a mapping is of: stem and number name it, the fingerprint says in which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) stem: u64,
    pub(super) number: u64,
    pub(super) fingerprint: Fingerprint,
}

/// A mapping and the file it is of.
#[derive(Debug)]
pub(super) struct Entry {
    owner: Owner,
    pub(super) mapping: Mapping,
}

#[derive(Debug, Default)]
struct Slot {
    entry: ArcSwapOption<Entry>,
    /// Set by use, cleared by the sweep: a slot found clear is evicted.
    used: AtomicBool,
}

/// How many files may be mapped at once, and which are. Slices outlive the eviction of their file,
/// so for moments there are as many mappings more as there are answers under way.
#[derive(Debug)]
pub struct MapBudget {
    slots: Box<[Slot]>,
    /// Where the sweep goes on. Its lock is held to map a file and never to read one.
    hand: Mutex<usize>,
    pub(super) stems: Stems,
}

impl MapBudget {
    /// Makes a table of at most `files` mapped files (at least one).
    pub fn new(files: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: (0..files.max(1)).map(|_| Slot::default()).collect(),
            hand: Mutex::new(0),
            stems: Stems::default(),
        })
    }

    /// Returns the table of this process, since its limits are the process's too: at most 16,384
    /// files, and half of what the kernel lets it map (`vm.max_map_count`) and open. The limit of
    /// open files is read at the first call, so a program that raises it does so before.
    pub fn shared() -> &'static Arc<Self> {
        static SHARED: OnceLock<Arc<MapBudget>> = OnceLock::new();
        SHARED.get_or_init(|| {
            let open_files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
            let mappings = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
            Self::new(allowed(open_files, mappings.as_deref()))
        })
    }

    /// Returns how many files are mapped.
    pub fn mapped(&self) -> usize {
        self.slots
            .iter()
            .filter(|slot| slot.entry.load().is_some())
            .count()
    }

    /// Returns what is in a slot, if it is `owner`'s. No lock, no allocation.
    pub(super) fn get(
        &self,
        slot: u32,
        owner: Owner,
    ) -> Option<arc_swap::Guard<Option<Arc<Entry>>>> {
        let slot = self.slots.get(slot as usize)?;
        let entry = slot.entry.load();
        if entry.as_ref().is_none_or(|entry| entry.owner != owner) {
            return None;
        }
        // A store only when needed keeps the line shared between processors.
        if !slot.used.load(Ordering::Relaxed) {
            slot.used.store(true, Ordering::Relaxed);
        }
        Some(entry)
    }

    /// Maps a file into a slot and returns the slot. `current` is asked under the lock, so that of
    /// two threads that miss at once the second finds the work done.
    pub(super) fn insert(
        &self,
        owner: Owner,
        path: &Path,
        current: impl FnOnce() -> u32,
        announce: impl FnOnce(u32),
    ) -> Result<Arc<Entry>, Fault> {
        // The hand is a plain position: there is nothing a panic could leave half done.
        let mut hand = self.hand.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.get(current(), owner);
        if let Some(entry) = known.as_deref().and_then(Option::as_ref) {
            return Ok(Arc::clone(entry));
        }
        let mapping = match Mapping::open(path, owner.fingerprint) {
            Err(Fault::Io(error)) if is_shortage(&error) => {
                for _ in 0..self.slots.len().div_ceil(4) {
                    self.sweep(&mut hand);
                }
                Mapping::open(path, owner.fingerprint)?
            }
            other => other?,
        };
        let entry = Arc::new(Entry { owner, mapping });
        let place = self.sweep(&mut hand);
        let slot = &self.slots[place];
        slot.entry.store(Some(Arc::clone(&entry)));
        slot.used.store(true, Ordering::Relaxed);
        announce(place as u32);
        Ok(entry)
    }

    /// Unmaps a file whose last user is gone or that has changed.
    pub(super) fn remove(&self, slot: u32, owner: Owner) {
        let _hand = self.hand.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = self.slots.get(slot as usize)
            && slot
                .entry
                .load()
                .as_ref()
                .is_some_and(|entry| entry.owner == owner)
        {
            slot.entry.store(None);
            slot.used.store(false, Ordering::Relaxed);
        }
    }

    /// Empties the next slot that is free or was not used since the hand last passed.
    fn sweep(&self, hand: &mut usize) -> usize {
        loop {
            let place = *hand;
            *hand = (place + 1) % self.slots.len();
            let slot = &self.slots[place];
            if slot.entry.load().is_none() {
                return place;
            }
            if !slot.used.swap(false, Ordering::Relaxed) {
                slot.entry.store(None);
                return place;
            }
        }
    }
}

/// Tells whether the process is out of descriptors or mappings, which evicting cures.
fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM)
    )
}

/// Computes the size of the shared table from the limit of open files (none: unlimited) and the
/// text of `vm.max_map_count`.
fn allowed(open_files: Option<u64>, mappings: Option<&str>) -> usize {
    let half = |limit: u64| usize::try_from(limit / 2).unwrap_or(MOST_FILES);
    let by_files = open_files.map_or(MOST_FILES, half);
    let by_mappings = mappings
        .and_then(|text| text.trim().parse().ok())
        .map_or(MOST_FILES, half);
    MOST_FILES.min(by_files).min(by_mappings).max(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stays_below_the_limits_of_the_process() {
        for (files, mappings, expected) in [
            (Some(1024), Some("65530\n"), 512),
            (Some(1 << 20), Some("65530\n"), 16_384),
            (Some(1 << 20), Some("1000"), 500),
            (None, None, 16_384),
            (Some(3), Some("nonsense"), 16),
        ] {
            assert_eq!(allowed(files, mappings), expected);
        }
    }
}
