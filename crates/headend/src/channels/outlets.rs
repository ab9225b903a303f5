//! Where a channel's media and events go besides the origin: recordings, publishing targets and web hooks,
//! each a task of its own behind a bounded queue.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use broadcast::{
    channel::Handle,
    events::What,
    hooks::{self, Hook},
    job::{self, Job},
    metrics::{self, Histogram, Sample, Value},
    publish::{Counters, Folder, HttpError, HttpPut, Notice, Options, Publisher, Target},
    record::{self, Patience, Recording},
    watch::HttpFetch,
    window::{Event, Queue, Window},
};
use media::time::Round;
use tokio::sync::Notify;

/// Between two looks for the window of a channel, which is there once its source is known.
const LOOK: Duration = Duration::from_millis(20);

/// A publishing target of a channel, for telemetry.
struct Outlet {
    target: String,
    counters: Arc<Counters>,
    queue: Arc<Queue<Event>>,
    took: Arc<Histogram>,
}

impl Outlet {
    fn samples(&self) -> Vec<Sample> {
        let sample = |metric, value| Sample {
            metric,
            labels: vec![self.target.clone()],
            value,
        };
        vec![
            sample(
                &metrics::UPLOAD_SECONDS,
                Value::Distribution(self.took.read()),
            ),
            sample(
                &metrics::UPLOAD_FAILURES,
                Value::Number(self.counters.refused.load(Relaxed) as f64),
            ),
            sample(
                &metrics::UPLOAD_QUEUE,
                Value::Number(self.queue.len() as f64),
            ),
        ]
    }
}

/// The outlets of a channel, known as soon as they are open.
#[derive(Clone, Default)]
pub(super) struct Outlets {
    targets: Arc<Mutex<Vec<Outlet>>>,
    hooks: Arc<[Arc<hooks::Counters>]>,
}

impl Outlets {
    /// Makes those of a channel with these web hooks and no target yet.
    pub(super) fn of(hooks: &[Hook]) -> Self {
        Self {
            targets: Arc::default(),
            hooks: hooks.iter().map(Hook::counters).collect(),
        }
    }

    /// Returns what is measured of all of them.
    pub(super) fn samples(&self) -> Vec<Sample> {
        let targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut samples: Vec<Sample> = targets.iter().flat_map(Outlet::samples).collect();
        if !self.hooks.is_empty() {
            let sum = |count: fn(&hooks::Counters) -> &AtomicU64| {
                let counts = self.hooks.iter().map(|hook| count(hook).load(Relaxed));
                counts.sum::<u64>() as f64
            };
            let told = sum(|hook| &hook.told);
            samples.push(Sample::plain(&metrics::HOOKS_TOLD, told));
            let failed = sum(|hook| &hook.failed) + sum(|hook| &hook.lost);
            samples.push(Sample::plain(&metrics::HOOKS_FAILED, failed));
        }
        samples
    }

    fn add(&self, outlet: Outlet) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        targets.push(outlet);
    }
}

/// Makes the web hooks of a job.
pub(super) fn hooks(job: &Job, http: &HttpFetch) -> Result<Vec<Hook>, HttpError> {
    let hooks = job.runtime.webhooks.iter();
    hooks.map(|hook| Hook::new(hook, http.client())).collect()
}

/// A target with how patiently it is told.
pub(super) type Place = (Arc<dyn Target>, Options);

/// Makes the publishing targets of a job.
pub(super) fn targets(job: &Job, http: &HttpFetch) -> Result<Vec<Place>, HttpError> {
    let targets = job.runtime.targets.iter();
    targets.map(|target| place(target, http)).collect()
}

