//! Asset roots in object stores: fetched before the first scan, then followed.
//!
//! An outage leaves the copy as it is, and what it holds is served on.

use std::{
    cell::{Cell, RefCell},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serve::Shutdown;
use store::{
    mirror::{Error, Mirror, Progress as Now, Summary},
    uri::Uri,
};
use tokio::{
    runtime::{self, Handle},
    time,
};

use crate::progress::Progress;

/// How often a store is asked for what is new.
const POLL_EVERY: Duration = Duration::from_secs(10);

/// What is over sooner is not worth showing.
const SHOW_AFTER: Duration = Duration::from_secs(2);

/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_millis(250);

/// A root in a store.
pub(crate) struct StoreRoot {
    uri: Uri,
    mirror: Mirror,
}

/// All roots in stores.
pub(crate) type StoreRoots = Vec<Arc<StoreRoot>>;

impl StoreRoot {
    /// Prepares a copy in the cache folder. Nothing is asked of the store yet.
    pub(crate) fn new(uri: &Uri, cache_dir: &Path) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self {
            uri: uri.clone(),
            mirror: Mirror::new(uri, &cache_dir.join("mirror"))?,
        }))
    }

    /// Returns where the copy is.
    pub(crate) fn folder(&self) -> std::path::PathBuf {
        self.mirror.root()
    }

    /// Brings the copy up to date, with progress shown. An outage is borne if there is an old copy.
    async fn fetch(&self) -> Result<(), Error> {
        let display = Display::new(self.uri.to_string());
        let fetched = self.mirror.sync(&|now| display.show(now)).await;
        display.end(&fetched);
        match fetched {
            Ok(summary) => {
                if summary.objects == 0 {
                    tracing::warn!(uri = %self.uri, "nothing is there; it is asked again");
                }
                Ok(())
            }
            Err(error) if error.fault.may_pass() && self.mirror.is_filled() => {
                tracing::warn!(%error, "serving what was fetched before");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps the copy up to date until shutdown. Blocks; must run in a runtime.
    pub(crate) fn follow(&self, shutdown: &Shutdown) {
        let mut failing: Option<String> = None;
        let poll = async || {
            time::sleep(POLL_EVERY).await;
            self.mirror.sync(&|_| ()).await
        };
        while let Some(outcome) = until(shutdown, poll()) {
            match outcome {
                Ok(summary) => {
                    if failing.take().is_some() {
                        tracing::info!(uri = %self.uri, "store answers again");
                    }
                    if summary.changed() {
                        log(&self.uri, summary);
                    }
                }
                Err(error) => {
                    let text = error.to_string();
                    if failing.as_ref() != Some(&text) {
                        tracing::warn!(error = text, "serving what was fetched before");
                    }
                    failing = Some(text);
                }
            }
        }
    }
}

/// Fetches all roots before the first scan, in a server. None at shutdown.
pub(crate) fn fetch_until(
    roots: &[Arc<StoreRoot>],
    shutdown: &Shutdown,
) -> Option<Result<(), Error>> {
    until(shutdown, fetch_all(roots))
}

/// Fetches all roots, in a command that has no runtime.
pub(crate) fn fetch(roots: &[Arc<StoreRoot>]) -> anyhow::Result<()> {
    if roots.is_empty() {
        return Ok(());
    }
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    Ok(runtime.block_on(fetch_all(roots))?)
}

async fn fetch_all(roots: &[Arc<StoreRoot>]) -> Result<(), Error> {
    for root in roots {
        root.fetch().await?;
    }
    Ok(())
}

/// Runs something on this thread, and drops it at shutdown.
fn until<T>(shutdown: &Shutdown, work: impl Future<Output = T>) -> Option<T> {
    Handle::current().block_on(async {
        tokio::select! {
            done = work => Some(done),
            () = shutdown.wait() => None,
        }
    })
}

fn log(uri: &Uri, summary: Summary) {
    let Summary {
        objects,
        bytes,
        fetched,
        removed,
        ..
    } = summary;
    tracing::info!(%uri, objects, bytes, fetched, removed, "store was fetched");
}

/// How far one store is, shown once it takes long.
struct Display {
    name: String,
    progress: RefCell<Progress>,
    begun: Instant,
    shown: Cell<Option<Instant>>,
}

impl Display {
    fn new(name: String) -> Self {
        Self {
            name,
            progress: RefCell::new(Progress::default()),
            begun: Instant::now(),
            shown: Cell::new(None),
        }
    }

    fn show(&self, now: Now) {
        let recently = self.shown.get().is_some_and(|at| at.elapsed() < SHOW_EVERY);
        if recently || self.begun.elapsed() < SHOW_AFTER {
            return;
        }
        self.shown.set(Some(Instant::now()));
        let mut progress = self.progress.borrow_mut();
        if now.of_objects == 0 {
            let stage = format!("listing, {} objects", now.listed);
            progress.update(&self.name, &stage, None);
        } else {
            let stage = format!("fetching {} of {} objects", now.objects, now.of_objects);
            let permille = now.bytes.saturating_mul(1000) / now.of_bytes.max(1);
            progress.update(&self.name, &stage, Some(permille.min(1000) as u16));
        }
    }

    fn end(&self, outcome: &Result<Summary, Error>) {
        if self.shown.get().is_some() {
            let outcome = match outcome {
                Ok(summary) => format!("fetched {} objects", summary.fetched),
                Err(_) => "could not be fetched".to_owned(),
            };
            self.progress.borrow_mut().finish(&self.name, &outcome);
        }
    }
}
