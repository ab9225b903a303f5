//! What looks after a channel beside its encoder: whether the output is right, and whether there is
//! room on the disk.

use std::{path::Path, sync::Arc, sync::atomic::Ordering, time::Duration};

use process::supervise::{Class, Reason};

use super::{shared::Shared, verify};
use crate::{events::What, job::Verify};

/// How often the output is looked at until it is there.
const LOOK: Duration = Duration::from_millis(500);

/// How often the room on the disk is looked at.
const DISK: Duration = Duration::from_secs(10);

/// With less room than this on its disk a channel writes nothing more.
const LEAST_FREE: u64 = 256 << 20;

/// With this much room it writes again.
const FREE_AGAIN: u64 = 512 << 20;

/// Looks at the output once it should be there.
pub(super) async fn verify(shared: Arc<Shared>) {
    let mode = shared.job.runtime.verify;
    if mode == Verify::Off {
        return;
    }
    shared.verify.notified().await;
    let limit = shared.job.runtime.verify_timeout.0;
    let deadline = tokio::time::Instant::now() + limit;
    let faults = loop {
        let Some(stage) = shared.stage.load_full() else {
            return;
        };
        let (planned, window) = (&stage.planned, &stage.tape.window);
        if let Some(faults) = verify::check(planned, window, shared.now_ms()) {
            break faults;
        }
        if tokio::time::Instant::now() >= deadline {
            break verify::missing(planned, window, shared.now_ms());
        }
        tokio::time::sleep(LOOK).await;
    };
    *shared.faults() = Some(faults.clone());
    if mode == Verify::Require
        && !faults.is_empty()
        && let Some(pulse) = shared.pulse().as_ref()
    {
        let text = format!("the output is not as it should be: {}", faults.join("; "));
        pulse.fail(Reason::new(Class::Output, text).permanent());
    }
    shared.announce(What::Verified { faults });
}

/// Looks at the room on the disk of the channel's folder.
pub(super) async fn disk(shared: Arc<Shared>) {
    let Some(folder) = shared.folder.clone() else {
        return;
    };
    let mut ticks = tokio::time::interval(DISK);
    let mut is_low = false;
    loop {
        ticks.tick().await;
        let at = folder.clone();
        let Ok(Some(free)) = tokio::task::spawn_blocking(move || free_bytes(&at)).await else {
            continue;
        };
        shared.disk.store(free, Ordering::Relaxed);
        let path = folder.display().to_string();
        let what = match (is_low, free) {
            (false, ..LEAST_FREE) => What::DiskLow {
                path,
                free_bytes: free,
            },
            (true, FREE_AGAIN..) => What::DiskRecovered {
                path,
                free_bytes: free,
            },
            _ => continue,
        };
        is_low = !is_low;
        shared.is_disk_low.store(is_low, Ordering::Relaxed);
        if let Some(stage) = shared.stage.load_full() {
            stage.tape.window.pause(is_low);
        }
        shared.announce(what);
    }
}

/// Returns how much an ordinary user may still write.
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_of_a_folder_has_a_size() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(folder.path()).is_some());
        assert_eq!(free_bytes(&folder.path().join("absent")), None);
    }
}
