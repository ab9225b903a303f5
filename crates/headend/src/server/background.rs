//! What runs beside the server: the first scan, following content as it changes, imports, and the
//! gauges. Every task ends when the server stops.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use asset::{Catalogue, Options};
use process::{Ffmpeg, Spawner};
use serve::Shutdown;
use tokio::{task::JoinSet, time};

use super::{App, OWN_BINARY, content::Content};
use crate::{config::Settings, exit::Unreadable};

/// How often gauges are set and histograms folded.
const TICK: Duration = Duration::from_secs(2);

/// What background work needs, checked before the server listens.
pub(super) struct Tools {
    options: Options,
}

impl Tools {
    /// Checks that content can be read, and finds ffmpeg. Without ffmpeg, folders are served and
    /// single files are an error.
    pub(super) fn prepare(settings: &Settings) -> anyhow::Result<Self> {
        let mut needs_import = false;
        for path in &settings.assets {
            needs_import |= !is_folder(path)?;
        }
        let ffmpeg = Spawner::with_shim(OWN_BINARY).and_then(Ffmpeg::locate);
        if let Err(error) = ffmpeg {
            if needs_import {
                return Err(error.into());
            }
            tracing::warn!(%error, "plain media files are left out");
        }
        Ok(Self {
            options: Options {
                roots: settings.assets.clone(),
                cache_dir: Some(settings.cache_dir.join("index")),
                importer: None,
            },
        })
    }
}

/// Tells a folder from a file, and makes sure that it can be read.
fn is_folder(path: &Path) -> Result<bool, Unreadable> {
    let look = || -> io::Result<bool> {
        let folder = fs::metadata(path)?.is_dir();
        if folder {
            fs::read_dir(path)?;
        } else {
            fs::File::open(path)?;
        }
        Ok(folder)
    };
    look().map_err(|source| Unreadable {
        path: PathBuf::from(path),
        source,
    })
}

/// Starts all of it.
pub(super) fn start(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    app: &Arc<App>,
    tools: Tools,
    shutdown: &Shutdown,
) {
    let follower = Arc::clone(app);
    tasks.spawn_blocking(move || {
        let catalogue = Arc::new(Catalogue::open(tools.options)?);
        report(&catalogue);
        // Only this task sets it.
        let _ = follower.content.set(Content::new(catalogue));
        Ok(())
    });
    tasks.spawn(tick(Arc::clone(app), shutdown.clone()));
}

fn report(catalogue: &Catalogue) {
    for problem in catalogue.problems() {
        tracing::warn!(asset = problem.name, file = %problem.file.display(), "{}", problem.reason);
    }
    tracing::info!(assets = catalogue.all().len(), "content is ready");
}

async fn tick(app: Arc<App>, shutdown: Shutdown) -> anyhow::Result<()> {
    let mut interval = time::interval(TICK);
    loop {
        tokio::select! {
            () = shutdown.wait() => return Ok(()),
            _ = interval.tick() => {}
        }
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
    }
}
