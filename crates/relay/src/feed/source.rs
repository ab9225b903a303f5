//! One source: who needs it, what it does, and the ring that its bytes go to.

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use process::{
    Spawner,
    supervise::{Ceiling, Class, Handle, LogFile, Policy, Reason, Restart, Settings},
};
use serve::ring::{Bounds, OnSlow, Reader, Ring, Start, Writer};
use tokio::sync::watch;

use super::{Plan, keeper::keep, push::Podium, runner::Runner};
use crate::{
    config::{Mode, Resurrect, Rules},
    sniff::Format,
};

/// Bytes that a ring holds at most, however short its window is in time. A finite output below this
/// reaches a client to the last byte, however slow it is.
const MOST_BYTES: usize = 32 << 20;

/// How often somebody who waits for first bytes looks whether they can still come.
const LOOK: Duration = Duration::from_millis(20);

/// What a source is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A feed of the configuration.
    Feed,
    /// The command of a stream that its clients share.
    Stream,
}

impl Role {
    /// Returns its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Stream => "stream",
        }
    }
}

/// What a source is made of.
pub(crate) struct Setup {
    pub(crate) role: Role,
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) rules: Rules,
    pub(crate) log: Option<LogFile>,
}

impl Setup {
    /// Returns when its command is started again: at once, then 0.5 s later, 1 s, and so on up to
    /// 30 s; from the beginning after 30 s of data.
    fn restart(&self) -> Restart {
        let is_lasting = self.mode.linger().is_none();
        let resurrect = self.rules.resurrect;
        Restart {
            policy: match resurrect {
                Resurrect::No => Policy::Never,
                Resurrect::Yes | Resurrect::Always => Policy::OnFailure,
            },
            first_at_once: true,
            delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            jitter_percent: 20,
            reset_after: Duration::from_secs(30),
            settled_after: Duration::from_secs(30),
            finish_on_eof: resurrect != Resurrect::Always && !is_lasting,
            despite_permanent: is_lasting,
            ..Restart::default()
        }
    }
}

/// A source of media. Clones are the same one.
#[derive(Clone)]
pub struct Source {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) setup: Setup,
    desk: Mutex<Desk>,
    pub(super) demand: watch::Sender<Demand>,
    pub(super) trouble: watch::Sender<Trouble>,
    /// Set once, when the command is under supervision; a push has none.
    pub(super) handle: std::sync::OnceLock<Handle>,
    /// Bytes that were received, over all runs.
    pub(super) bytes: AtomicU64,
    /// When the last of them came.
    last: Mutex<Option<Instant>>,
    /// What is known of the container.
    known: Mutex<Known>,
    /// Who publishes into it, if it is pushed.
    pub(super) podium: Podium,
    /// What its command reads. Set once, with the handle.
    parents: std::sync::OnceLock<Vec<Source>>,
}

/// What the first bytes of a run have told.
#[derive(Default)]
struct Known {
    format: Option<Format>,
    content_type: Option<Cow<'static, str>>,
}

/// The ring that users join now, and its writing end while no run has it.
struct Desk {
    ring: Ring,
    writer: Option<Writer>,
    /// Counts rings.
    generation: u64,
    users: u32,
}

/// Who needs a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) users: u32,
    /// Raised by each that came.
    pub(super) arrivals: u64,
    /// There will be no more.
    pub(super) closing: bool,
}

/// What has gone wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Runs that ended without a byte.
    pub(super) barren: u64,
    /// Whether the last run was one of them.
    pub(super) is_barren: bool,
    /// Why the last run ended, with the last line that the process said.
    pub(super) reason: Option<Reason>,
    /// A restart is being waited for.
    pub(super) backing_off: bool,
}

impl Source {
    pub(crate) fn new(setup: Setup) -> Self {
        let writer = Writer::new(bounds(&setup.rules));
        let desk = Desk {
            ring: writer.ring(),
            writer: Some(writer),
            generation: 0,
            users: 0,
        };
        Self {
            shared: Arc::new(Shared {
                setup,
                desk: Mutex::new(desk),
                demand: watch::Sender::default(),
                trouble: watch::Sender::default(),
                handle: std::sync::OnceLock::new(),
                bytes: AtomicU64::new(0),
                last: Mutex::new(None),
                known: Mutex::default(),
                podium: Podium::default(),
                parents: std::sync::OnceLock::new(),
            }),
        }
    }

