//! What the tasks of a channel and its handles share.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use media::presentation::UtcTiming;
use process::{Ffmpeg, supervise::Pulse};
use tokio::sync::Notify;

use super::{Clock, past::Past, place::Place, tape::Tape};
use crate::{
    events::{Alarms, Hub, What},
    input::{Facilities, Input, Source},
    job::{Job, Planned},
};

/// What a channel needs of the program that it is part of.
#[derive(Clone)]
pub struct Deps {
    /// Encodes and looks into sources.
    pub ffmpeg: Ffmpeg,
    /// What the test source can draw.
    pub facilities: Facilities,
    /// How many threads may work at once, see [`process::host::Host::parallelism`].
    pub processors: u32,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where channels keep what goes on over a restart of the program, each in a folder of its own
    /// name; a job may name another place. Without any, channels live in memory.
    pub folder: Option<PathBuf>,
    /// Clocks that players are told of.
    pub utc_timing: Vec<UtcTiming>,
    /// Where the jitter of delays begins.
    pub seed: u64,
}

/// What is there once a channel has been planned.
pub(super) struct Stage {
    pub(super) epoch_ms: i64,
    pub(super) planned: Planned,
    pub(super) tape: Tape,
}

pub(super) struct Shared {
    pub(super) name: String,
    pub(super) job: Job,
    pub(super) inputs: Vec<(Input, Source)>,
    pub(super) sources: Vec<Source>,
    pub(super) deps: Deps,
    pub(super) hub: Hub,
    /// The folder of this channel.
    pub(super) folder: Option<PathBuf>,
    /// The folder of its pipes, which are there during a run. Held by `place`.
    pub(super) pipes: PathBuf,
    /// Bytes left on the disk of the folder; all ones before it was looked at.
    pub(super) disk: AtomicU64,
    /// Whether nothing is written for want of room.
    pub(super) is_disk_low: AtomicBool,
    /// Held against others while the channel lives.
    place: Mutex<Option<Place>>,
    pub(super) stage: ArcSwapOption<Stage>,
    /// What is shown before there is a stage.
    pub(super) past: ArcSwapOption<Past>,
    /// The counters of the run under way.
    pulse: Mutex<Option<Arc<Pulse>>>,
    /// Notified when the output can be looked at for the first time.
    pub(super) verify: Notify,
    /// What was found wrong with the output; `None` until it was looked at.
    pub(super) faults: Mutex<Option<Vec<String>>>,
    /// What is wrong besides the encoder.
    alarms: Mutex<Alarms>,
}

impl Shared {
    pub(super) fn new(job: Job, inputs: Vec<(Input, Source)>, deps: Deps, place: Place) -> Self {
        Self {
            name: job.what.name.clone(),
            hub: Hub::new(&job.what.name),
            sources: inputs.iter().map(|(_, source)| source.clone()).collect(),
            job,
            inputs,
            deps,
            folder: place.folder.clone(),
            pipes: place.pipes.path().to_owned(),
            disk: AtomicU64::new(u64::MAX),
            is_disk_low: AtomicBool::new(false),
            place: Mutex::new(Some(place)),
            stage: ArcSwapOption::empty(),
            past: ArcSwapOption::empty(),
            pulse: Mutex::default(),
            verify: Notify::new(),
            faults: Mutex::default(),
            alarms: Mutex::default(),
        }
    }

    /// Tells whether media comes no faster than it plays: one source that is paced holds up the others.
    pub(super) fn is_paced(&self) -> bool {
        self.sources.iter().any(Source::is_paced)
    }

    /// Returns where the channel keeps what lets it go on over a restart. A timeline that runs ahead of
    /// the clock is nothing to go on from.
    pub(super) fn lasting_folder(&self) -> Option<&Path> {
        self.folder.as_deref().filter(|_| self.is_paced())
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.deps.clock.now_ms()
    }

    pub(super) fn announce(&self, what: What) {
        self.alarms().note(&what);
        self.hub.announce(self.now_ms(), what);
    }

    /// Lets another channel have the folder.
    pub(super) fn release(&self) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        *place = None;
    }

    pub(super) fn disk_free(&self) -> Option<u64> {
        Some(self.disk.load(Ordering::Relaxed)).filter(|free| *free < u64::MAX)
    }

    pub(super) fn pulse(&self) -> MutexGuard<'_, Option<Arc<Pulse>>> {
        // One plain value.
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn alarms(&self) -> MutexGuard<'_, Alarms> {
        // Changed by one event at a time, each as a whole.
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Option<Vec<String>>> {
        // One plain value.
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
