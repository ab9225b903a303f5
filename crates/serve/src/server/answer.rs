//! From hyper's request to hyper's answer: one handler call, whatever it does.

use std::{
    any::Any,
    convert::Infallible,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

use super::{
    Shared,
    activity::{Activity, Running},
};
use crate::{Body, BoxError, Handler, Pace, Request, Response, counters, reply, request::Ends};

const SERVER: HeaderValue =
    HeaderValue::from_static(concat!("headend/", env!("CARGO_PKG_VERSION")));

/// What the requests of one connection share.
pub(super) struct Link<H> {
    pub(super) shared: Arc<Shared<H>>,
    pub(super) ends: Ends,
    pub(super) activity: Arc<Activity>,
}

/// Answers a request. The request counts as running from the call until the body is gone.
pub(super) fn answer<H: Handler>(
    link: Arc<Link<H>>,
    request: hyper::Request<Incoming>,
) -> impl Future<Output = Result<http::Response<Tracked>, Infallible>> + Send {
    let mut running = link.activity.begin();
    counters::add(&link.shared.counters.requests);
    async move {
        let is_head = *request.method() == Method::HEAD;
        let mut response = match Request::incoming(request, link.ends) {
            Ok(request) => guarded(&link, request).await,
            Err(refused) => *refused,
        };
        response.headers_mut().insert(header::SERVER, SERVER);
        if is_head {
            take_body(&mut response);
        }
        if response.body().len().is_some_and(|len| len > 0) {
            running.is_owed();
        }
        if let Some(pace) = response.extensions().get::<Pace>() {
            running.is_paced(*pace);
        }
        Ok(response.map(|body| Tracked {
            body,
            _running: running,
        }))
    }
}

/// Calls the handler; a panic in it becomes a 500.
async fn guarded<H: Handler>(link: &Link<H>, request: Request) -> Response {
    let target = request.uri().clone();
    let mut answer = pin!(async { link.shared.handler.handle(request).await });
    poll_fn(|cx| {
        let poll = AssertUnwindSafe(|| answer.as_mut().poll(cx));
        catch_unwind(poll).unwrap_or_else(|panic| {
            counters::add(&link.shared.counters.panics);
            tracing::error!(%target, panic = panic_text(&*panic), "a handler panicked");
            Poll::Ready(reply::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "This request met a defect of the server; it is in the log.",
            ))
        })
    })
    .await
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}

/// Takes the body off the answer to `HEAD`, leaving its length (RFC 9110, 9.3.2).
fn take_body(response: &mut Response) {
    let body = std::mem::replace(response.body_mut(), Body::empty());
    let has_length = !matches!(
        response.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    if let Some(len) = body.len().filter(|_| has_length) {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(len));
    }
}

/// A body that keeps its request marked as running.
pub(super) struct Tracked {
    body: Body,
    _running: Running,
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
