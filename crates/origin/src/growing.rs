//! Answers that grow with their segment: parts are handed on as they are made, so that a DASH client
//! gets a segment at the pace of the encoder. Their length is not known beforehand, and they carry no
//! entity tag; a segment that breaks off breaks the connection, which tells the client.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use futures_util::stream;
use http::Method;
use http_body::Frame;
use http_body_util::StreamBody;
use media::supply::{Edge, Refusal, Supplier};
use serve::{Body, BoxError, Response};

use crate::{
    Ask, WaitingRoom, refusal,
    turn::{Segment, growing},
    waiting::{Seat, Unmet},
};

/// For how long the next part of a growing answer is waited for, ms. A segment whose first part is
/// further away is too early.
const PATIENCE_MS: i64 = 60_000;

/// Answers with the parts that there are at the instant of the request.
pub(crate) fn so_far(supplier: &dyn Supplier, segment: &Segment, ask: &Ask<'_>) -> Response {
    let mut parts: Vec<Result<Frame<Bytes>, BoxError>> = Vec::new();
    for index in 0.. {
        match part(supplier, segment, index, ask.now_ms) {
            Ok((slices, last)) => {
                parts.extend(slices.into_iter().map(|slice| Ok(Frame::data(slice))));
                if last {
                    break;
                }
            }
            Err(refused) if index == 0 => return refusal::response(&refused),
            Err(_) => break,
        }
    }
    let body = Body::stream(StreamBody::new(stream::iter(parts)));
    growing(segment.content_type, ask, body)
}

/// Answers at once and goes on as parts are made.
pub(crate) fn answer(
    room: &WaitingRoom,
    supplier: &Arc<dyn Supplier>,
    segment: &Segment,
    ask: &Ask<'_>,
) -> Response {
    let mut growth = Growth {
        room: room.clone(),
        supplier: Arc::clone(supplier),
        segment: *segment,
        next: 0,
        until: None,
        ready: VecDeque::new(),
        ended: false,
        seat: None,
    };
    match part(&**supplier, segment, 0, ask.now_ms) {
        Ok((slices, last)) => growth.take(slices, last),
        Err(Refusal::TooEarly { wait_ms, .. }) if wait_ms <= PATIENCE_MS => {}
        Err(refused) => return refusal::response(&refused),
    }
    if *ask.method == Method::HEAD {
        let nothing = stream::empty::<Result<Frame<Bytes>, BoxError>>();
        let body = Body::stream(StreamBody::new(nothing));
        return growing(segment.content_type, ask, body);
    }
    if !growth.is_whole(ask.now_ms) {
        match room.seat() {
            Ok(seat) => growth.seat = Some(seat),
            Err(unmet) => return unmet.response(),
        }
    }
    let frames = stream::unfold(growth, |mut growth| async {
        let next = growth.next().await?;
        Some((next.map(Frame::data), growth))
    });
    let body = Body::stream(StreamBody::new(frames));
    growing(segment.content_type, ask, body)
}

/// Returns the bytes of a part, and whether it is the last.
fn part(
    supplier: &dyn Supplier,
    segment: &Segment,
    index: u32,
    now: i64,
) -> Result<(Vec<Bytes>, bool), Refusal> {
    let &Segment {
        manifest,
        track,
        key,
        ..
    } = segment;
    let part = supplier.part(manifest, track, key, index, now)?;
    Ok((part.payload.slices, part.last))
}

/// A segment on its way.
struct Growth {
    room: WaitingRoom,
    supplier: Arc<dyn Supplier>,
    segment: Segment,
    /// The part to be asked for next.
    next: u32,
    /// Until when it is waited for, Unix ms, once it is.
    until: Option<i64>,
    /// Slices of the last part that are not sent yet.
    ready: VecDeque<Bytes>,
    ended: bool,
    /// Held when it had to wait; nothing when the segment was whole.
    seat: Option<Seat>,
}

impl Growth {
    fn take(&mut self, slices: Vec<Bytes>, last: bool) {
        self.ready
            .extend(slices.into_iter().filter(|slice| !slice.is_empty()));
        self.next = self.next.saturating_add(1);
        self.until = None;
        self.ended = last;
    }

    fn is_whole(&self, now: i64) -> bool {
        let Segment {
            manifest, track, ..
        } = self.segment;
        let edge = self.supplier.edge(manifest, track, now);
        edge.is_ok_and(|edge| edge.segment > self.segment.number)
    }

    /// Returns the next slice, waiting for it when it is not there; nothing at the end.
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            if let Some(slice) = self.ready.pop_front() {
                return Some(Ok(slice));
            }
            if self.ended {
                return None;
            }
            let now = self.room.now_ms();
            match part(&*self.supplier, &self.segment, self.next, now) {
                Ok((slices, last)) => self.take(slices, last),
                // It has ended with the part before.
                Err(Refusal::NotFound(_)) if self.next > 0 => return None,
                // It came to nothing.
                Err(Refusal::NotFound(reason)) => {
                    let &Segment {
                        manifest,
                        track,
                        key,
                        ..
                    } = &self.segment;
                    let Ok(payload) = self.supplier.segment(manifest, track, key, now) else {
                        self.ended = true;
                        return Some(Err(Refusal::NotFound(reason).into()));
                    };
                    self.take(payload.slices, true);
                }
                Err(Refusal::TooEarly { .. }) => {
                    if let Err(unmet) = self.wait(now).await {
                        self.ended = true;
                        return Some(Err(unmet.into()));
                    }
                }
                Err(refused) => {
                    self.ended = true;
                    return Some(Err(refused.into()));
                }
            }
        }
    }

    /// Waits until the next part may be there.
    async fn wait(&mut self, now: i64) -> Result<(), Unmet> {
        if self.seat.is_none() {
            self.seat = Some(self.room.seat()?);
        }
        let edge = Edge {
            segment: self.segment.number,
            parts: self.next.saturating_add(1),
        };
        let place = (self.segment.manifest, self.segment.track);
        let until = *self.until.get_or_insert(now.saturating_add(PATIENCE_MS));
        self.room
            .change(&*self.supplier, place, edge, until, 0)
            .await
    }
}
