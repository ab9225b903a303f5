//! The life of a server process: limits, runtime, listening, signals, and an orderly end.

use std::{path::Path, pin::pin, sync::Arc};

use anyhow::Context;
use serve::{Server, Shutdown};
use tokio::{runtime, task::JoinSet};

use super::{App, Front, background};
use crate::{clock::Clock, config::Settings, content::Tools, exit::Exit, signals::Signals, term};

/// What a server process is to do.
pub(crate) struct Job {
    /// The settings that hold; their `assets` are folders or single media files.
    pub(crate) settings: Settings,
    /// Said below the address, for those who need no explanation of `/`.
    pub(crate) greeting: Option<&'static str>,
}

impl Job {
    /// Serves what the settings name.
    pub(crate) fn of(settings: Settings) -> Self {
        Self {
            settings,
            greeting: None,
        }
    }
}

/// Serves until SIGINT or SIGTERM. Everything that can be wrong beforehand is an error here:
/// content that cannot be read, a missing ffmpeg, a port that is taken.
pub(crate) fn run(job: Job) -> anyhow::Result<Exit> {
    let tools = Tools::prepare(&job.settings)?;
    // Each connection and each mapped file needs one.
    if let Err(error) = process::host::raise_open_files() {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(process::host::read(Path::new("/")).parallelism() as usize)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let exit = runtime.block_on(serve_until_stopped(job, tools));
    // A second signal leaves threads behind that are not waited for.
    runtime.shutdown_background();
    exit
}

async fn serve_until_stopped(job: Job, tools: Tools) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen()?;
    let mut server = Server::new(job.settings.limits.of_server());
    let address = server.bind(&job.settings.listen.to_string()).await?;
    let shutdown = Shutdown::new();
    let app = Arc::new(App::new(
        job.settings,
        server.counters(),
        shutdown.clone(),
        Clock::SYSTEM,
    )?);
    let mut tasks = JoinSet::new();
    background::start(&mut tasks, &app, tools, &shutdown);
    term::print(&format!("listening on http://{address}/\n"))?;
    if let Some(greeting) = job.greeting {
        term::print(&format!("{greeting}\n"))?;
    }

    let mut serving = pin!(server.run(Front(Arc::clone(&app)), shutdown.clone()));
    let ended = tokio::select! {
        _ = &mut serving => Ok(()),
        () = signals.next() => Ok(()),
        failed = first_failure(&mut tasks) => Err(failed),
    };
    tracing::info!("stopping");
    shutdown.trigger();
    let everything = async {
        let summary = serving.await;
        while tasks.join_next().await.is_some() {}
        tracing::info!(
            requests = summary.counts.requests,
            cut = summary.cut,
            "stopped"
        );
    };
    tokio::select! {
        () = everything => {}
        () = signals.next() => tracing::warn!("stopped at once by a second signal"),
    }
    ended.map(|()| Exit::Done)
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
