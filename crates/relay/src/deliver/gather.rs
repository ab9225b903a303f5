//! Gathering small pieces for a moment, so that they leave in one write.
//!
//! A feed that writes packet by packet costs a wake, a write and a packet on the wire for each of them
//! and for each client. Where a few milliseconds do not matter, waiting that long after the first piece
//! makes one of many. What was there anyhow waits for nothing, nor does an end.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use serve::ring::{End, Reader};
use tokio::time::{Instant, Sleep, sleep};

/// So many bytes are worth a write of their own.
const ENOUGH: usize = 32 << 10;

/// What a reader gives, with its moments of rest.
pub(super) struct Gather {
    reader: Reader,
    span: Duration,
    /// Whether there was nothing the last time: what comes then begins a rest.
    is_idle: bool,
    /// What rests, with what is set for its end.
    held: Bytes,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Gather {
    /// Lets pieces rest for `span`; not at all when it is zero.
    pub(super) fn new(reader: Reader, span: Duration) -> Self {
        Self {
            reader,
            span,
            is_idle: false,
            held: Bytes::new(),
            timer: None,
        }
    }

    /// Returns why there is nothing more, once that is so.
    pub(super) fn end(&self) -> Option<End> {
        self.reader.end()
    }

    /// Polls for the next bytes; `None` at the end.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.span.is_zero() {
            return self.reader.poll_next(cx);
        }
        if self.held.is_empty() {
            let Poll::Ready(next) = self.reader.poll_next(cx) else {
                self.is_idle = true;
                return Poll::Pending;
            };
            let rests = std::mem::take(&mut self.is_idle);
            match next {
                Some(bytes) if rests && bytes.len() < ENOUGH => self.held = bytes,
                next => return Poll::Ready(next),
            }
            let until = Instant::now() + self.span;
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(until),
                None => self.timer = Some(Box::pin(sleep(self.span))),
            }
        }
        if let Some(timer) = &mut self.timer {
            ready!(timer.as_mut().poll(cx));
        }
        // What has come meanwhile is read next, without a wait between.
        Poll::Ready(Some(std::mem::take(&mut self.held)))
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Waker};

    use serve::ring::{Bounds, OnSlow, Piece, Start, Writer};

    use super::*;

    const SPAN: Duration = Duration::from_millis(10);

    fn open(span: Duration) -> (Writer, Gather) {
        let writer = Writer::new(Bounds::default());
        let reader = writer.ring().join(Start::Newest, OnSlow::Drop);
        (writer, Gather::new(reader, span))
    }

    fn push(writer: &mut Writer, bytes: &[u8]) {
        let piece = Piece::whole(Bytes::copy_from_slice(bytes));
        writer.push(piece, std::time::Instant::now());
    }

    fn look(gather: &mut Gather) -> Poll<Option<Bytes>> {
        gather.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_rests_and_the_rest_is_not_longer_for_more() {
        let (mut writer, mut gather) = open(SPAN);
        for _ in 0..2 {
            assert_eq!(look(&mut gather), Poll::Pending);
            push(&mut writer, b"one");
            let begun = Instant::now();
            assert_eq!(look(&mut gather), Poll::Pending);
            tokio::time::advance(SPAN / 2).await;
            push(&mut writer, b"two");
            assert_eq!(look(&mut gather), Poll::Pending);
            let first = poll_fn(|cx| gather.poll_next(cx)).await;
            assert_eq!(first.as_deref(), Some(&b"one"[..]));
            assert_eq!(begun.elapsed(), SPAN);
            let second = look(&mut gather);
            assert_eq!(second, Poll::Ready(Some(Bytes::from_static(b"two"))));
        }
        assert_eq!(look(&mut gather), Poll::Pending);
        drop(writer);
        assert_eq!(look(&mut gather), Poll::Ready(None));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_there_or_much_rests_for_nothing() {
        let (mut writer, mut gather) = open(SPAN);
        push(&mut writer, b"one");
        let one = Bytes::from_static(b"one");
        assert_eq!(look(&mut gather), Poll::Ready(Some(one.clone())));
        assert_eq!(look(&mut gather), Poll::Pending);
        push(&mut writer, &vec![7; ENOUGH]);
        assert!(look(&mut gather).is_ready());
        let (mut writer, mut gather) = open(Duration::ZERO);
        assert_eq!(look(&mut gather), Poll::Pending);
        push(&mut writer, b"one");
        assert_eq!(look(&mut gather), Poll::Ready(Some(one)));
    }
}