    /// Returns what it is there for.
    pub fn role(&self) -> Role {
        self.shared.setup.role
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.shared.setup.name
    }

    /// Returns when it runs.
    pub fn mode(&self) -> Mode {
        self.shared.setup.mode
    }

    /// Returns how long its users wait for the first bytes.
    pub fn start_timeout(&self) -> Duration {
        self.shared.setup.rules.start_timeout
    }

    /// Returns how far behind its users may be.
    pub fn window(&self) -> Duration {
        self.shared.setup.rules.window
    }

    /// Returns its container, once that is known.
    pub fn format(&self) -> Option<Format> {
        lock(&self.shared.known).format
    }

    /// Returns its content type, once that is known.
    pub fn content_type(&self) -> Option<Cow<'static, str>> {
        lock(&self.shared.known).content_type.clone()
    }

    /// Returns the number of its users.
    pub fn users(&self) -> u32 {
        lock(&self.shared.desk).users
    }

    /// Returns how many bytes it has given, over all runs.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Relaxed)
    }

    /// Returns when it gave the last of them.
    pub fn last_byte(&self) -> Option<Instant> {
        *lock(&self.shared.last)
    }

    /// Returns the supervisor of its command, if it has one.
    pub fn handle(&self) -> Option<&Handle> {
        self.shared.handle.get()
    }

    /// Becomes a user of the source: it is started, if need be, and runs until the lease is dropped.
    /// The reader begins with the first byte when the source is yet to start. `None` when the server
    /// stops.
    pub fn lease(&self, start: Start, on_slow: OnSlow) -> Option<(Lease, Reader)> {
        let shared = &self.shared;
        let mut desk = lock(&shared.desk);
        if shared.demand.borrow().closing {
            return None;
        }
        if desk.ring.stats().ended {
            shared.renew(&mut desk);
        }
        desk.users += 1;
        let users = desk.users;
        // Told under the lock, so that the last who tells knows the last count.
        shared.demand.send_modify(|demand| {
            demand.users = users;
            demand.arrivals += 1;
        });
        let lease = Lease {
            source: self.clone(),
            ring: desk.ring.clone(),
            barren: self.lineage(),
        };
        let reader = desk.ring.join(start, on_slow);
        Some((lease, reader))
    }

    /// Returns the source and all that it is made of, each with the number of its barren runs.
    fn lineage(&self) -> Vec<(Self, u64)> {
        let parents = self.shared.parents.get().into_iter().flatten();
        let mut all: Vec<_> = parents.flat_map(Self::lineage).collect();
        all.push((self.clone(), self.shared.trouble.borrow().barren));
        all
    }

    /// Returns the ring that users join now.
    pub fn ring(&self) -> Ring {
        lock(&self.shared.desk).ring.clone()
    }

    /// Puts its command under supervision; the future that keeps it is to be run. To be called once.
    pub(crate) fn supervise(
        &self,
        plan: Plan,
        spawner: Spawner,
        seed: u64,
    ) -> impl Future<Output = ()> + Send + 'static {
        let setup = &self.shared.setup;
        let settings = Settings {
            restart: setup.restart(),
            ceiling: Ceiling {
                memory: plan.command.treatment.max_rss,
                wait: Duration::ZERO,
                ..Ceiling::default()
            },
            log: setup.log.clone(),
            seed,
        };
        // Called once, so the places are free.
        let _ = self
            .shared
            .parents
            .set(plan.parents.values().cloned().collect());
        let runner = Runner::new(Arc::clone(&self.shared), plan);
        let (handle, supervisor) = process::supervise::supervise(settings, spawner, runner);
        let _ = self.shared.handle.set(handle);
        keep(Arc::clone(&self.shared), supervisor)
    }

    /// Says that there will be no more users, and ends it.
    pub(crate) fn close(&self) {
        self.shared
            .demand
            .send_modify(|demand| demand.closing = true);
        if let Some(handle) = self.shared.handle.get() {
            handle.stop();
        }
        let mut desk = lock(&self.shared.desk);
        self.shared.renew(&mut desk);
        // The new ring ends as well.
        desk.writer = None;
    }

    /// Ends its processes without grace.
    pub(crate) fn kill(&self) {
        if let Some(handle) = self.shared.handle.get() {
            handle.kill();
        }
    }
}

