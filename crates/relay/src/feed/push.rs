//! Bytes that clients send us: one publisher at a time.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::watch;

use super::{
    Source,
    outlet::Outlet,
    source::{Shared, lock},
};

/// Why nobody may publish now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushRefused {
    /// Somebody else does (409).
    #[error("somebody else publishes into this feed")]
    Taken,
    /// The server stops (503).
    #[error("the server stops")]
    Closing,
}

/// The place of the one publisher of a feed.
#[derive(Default)]
pub(super) struct Podium {
    present: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    /// Dropped, or sent to, when its owner has to go.
    owner: Option<watch::Sender<bool>>,
    /// Counts publishers.
    number: u64,
    /// The way to the ring, between two of them.
    outlet: Option<Outlet>,
}

/// A publication that goes on until it is dropped.
pub struct Publishing {
    shared: Arc<Shared>,
    number: u64,
    outlet: Option<Outlet>,
    ousted: watch::Receiver<bool>,
}

impl Source {
    /// Begins to publish into this feed; with `replace`, in the place of whoever does.
    ///
    /// # Errors
    /// When somebody else does, or the server stops.
    pub fn publish(&self, replace: bool) -> Result<Publishing, PushRefused> {
        let shared = &self.shared;
        if shared.demand.borrow().closing {
            return Err(PushRefused::Closing);
        }
        let mut present = lock(&shared.podium.present);
        if let Some(owner) = &present.owner {
            if !replace {
                return Err(PushRefused::Taken);
            }
            owner.send_replace(true);
        }
        let (owner, ousted) = watch::channel(false);
        present.owner = Some(owner);
        present.number += 1;
        let outlet = present.outlet.take().and_then(Outlet::again);
        Ok(Publishing {
            shared: Arc::clone(shared),
            number: present.number,
            outlet: Some(outlet.unwrap_or_else(|| Outlet::open(shared))),
            ousted,
        })
    }

    /// Tells whether somebody publishes into this feed.
    pub fn is_published(&self) -> bool {
        lock(&self.shared.podium.present).owner.is_some()
    }
}

impl Publishing {
    /// Takes bytes.
    pub fn take(&mut self, bytes: &Bytes) {
        if let Some(outlet) = &mut self.outlet {
            outlet.take(bytes);
        }
    }

    /// Takes the end of what is published: all that came reaches the viewers, then their answers
    /// end. Dropped without it, viewers of containers that synchronise themselves wait for the next
    /// publisher.
    pub fn finish(mut self) {
        if let Some(mut outlet) = self.outlet.take() {
            outlet.end_of_run();
            outlet.finish();
        }
    }

    /// Waits until this publication has to end: another takes its place, or the server stops.
    pub async fn ousted(&mut self) {
        let mut demand = self.shared.demand.subscribe();
        tokio::select! {
            // Either answer says that it is over.
            _ = self.ousted.wait_for(|is_ousted| *is_ousted) => {}
            _ = demand.wait_for(|demand| demand.closing) => {}
        }
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        let outlet = self.outlet.take().map(|mut outlet| {
            outlet.end_of_run();
            outlet
        });
        let mut present = lock(&self.shared.podium.present);
        if present.number == self.number {
            present.owner = None;
            present.outlet = outlet;
        }
    }
}
