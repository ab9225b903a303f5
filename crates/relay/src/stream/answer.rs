//! From a request to an answer.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use http_body::Frame;
use serve::{Body, Request, Response, cors, reply, ring};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Kind, Refusal, Stream,
    access::allows,
    admission::Seat,
    exclusive::{Output, Workshop, first_bytes},
    shot::Order,
};
use crate::{
    Relay,
    config::{BadQuery, OnSlow, ShotRules, Span, Start, What},
    deliver::{self, Terms},
    feed::{Lease, Source, now},
    sniff,
};

/// The key of the query that a token stands under.
const TOKEN: &str = "token";
/// The key for how far back a client begins.
const BURST: &str = "burst";
/// What a client that begins far back has before it is late.
const IN_HAND: Duration = Duration::from_secs(1);

/// What a client of a ring holds.
struct Held {
    lease: Lease,
    _seat: Seat,
}

impl Relay {
    /// Answers a `GET` or `HEAD` for a stream. `query` has the keys and values of the request, decoded.
    pub async fn answer(
        &self,
        stream: &Arc<Stream>,
        request: &Request,
        query: Vec<(String, String)>,
    ) -> Response {
        let exposed = stream
            .config
            .expose_errors
            .unwrap_or_else(|| is_from_here(request));
        match self.serve(stream, request, query).await {
            Ok(mut response) => {
                let headers = response.headers_mut();
                cors::allow_all(headers);
                for (name, value) in [
                    (header::CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
                    (header::PRAGMA, "no-cache"),
                    (header::EXPIRES, "0"),
                    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                ] {
                    headers.insert(name, HeaderValue::from_static(value));
                }
                response
            }
            Err(refusal) => refusal.response(exposed),
        }
    }

    async fn serve(
        &self,
        stream: &Arc<Stream>,
        request: &Request,
        query: Vec<(String, String)>,
    ) -> Result<Response, Refusal> {
        let config = &stream.config;
        if let Some(auth) = &config.auth {
            let token = query.iter().find(|(key, _)| key == TOKEN);
            let token = token.map(|(_, value)| value.as_str());
            if !allows(auth, request.headers(), token) {
                // Who guesses has to wait.
                tokio::time::sleep(Duration::from_millis(250)).await;
                return Err(Refusal::Unauthorized);
            }
        }
        let burst = burst(stream, &query)?;
        let query = config.query.values(query, &[TOKEN])?;
        if request.method() == Method::HEAD {
            return Ok(answer(content_type(stream), Body::stream(Unsaid)));
        }
        let seat = self.admission.admit(
            &config.name,
            config.max_clients,
            request.peer(),
            now(),
            &|name| self.table().streams.get(name)?.rate(),
        )?;
        if !deliver::is_probe(request.headers()) {
            stream.arrivals.fetch_add(1, Relaxed);
        }
        let counters = vec![Arc::clone(&stream.sent), seat.sent()];
        match &stream.kind {
            Kind::Ring(source) => {
                let (lease, mut reader) = join(stream, source, burst)?;
                let first = first(&lease, &mut reader, source).await?;
                if let Some(on_slow) = on_slow(stream, source) {
                    reader.set_on_slow(on_slow);
                }
                let held = Held { lease, _seat: seat };
                let terms = Terms {
                    content_type: content_type(stream),
                    write_timeout: config.write_timeout,
                    coalesce: config.coalesce,
                    name: config.name.clone(),
                    title: stream.title.clone(),
                    counters,
                };
                let ring = held.lease.ring().clone();
                let headers = request.headers();
                Ok(deliver::response(
                    first, reader, &ring, &terms, headers, held,
                ))
            }
            Kind::Exclusive(plan) => {
                let most = config.max_instances;
                let workshop = self.workshop(stream);
                let (mut instance, mut stdout) = workshop.start(plan, &query, most).await?;
                let limit = config.rules.start_timeout;
                let first = first_bytes(&mut stdout, &mut instance, limit).await?;
                let body = Output::new(first, stdout, instance, counters, seat);
                let mut response = answer(content_type(stream), Body::stream(body));
                let pace = deliver::pace(config.write_timeout, None);
                response.extensions_mut().insert(pace);
                Ok(response)
            }
            Kind::Shot(plan, shots) => {
                let What::Shot(_, rules) = config.what else {
                    return Err(Refusal::Unknown);
                };
                let order = Order {
                    plan: plan.clone(),
                    rules,
                    workshop: self.workshop(stream),
                    max_instances: config.max_instances,
                    query,
                };
                let picture = shots.take(order).await?;
                Ok(whole(stream, picture, &counters))
            }
            Kind::Newest(source) => {
                let What::Newest(_, rules) = config.what else {
                    return Err(Refusal::Unknown);
                };
                let picture = newest(source, &rules).await?;
                Ok(whole(stream, picture, &counters))
            }
        }
    }

    fn workshop(&self, stream: &Stream) -> Workshop {
        Workshop {
            spawner: self.deps.spawner.clone(),
            undertaker: self.undertaker.clone(),
            log: stream.log.clone(),
            instances: Arc::clone(&stream.instances),
        }
    }
}

/// Returns how far back a client of a shared stream wishes to begin: `?burst=4s`.
fn burst(stream: &Stream, query: &[(String, String)]) -> Result<Option<Duration>, BadQuery> {
    let wish = query.iter().find(|(key, _)| key == BURST);
    let (Some((_, wish)), Kind::Ring(_)) = (wish, &stream.kind) else {
        return Ok(None);
    };
    let span: Result<Span, _> = wish.parse();
    span.map(|span| Some(span.duration()))
        .map_err(|_| BadQuery::Value {
            name: BURST.to_owned(),
            expected: "a span of time, such as `4s`".to_owned(),
        })
}

/// Becomes a user of a source, at the place where clients of the stream begin, or where this one
/// wishes to.
fn join(
    stream: &Stream,
    source: &Source,
    wish: Option<Duration>,
) -> Result<(Lease, ring::Reader), Refusal> {
    let config = &stream.config;
    let wish = wish.map(|back| back.min(source.window().saturating_sub(IN_HAND)));
    let start = match (wish.or(config.burst), config.start) {
        (Some(back), _) => ring::Start::Back(back),
        (None, Start::Keyframe) => ring::Start::Newest,
        (None, Start::Live) => ring::Start::Live,
    };
    let on_slow = on_slow(stream, source).unwrap_or(ring::OnSlow::Skip);
    source.lease(start, on_slow).ok_or(Refusal::Closing)
}

/// Returns what becomes of slow clients, as far as it is known.
fn on_slow(stream: &Stream, source: &Source) -> Option<ring::OnSlow> {
    match stream.config.on_slow {
        Some(OnSlow::Skip) => Some(ring::OnSlow::Skip),
        Some(OnSlow::Drop) => Some(ring::OnSlow::Drop),
        None => source.format().map(sniff::Format::default_on_slow),
    }
}

/// Waits for the first bytes of a source.
async fn first(
    lease: &Lease,
    reader: &mut ring::Reader,
    source: &Source,
) -> Result<Bytes, Refusal> {
    let first = async {
        tokio::select! {
            biased;
            first = reader.next() => first.ok_or_else(|| Refusal::Failed(lease.last_reason())),
            reason = lease.failed() => Err(Refusal::Failed(reason)),
        }
    };
    let first = timeout(source.start_timeout(), first).await;
    first.unwrap_or(Err(Refusal::Late))
}

/// Waits for a whole picture of a feed of pictures.
async fn newest(source: &Source, rules: &ShotRules) -> Result<Bytes, Refusal> {
    let deadline = Instant::now() + rules.timeout;
    let (lease, mut reader) = source
        .lease(ring::Start::Live, ring::OnSlow::Skip)
        .ok_or(Refusal::Closing)?;
    loop {
        let ring = lease.ring().clone();
        // Pictures are put together from pieces, which may be many.
        let found = tokio::task::spawn_blocking(move || sniff::picture(&ring)).await;
        if let Ok(Some(picture)) = found {
            return Ok(picture);
        }
        let more = tokio::select! {
            biased;
            more = timeout_at(deadline, reader.next()) => more.map_err(|_| Refusal::Late)?,
            reason = lease.failed() => return Err(Refusal::Failed(reason)),
        };
        if more.is_none() {
            return Err(Refusal::Failed(lease.last_reason()));
        }
    }
}

/// Makes the answer of a picture.
fn whole(stream: &Stream, picture: Bytes, counters: &[Arc<AtomicU64>]) -> Response {
    for counter in counters {
        counter.fetch_add(picture.len() as u64, Relaxed);
    }
    answer(content_type(stream), Body::from(picture))
}

fn answer(content_type: HeaderValue, body: Body) -> Response {
    let mut response = reply::empty(StatusCode::OK);
    *response.body_mut() = body;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

/// Returns the content type of a stream as a header, which was checked with the configuration.
fn content_type(stream: &Stream) -> HeaderValue {
    HeaderValue::try_from(stream.content_type())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// What `HEAD` leaves out: nobody knows how long it would be.
struct Unsaid;

impl http_body::Body for Unsaid {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}

/// Tells whether nobody but this machine is behind a request.
fn is_from_here(request: &Request) -> bool {
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let headers = request.headers();
    request.peer().ip().to_canonical().is_loopback()
        && !forwarded.iter().any(|name| headers.contains_key(*name))
}
