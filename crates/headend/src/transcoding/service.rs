//! VoD jobs of a server: taken in over HTTP, told as events, and shown as content when they are done.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use process::{Ffmpeg, Spawner};
use serde::Deserialize;
use store::uri::Uri;
use tokio::sync::{Notify, broadcast};
use transcode::{
    engine::{Clock as EngineClock, Embedded},
    events::{Event, What},
    fetch::{self, Policy, Protocol},
    job::{self, JobReport, Jobs, Keeper, Order, PATIENCE, Request, Setup},
    plan::Options,
    preset::{self, Preset},
};

use super::{Place, worker_name};
use crate::{
    clock::Clock,
    config::{Root, Transcode},
    content::OWN_BINARY,
};

/// Events that wait for a listener; the oldest are dropped when there are more.
const QUEUE: usize = 1000;

/// File name of the database, beside the work.
const DATABASE: &str = "engine.redb";

/// The jobs of a server.
pub(crate) struct Service {
    jobs: Jobs,
    to: String,
    presets: BTreeMap<String, Preset>,
    /// Events as lines of JSON.
    lines: broadcast::Sender<Arc<str>>,
}

/// A job as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    input: String,
    name: Option<String>,
    preset: Option<String>,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    options: Options,
    key_file: Option<PathBuf>,
    checksum: Option<String>,
    early_publish: Option<NonZeroU32>,
}

impl Service {
    /// Opens the work place and takes up its jobs; `published` is told of each asset. Blocks.
    pub(crate) fn start(
        settings: &Transcode,
        state_dir: &Path,
        published: Arc<Notify>,
    ) -> anyhow::Result<Self> {
        let to = uri(&settings.to);
        let work = settings.work.as_ref().map(uri);
        let place = Place::open(&to, work.as_ref(), state_dir)?;
        let ffmpeg = Ffmpeg::locate(Spawner::with_shim(OWN_BINARY)?)?;
        let clock: EngineClock = Arc::new(|| Clock::SYSTEM.now_ms());
        let database = place.local.join(DATABASE);
        let engine = Embedded::open(Some(&database), Arc::clone(&clock))?;
        let (lines, _) = broadcast::channel(QUEUE);
        let sender = lines.clone();
        let sink = move |event: &Event| {
            if let What::Published { .. } | What::Playable { .. } = &event.what {
                published.notify_one();
            }
            log(event);
            if sender.receiver_count() > 0
                && let Ok(line) = serde_json::to_string(event)
            {
                // Nobody needs to listen.
                let _ = sender.send(line.into());
            }
        };
        let remote = [Protocol::Http, Protocol::Https, Protocol::Ftp];
        let local = (!settings.inputs.is_empty()).then_some(Protocol::File);
        let policy = Policy::guarded(remote.into_iter().chain(local), [], settings.inputs.clone());
        let jobs = Jobs::start(Setup {
            engine: Arc::new(engine),
            work: place.work,
            prefix: place.prefix,
            target: place.target,
            local: place.local,
            ffmpeg,
            fetch: fetch::Options {
                policy,
                ..fetch::Options::default()
            },
            keys: Policy::guarded([Protocol::File], [], settings.keys.clone()),
            keeper: Keeper::Server,
            worker: worker_name(),
            threads: settings.slots,
            patience: PATIENCE,
            clock,
            sink: Arc::new(sink),
        })?;
        Ok(Self {
            jobs,
            to: place.name,
            presets: settings.presets.clone(),
            lines,
        })
    }

    /// Takes in a job as it was sent, JSON, and describes it. Blocks shortly.
    pub(crate) fn submit(&self, body: &[u8]) -> Result<JobReport, job::Error> {
        let sent: Sent = serde_json::from_slice(body)
            .map_err(|error| job::Error::Request(format!("the body is not a job: {error}")))?;
        let mut options = sent.options;
        if let Some(name) = &sent.preset {
            options.preset = match self.presets.get(name) {
                Some(preset) => preset.clone(),
                None => {
                    preset::named(name).map_err(|error| job::Error::Request(error.to_string()))?
                }
            };
        }
        let id = self.jobs.submit(Request {
            input: sent.input,
            to: self.to.clone(),
            name: sent.name,
            priority: sent.priority,
            options,
            key_file: sent.key_file,
            checksum: sent.checksum,
            early_publish: sent.early_publish,
        })?;
        self.jobs.get(&id)
    }

    /// Describes all jobs, the oldest first.
    pub(crate) fn list(&self) -> Vec<JobReport> {
        self.jobs.list()
    }

    /// Describes a job.
    pub(crate) fn get(&self, id: &str) -> Result<JobReport, job::Error> {
        self.jobs.get(id)
    }

    /// Tells a job what to do. Blocks shortly.
    pub(crate) fn order(&self, id: &str, order: &Order) -> Result<(), job::Error> {
        self.jobs.order(id, order)
    }

    /// Listens to events, lines of JSON, from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Arc<str>> {
        self.lines.subscribe()
    }

    /// Asks for the end; what is nearly done may go on for `grace`.
    pub(crate) fn stop(&self, grace: Duration) {
        self.jobs.stop(grace);
    }

    /// Tells whether the end has come.
    pub(crate) fn is_ended(&self) -> bool {
        self.jobs.is_ended()
    }
}

fn uri(root: &Root) -> Uri {
    match root {
        Root::Path(path) => Uri::Path(path.clone()),
        Root::Store(uri) => uri.clone(),
    }
}

/// Logs what an operator wants to read the day after.
fn log(event: &Event) {
    let job = &event.job;
    match &event.what {
        What::Submitted { input, .. } => tracing::info!(job, input, "job"),
        What::Playable { version } => tracing::info!(job, version, "shown while it grows"),
        What::Published { version, .. } => tracing::info!(job, version, "published"),
        What::Failed { reason, .. } => tracing::error!(job, reason, "job failed"),
        What::Cancelled => tracing::info!(job, "cancelled"),
        What::Again { step, reason, .. } => tracing::warn!(job, %step, reason, "tried again"),
        What::SetAside { step, reason, .. } => tracing::error!(job, %step, reason, "set aside"),
        What::Damaged { step } => tracing::warn!(job, %step, "damaged, made again"),
        What::Done { step, took_ms, .. } => tracing::debug!(job, %step, took_ms, "done"),
        _ => {}
    }
}
