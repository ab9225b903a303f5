//! What runs beside the server: following the content, showing imports, and the gauges. Every task
//! ends when the server stops.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use serve::{Shutdown, Tls};
use tokio::{
    runtime::Handle,
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time,
};

use super::{App, content::Content, live, run::Reload};
use crate::{
    config::TlsFiles, content::Tools, mirrors, progress::Progress, report::machine,
    service::Manager,
};

/// How often gauges are set and histograms folded.
const TICK: Duration = Duration::from_secs(2);

/// How often running imports are shown.
const SHOW_EVERY: Duration = Duration::from_millis(250);

/// Starts all of it.
pub(super) fn start(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    app: &Arc<App>,
    tools: Tools,
    shutdown: &Shutdown,
) {
    for store in tools.stores() {
        let stop = shutdown.clone();
        tasks.spawn_blocking(move || {
            store.follow(&stop);
            Ok(())
        });
    }
    let (follower, stop) = (Arc::clone(app), shutdown.clone());
    tasks.spawn_blocking(move || follow_content(&follower, tools, &stop));
    tasks.spawn(take_in_recordings(Arc::clone(app), shutdown.clone()));
    tasks.spawn(show_imports(Arc::clone(app), shutdown.clone()));
    tasks.spawn(tick(Arc::clone(app), shutdown.clone()));
}

/// Starts what tells others that we are well: the service manager in time, and the log when asked by
/// SIGUSR1.
pub(super) fn start_signs_of_life(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    app: &Arc<App>,
    manager: &Arc<Manager>,
    shutdown: &Shutdown,
) {
    if let Some(every) = manager.heartbeat() {
        let (app, manager) = (Arc::clone(app), Arc::clone(manager));
        let stop = shutdown.clone();
        tasks.spawn(async move {
            while time::timeout(every, stop.wait()).await.is_err() {
                // Said only when channels can be asked, so that a lock that is never given back
                // is noticed, too.
                let _ = live::reports(&app, app.clock.now_ms());
                manager.alive();
            }
            Ok(())
        });
    }
    tasks.spawn(dump_on_request(Arc::clone(app), shutdown.clone()));
}

/// Writes how each channel is to the log, whenever SIGUSR1 asks for it.
async fn dump_on_request(app: Arc<App>, shutdown: Shutdown) -> anyhow::Result<()> {
    let mut asked = signal(SignalKind::user_defined1()).context("cannot wait for SIGUSR1")?;
    loop {
        tokio::select! {
            _ = asked.recv() => {}
            () = shutdown.wait() => return Ok(()),
        }
        let reports = live::reports(&app, app.clock.now_ms());
        tracing::info!(channels = reports.len(), "asked for by SIGUSR1");
        for report in reports {
            let text = serde_json::to_string(&report).unwrap_or_default();
            tracing::info!(channel = report.name, "{text}");
        }
    }
}

/// Reads the configuration anew, whenever SIGHUP asks for it, and changes feeds and streams to it, and
/// the certificate. One that cannot be read changes nothing.
pub(super) async fn reload_on_request(
    app: Arc<App>,
    read: Reload,
    tls: Option<Arc<Tls>>,
    manager: Arc<Manager>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let mut asked = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
    let read = Arc::new(read);
    loop {
        tokio::select! {
            _ = asked.recv() => {}
            () = shutdown.wait() => return Ok(()),
        }
        manager.reloading();
        let reading = Arc::clone(&read);
        match tokio::task::spawn_blocking(move || reading()).await? {
            Ok(settings) => {
                if let Some(relay) = app.relay.get() {
                    super::relay::reload(relay, settings.relay);
                }
                let tls = tls.clone();
                tokio::task::spawn_blocking(move || renew(tls.as_deref(), settings.tls)).await?;
            }
            Err(error) => {
                tracing::error!(%error, "the configuration is not used; all stays as it was");
            }
        }
        manager.ready("listening");
    }
}

/// Reads the certificate anew; what cannot be used changes nothing. Blocks.
fn renew(tls: Option<&Tls>, files: Option<TlsFiles>) {
    match (tls, files) {
        (None, None) => {}
        (Some(tls), Some(TlsFiles { cert, key })) => match tls.reload(&cert, &key) {
            Ok(()) => tracing::info!(certificate = %cert.display(), "the certificate was read"),
            Err(error) => tracing::error!(%error, "the certificate stays as it was"),
        },
        (Some(_), None) | (None, Some(_)) => {
            tracing::warn!("`tls` was added or taken away: that holds from the next start on");
        }
    }
}

/// Fetches what lies in stores, scans the content, lets requests at it, and keeps it current until
/// shutdown.
fn follow_content(app: &App, tools: Tools, shutdown: &Shutdown) -> anyhow::Result<()> {
    match mirrors::fetch_until(&tools.stores(), shutdown) {
        None => return Ok(()),
        Some(fetched) => fetched?,
    }
    let catalogue = Arc::new(tools.open()?);
    tracing::info!(assets = catalogue.all().len(), "content is ready");
    // Only this task sets it, once.
    let _ = app.content.set(Content::new(Arc::clone(&catalogue)));
    let runtime = Handle::current();
    catalogue.watch(&mut |pause| {
        let waited = async { time::timeout(pause, shutdown.wait()).await };
        runtime.block_on(waited).is_err()
    });
    Ok(())
}

/// Looks through the content whenever a channel has recorded an asset.
async fn take_in_recordings(app: Arc<App>, shutdown: Shutdown) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = app.channels.recorded.notified() => {}
            () = shutdown.wait() => return Ok(()),
        }
        let looking = Arc::clone(&app);
        let looked = tokio::task::spawn_blocking(move || match looking.content.get() {
            Some(content) => content.catalogue.rescan().map(drop),
            None => Ok(()),
        });
        if let Err(error) = looked.await? {
            tracing::warn!(%error, "a recording is not shown yet");
        }
    }
}

async fn show_imports(app: Arc<App>, shutdown: Shutdown) -> anyhow::Result<()> {
    let mut progress = Progress::default();
    while time::timeout(SHOW_EVERY, shutdown.wait()).await.is_err() {
        if let Some(content) = app.content.get() {
            progress.show_imports(&content.catalogue);
        }
    }
    Ok(())
}

async fn tick(app: Arc<App>, shutdown: Shutdown) -> anyhow::Result<()> {
    let mut sampler = machine::Sampler::default();
    loop {
        let machine = sampler.sample(Path::new("/"));
        let throttled = machine.throttled_ms.unwrap_or(0) / 1000;
        app.metrics.throttled.absolute(throttled);
        app.machine.store(Arc::new(machine));
        app.metrics.connections.set(app.counters.read().open as f64);
        app.metrics.upkeep();
        if let Some(content) = app.content.get() {
            app.metrics.assets.set(content.catalogue.all().len() as f64);
            app.metrics
                .problems
                .set(content.catalogue.problems().len() as f64);
            app.metrics
                .imports
                .set(content.catalogue.importing().len() as f64);
            content.tidy();
        }
        if time::timeout(TICK, shutdown.wait()).await.is_ok() {
            return Ok(());
        }
    }
}