fn place(target: &job::Target, http: &HttpFetch) -> Result<Place, HttpError> {
    let usual = Options::default();
    let age = target.max_age.map(|age| age.0.as_millis());
    let options = Options {
        queue: target.queue as usize,
        tries: target.tries,
        max_age: age.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)),
        ..usual
    };
    let place: Arc<dyn Target> = if target.uri.starts_with("http") {
        let headers = target.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
        Arc::new(HttpPut::new(http.client(), &target.uri, headers)?)
    } else {
        let path = target.uri.strip_prefix("file://").unwrap_or(&target.uri);
        Arc::new(Folder::new(PathBuf::from(path)))
    };
    Ok((place, options))
}

/// Publishes a channel to a target until it is over.
pub(super) async fn publish(channel: Handle, (target, options): Place, outlets: Outlets) {
    let Some(window) = window(&channel).await else {
        return;
    };
    let name = target.name();
    let took = Arc::new(Histogram::default());
    let (teller, told, measured) = (channel.clone(), name.clone(), Arc::clone(&took));
    let publisher = Publisher::new(&window, target, options, move |notice| {
        let what = match notice {
            Notice::Failing { text } => What::UploadFailing {
                target: told.clone(),
                text,
            },
            Notice::Recovered => What::UploadRecovered {
                target: told.clone(),
            },
            Notice::Put { took_ms, .. } => {
                measured.add(took_ms);
                return;
            }
            Notice::Refused { .. } | Notice::Lost { .. } => return,
        };
        teller.announce(what);
    });
    let queue = publisher.queue();
    outlets.add(Outlet {
        target: name,
        counters: publisher.counters(),
        queue: Arc::clone(&queue),
        took,
    });
    tokio::join!(publisher.run(), close_behind(&channel, &queue));
}

/// Records a channel to the asset at `place` until it is over, and then tells `recorded`.
pub(super) async fn record(channel: Handle, place: PathBuf, recorded: Arc<Notify>) {
    let Some(window) = window(&channel).await else {
        return;
    };
    let events = window.follow_whole(record::QUEUE);
    let settings = window.settings().clone();
    drop(window);
    let teller = channel.clone();
    let patience = Patience {
        until: Arc::clone(&events),
        tell: Box::new(move |what| teller.announce(what)),
    };
    let begin = move || Recording::patient(&settings, &place, patience);
    let begun = async {
        let mut begun = tokio::task::spawn_blocking(begin);
        // Behind a channel that ends, a full disk is not waited for any longer.
        tokio::select! {
            begun = &mut begun => begun,
            () = close_behind(&channel, &events) => begun.await,
        }
    };
    let ended = match begun.await {
        Ok(Ok(recording)) => {
            let recording = record::record(recording, Arc::clone(&events));
            tokio::join!(recording, close_behind(&channel, &events)).0
        }
        Ok(Err(error)) => Err(error),
        Err(error) => Err(record::Error::Task(error.to_string())),
    };
    events.close();
    match ended {
        Ok(assets) => {
            recorded.notify_one();
            for asset in assets {
                let folder = asset.folder.display().to_string();
                let duration_ms = asset.duration.ms(Round::Nearest);
                let missed = events.refused();
                // Its events are logged until it is over, and it is.
                tracing::info!(
                    channel = channel.name(),
                    folder,
                    ms = duration_ms,
                    missed,
                    "recorded"
                );
                channel.announce(What::Recorded {
                    folder,
                    duration_ms,
                    frames: asset.frames.into_iter().collect(),
                    missed,
                });
            }
        }
        Err(error) => channel.announce(What::Note {
            text: format!("the recording has ended: {error}"),
        }),
    }
}

/// Closes a queue behind a channel. One that is suspended says nothing about its end, since it
/// goes on after the next start.
async fn close_behind(channel: &Handle, queue: &Queue<Event>) {
    channel.over().await;
    queue.close();
}

/// Waits for the window of a channel; `None` when the channel is over before it has one.
async fn window(channel: &Handle) -> Option<Arc<Window>> {
    loop {
        if let Some(window) = channel.window() {
            return Some(window);
        }
        tokio::select! {
            _ = channel.over() => return channel.window(),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
