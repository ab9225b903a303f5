//! The writing end: numbers pieces, says where readers may be, forgets what is out of bounds.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{Block, Bounds, Leave, Page, Piece, Ring, Shared, page};

/// Newest join points from which on a reader is not late, whatever their age: those who came last
/// began there.
const JOINS_IN_TIME: usize = 2;
/// Newest join points from which on everything is kept for those who are inside of a unit: they may
/// have been just in time when they began it, and be slow in it.
const JOINS_KEPT: usize = 4;

/// Readers that are woken by every push.
const READERS_AT_ONCE: usize = 250;
/// What each further one adds to [`Writer::rest`], and the longest.
const REST_OF_A_READER: Duration = Duration::from_micros(100);
const MOST_REST: Duration = Duration::from_millis(75);

/// The one writer of a ring. Dropping it finishes the ring.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    bounds: Bounds,
    page: Arc<Page>,
    /// Number of the next piece, and bytes in all before it.
    next: u64,
    offset: u64,
    /// What is kept behind the window.
    ages: VecDeque<Age>,
    /// Bytes in the page.
    page_bytes: usize,
    /// The newest join points, oldest first.
    joins: VecDeque<u64>,
    /// Numbers before which a reader is late, and before which nothing is kept.
    late: u64,
    floor: u64,
    /// Whether there was a piece after which nobody leaves well.
    has_units: bool,
}

/// When a piece came and how many bytes were before it.
#[derive(Clone, Copy, Debug)]
struct Age {
    at: Instant,
    offset: u64,
}

impl Writer {
    /// Makes a ring without pieces.
    pub fn new(bounds: Bounds) -> Self {
        let page = Arc::new(Page::new(0));
        let shared = Shared::new();
        shared.pages.store(Arc::new(vec![Arc::clone(&page)]));
        Self {
            shared: Arc::new(shared),
            bounds,
            page,
            next: 0,
            offset: 0,
            ages: VecDeque::new(),
            page_bytes: 0,
            joins: VecDeque::with_capacity(JOINS_KEPT + 1),
            late: 0,
            floor: 0,
            has_units: false,
        }
    }

    /// Returns the ring.
    pub fn ring(&self) -> Ring {
        Ring(Arc::clone(&self.shared))
    }

    /// Hands a piece to all readers; `now` is never before that of an earlier call. An empty piece is
    /// left out unless it is a join point or ends a unit.
    pub fn push(&mut self, piece: Piece, now: Instant) {
        self.put(piece, now);
        self.shared.bell.notify_waiters();
    }

    /// Hands several pieces to all readers and wakes these once.
    pub fn push_all(&mut self, pieces: impl IntoIterator<Item = Piece>, now: Instant) {
        let before = self.next;
        for piece in pieces {
            self.put(piece, now);
        }
        if self.next > before {
            self.shared.bell.notify_waiters();
        }
    }

    /// Returns how long the writer does well to wait before it looks for more, when nothing more was
    /// there: waking a reader and writing to its client costs the same for much as for little, about
    /// 9 µs. Up to 250 readers it is nothing; then it grows to 75 ms for 1,000, where the cost of each
    /// byte is halved by that.
    pub fn rest(&self) -> Duration {
        let readers = self.shared.tally.readers.load(Ordering::Relaxed);
        let many = readers.saturating_sub(READERS_AT_ONCE);
        let many = u32::try_from(many).unwrap_or(u32::MAX);
        REST_OF_A_READER.saturating_mul(many).min(MOST_REST)
    }

    /// Tells readers that nothing comes any more; they read what is there to the last byte.
    pub fn finish(self) {
        drop(self);
    }

    fn put(&mut self, piece: Piece, now: Instant) {
        if piece.bytes.is_empty() && piece.join.is_none() && piece.leave != Leave::Well {
            return;
        }
        let number = self.next;
        if piece.join.is_some() {
            self.joins.push_back(number);
            if self.joins.len() > JOINS_KEPT {
                self.joins.pop_front();
            }
        }
        self.has_units |= piece.leave != Leave::Well;
        let is_join = piece.join.is_some();
        let len = piece.bytes.len() + piece.join.as_ref().map_or(0, bytes::Bytes::len);
        self.ages.push_back(Age {
            at: now,
            offset: self.offset,
        });
        self.turn_page(len);
        self.page.put(
            number,
            Block {
                piece,
                at: now,
                offset: self.offset,
            },
        );
        self.next = number + 1;
        self.offset += len as u64;
        self.page_bytes += len;
        self.forget(now);

        let shared = &*self.shared;
        shared.tally.bytes.store(self.offset, Ordering::Relaxed);
        // Readers that see the number find the piece; those that see the join point see its number.
        shared.next.store(self.next, Ordering::Release);
        if is_join {
            shared.newest.store(self.next, Ordering::Release);
        }
        shared.late.store(self.late, Ordering::Release);
    }

    /// Begins a page when the current one is full, of pieces or of bytes.
    fn turn_page(&mut self, len: usize) {
        let used = self.next - self.page.first();
        let most = self.bounds.bytes / 16;
        if used < page::SLOTS as u64 && (used == 0 || self.page_bytes + len <= most) {
            return;
        }
        self.page = Arc::new(Page::new(self.next));
        self.page_bytes = 0;
        let mut pages = Vec::clone(&self.shared.pages.load());
        pages.push(Arc::clone(&self.page));
        self.shared.pages.store(Arc::new(pages));
    }

    /// Moves the marks of what is late and what is kept, and gives back pages.
    fn forget(&mut self, now: Instant) {
        let Bounds { window, bytes } = self.bounds;
        let floor;
        if self.has_units {
            // As much again behind the window, for who is inside of a unit.
            self.late = self.out_of(
                self.late,
                self.next - 1,
                window,
                JOINS_IN_TIME,
                bytes / 2,
                now,
            );
            floor = self.out_of(self.floor, self.late, window * 2, JOINS_KEPT, bytes, now);
        } else {
            self.late = self.out_of(self.late, self.next - 1, window, JOINS_IN_TIME, bytes, now);
            floor = self.late;
        }
        self.ages
            .drain(..usize::try_from(floor - self.floor).unwrap_or(0));
        let kept = self.ages.front().map_or(0, |age| self.offset - age.offset);
        self.shared.tally.kept.store(kept, Ordering::Relaxed);
        if floor == self.floor {
            return;
        }
        self.floor = floor;
        self.shared.floor.store(floor, Ordering::Release);
        let pages = self.shared.pages.load();
        let gone = pages.windows(2).take_while(|pair| pair[1].first() <= floor);
        let gone = gone.count();
        if gone > 0 {
            self.shared.pages.store(Arc::new(pages[gone..].to_vec()));
        }
    }

    /// Returns the first number from `from` on, at most `to`, that is within the bounds: not older
    /// than `window` or not before the `joins` newest join points, and within the newest `bytes`.
    fn out_of(
        &self,
        from: u64,
        to: u64,
        window: Duration,
        joins: usize,
        bytes: usize,
        now: Instant,
    ) -> u64 {
        let join = self.joins.len().saturating_sub(joins);
        let join = self.joins.get(join).copied().unwrap_or(to);
        let is_out = |number: u64| {
            let index = usize::try_from(number - self.floor).ok();
            let age = index.and_then(|index| self.ages.get(index));
            age.is_none_or(|age| {
                let is_old = now.saturating_duration_since(age.at) > window && number < join;
                is_old || self.offset - age.offset > bytes as u64
            })
        };
        (from..to).find(|number| !is_out(*number)).unwrap_or(to)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.shared.bell.notify_waiters();
    }
}
