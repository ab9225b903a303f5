//! The life of a server process: limits, runtime, listening, channels, signals, and an orderly end.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use anyhow::Context;
use broadcast::{channel::Handle, job};
use process::supervise::Outcome;
use serve::{Server, Shutdown};
use tokio::{runtime, task::JoinSet};

use super::{
    App, Front, background,
    doors::{Doors, Sockets},
};
use crate::{
    channels::{self, Folders, Running, Toolbox},
    clock::Clock,
    config::{self, Root, Settings},
    content::{OWN_BINARY, Tools},
    exit::Exit,
    logging,
    service::Manager,
    signals::Signals,
    term, top,
};

/// How long steps of jobs that are nearly done may go on after a request to stop.
const JOBS_GRACE: Duration = Duration::from_secs(8);

/// How long feeds and what they feed get to end.
const FEEDS_GRACE: Duration = Duration::from_secs(4);

/// The command of our own that writes an HTTP resource to its stdout. Not for people.
pub(crate) const FETCH: &str = "__fetch";

/// What a server process is to do.
pub(crate) struct Job {
    /// The settings that hold; their `assets` are folders or single media files.
    pub(crate) settings: Settings,
    /// The channels to run, variables put in.
    pub(crate) channels: Vec<job::Job>,
    /// VoD jobs to take in, as they are sent over HTTP.
    pub(crate) vod: Vec<String>,
    /// Whether the process is there for its first channel, and how that is shown.
    pub(crate) foreground: Option<Dashboard>,
    /// Reads the settings anew, when asked to by SIGHUP.
    pub(crate) reload: Option<Reload>,
    /// Said below the address, for those who need no explanation of `/`.
    pub(crate) greeting: Option<&'static str>,
}

/// Reads the settings anew.
pub(crate) type Reload = Box<dyn Fn() -> Result<Settings, config::Error> + Send + Sync>;

/// How a channel in the foreground is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dashboard {
    /// Not.
    Off,
    /// As a line.
    Line,
    /// As the screen of `top`.
    Screen,
}

impl Job {
    /// Serves what the settings name, except for channels.
    pub(crate) fn of(settings: Settings) -> Self {
        Self {
            settings,
            channels: Vec::new(),
            vod: Vec::new(),
            foreground: None,
            reload: None,
            greeting: None,
        }
    }
}

/// Serves until SIGINT or SIGTERM, or until the channel in the foreground is over. Everything that can
/// be wrong beforehand is an error here: content that cannot be read, a missing ffmpeg, a port that
/// is taken.
pub(crate) fn run(job: Job) -> anyhow::Result<Exit> {
    let mut job = job;
    tracing::info!("headend {}", env!("CARGO_PKG_VERSION"));
    // Before there are threads, and children that would inherit them; and before anything that takes
    // time, so that connections wait for us when we are started again.
    let sockets = Sockets::take(&job.settings)?;
    let shutdown = Shutdown::new();
    let running = if job.channels.is_empty() {
        Running::default()
    } else {
        let folders = folders(&mut job)?;
        Running::new(Toolbox::find()?, folders, Clock::SYSTEM, shutdown.clone())?
    };
    serve_results(&mut job.settings)?;
    let tools = Tools::prepare(&job.settings)?;
    raise_open_files(&mut job.settings);
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(process::host::read(Path::new("/")).parallelism() as usize)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let exit = runtime.block_on(serve_until_stopped(job, tools, sockets, running, shutdown));
    // A second signal leaves threads behind that are not waited for.
    runtime.shutdown_background();
    exit
}

