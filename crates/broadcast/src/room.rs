//! Room on a disk, looked at now and then, with a distance between too little and enough again.

use std::path::{Path, PathBuf};

use crate::events::What;

/// With less room than this on a disk nothing more is written to it.
const LEAST_FREE: u64 = 256 << 20;

/// With this much room it is written to again.
const FREE_AGAIN: u64 = 512 << 20;

/// The room on the disk of a folder.
#[derive(Debug)]
pub(crate) struct Room {
    folder: PathBuf,
    free: Option<u64>,
    is_low: bool,
}

impl Room {
    /// Makes one that was not looked at yet.
    pub(crate) fn of(folder: PathBuf) -> Self {
        Self {
            folder,
            free: None,
            is_low: false,
        }
    }

    /// Looks; returns what has changed. Blocks on the disk.
    pub(crate) fn look(&mut self) -> Option<What> {
        let free = free_bytes(&self.folder)?;
        self.take(free)
    }

    fn take(&mut self, free: u64) -> Option<What> {
        self.free = Some(free);
        let path = self.folder.display().to_string();
        let free_bytes = free;
        let change = match (self.is_low, free) {
            (false, ..LEAST_FREE) => What::DiskLow { path, free_bytes },
            (true, FREE_AGAIN..) => What::DiskRecovered { path, free_bytes },
            _ => return None,
        };
        self.is_low = !self.is_low;
        Some(change)
    }

    /// Tells whether nothing is to be written.
    pub(crate) fn is_low(&self) -> bool {
        self.is_low
    }

    /// Returns the bytes that were free at the last look.
    pub(crate) fn free(&self) -> Option<u64> {
        self.free
    }
}

/// Returns how much an ordinary user may still write below a folder that need not be there yet.
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = folder
        .ancestors()
        .find_map(|folder| rustix::fs::statvfs(folder).ok())?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_of_a_folder_has_a_size() {
        let folder = tempfile::tempdir().unwrap();
        let free = free_bytes(folder.path());
        assert!(free.is_some());
        assert!(free_bytes(&folder.path().join("not/yet")).is_some());
    }

    #[test]
    fn little_room_is_told_once_and_so_is_enough() {
        let mut room = Room::of("/srv".into());
        let mut told = Vec::new();
        for mebi in [900, 256, 255, 100, 400, 511, 512, 300, 200] {
            let change = room.take(mebi << 20).map(|what| what.name());
            told.push((change, room.is_low()));
        }
        let low = Some("disk-low");
        let enough = Some("disk-recovered");
        assert_eq!(
            told,
            [
                (None, false),
                (None, false),
                (low, true),
                (None, true),
                (None, true),
                (None, true),
                (enough, false),
                (None, false),
                (low, true),
            ]
        );
    }
}
