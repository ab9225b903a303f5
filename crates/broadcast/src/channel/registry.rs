//! All channels of a server.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Channel, Deps, Handle, StartError};
use crate::job::Job;

/// Channels by name.
#[derive(Default)]
pub struct Channels {
    channels: Mutex<BTreeMap<String, Handle>>,
}

impl Channels {
    /// Makes an empty register.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a channel, see [`Channel::start`]. One of the same name must be over.
    pub fn start(&self, job: Job, deps: Deps) -> Result<Handle, StartError> {
        let mut channels = self.lock();
        let name = job.what.name.clone();
        if channels.get(&name).is_some_and(|it| it.outcome().is_none()) {
            return Err(StartError::Twice(name));
        }
        let handle = Channel::start(job, deps)?;
        channels.insert(name, handle.clone());
        Ok(handle)
    }

    /// Returns a channel, also when it is over.
    pub fn get(&self, name: &str) -> Option<Handle> {
        self.lock().get(name).cloned()
    }

    /// Returns all channels by their names, also those that are over.
    pub fn list(&self) -> Vec<Handle> {
        self.lock().values().cloned().collect()
    }

    /// Forgets a channel, and stops it at once if it runs.
    pub fn remove(&self, name: &str) -> Option<Handle> {
        self.lock().remove(name).inspect(Handle::kill)
    }

    /// Suspends all channels ([`Handle::suspend`]) and waits until they are over.
    pub async fn shut_down(&self) {
        let channels = self.list();
        channels.iter().for_each(Handle::suspend);
        for channel in channels {
            channel.over().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Handle>> {
        // Whole handles are put in and taken out.
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
