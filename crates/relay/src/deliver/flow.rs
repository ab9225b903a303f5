//! A body that never has a length: what a reader gives, piece by piece, not copied.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use super::{gather::Gather, icy::Icy};
use bytes::Bytes;
use http_body::Frame;

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
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = ready!(self.poll_next(cx));
        if let Some(bytes) = &bytes {
            for counter in &self.counters {
                counter.fetch_add(bytes.len() as u64, Relaxed);
            }
        }
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
