//! What looks after a channel beside its encoder: whether the output is right, and whether there is
//! room on the disk.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use process::supervise::{Class, Reason};

use super::{shared::Shared, verify};
use crate::{events::What, job::Verify, room::Room};

/// How often the output is looked at until it is there.
const LOOK: Duration = Duration::from_millis(500);

/// How often the room on the disk is looked at.
const DISK: Duration = Duration::from_secs(10);

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
    let mut room = Room::of(folder);
    loop {
        ticks.tick().await;
        let looked = tokio::task::spawn_blocking(move || {
            let change = room.look();
            (room, change)
        });
        let Ok((looked, change)) = looked.await else {
            return;
        };
        room = looked;
        if let Some(free) = room.free() {
            shared.disk.store(free, Ordering::Relaxed);
        }
        let Some(change) = change else {
            continue;
        };
        let is_low = room.is_low();
        shared.is_disk_low.store(is_low, Ordering::Relaxed);
        if let Some(stage) = shared.stage.load_full() {
            stage.tape.window.pause(is_low);
        }
        shared.announce(change);
    }
}
