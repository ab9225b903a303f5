//! The channels of this process: started by name, shown, told to stop or to begin again, with all
//! their outlets.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use broadcast::{
    channel::{Channels, Deps, Handle},
    job::Job,
    metrics::{self, Sample},
    record::{self, Recorded},
    watch::HttpFetch,
};
use media::presentation::UtcTiming;
use process::supervise::State;
use serve::Shutdown;
use tokio::{sync::Notify, task::JoinSet, time};

use super::{
    Error, Toolbox, news,
    outlets::{self, Outlets},
};
use crate::clock::Clock;

/// Between two looks at a channel that is to end.
const LOOK: Duration = Duration::from_millis(50);

/// Recordings and uploads get so long to end behind their channel.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// All channels, also those that are over.
#[derive(Default)]
pub(crate) struct Running {
    channels: Channels,
    /// What channels need; absent where there are none.
    needs: Option<Needs>,
    /// Told whenever an asset was recorded.
    pub(crate) recorded: Arc<Notify>,
    /// Names of those that were seen to run or to have failed.
    settled: Mutex<BTreeSet<String>>,
    outlets: Mutex<BTreeMap<String, Outlets>>,
    /// What runs beside the channels.
    tasks: Mutex<JoinSet<()>>,
}

struct Needs {
    deps: Deps,
    http: HttpFetch,
    /// The asset root that recordings go to.
    recordings: PathBuf,
    shutdown: Shutdown,
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

/// Where channels keep things.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    /// Below this, what lets them go on over a restart.
    pub(crate) state: PathBuf,
    /// The asset root that recordings go to unless a job says otherwise.
    pub(crate) recordings: PathBuf,
}

impl Running {
    /// Makes ready for channels.
    pub(crate) fn new(
        tools: Toolbox,
        folders: Folders,
        clock: Clock,
        shutdown: Shutdown,
    ) -> anyhow::Result<Self> {
        let deps = Deps {
            ffmpeg: tools.ffmpeg,
            facilities: tools.facilities,
            processors: process::host::read(Path::new("/")).parallelism(),
            clock: Arc::new(move || clock.now_ms()),
            folder: Some(folders.state),
            utc_timing: vec![UtcTiming {
                scheme: "urn:mpeg:dash:utc:http-xsdate:2014".to_owned(),
                value: "/time".to_owned(),
            }],
            seed: clock.now_ms().unsigned_abs(),
        };
        let http = HttpFetch::new(std::env::var_os("SSL_CERT_FILE").map(PathBuf::from))?;
        Ok(Self {
            needs: Some(Needs {
                deps,
                http,
                recordings: folders.recordings,
                shutdown,
            }),
            ..Self::default()
        })
    }

    /// Starts a channel with its outlets. Its source comes to be known later.
    ///
    /// # Panics
    /// When called outside of a tokio runtime.
    pub(crate) fn start(&self, job: Job) -> Result<Handle, Error> {
        let needs = self.needs.as_ref().ok_or(Error::Unprepared)?;
        let targets = outlets::targets(&job, &needs.http).map_err(Error::Target)?;
        let hooks = outlets::hooks(&job, &needs.http).map_err(Error::Webhook)?;
        let recording = job.what.record.as_ref().map(|record| {
            let root = record.folder.as_ref().unwrap_or(&needs.recordings);
            let name = record.name.clone();
            root.join(name.unwrap_or_else(|| dated(&job.what.name, &*needs.deps.clock)))
        });
        let channel = self.channels.start(job, needs.deps.clone())?;
        let outlets = Outlets::of(&hooks);
        lock(&self.outlets).insert(channel.name().to_owned(), outlets.clone());
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(news::log_events(
            channel.name().to_owned(),
            channel.events(),
            needs.shutdown.clone(),
        ));
        for hook in hooks {
            tasks.spawn(hook.run(channel.events()));
        }
        for target in targets {
            tasks.spawn(outlets::publish(channel.clone(), target, outlets.clone()));
        }
        if let Some(place) = recording {
            let recorded = Arc::clone(&self.recorded);
            tasks.spawn(outlets::record(channel.clone(), place, recorded));
        }
        Ok(channel)
    }

    /// Returns a channel.
    pub(crate) fn get(&self, name: &str) -> Option<Handle> {
        self.channels.get(name)
    }

    /// Returns all channels by name.
    pub(crate) fn list(&self) -> Vec<Handle> {
        self.channels.list()
    }

    /// Tells a channel what is wanted of it. One that is over is started anew with the same job.
    ///
    /// # Panics
    /// When called outside of a tokio runtime.
    pub(crate) fn order(&self, channel: Handle, order: Order) -> Result<(), Error> {
        let over = channel.outcome().is_some();
        match order {
            Order::Stop => channel.stop(),
            Order::Start if !over => {}
            Order::Restart if !over => channel.restart(),
            Order::Start | Order::Restart => {
                let job = channel.job().clone();
                // Its folder is free once nobody holds it.
                drop(channel);
                self.start(job)?;
            }
        }
        Ok(())
    }

    /// Cuts what a channel has between two instants, Unix ms, out as an asset. Blocks on the disk.
    /// `None` when the channel has nothing yet.
    pub(crate) fn cut(
        &self,
        channel: &Handle,
        (from_ms, to_ms): (i64, i64),
        asset: &str,
    ) -> Option<Result<Vec<Recorded>, record::Error>> {
        let recordings = &self.needs.as_ref()?.recordings;
        let epoch_ms = channel.status().epoch_ms?;
        let window = channel.window()?;
        let (from, to) = (
            from_ms.saturating_sub(epoch_ms),
            to_ms.saturating_sub(epoch_ms),
        );
        let cut = record::cut(&window, from, to, &recordings.join(asset));
        self.recorded.notify_one();
        Some(cut)
    }

    /// Returns what is measured of each channel, by name.
    pub(crate) fn samples(&self) -> Vec<(String, Vec<Sample>)> {
        let outlets = lock(&self.outlets);
        let channels = self.list();
        channels
            .iter()
            .map(|channel| {
                let mut samples = metrics::snapshot(&channel.status());
                if let Some(outlets) = outlets.get(channel.name()) {
                    samples.extend(outlets.samples());
                }
                (channel.name().to_owned(), samples)
            })
            .collect()
    }

    /// Tells whether every channel has run, or has failed to.
    pub(crate) fn is_ready(&self) -> bool {
        let mut settled = lock(&self.settled);
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

    /// Ends all channels in order, so that they can go on after the next start, and waits for them
    /// and their outlets.
    pub(crate) async fn shut_down(&self) {
        self.channels.shut_down().await;
        self.end_tasks().await;
    }

    /// Ends all channels at once, also those that are ending, and waits for them.
    pub(crate) async fn kill(&self) {
        let channels = self.list();
        channels.iter().for_each(Handle::kill);
        while channels.iter().any(|channel| channel.outcome().is_none()) {
            time::sleep(LOOK).await;
        }
    }

    async fn end_tasks(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        let all = async { while tasks.join_next().await.is_some() {} };
        if time::timeout(LAST_WORDS, all).await.is_err() {
            tracing::warn!("a recording, an upload or a web hook did not end in time");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is held is put in and taken out as a whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a name of an asset from that of a channel and the time of its start.
fn dated(name: &str, clock: &dyn broadcast::channel::Clock) -> String {
    let instant = jiff::Timestamp::from_millisecond(clock.now_ms()).unwrap_or_default();
    format!("{name}-{}", instant.strftime("%Y%m%dT%H%M%SZ"))
}
