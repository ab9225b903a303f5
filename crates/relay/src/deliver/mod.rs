//! The body of one client: header, newest join point, then everything that follows, by a policy for
//! clients that do not keep up. Knows rings and HTTP bodies, not feeds.
//!
//! | asked for | answered |
//! |---|---|
//! | `GET` | everything from the join point on; chunked to HTTP/1.1, to the end of the connection to 1.0 |
//! | `HEAD` | the same header; the server takes the body off |
//! | `Range: bytes=0-1` and other short beginnings | 206 with the first bytes: players try a place like that before they play |
//! | any other `Range` | everything |
//! | `Icy-MetaData: 1` of MPEG audio or AAC | what plays, or the name of the stream, every 16,000 bytes when it is new |
//!
//! How far behind a client may be is the ring's matter. What the kernel holds for it beyond that is
//! half a second of the stream, and a client that takes nothing of what there is for as long as
//! [`Terms::write_timeout`] is closed; one for which there is nothing is not.

mod flow;
mod gather;
mod icy;

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serve::{
    Body, Pace, Response,
    entity::range::{Ranges, parse},
    reply,
    ring::{Reader, Ring},
};

pub use self::icy::Title;
use self::{flow::Flow, gather::Gather, icy::Icy};

/// Longest beginning that is answered as one, bytes.
const MOST_PROBED: u64 = 64 << 10;
/// What the kernel may hold that it has not sent: bounds, and what there is when the rate is unknown.
const UNSENT: std::ops::RangeInclusive<u64> = 16 << 10..=1 << 20;
const UNSENT_UNKNOWN: u64 = 128 << 10;

/// What a stream promises its clients.
#[derive(Clone, Debug)]
pub struct Terms {
    /// `Content-Type`.
    pub content_type: HeaderValue,
    /// How long a client may take no byte while there are some.
    pub write_timeout: Duration,
    /// How long small pieces are gathered before they are sent.
    pub coalesce: Duration,
    /// The name that players show.
    pub name: String,
    /// What plays, as they show it.
    pub title: Title,
    /// Grow by every byte that a client is handed.
    pub counters: Vec<Arc<AtomicU64>>,
}

/// Tells whether a request asks for a short beginning only: nobody who listens.
pub fn is_probe(request: &HeaderMap) -> bool {
    beginning(request).is_some()
}

/// Returns how many bytes a short beginning is that is asked for.
fn beginning(request: &HeaderMap) -> Option<usize> {
    let text = request.get(header::RANGE)?.to_str().ok()?;
    match parse(text, u64::MAX) {
        Ranges::Some(ranges) => match ranges[..] {
            [ref range] if range.start == 0 && range.end <= MOST_PROBED => Some(range.end as usize),
            _ => None,
        },
        Ranges::Whole | Ranges::Unsatisfiable => None,
    }
}

/// Answers with what a reader gives, `first` before that: what was waited for to know that there is
/// something. `guard` is dropped with the body.
pub fn response(
    first: Bytes,
    mut reader: Reader,
    ring: &Ring,
    terms: &Terms,
    request: &HeaderMap,
    guard: impl Send + Unpin + 'static,
) -> Response {
    let mut first = first;
    if let Some(wanted) = beginning(request) {
        let mut bytes = BytesMut::from(&first[..]);
        while bytes.len() < wanted
            && let Some(more) = reader.ready()
        {
            bytes.extend_from_slice(&more);
        }
        first = bytes.freeze();
        if first.len() >= wanted {
            return partial(first.split_to(wanted), terms);
        }
    }
    let icy = Icy::offered(request, terms);
    let mut response = headed(StatusCode::OK, terms);
    if let Some(icy) = &icy {
        icy.head(response.headers_mut());
    }
    let pieces = Gather::new(reader, terms.coalesce);
    let flow = Flow::new(first, pieces, terms.counters.clone(), icy, guard);
    *response.body_mut() = Body::stream(flow);
    let pace = pace(terms.write_timeout, ring.rate());
    response.extensions_mut().insert(pace);
    response
}

/// Returns how a stream is sent of which so many bytes come in a second, as far as that is known.
pub(crate) fn pace(write_timeout: Duration, rate: Option<u64>) -> Pace {
    let half_a_second = rate.map_or(UNSENT_UNKNOWN, |rate| rate / 2);
    Pace {
        write_timeout,
        unsent: half_a_second.clamp(*UNSENT.start(), *UNSENT.end()) as u32,
    }
}

fn headed(status: StatusCode, terms: &Terms) -> Response {
    let mut response = reply::empty(status);
    let content_type = terms.content_type.clone();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

/// Answers a try. How long the whole is nobody knows.
fn partial(bytes: Bytes, terms: &Terms) -> Response {
    let mut response = headed(StatusCode::PARTIAL_CONTENT, terms);
    let range = format!("bytes 0-{}/*", bytes.len().saturating_sub(1));
    if let Ok(range) = HeaderValue::try_from(range) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    *response.body_mut() = bytes.into();
    response
}
