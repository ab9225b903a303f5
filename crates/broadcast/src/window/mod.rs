//! The window of a channel: the parts and segments that a packager made and that can still be asked
//! for, in memory and, where they are older, on disk. It is the recorded kind of
//! [`media::supply::Supplier`].
//!
//! | what | where |
//! |---|---|
//! | newest segments and all parts | memory, for [`Settings::memory`] |
//! | all segments that are listed | files of the channel's folder, written part by part |
//! | segments no longer listed | kept as long again as the window is (RFC 8216bis, 6.2.2), then removed |
//! | what goes on over a restart | `state.json` in the same folder, with every segment |
//!
//! **When the disk is slow.** Files are written by one task behind a queue of [`disk::QUEUE`] parts and
//! segments. When half of it is full, parts are not written by themselves any more; when all of it is, a
//! segment is not: it stays in memory, and is lost (and listed as a gap) when memory reaches
//! [`Settings::memory_bytes`]. The live edge never waits.
//!
//! **Readers.** Manifests are written from a snapshot that is swapped at each change; looking up a
//! part takes a lock for some hundred nanoseconds. Those who wait for a part are woken by changes of
//! their track only.
//!
//! **Followers.** Recording and publishing take a [`Queue`] of [`Event`]s with [`Window::follow`]. A
//! follower that is slow misses the oldest segments that wait for it; nobody waits.

mod disk;
mod event;
mod evict;
mod hole;
mod inner;
mod present;
mod queue;
mod restore;
mod settings;
mod shape;
mod state;
mod stretch;
mod supply;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod track;
mod unfinished;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use media::{
    presentation::{Presentation, Shape},
    supply::Manifest,
};
use tokio::sync::Notify;

use crate::packager::{Init, Output, Resume};

pub use disk::{DiskError, Keeper, QUEUE};
pub use event::{Event, Media};
pub use queue::Queue;
pub use settings::{SetSettings, Settings, TrackSettings};
pub use state::{State, StateError};

use inner::{Follow, Inner};

/// The window of a channel.
pub struct Window {
    settings: Arc<Settings>,
    manifests: Vec<Manifest>,
    inner: Mutex<Inner>,
    /// The presentation as it is now; absent until there is a part.
    shown: ArcSwap<Option<Presentation>>,
    /// One for each track: woken at each change of it.
    changed: Vec<Arc<Notify>>,
}

/// What a window holds, for telemetry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// Segments in memory or on disk, of all tracks.
    pub segments: u64,
    /// Of these, how many are on disk.
    pub on_disk: u64,
    /// Bytes of media in memory.
    pub memory_bytes: u64,
    /// Segments that were not written since the disk was slow or full.
    pub not_written: u64,
    /// Segments lost since neither memory nor disk had room.
    pub lost: u64,
    /// Media that is listed, ms.
    pub listed_ms: i64,
    /// When the newest part came, Unix ms.
    pub last_change: Option<i64>,
}

impl Window {
    /// Makes an empty window in memory.
    pub fn new(settings: Settings) -> Arc<Self> {
        let settings = Arc::new(settings);
        Self::with(Inner::new(Arc::clone(&settings)), settings)
    }

    /// Makes the window of a channel that is kept in a folder, with what is still there: see
    /// [`State::load`]. The packager goes on from what is returned, and [`Keeper::run`] has to be
    /// run as long as the channel lives. `now` is Unix ms.
    ///
    /// The segment that was in progress at a crash ends with its last part. Segments that were announced
    /// before it but are not on disk are listed as gaps; numbers that may have been announced without
    /// having been noted are, too, once media goes on.
    pub fn open(
        settings: Settings,
        folder: &std::path::Path,
        state: Option<&State>,
        now: i64,
    ) -> Result<(Arc<Self>, Keeper, Resume), DiskError> {
        let settings = Arc::new(settings);
        let (inner, jobs, resume) = restore::restore(&settings, folder, state, now)?;
        let window = Self::with(inner, settings);
        window.lock().refresh(&window.shown);
        let keeper = Keeper::new(Arc::clone(&window), folder, jobs);
        Ok((window, keeper, resume))
    }

