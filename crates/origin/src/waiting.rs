//! The door behind which requests wait for what is being made.
//!
//! A waiting request is a future of a few hundred bytes that a timer or a change of the presentation
//! wakes; it holds no lock and no thread, and dropping it (the client has gone) ends it. After each
//! wake-up it looks again, with a fresh `now`, at what there is. How many may wait is bounded, and the
//! end of the server ends all waiting.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use media::supply::{Edge, Supplier, When};
use serve::{Response, Shutdown, cors::Methods};

use crate::{
    Ask, answer, growing, refusal,
    turn::{Turn, Wish, turn},
};

/// A sleep that ends at its time; dropping it costs nothing.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The wall clock of those who wait.
pub trait Clock: Send + Sync + 'static {
    /// Returns the time, Unix ms.
    fn now_ms(&self) -> i64;

    /// Returns a future that ends after so many milliseconds, not before.
    fn sleep(&self, ms: u64) -> Sleep;
}

/// Where requests wait. Clones share its seats.
#[derive(Clone)]
pub struct WaitingRoom(Arc<Room>);

struct Room {
    clock: Box<dyn Clock>,
    shutdown: Shutdown,
    seats: usize,
    taken: AtomicUsize,
}

/// A place in the waiting room, given back when dropped.
pub(crate) struct Seat(Arc<Room>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Relaxed);
    }
}

/// Why waiting did not help: HTTP 503, another try may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unmet {
    /// All seats are taken.
    #[error("Too many requests are waiting already.")]
    Full,
    /// It did not come in time.
    #[error("It was waited for, but did not come in time.")]
    TooLong,
    /// It will never come.
    #[error("It was waited for, but the presentation goes on no further.")]
    Ended,
    /// The server stops.
    #[error("The server is stopping.")]
    Closing,
}

impl Unmet {
    pub(crate) fn response(self) -> Response {
        refusal::unavailable(self.to_string())
    }
}

impl WaitingRoom {
    /// Opens a room with a clock and at most so many seats, until `shutdown`.
    pub fn new(clock: impl Clock, shutdown: Shutdown, seats: usize) -> Self {
        Self(Arc::new(Room {
            clock: Box::new(clock),
            shutdown,
            seats,
            taken: AtomicUsize::new(0),
        }))
    }

    /// Returns how many requests are waiting: those for what is to come, and answers that grow.
    pub fn waiting(&self) -> usize {
        self.0.taken.load(Relaxed)
    }

    /// Answers a request, waiting where that is allowed: as [`answer()`](crate::answer()) does, and 503
    /// when waiting did not help. What is there is answered without waiting; with a test clock
    /// nothing is waited for. Dropping the future ends the waiting.
    pub async fn answer(&self, supplier: &Arc<dyn Supplier>, ask: &Ask<'_>) -> Response {
        if !ask.test_query.is_empty() {
            return answer(&**supplier, ask);
        }
        if let Some(screened) = Methods::Read.screen(ask.method) {
            return screened;
        }
        match turn(&**supplier, ask, ask.now_ms) {
            Turn::Done(response) => *response,
            Turn::Grow(segment) => growing::answer(self, supplier, &segment, ask),
            Turn::Wait(wish) => {
                let otherwise = wish.otherwise.clone();
                match (self.wait(supplier, ask, wish).await, otherwise) {
                    (Ok(response), _) => response,
                    (Err(Unmet::TooLong | Unmet::Ended), Some(refused)) => {
                        refusal::response(&refused)
                    }
                    (Err(unmet), _) => unmet.response(),
                }
            }
        }
    }

    /// Waits until a wish is fulfilled, and answers.
    async fn wait(
        &self,
        supplier: &Arc<dyn Supplier>,
        ask: &Ask<'_>,
        mut wish: Wish,
    ) -> Result<Response, Unmet> {
        let _seat = self.seat()?;
        let until = ask.now_ms.saturating_add(wish.patience_ms);
        loop {
            let place = (wish.manifest, wish.track);
            let waited = self.change(&**supplier, place, wish.edge, until, wish.least_ms());
            let ended = tokio::select! {
                waited = waited => waited == Err(Unmet::Ended) || { waited?; false },
                () = self.0.shutdown.wait() => return Err(Unmet::Closing),
            };
            match turn(&**supplier, ask, self.now_ms()) {
                Turn::Done(response) => return Ok(*response),
                Turn::Grow(segment) => return Ok(growing::answer(self, supplier, &segment, ask)),
                Turn::Wait(_) if ended => return Err(Unmet::Ended),
                Turn::Wait(next) => wish = next,
            }
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    /// Takes a seat.
    pub(crate) fn seat(&self) -> Result<Seat, Unmet> {
        let room = &self.0;
        let take = |taken: usize| (taken < room.seats).then_some(taken + 1);
        match room.taken.fetch_update(Relaxed, Relaxed, take) {
            Ok(_) => Ok(Seat(Arc::clone(room))),
            Err(_) => Err(Unmet::Full),
        }
    }

    /// Waits until a track may be as far as `edge`, at the latest until `until` (Unix ms). When it is so
    /// already, it waits `least_ms`.
    pub(crate) async fn change(
        &self,
        supplier: &dyn Supplier,
        (manifest, track): (usize, usize),
        edge: Edge,
        until: i64,
        least_ms: u64,
    ) -> Result<(), Unmet> {
        let now = self.now_ms();
        let left = u64::try_from(until.saturating_sub(now)).unwrap_or(0);
        if left == 0 {
            return Err(Unmet::TooLong);
        }
        match supplier.when(manifest, track, edge, now) {
            When::Never => Err(Unmet::Ended),
            When::At(at_ms) if at_ms > until => Err(Unmet::TooLong),
            // At least a moment, so that suppliers who contradict themselves cost no more.
            When::Now => {
                self.0.clock.sleep(least_ms.clamp(1, left)).await;
                Ok(())
            }
            When::At(at_ms) => {
                let ms = u64::try_from(at_ms.saturating_sub(now)).unwrap_or(0).max(1);
                self.0.clock.sleep(ms).await;
                Ok(())
            }
            When::Change(changed) => {
                tokio::select! {
                    () = changed => {}
                    () = self.0.clock.sleep(left) => {}
                }
                Ok(())
            }
        }
    }
}
