//! What the machine has free for tasks.

use std::path::{Path, PathBuf};

use process::host;

use crate::engine::Needs;

/// Share of the memory that tasks may plan with, in percent; the rest is for the system and us.
const MEMORY_PERCENT: u64 = 85;

/// Small tasks that may run beside what keeps all threads busy.
const PLACES: u32 = 1;

/// Disk that is left to others, in bytes.
const SPARE_DISK: u64 = 256 << 20;

/// What there is: in all, and now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// What may be planned with, whatever runs.
    pub total: Needs,
    /// What is free at this moment.
    pub now: Needs,
}

impl Capacity {
    /// Returns what is free beside tasks with these needs: neither planned for them nor taken by
    /// anybody.
    pub(super) fn beside(&self, running: impl Iterator<Item = Needs>) -> Needs {
        let mut free = self.total;
        for needs in running {
            free.threads = free.threads.saturating_sub(needs.threads);
            free.places = free.places.saturating_sub(needs.places);
            free.memory = free.memory.saturating_sub(needs.memory);
            free.disk = free.disk.saturating_sub(needs.disk);
        }
        Needs {
            threads: free.threads.min(self.now.threads),
            places: free.places.min(self.now.places),
            memory: free.memory.min(self.now.memory),
            disk: free.disk.min(self.now.disk),
        }
    }
}

/// This machine, with the folder that tasks write to.
#[derive(Clone, Debug)]
pub struct Machine {
    threads: u32,
    folder: PathBuf,
}

impl Machine {
    /// Looks at this machine. `threads` says how many may work at once; unless it is given, as many
    /// as we may use. Tasks write to `folder`.
    pub fn new(threads: Option<u32>, folder: PathBuf) -> Self {
        let own = || host::read(Path::new("/")).parallelism();
        Self {
            threads: threads.unwrap_or_else(own).max(1),
            folder,
        }
    }

    /// Returns how many threads may work at once.
    pub fn threads(&self) -> u32 {
        self.threads
    }

    /// Measures what is free. What cannot be measured does not limit.
    pub fn capacity(&self) -> Capacity {
        let host = host::read(Path::new("/"));
        let memory = host.usable_memory().unwrap_or(u64::MAX);
        let disk = rustix::fs::statvfs(&self.folder).map_or(u64::MAX, |it| {
            (it.f_bavail * it.f_frsize).saturating_sub(SPARE_DISK)
        });
        let total = Needs {
            threads: self.threads,
            places: PLACES,
            memory: memory / 100 * MEMORY_PERCENT,
            disk,
        };
        let now = Needs {
            memory: host.available_memory.unwrap_or(u64::MAX),
            ..total
        };
        Capacity { total, now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(threads: u32, memory: u64, disk: u64) -> Needs {
        Needs {
            threads,
            memory,
            disk,
            ..Needs::default()
        }
    }

    #[test]
    fn what_is_planned_and_what_is_taken_both_count() {
        let capacity = Capacity {
            total: needs(4, 100, 1000),
            now: needs(4, 30, 1000),
        };
        let running = [needs(1, 20, 100), needs(2, 60, 0)];
        assert_eq!(capacity.beside(running.into_iter()), needs(1, 20, 900));
        assert_eq!(capacity.beside([].into_iter()), needs(4, 30, 1000));
        let more = [needs(9, 900, 0)];
        assert_eq!(capacity.beside(more.into_iter()), needs(0, 0, 1000));
        let small = Needs {
            places: 1,
            ..Needs::default()
        };
        let machine = Machine::new(Some(1), "/".into()).capacity();
        assert!(small.fits(&machine.beside([needs(1, 0, 0)].into_iter())));
        assert!(!small.fits(&machine.beside([small].into_iter())));
    }

    #[test]
    fn this_machine_has_something_free() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::new(None, folder.path().to_path_buf());
        let capacity = machine.capacity();
        assert!(machine.threads() > 0 && capacity.total.memory > 0 && capacity.now.memory > 0);
        assert_eq!(Machine::new(Some(3), "/".into()).threads(), 3);
    }
}
