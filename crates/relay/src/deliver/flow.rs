//! A body that never has a length: what a reader gives, piece by piece, not copied.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::Frame;
use serve::ring::End;

use super::{gather::Gather, icy::Icy};

/// The client was too slow: its answer is cut off, and must not look whole.
#[derive(Debug, thiserror::Error)]
#[error("the client is too slow")]
pub(super) struct TooSlow;

pub(super) struct Flow<G> {
    /// Goes before what the reader gives, and then what a frame had to be cut off.
    before: Bytes,
    pieces: Gather,
    counters: Vec<Arc<AtomicU64>>,
    icy: Option<Icy>,
    _guard: G,
}

impl<G> Flow<G> {
    pub(super) fn new(
        before: Bytes,
        pieces: Gather,
        counters: Vec<Arc<AtomicU64>>,
        icy: Option<Icy>,
        guard: G,
    ) -> Self {
        Self {
            before,
            pieces,
            counters,
            icy,
            _guard: guard,
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(said) = self.icy.as_mut().and_then(Icy::due) {
            return Poll::Ready(Some(said));
        }
        let mut bytes = match std::mem::take(&mut self.before) {
            before if before.is_empty() => match ready!(self.pieces.poll_next(cx)) {
                Some(bytes) => bytes,
                None => return Poll::Ready(None),
            },
            before => before,
        };
        if let Some(icy) = &mut self.icy {
            self.before = bytes.split_off(icy.pass(bytes.len()));
        }
        Poll::Ready(Some(bytes))
    }
}

impl<G: Unpin> http_body::Body for Flow<G> {
    type Data = Bytes;
    type Error = TooSlow;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TooSlow>>> {
        let Some(bytes) = ready!(self.poll_next(cx)) else {
            let is_cut = self.pieces.end() == Some(End::TooSlow);
            return Poll::Ready(is_cut.then_some(Err(TooSlow)));
        };
        for counter in &self.counters {
            counter.fetch_add(bytes.len() as u64, Relaxed);
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}
