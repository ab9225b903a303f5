//! The HTTP server: one handler for everything, chosen by the first component of the path.
//!
//! | path | answered by |
//! |---|---|
//! | `/livesim2/…`, `/livesim/…` | `simulate` finds the channel, `origin` answers ([`media`]) |
//! | `/live/…` | `broadcast` makes it, `origin` answers and lets wait ([`live`]) |
//! | `/stream/…`, paths of streams, `/ingest/…` | `relay` has the feeds and streams ([`relay`]) |
//! | `/admin/metadata` | what plays in a stream is said there ([`titles`]) |
//! | `/vod/…` | `asset` finds the content, `origin` answers ([`media`]) |
//! | anything else | [`control`] |
//!
//! The clock is read once for a request, here, and passed down.

mod access;
mod background;
mod content;
mod control;
mod cut;
mod doors;
mod embedded;
mod events;
mod jobs;
mod live;
mod media;
mod raw;
mod relay;
mod run;
mod titles;

use std::{
    sync::{Arc, OnceLock, atomic::AtomicBool},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use origin::WaitingRoom;
use serve::{Counters, Request, Response, Shutdown, cors::Methods};

use crate::{
    channels::Running,
    clock::Clock,
    config::Settings,
    metrics::{Metrics, Route},
    report::machine::MachineReport,
    transcoding::Service,
};

use content::Content;
pub(crate) use run::{Dashboard, FETCH, Job, run};

/// How often the end of jobs is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// The delivery directive with which players ask to wait (RFC 8216bis, 6.2.5.2).
const DIRECTIVE: &str = "_HLS_msn=";

/// Everything an answer is made from.
pub(crate) struct App {
    clock: Clock,
    started_ms: i64,
    settings: Settings,
    metrics: Metrics,
    counters: Arc<Counters>,
    /// Set when the first scan is done; until then there is no media to serve.
    content: OnceLock<Content>,
    /// Live channels.
    channels: Running,
    /// Feeds and streams, once the address is known that they may read from.
    relay: OnceLock<::relay::Relay>,
    /// VoD jobs, if this server takes any, once their place was opened.
    jobs: OnceLock<Service>,
    /// Whether the one thing that this process is for has failed.
    failed: AtomicBool,
    shutdown: Shutdown,
    /// Where requests wait for what is being made.
    waiting: WaitingRoom,
    /// The last look at the machine.
    machine: ArcSwap<MachineReport>,
}

impl App {
    fn new(
        settings: Settings,
        channels: Running,
        counters: Arc<Counters>,
        shutdown: Shutdown,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        // A request that waits has a connection, or shares one.
        let seats = settings.limits.connections as usize;
        Ok(Self {
            channels,
            relay: OnceLock::new(),
            jobs: OnceLock::new(),
            failed: AtomicBool::new(false),
            waiting: WaitingRoom::new(clock, shutdown.clone(), seats),
            shutdown,
            clock,
            started_ms: clock.now_ms(),
            settings,
            metrics: Metrics::new()?,
            counters,
            content: OnceLock::new(),
            machine: ArcSwap::default(),
        })
    }

    /// Opens the place of VoD jobs, takes up those that are there, and takes in those of `sent`.
    /// Blocks.
    fn open_jobs(&self, sent: &[String]) -> anyhow::Result<()> {
        if let Some(transcode) = &self.settings.transcode {
            let published = Arc::clone(&self.channels.recorded);
            let service = Service::start(transcode, &self.settings.state_dir, published)?;
            for job in sent {
                service.submit(job.as_bytes())?;
            }
            // Called once, before the first request.
            let _ = self.jobs.set(service);
        }
        Ok(())
    }

    /// Asks VoD jobs for their end.
    fn stop_jobs(&self, grace: Duration) {
        if let Some(jobs) = self.jobs.get() {
            jobs.stop(grace);
        }
    }

    /// Waits until no VoD job is worked on any more.
    async fn jobs_ended(&self) {
        while self.jobs.get().is_some_and(|jobs| !jobs.is_ended()) {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn answer(self: &Arc<Self>, request: Request) -> Response {
        let begun = Instant::now();
        let waits = request
            .query()
            .is_some_and(|query| query.contains(DIRECTIVE));
        let mut request = request;
        let (route, response) = self.route(&mut request).await;
        let bytes = response.body().len().unwrap_or(0);
        self.metrics
            .answered(route, response.status().as_u16(), bytes, begun.elapsed());
        if waits {
            self.metrics.held_back.record(begun.elapsed().as_secs_f64());
        }
        response
    }

    async fn route(self: &Arc<Self>, request: &mut Request) -> (Route, Response) {
        let path = request.path().strip_prefix('/').unwrap_or_default();
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let route = match first {
            "livesim2" | "livesim" | "livesim-chunked" => Route::Livesim,
            "live" => Route::Live,
            "vod" => Route::Vod,
            "stream" | "ingest" => Route::Relay,
            _ if path == titles::PATH => Route::Relay,
            _ if relay::is_meant(self, path) => Route::Relay,
            _ => control::route(first),
        };
        let methods = if first == "ingest" {
            Methods::Write
        } else if path == titles::PATH || first == "api" && live::takes_orders(rest) {
            Methods::ReadAndPost
        } else {
            Methods::Read
        };
        if let Some(response) = methods.screen(request.method()) {
            return (route, response);
        }
        let now_ms = self.clock.now_ms();
        if first == "api" && jobs::is_meant(rest) {
            let rest = rest.to_owned();
            return (route, jobs::api(self, request, &rest).await);
        }
        if first == "ingest" {
            let name = rest.to_owned();
            return (route, relay::ingest(self, request, &name).await);
        }
        let response = match first {
            _ if path == titles::PATH => titles::answer(self, request),
            _ if route == Route::Relay => relay::answer(self, request, path).await,
            "livesim2" | "livesim" => media::livesim(self, request, rest, now_ms).await,
            "livesim-chunked" => media::redirect_chunked(request),
            "live" => live::media(self, request, rest, now_ms).await,
            "vod" => media::vod(self, request, rest, now_ms),
            "api" => live::api(self, request, rest, now_ms).await,
            _ => control::answer(self, request, first, rest, now_ms),
        };
        (route, response)
    }
}

/// The handler that connections share.
struct Front(Arc<App>);

impl serve::Handler for Front {
    async fn handle(&self, request: Request) -> Response {
        self.0.answer(request).await
    }
}

#[cfg(test)]
mod tests;
