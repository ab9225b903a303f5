//! Starting a channel, and the hand that holds it.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use media::{iso8601, supply::Supplier};
use process::supervise::{self, LogFile, LogLimits, Outcome, Report, Supervisor};
use tokio::{sync::watch, task::JoinSet};

use super::{
    Deps, Status, encoder::Encoder, guard, place::Place, rules, shared::Shared, status::status,
};
use crate::{
    document::Fault,
    events::{Subscription, What},
    input::{self, PortTaken},
    job::{Job, OnFail},
    window::Window,
};

/// Why a channel was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its job is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Job(Vec<Fault>),
    /// A port that it is to listen on is taken.
    #[error(transparent)]
    Port(#[from] PortTaken),
    /// Its folder cannot be used.
    #[error("{path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has its folder.
    #[error("{path}: another headend runs this channel")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// There is a channel of this name.
    #[error("there is a channel `{0}` already")]
    Twice(String),
}

/// A channel that was started. Clones hold the same one; when the last is dropped, its processes are
/// killed.
#[derive(Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    job: supervise::Handle,
    stays_open: Arc<AtomicBool>,
    outcome: watch::Receiver<Option<Outcome>>,
    _tasks: Arc<Mutex<JoinSet<()>>>,
}

/// A live channel.
pub struct Channel;

impl Channel {
    /// Starts a channel. Its folder is taken and its ports are tried before this returns; everything
    /// else, its source too, comes to be known by its [`Status`] and events.
    ///
    /// # Panics
    /// When called outside of a tokio runtime.
    pub fn start(job: Job, deps: Deps) -> Result<Handle, StartError> {
        let mut inputs = job.inputs().map_err(StartError::Job)?;
        let mut sources: Vec<_> = inputs.iter().map(|(_, source)| source.clone()).collect();
        input::assign_ports(&mut sources, job.runtime.base_port.filter(|it| *it > 0))?;
        input::check_ports(&sources)?;
        for ((_, source), assigned) in inputs.iter_mut().zip(&sources) {
            source.clone_from(assigned);
        }
        let parent = job.runtime.state_dir.as_ref().or(deps.folder.as_ref());
        let place = Place::take(parent.map(PathBuf::as_path), &job.what.name, deps.seed)?;
        let mut settings = rules::settings(&job, &sources);
        settings.seed = deps.seed;
        settings.log = log(&place, &deps)?;
        let spawner = deps.ffmpeg.spawner().clone();
        let shared = Arc::new(Shared::new(job, inputs, deps, place));
        let encoder = Encoder::new(Arc::clone(&shared));
        let (handle, supervisor) = supervise::supervise(settings, spawner, encoder);
        let stays_open = Arc::new(AtomicBool::new(false));
        let (done, outcome) = watch::channel(None);
        let mut tasks = JoinSet::new();
        tasks.spawn(live(
            supervisor,
            Arc::clone(&shared),
            Arc::clone(&stays_open),
            done,
        ));
        tasks.spawn(guard::verify(Arc::clone(&shared)));
        tasks.spawn(guard::disk(Arc::clone(&shared)));
        handle.start();
        Ok(Handle {
            shared,
            job: handle,
            stays_open,
            outcome,
            _tasks: Arc::new(Mutex::new(tasks)),
        })
    }
}

impl Handle {
    /// Returns the name of the channel.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Returns its job.
    pub fn job(&self) -> &Job {
        &self.shared.job
    }

    /// Returns what the origin shows: before the source is known, what the channel left before a restart;
    /// `None` when that is nothing. May change, so it is asked for with each request.
    pub fn supplier(&self) -> Option<Arc<dyn Supplier>> {
        let past = || Some(Arc::clone(&self.shared.past.load().as_ref()?.window));
        let window: Arc<dyn Supplier> = self.window().or_else(past)?;
        Some(window)
    }

    /// Returns the window, for who records or publishes; `None` before the source is known.
    pub fn window(&self) -> Option<Arc<Window>> {
        let stage = self.shared.stage.load();
        Some(Arc::clone(&stage.as_ref()?.tape.window))
    }

    /// Returns how it is.
    pub fn status(&self) -> Status {
        status(&self.shared, self.job.status(Instant::now()))
    }

    /// Returns what its last runs said, the present one last.
    pub fn reports(&self) -> Vec<Report> {
        self.job.reports()
    }

    /// Begins to listen to its events.
    pub fn events(&self) -> Subscription {
        self.shared.hub.subscribe()
    }

    /// Announces an event of the channel that comes about outside of it, as in publishing.
    pub fn announce(&self, what: What) {
        self.shared.announce(what);
    }

    /// Stops it for good: its encoder ends, its playlists are finished.
    pub fn stop(&self) {
        self.job.stop();
    }

    /// Stops it because the program stops: its playlists stay open, and a start from the same folder
    /// goes on.
    pub fn suspend(&self) {
        self.stays_open.store(true, Ordering::Relaxed);
        self.job.stop();
    }

    /// Stops it at once: as [`Handle::stop`], or a stop that is under way, without grace.
    pub fn kill(&self) {
        self.job.kill();
    }

    /// Starts its encoder anew.
    pub fn restart(&self) {
        self.job.again();
    }

    /// Waits until it is over; nothing of it is left then. Safe to cancel.
    pub async fn over(&self) -> Outcome {
        let mut outcome = self.outcome.clone();
        match outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Outcome::Stopped),
            // Its task is gone with the runtime.
            Err(_) => Outcome::Stopped,
        }
    }

    /// Returns what became of it, if it is over.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.borrow().clone()
    }
}

/// Runs the channel to its end.
async fn live(
    mut supervisor: Supervisor<Encoder>,
    shared: Arc<Shared>,
    stays_open: Arc<AtomicBool>,
    done: watch::Sender<Option<Outcome>>,
) {
    let outcome = supervisor.run().await;
    if let Some(stage) = shared.stage.load_full() {
        let ends = match &outcome {
            Outcome::Stopped => !stays_open.load(Ordering::Relaxed),
            Outcome::Finished => true,
            Outcome::Failed(_) | Outcome::GaveUp(_) => shared.job.runtime.on_fail == OnFail::End,
        };
        if ends {
            stage.tape.window.end();
        } else {
            stage.tape.window.suspend();
        }
    }
    supervisor.work().kept().await;
    shared.release();
    shared.announce(What::Ended {
        text: outcome.to_string(),
        code: outcome.exit_code(),
    });
    done.send_replace(Some(outcome));
}

/// Opens the log of the encoder in the folder of the channel.
fn log(place: &Place, deps: &Deps) -> Result<Option<LogFile>, StartError> {
    let Some(folder) = &place.folder else {
        return Ok(None);
    };
    let path = folder.join("encoder.log");
    let clock = Arc::clone(&deps.clock);
    let stamp = move || {
        let mut text = String::new();
        iso8601::push_date_time(&mut text, clock.now_ms(), iso8601::Milliseconds::Always);
        text
    };
    let log = LogFile::open(&path, LogLimits::default(), stamp);
    log.map(Some)
        .map_err(|source| StartError::Folder { path, source })
}
