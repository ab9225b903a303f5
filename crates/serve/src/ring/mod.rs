//! A ring that hands one writer's bytes to any number of readers.
//!
//! The bytes come in [`Piece`]s that are shared, never copied; each reader has its own place. The ring
//! knows nothing of media: a piece says whether a reader may begin with it, and what it needs before
//! (its [`Piece::join`]), and whether a reader may leave after it ([`Piece::leave`]).
//!
//! | question | answer |
//! |---|---|
//! | what does a reader cost | its place and a seat in the bell's list; no buffer, no task, no timer |
//! | what does the writer wait for | nothing: it neither knows nor counts how far readers are |
//! | which locks do readers take | none to find a piece ([`arc_swap`], atomics, cells that are written once); the bell's, briefly, to wait |
//! | what is bounded | time and bytes of what is kept, by [`Bounds`]; a reader that falls out is too slow |
//! | what becomes of slow readers | [`OnSlow`]: they skip to the newest join point, or end |
//!
//! Pieces have numbers from 0. They lie in pages of up to `SLOTS`; the list of pages is replaced
//! as a whole when one is begun or dropped, so a reader takes a snapshot and looks its number up. Memory
//! is given back page by page, so the ring may hold up to a page more than its bounds.
//!
//! **How slow is too slow.** A reader is late when its next piece is older than the window, measured
//! against the newest piece and not against a clock: a writer that pauses makes nobody late. It may
//! always be as far back as the second newest join point, since that is where those who came last
//! began. A late reader skips where it may [`Leave::Well`]. When there are pieces after which it may not,
//! the ring keeps as much again behind the window, so that a reader can finish the unit that it is in. One
//! that falls out of that as well skips if it may leave at all, and ends if what it has cannot be
//! continued.

mod page;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::Notify;

use self::page::{Block, Page};
pub use self::{
    reader::{End, Reader},
    writer::Writer,
};

/// Some bytes for all readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The bytes.
    pub bytes: Bytes,
    /// Whether a reader may begin with this piece; the bytes are what it needs before (none if empty).
    pub join: Option<Bytes>,
    /// Whether a reader may go on at any join point after it.
    pub leave: Leave,
}

/// Whether a reader may leave after a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// A unit ends here.
    Well,
    /// It is inside of a unit, which will be torn, but what follows is understood.
    IfNeedBe,
    /// It is inside of a unit, and nothing else would be understood.
    Never,
}

impl Piece {
    /// Makes a piece that is a unit in itself, and no join point.
    pub fn whole(bytes: Bytes) -> Self {
        Self {
            bytes,
            join: None,
            leave: Leave::Well,
        }
    }
}

/// What a ring keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Age of a piece, against the newest one, at which a reader that has yet to read it is late.
    pub window: Duration,
    /// Bytes kept, whatever their age.
    pub bytes: usize,
}

impl Default for Bounds {
    /// 5 s and 64 MiB.
    fn default() -> Self {
        Self {
            window: Duration::from_secs(5),
            bytes: 64 << 20,
        }
    }
}

/// Where a reader begins. One that comes before the first piece begins with that, in each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the newest join point; when there is none, at the next.
    Newest,
    /// At the newest join point that is at least this much older than the newest piece, or else at the
    /// oldest.
    Back(Duration),
    /// At the next join point that comes.
    Live,
}

/// What becomes of a reader that is too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSlow {
    /// It goes on at the newest join point, at the end of the unit that it is in.
    Skip,
    /// It ends.
    Drop,
}

/// A ring as readers and onlookers see it. Clones share it.
#[derive(Clone, Debug)]
pub struct Ring(Arc<Shared>);

/// What a ring has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Pieces pushed so far.
    pub pieces: u64,
    /// Bytes pushed so far.
    pub bytes: u64,
    /// Bytes kept now.
    pub kept: u64,
    /// Bytes handed to readers so far, with what they needed before.
    pub read: u64,
    /// Readers now.
    pub readers: usize,
    /// How often a slow reader skipped.
    pub skips: u64,
    /// How many readers ended because they were too slow.
    pub drops: u64,
    /// Whether the writer has finished.
    pub ended: bool,
}

#[derive(Debug)]
struct Shared {
    /// Oldest first; never empty pages but the last.
    pages: ArcSwap<Vec<Arc<Page>>>,
    /// Number of the next piece. What is below it is in its cell.
    next: AtomicU64,
    /// Oldest number that a reader may read.
    floor: AtomicU64,
    /// Oldest number that a reader may have to read next without being late.
    late: AtomicU64,
    /// One more than the number of the newest join point, 0 for none.
    newest: AtomicU64,
    ended: AtomicBool,
    bell: Arc<Notify>,
    tally: Tally,
}

/// Counts, written by many.
#[derive(Debug, Default)]
struct Tally {
    bytes: AtomicU64,
    kept: AtomicU64,
    read: AtomicU64,
    readers: AtomicUsize,
    skips: AtomicU64,
    drops: AtomicU64,
}

impl Shared {
    fn new() -> Self {
        Self {
            pages: ArcSwap::from_pointee(Vec::new()),
            next: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            late: AtomicU64::new(0),
            newest: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            bell: Arc::default(),
            tally: Tally::default(),
        }
    }

    /// Calls `then` with a piece, if it is kept still. `number` is below [`Self::next`].
    fn with<T>(&self, number: u64, then: impl FnOnce(&Block) -> T) -> Option<T> {
        if number < self.floor.load(Ordering::Acquire) {
            return None;
        }
        let pages = self.pages.load();
        let after = pages.partition_point(|page| page.first() <= number);
        let page = pages.get(after.checked_sub(1)?)?;
        page.block(number).map(then)
    }

    /// Returns the newest join point of `from` on, if it is kept.
    fn newest_join(&self, from: u64) -> Option<u64> {
        let newest = self.newest.load(Ordering::Acquire).checked_sub(1)?;
        (newest >= from && newest >= self.floor.load(Ordering::Acquire)).then_some(newest)
    }
}

impl Ring {
    /// Places a reader.
    pub fn join(&self, start: Start, on_slow: OnSlow) -> Reader {
        Reader::new(Arc::clone(&self.0), start, on_slow)
    }

    /// Returns what the ring has seen. The counts are read one after the other, not at one instant.
    pub fn stats(&self) -> Stats {
        let Shared { tally, .. } = &*self.0;
        Stats {
            pieces: self.0.next.load(Ordering::Relaxed),
            bytes: tally.bytes.load(Ordering::Relaxed),
            kept: tally.kept.load(Ordering::Relaxed),
            read: tally.read.load(Ordering::Relaxed),
            readers: tally.readers.load(Ordering::Relaxed),
            skips: tally.skips.load(Ordering::Relaxed),
            drops: tally.drops.load(Ordering::Relaxed),
            ended: self.0.ended.load(Ordering::Relaxed),
        }
    }

    /// Returns the rate of what is kept, bytes per second; `None` below 100 ms of it.
    pub fn rate(&self) -> Option<u64> {
        let pages = self.0.pages.load();
        let newest = pages.iter().rev().find_map(|page| page.last())?;
        let oldest = pages.iter().find_map(|page| page.block(page.first()))?;
        let span = newest.at.saturating_duration_since(oldest.at);
        let bytes = newest.offset.saturating_sub(oldest.offset);
        (span >= Duration::from_millis(100))
            .then(|| u64::try_from(u128::from(bytes) * 1000 / span.as_millis()).unwrap_or(u64::MAX))
    }
}
