//! The door that never waits, and what a request consists of.

use http::{HeaderMap, Method};
use media::supply::{Refusal, Supplier, When};
use serve::{Response, cors::Methods};

use crate::{
    growing, refusal,
    turn::{Turn, Wish, turn},
};

/// A request for something of a presentation.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The method; `OPTIONS` and unknown ones are answered too.
    pub method: &'a Method,
    /// The header, for conditions and ranges.
    pub headers: &'a HeaderMap,
    /// The decoded path below the presentation, without a leading slash.
    pub rest: &'a str,
    /// The query as sent, without the `?`, for delivery directives of HLS.
    pub query: Option<&'a str>,
    /// Query that carries a test clock on to the URLs of HLS playlists: empty or `nowMS=…`. With
    /// one, time stands still at `now_ms`: nothing is waited for.
    pub test_query: &'a str,
    /// `scheme://host[:port]` as the client sees it.
    pub host: &'a str,
    /// The time, Unix ms.
    pub now_ms: i64,
    /// Whether the caller vouches that media below this URL never changes its bytes, because the
    /// URL has a version of the content in it.
    pub immutable: bool,
}

/// Answers a request without waiting: 200, 206, 204, 304, 400, 404, 405, 410, 412, 416, 425 or 500.
/// What could be waited for is too early (425); a segment in progress is answered with the parts
/// that it has.
pub fn answer(supplier: &dyn Supplier, ask: &Ask<'_>) -> Response {
    if let Some(screened) = Methods::Read.screen(ask.method) {
        return screened;
    }
    match turn(supplier, ask, ask.now_ms) {
        Turn::Done(response) => *response,
        Turn::Wait(wish) => too_early(supplier, &wish, ask.now_ms),
        Turn::Grow(segment) => growing::so_far(supplier, &segment, ask),
    }
}

fn too_early(supplier: &dyn Supplier, wish: &Wish, now: i64) -> Response {
    if let Some(refused) = &wish.otherwise {
        return refusal::response(refused);
    }
    let at_ms = match supplier.when(wish.manifest, wish.track, wish.edge, now) {
        When::At(at_ms) => at_ms,
        When::Now | When::Change(_) | When::Never => now,
    };
    refusal::response(&Refusal::TooEarly {
        what: wish.what.clone(),
        wait_ms: at_ms.saturating_sub(now),
        at_ms,
    })
}