    /// Makes a window of what a channel left in its folder, to be looked at only: as [`Window::open`]
    /// with the same state and `now` would show it. Nothing more comes, and nothing is written: only the
    /// segment that was in progress gets the name of one that is whole.
    pub fn look_back(
        settings: Settings,
        folder: &std::path::Path,
        state: &State,
        now: i64,
    ) -> Arc<Self> {
        let settings = Arc::new(settings);
        let mut inner = restore::recall(&settings, folder, state, now);
        inner.evict();
        let window = Self::with(inner, settings);
        window.lock().refresh(&window.shown);
        window
    }

    /// Lets nobody wait any longer for something in this window, whose place another takes.
    pub fn retire(&self) {
        self.lock().ended = true;
        self.wake(|_| true);
    }

    fn with(inner: Inner, settings: Arc<Settings>) -> Arc<Self> {
        Arc::new(Self {
            manifests: vec![Manifest {
                name: "manifest.mpd".to_owned(),
                shape: Arc::new(shape::plain(&settings)),
            }],
            changed: settings.tracks().map(|_| Arc::default()).collect(),
            inner: Mutex::new(inner),
            shown: ArcSwap::default(),
            settings,
        })
    }

    /// Returns what it was told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes what the packager made at `now`, Unix ms: all of it is seen at once.
    pub fn apply(&self, outputs: Vec<Output>, now: i64) {
        if outputs.is_empty() {
            return;
        }
        let touched = {
            let mut inner = self.lock();
            let touched = inner.apply(outputs, now);
            inner.refresh(&self.shown);
            touched
        };
        self.wake(|track| touched.contains(&track));
    }

    /// Ends the channel: what is listed stays, as a presentation that is complete.
    pub fn end(&self) {
        {
            let mut inner = self.lock();
            inner.end();
            inner.refresh(&self.shown);
        }
        self.wake(|_| true);
    }

    /// Returns a queue of what happens from now on, with the stretch in progress and its init
    /// segments first. When more than `limit` events wait in it, the oldest segment gives way and is
    /// counted by it.
    pub fn follow(&self, limit: usize) -> Arc<Queue<Event>> {
        self.lock().follow(limit, Follow::FromNow)
    }

    /// Returns a queue for who wants all of the stretch in progress: as [`Window::follow`], with what is
    /// still there of it first.
    pub fn follow_whole(&self, limit: usize) -> Arc<Queue<Event>> {
        self.lock().follow(limit, Follow::Whole)
    }

    /// Tells whether who wants all ([`Window::follow_whole`]) is about to miss something. Who can wait
    /// with the next media, since it is not live, does.
    pub fn is_pressed(&self) -> bool {
        self.lock().is_pressed()
    }

    /// Returns the events that make up what the window holds between two times, ms since the epoch:
    /// whole segments that begin in it, with the stretches they are in.
    pub fn excerpt(&self, from_ms: i64, to_ms: i64) -> Vec<Event> {
        let mut events = self.lock().excerpt(from_ms, to_ms);
        for event in &mut events {
            // Each by itself, so that the live edge does not wait for files to be mapped.
            if let Event::Segment { track, media } = event {
                media.slices = self.lock().slices(*track, media.number);
            }
        }
        events
    }

    /// Returns the shape of the presentation with the given init segments, one for each track.
    pub(crate) fn shape_of(settings: &Settings, inits: &[Option<Arc<Init>>]) -> Shape {
        let init = |track: usize| inits.get(track).and_then(Option::as_ref);
        shape::with(settings, init, |_| track::Rates::default())
    }

    /// Returns what it holds.
    pub fn gauge(&self) -> Gauge {
        self.lock().gauge()
    }

    /// Returns what goes on over a restart.
    pub fn state(&self) -> State {
        self.lock().state()
    }

    /// Returns how long before the newest media a segment ends, ms; nothing when it is no longer kept.
    pub(crate) fn age_ms(&self, track: usize, number: u64) -> Option<i64> {
        self.lock().age_ms(track, number)
    }

    /// Returns the number of the first segment that is kept.
    pub(crate) fn first_kept(&self) -> u64 {
        let inner = self.lock();
        let kept = inner.reels.iter().map(|reel| reel.first);
        kept.min().unwrap_or(0)
    }

    fn wake(&self, touched: impl Fn(usize) -> bool) {
        for (track, changed) in self.changed.iter().enumerate() {
            if touched(track) {
                changed.notify_waiters();
            }
        }
    }

    /// Nothing is left half done by a panic: outputs are applied one by one.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