/// Raises the limit of open files as far as may be, each connection and each mapped file needs one, and
/// lets no more connections come than it allows.
fn raise_open_files(settings: &mut Settings) {
    match process::host::raise_open_files() {
        Ok(limit) => {
            let has_assets = !settings.assets.is_empty();
            if settings.limits.fit(limit, has_assets) {
                let connections = settings.limits.connections;
                tracing::info!(connections, open_files = ?limit, "fewer connections than `limits.connections`");
            }
        }
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}

/// Chooses the folders of channels, and makes assets of what they record.
fn folders(job: &mut Job) -> anyhow::Result<Folders> {
    let settings = &mut job.settings;
    let own = settings.state_dir.join("recordings");
    let known: Vec<PathBuf> = settings
        .assets
        .iter()
        .filter_map(|root| Some(root.path()?.to_path_buf()))
        .collect();
    let first = known.iter().find(|path| path.is_dir());
    let recordings = first.unwrap_or(&own).clone();
    let records = job
        .channels
        .iter()
        .filter_map(|job| job.what.record.as_ref());
    let roots: BTreeSet<PathBuf> = records
        .map(|record| record.folder.clone().unwrap_or_else(|| recordings.clone()))
        .collect();
    for root in roots {
        fs::create_dir_all(&root).with_context(|| format!("cannot create `{}`", root.display()))?;
        if !known.iter().any(|known| root.starts_with(known)) {
            settings.assets.push(Root::Path(root));
        }
    }
    Ok(Folders {
        state: settings.state_dir.join("channels"),
        recordings,
    })
}

/// Makes assets of what VoD jobs publish.
fn serve_results(settings: &mut Settings) -> anyhow::Result<()> {
    let Some(transcode) = &settings.transcode else {
        return Ok(());
    };
    let is_served = match &transcode.to {
        Root::Path(to) => {
            fs::create_dir_all(to).with_context(|| format!("cannot create `{}`", to.display()))?;
            let roots = settings.assets.iter().filter_map(Root::path);
            roots.into_iter().any(|root| to.starts_with(root))
        }
        root @ Root::Store(_) => settings.assets.contains(root),
    };
    if !is_served {
        settings.assets.push(transcode.to.clone());
    }
    Ok(())
}

async fn serve_until_stopped(
    job: Job,
    tools: Tools,
    sockets: Sockets,
    running: Running,
    shutdown: Shutdown,
) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen()?;
    let mut server = Server::new(job.settings.limits.of_server());
    let doors = Doors::open(&mut server, sockets, &job.settings).await?;
    let reload: Option<Reload> = match job.reload {
        None if doors.tls.is_some() => {
            // The certificate is read again all the same.
            let same = job.settings.clone();
            Some(Box::new(move || Ok(same.clone())))
        }
        reload => reload,
    };
    let app = Arc::new(App::new(
        job.settings,
        running,
        server.counters(),
        shutdown.clone(),
        Clock::SYSTEM,
    )?);
    open_relay(&app, doors.inside)?;
    if app.settings.transcode.is_some() {
        let opening = Arc::clone(&app);
        tokio::task::spawn_blocking(move || opening.open_jobs(&job.vod)).await??;
    }
    let mut foreground = None;
    for channel in job.channels {
        let channel = app.channels.start(channel)?;
        if let Some(dashboard) = job.foreground {
            foreground.get_or_insert((dashboard, channel));
        }
    }
    let mut tasks = JoinSet::new();
    let manager = Arc::new(Manager::of_environment());
    background::start(&mut tasks, &app, tools, &shutdown);
    background::start_signs_of_life(&mut tasks, &app, &manager, &shutdown);
    if let Some(reload) = reload {
        tasks.spawn(background::reload_on_request(
            Arc::clone(&app),
            reload,
            doors.tls.clone(),
            Arc::clone(&manager),
            shutdown.clone(),
        ));
    }
    let base = doors.base();
    term::print(&format!("listening on {base}/\n"))?;
    if let Some(greeting) = job.greeting {
        term::print(&format!("{greeting}\n"))?;
    }
    if let Some((dashboard, channel)) = &foreground {
        term::print(&format!(
            "channel {name}, process {pid}: {base}/live/{name}/master.m3u8 (HLS), \
             {base}/live/{name}/manifest.mpd (DASH); stop with Ctrl-C\n",
            name = channel.name(),
            pid = std::process::id(),
        ))?;
        if *dashboard == Dashboard::Line {
            let shown = channels::show(channel.clone(), Clock::SYSTEM, shutdown.clone());
            tasks.spawn(shown);
        }
    }
    manager.ready(&format!("listening on {base}/"));
    let screen = async {
        match &foreground {
            Some((Dashboard::Screen, _)) => show_screen(&doors.inside.to_string()).await,
            _ => std::future::pending().await,
        }
    };

    // A task of its own: what is there can be fetched until the channels have ended.
    let mut serving = JoinSet::new();
    serving.spawn(server.run(Front(Arc::clone(&app)), shutdown.clone()));
    let ended = tokio::select! {
        () = signals.next() => Ok(()),
        shown = screen => shown,
        failed = first_failure(&mut tasks) => Err(failed),
        outcome = over(foreground.as_ref().map(|(_, channel)| channel)) => {
            app.failed.store(outcome.reason().is_some(), Relaxed);
            channels::Error::of(outcome)
        }
    };
    manager.stopping();
    tracing::info!("stopping");
    app.stop_jobs(JOBS_GRACE);
    tokio::select! {
        () = async {
            let feeds = async {
                if let Some(relay) = app.relay.get() {
                    relay.shutdown(FEEDS_GRACE).await;
                }
            };
            tokio::join!(app.channels.shut_down(), feeds);
            app.jobs_ended().await;
        } => {}
        () = signals.next() => {
            tracing::warn!("channels and jobs are stopped at once by a second signal");
            app.stop_jobs(Duration::ZERO);
            app.channels.kill().await;
            app.jobs_ended().await;
        }
    }
    shutdown.trigger();
    let everything = async {
        if let Some(Ok(summary)) = serving.join_next().await {
            tracing::info!(
                requests = summary.counts.requests,
                cut = summary.cut,
                "stopped"
            );
        }
        while tasks.join_next().await.is_some() {}
    };
    tokio::select! {
        () = everything => {}
        () = signals.next() => tracing::warn!("stopped at once by a second signal"),
    }
    ended.map(|()| Exit::Done)
}

/// Starts feeds and makes streams ready. At `inside`, commands reach us.
fn open_relay(app: &App, inside: SocketAddr) -> anyhow::Result<()> {
    let clock = app.clock;
    let deps = relay::Deps {
        spawner: process::Spawner::guarded(OWN_BINARY)?,
        surroundings: Arc::new(relay::config::Surroundings {
            server: format!("http://{inside}"),
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        }),
        stamp: Arc::new(move || logging::stamp(clock.now_ms())),
        fetch: [OWN_BINARY, FETCH].map(str::to_owned).to_vec(),
        seed: clock.now_ms().unsigned_abs(),
    };
    let relay = relay::Relay::new(app.settings.relay.clone(), deps)?;
    // Called once, before the first request.
    let _ = app.relay.set(relay);
    Ok(())
}

/// Waits until the channel in the foreground is over; for ever without one.
async fn over(channel: Option<&Handle>) -> Outcome {
    match channel {
        Some(channel) => channels::over(channel).await,
        None => std::future::pending().await,
    }
}

/// Shows the screen of `top` until it is left, which stops the server.
async fn show_screen(address: &str) -> anyhow::Result<()> {
    let address = address.parse().map_err(anyhow::Error::msg)?;
    top::run(&top::Remote::new(address)?, term::has_colours()).await
}

/// Waits until a background task fails; never returns when none does.
async fn first_failure(tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Error {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(error) => return error.into(),
        }
    }
    std::future::pending().await
}
