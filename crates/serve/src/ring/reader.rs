//! The reading end: a place in the ring, and what to do when it is gone.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::futures::OwnedNotified;

use super::{Leave, OnSlow, Piece, Shared, Start};

/// Why a reader got nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The writer finished, and everything was read.
    Finished,
    /// The reader was too slow.
    TooSlow,
}

/// A reader: one place in a ring.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    place: Place,
    on_slow: OnSlow,
    /// What goes before the next piece.
    before: Bytes,
    /// What the last join point needs: after a skip it is said again only when it has changed.
    header: Option<Bytes>,
    /// Whether it may leave where it is.
    leave: Leave,
    /// What rings with the next piece, once it has waited, and whether it waits.
    bell: Option<Pin<Box<OwnedNotified>>>,
    is_waiting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It waits for a join point of this number on.
    Seeking(u64),
    /// It reads this number next.
    At(u64),
    Ended(End),
}

/// What a look at the ring gives.
enum Look {
    Bytes(Bytes),
    Nothing,
    End,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, start: Start, on_slow: OnSlow) -> Self {
        shared.tally.readers.fetch_add(1, Ordering::Relaxed);
        let mut reader = Self {
            shared,
            place: Place::Seeking(0),
            on_slow,
            before: Bytes::new(),
            header: None,
            leave: Leave::Well,
            bell: None,
            is_waiting: false,
        };
        let next = reader.shared.next.load(Ordering::Acquire);
        let at = match start {
            _ if next == 0 => Some(0),
            Start::Newest => reader.shared.newest_join(0),
            Start::Back(_) if reader.shared.newest_join(0).is_none() => None,
            Start::Back(age) => reader.back(next, age),
            Start::Live => None,
        };
        reader.place = match at {
            None => Place::Seeking(if start == Start::Live { next } else { 0 }),
            // The first piece may be no join point: who is there for it gets it all the same.
            Some(0) if next == 0 => Place::At(0),
            Some(number) => reader.enter(number),
        };
        reader
    }

    /// Returns the newest join point that is `age` older than the newest piece, or the oldest.
    fn back(&self, next: u64, age: Duration) -> Option<u64> {
        let newest = self.shared.with(next - 1, |block| block.at)?;
        let floor = self.shared.late.load(Ordering::Acquire);
        let mut found = None;
        for number in (floor..next).rev() {
            let looked = self.shared.with(number, |block| {
                let is_join = block.piece.join.is_some();
                (is_join, newest.saturating_duration_since(block.at))
            });
            let Some((is_join, old)) = looked else { break };
            if is_join {
                found = Some(number);
                if old >= age {
                    break;
                }
            }
        }
        found
    }

    /// Waits for the next bytes; `None` at the [`Self::end`]. Safe to cancel.
    pub async fn next(&mut self) -> Option<Bytes> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for the next bytes, as bodies do; `None` at the [`Self::end`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if self.is_waiting
                && let Some(bell) = &mut self.bell
            {
                ready!(bell.as_mut().poll(cx));
                self.is_waiting = false;
            }
            if let Some(done) = self.looked() {
                return Poll::Ready(done);
            }
            // The bell is heard from before the second look on, or else a piece that comes in between
            // would ring for nobody. Its place on the heap is used again and again.
            let notified = Arc::clone(&self.shared.bell).notified_owned();
            match &mut self.bell {
                Some(bell) => bell.set(notified),
                None => self.bell = Some(Box::pin(notified)),
            }
            if let Some(done) = self.looked() {
                return Poll::Ready(done);
            }
            self.is_waiting = true;
        }
    }

    /// Returns what a look gives, `Some(None)` at the end.
    #[expect(clippy::option_option, reason = "it is a poll without a context")]
    fn looked(&mut self) -> Option<Option<Bytes>> {
        match self.look() {
            Look::Bytes(bytes) => Some(Some(bytes)),
            Look::End => Some(None),
            Look::Nothing => None,
        }
    }

    /// Returns the next bytes if they are there: more of them for one write.
    pub fn ready(&mut self) -> Option<Bytes> {
        match self.look() {
            Look::Bytes(bytes) => Some(bytes),
            Look::Nothing | Look::End => None,
        }
    }

    /// Returns why there is nothing more, once that is so.
    pub fn end(&self) -> Option<End> {
        match self.place {
            Place::Ended(end) => Some(end),
            Place::Seeking(_) | Place::At(_) => None,
        }
    }

    /// Changes what becomes of it when it is too slow, as who learns later what is written does.
    pub fn set_on_slow(&mut self, on_slow: OnSlow) {
        self.on_slow = on_slow;
    }

    /// Returns how many pieces are there that it has not read.
    pub fn behind(&self) -> u64 {
        match self.place {
            Place::At(number) => self.shared.next.load(Ordering::Relaxed) - number,
            Place::Seeking(_) | Place::Ended(_) => 0,
        }
    }

    fn look(&mut self) -> Look {
        loop {
            if !self.before.is_empty() {
                let before = std::mem::take(&mut self.before);
                return self.hand(before);
            }
            // First, so that nothing can come after the number below is read.
            let ended = self.shared.ended.load(Ordering::Acquire);
            match self.place {
                Place::Ended(_) => return Look::End,
                Place::Seeking(from) => match self.shared.newest_join(from) {
                    Some(number) => self.place = self.enter(number),
                    None if ended => self.place = Place::Ended(End::Finished),
                    None => return Look::Nothing,
                },
                Place::At(number) => {
                    let next = self.shared.next.load(Ordering::Acquire);
                    if number >= next {
                        if !ended {
                            return Look::Nothing;
                        }
                        self.place = Place::Ended(End::Finished);
                        continue;
                    }
                    let is_late = number < self.shared.late.load(Ordering::Acquire);
                    if is_late && self.leave == Leave::Well {
                        self.place = self.slow(number);
                        continue;
                    }
                    let Some(piece) = self.shared.with(number, |block| block.piece.clone()) else {
                        self.place = self.slow(number);
                        continue;
                    };
                    let Piece { bytes, join, leave } = piece;
                    // What a join needs is known to who has read on to it.
                    self.header = join.or(self.header.take());
                    self.place = Place::At(number + 1);
                    self.leave = leave;
                    if !bytes.is_empty() {
                        return self.hand(bytes);
                    }
                }
            }
        }
    }

    fn hand(&self, bytes: Bytes) -> Look {
        let read = &self.shared.tally.read;
        read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Look::Bytes(bytes)
    }

    /// Goes to a join point, or waits for the next when it has just been lost.
    fn enter(&mut self, number: u64) -> Place {
        let Some(header) = self.shared.with(number, |block| block.piece.join.clone()) else {
            return Place::Seeking(number + 1);
        };
        let header = header.unwrap_or_default();
        if self.header.as_ref() != Some(&header) {
            self.before = header.clone();
            self.header = Some(header);
        }
        Place::At(number)
    }

    /// The piece that is next is late or gone.
    fn slow(&mut self, number: u64) -> Place {
        if self.on_slow == OnSlow::Drop || self.leave == Leave::Never {
            self.shared.tally.drops.fetch_add(1, Ordering::Relaxed);
            return Place::Ended(End::TooSlow);
        }
        self.shared.tally.skips.fetch_add(1, Ordering::Relaxed);
        self.leave = Leave::Well;
        match self.shared.newest_join(number + 1) {
            Some(join) => self.enter(join),
            None => Place::Seeking(number + 1),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.tally.readers.fetch_sub(1, Ordering::Relaxed);
    }
}
