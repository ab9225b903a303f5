//! The channels of this process: started by name, shown, told to stop or to begin again.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use broadcast::{
    channel::{Channels, Deps, Handle, StartError},
    job::Job,
};
use media::presentation::UtcTiming;
use process::supervise::State;

use super::Toolbox;
use crate::clock::Clock;

/// Between two looks at a channel that is to end.
const LOOK: Duration = Duration::from_millis(50);

/// All channels, also those that are over.
#[derive(Default)]
pub(crate) struct Running {
    channels: Channels,
    /// What channels need; absent where there are none.
    deps: Option<Deps>,
    /// Names of those that were seen to run or to have failed.
    settled: Mutex<BTreeSet<String>>,
}

/// What may be asked of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// To run.
    Start,
    /// To be at rest.
    Stop,
    /// To begin a new run.
    Restart,
}

impl Running {
    /// Makes ready for channels whose state is kept below `folder`, or nowhere.
    pub(crate) fn new(tools: Toolbox, folder: Option<PathBuf>, clock: Clock) -> Self {
        let deps = Deps {
            ffmpeg: tools.ffmpeg,
            facilities: tools.facilities,
            processors: process::host::read(Path::new("/")).parallelism(),
            clock: Arc::new(move || clock.now_ms()),
            folder,
            utc_timing: vec![UtcTiming {
                scheme: "urn:mpeg:dash:utc:http-xsdate:2014".to_owned(),
                value: "/time".to_owned(),
            }],
            seed: clock.now_ms().unsigned_abs(),
        };
        Self {
            deps: Some(deps),
            ..Self::default()
        }
    }

    /// Starts a channel. Its source comes to be known later.
    ///
    /// # Panics
    /// When called outside of a tokio runtime.
    pub(crate) fn start(&self, job: Job) -> Result<Handle, StartError> {
        let Some(deps) = &self.deps else {
            return Err(StartError::Twice(job.what.name));
        };
        self.channels.start(job, deps.clone())
    }

    /// Returns a channel.
    pub(crate) fn get(&self, name: &str) -> Option<Handle> {
        self.channels.get(name)
    }

    /// Returns all channels by name.
    pub(crate) fn list(&self) -> Vec<Handle> {
        self.channels.list()
    }

    /// Tells a channel what is wanted of it. One that is over is started anew with the same job, as a
    /// new timeline or where its state says.
    ///
    /// # Panics
    /// When called outside of a tokio runtime.
    pub(crate) fn order(&self, channel: &Handle, order: Order) -> Result<(), StartError> {
        let over = channel.outcome().is_some();
        match order {
            Order::Stop => channel.stop(),
            Order::Start if !over => {}
            Order::Restart if !over => channel.restart(),
            Order::Start | Order::Restart => {
                self.start(channel.job().clone())?;
            }
        }
        Ok(())
    }

    /// Tells whether every channel has run, or has failed to.
    pub(crate) fn is_ready(&self) -> bool {
        // Names are put in whole.
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        for channel in self.list() {
            if settled.contains(channel.name()) {
                continue;
            }
            let waiting = matches!(
                channel.status().job.state,
                State::Idle | State::Probing | State::Starting | State::Connecting
            );
            if waiting {
                return false;
            }
            settled.insert(channel.name().to_owned());
        }
        true
    }

    /// Ends all channels in order, so that they can go on after the next start, and waits for them.
    pub(crate) async fn shut_down(&self) {
        self.channels.shut_down().await;
    }

    /// Ends all channels at once, also those that are ending, and waits for them.
    pub(crate) async fn kill(&self) {
        let channels = self.list();
        channels.iter().for_each(Handle::kill);
        while channels.iter().any(|channel| channel.outcome().is_none()) {
            tokio::time::sleep(LOOK).await;
        }
    }
}