impl Shared {
    /// Puts a new ring in the place of the present one.
    fn renew(&self, desk: &mut Desk) {
        let writer = Writer::new(bounds(&self.setup.rules));
        desk.ring = writer.ring();
        desk.writer = Some(writer);
        desk.generation += 1;
    }

    /// Ends it if nobody needs it; returns whether that is so.
    pub(super) fn retire(&self) -> bool {
        let mut desk = lock(&self.desk);
        if desk.users > 0 {
            return false;
        }
        // What still comes of this run is nobody's.
        self.renew(&mut desk);
        true
    }

    /// Hands the writing end of the present ring out, with the number of the ring.
    pub(super) fn take_writer(&self) -> (Writer, u64) {
        let mut desk = lock(&self.desk);
        if let Some(writer) = desk.writer.take()
            && !desk.ring.stats().ended
        {
            return (writer, desk.generation);
        }
        let writer = Writer::new(bounds(&self.setup.rules));
        desk.ring = writer.ring();
        desk.generation += 1;
        (writer, desk.generation)
    }

    /// Puts a new ring in the place of the one of that number, if it is the present one, and hands its
    /// writing end out.
    pub(super) fn next_writer(&self, generation: u64) -> (Writer, u64) {
        let mut desk = lock(&self.desk);
        let writer = Writer::new(bounds(&self.setup.rules));
        if desk.generation == generation {
            desk.ring = writer.ring();
            desk.generation += 1;
            return (writer, desk.generation);
        }
        (writer, generation)
    }

    /// Tells whether the ring of that number is the one that users join.
    pub(super) fn is_current(&self, generation: u64) -> bool {
        lock(&self.desk).generation == generation
    }

    pub(super) fn received(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
        *lock(&self.last) = Some(now());
    }

    pub(super) fn learned(&self, format: Option<Format>, content_type: Cow<'static, str>) {
        *lock(&self.known) = Known {
            format,
            content_type: Some(content_type),
        };
    }
}

/// Keeps a source running.
pub struct Lease {
    source: Source,
    ring: Ring,
    /// The source and all that it is made of, with their barren runs when it was taken.
    barren: Vec<(Source, u64)>,
}

impl Lease {
    /// Returns the source.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Returns the ring that was joined.
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Waits until a run has ended without a byte since this lease was taken, of the source or of
    /// something that it is made of, and returns why. At once if one rests after such an end.
    pub async fn failed(&self) -> Reason {
        loop {
            let found = self.barren.iter().find_map(|(source, before)| {
                let trouble = source.shared.trouble.borrow();
                let rests = trouble.backing_off && trouble.is_barren;
                (trouble.barren > *before || rests).then(|| reason(&trouble))
            });
            if let Some(reason) = found {
                return reason;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns why the last run ended.
    pub fn last_reason(&self) -> Reason {
        reason(&self.source.shared.trouble.borrow())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let shared = &self.source.shared;
        let mut desk = lock(&shared.desk);
        desk.users = desk.users.saturating_sub(1);
        let users = desk.users;
        shared.demand.send_modify(|demand| demand.users = users);
    }
}

fn reason(trouble: &Trouble) -> Reason {
    let unknown = || Reason::new(Class::Eof, "it came to its end without a byte");
    trouble.reason.clone().unwrap_or_else(unknown)
}

fn bounds(rules: &Rules) -> Bounds {
    Bounds {
        window: rules.window,
        bytes: MOST_BYTES,
    }
}

/// Returns the time of tokio's clock, which tests may stop.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Values set one by one, each of them right by itself.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
