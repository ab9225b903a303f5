//! When a source is started and when it is ended: by who needs it, and by its mode.

use std::sync::Arc;

use process::supervise::Supervisor;

use super::{runner::Runner, source::Shared};
use crate::config::Mode;

/// Keeps a source until there will be no more users and its processes have ended.
pub(super) async fn keep(shared: Arc<Shared>, mut supervisor: Supervisor<Runner>) {
    let mut closing = shared.demand.subscribe();
    let supervised = async {
        loop {
            supervisor.run().await;
            if shared.demand.borrow().closing {
                return;
            }
        }
    };
    let closed = async {
        // The sender lives as long as what is kept.
        let _ = closing.wait_for(|demand| demand.closing).await;
        loop {
            let at_rest = shared
                .handle
                .get()
                .is_none_or(|handle| handle.status(super::now()).state.is_at_rest());
            if at_rest {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = supervised => {}
        () = closed => {}
        () = watch(&shared) => {}
    }
}

/// Starts and ends a source as its users come and go. Never returns.
async fn watch(shared: &Shared) {
    let mut demand = shared.demand.subscribe();
    let mut seen = 0;
    let mut is_wished = false;
    let mut was_stopped = false;
    let Some(handle) = shared.handle.get() else {
        return std::future::pending().await;
    };
    if shared.setup.mode == Mode::Autostart {
        handle.start();
    }
    loop {
        let present = *demand.borrow_and_update();
        if present.closing {
            return std::future::pending().await;
        }
        // Also for one whose run came to its end while others were still taking it in.
        if present.arrivals != seen {
            seen = present.arrivals;
            is_wished = true;
            if std::mem::take(&mut was_stopped) {
                // The run that is ending, or does not know yet that it is, writes to a ring that
                // nobody joins any more.
                handle.again();
            } else {
                handle.start();
            }
        }
        let linger = shared.setup.mode.linger();
        match linger.filter(|_| is_wished && present.users == 0) {
            Some(linger) => tokio::select! {
                // Whoever comes stops the clock.
                _ = demand.changed() => {}
                () = tokio::time::sleep(linger) => {
                    if shared.retire() {
                        is_wished = false;
                        was_stopped = true;
                        handle.stop();
                    }
                }
            },
            None => {
                // The sender lives as long as what is kept.
                let _ = demand.changed().await;
            }
        }
    }
}
