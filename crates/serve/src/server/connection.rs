//! One connection, from the first byte to the last.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulConnection};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::oneshot,
    time::{self, Instant, Sleep},
};

use super::{
    Shared,
    activity::{Activity, Watch},
    answer::{Link, answer},
    detect::{Opening, Protocol},
    streams::Streams,
    transport::{Transport, Wire},
};
use crate::{Handler, Tls, counters, request::Ends};

/// How long an expired connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// The receiving end of a leash: resolves when the server stops.
pub(super) type Collar = oneshot::Receiver<std::convert::Infallible>;

/// Serves a connection until it ends, expires, or the server stops and its answers are out.
pub(super) async fn run<H: Handler>(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<Tls>>,
    shared: Arc<Shared<H>>,
    mut collar: Collar,
) {
    // Without it the last segment of an answer may wait for an acknowledgement (Nagle).
    let nodelay = stream.set_nodelay(true);
    let (Ok(()), Ok(local)) = (nodelay, stream.local_addr()) else {
        return; // The client is gone already.
    };
    let activity = Arc::new(Activity::default());
    let ends = Ends {
        peer,
        local,
        is_secure: tls.is_some(),
    };
    let wire = Wire::new(stream, Arc::clone(&activity));
    let transport = match tls {
        None => Transport::Plain(wire),
        // On the heap, so that plain connections do not carry its place.
        Some(tls) => match Box::pin(handshake(wire, peer, &tls, &shared, &mut collar)).await {
            Some(transport) => transport,
            None => return,
        },
    };
    let mut minder = Minder::new(&shared, Arc::clone(&activity));
    let mut socket = Socket {
        transport,
        opening: Opening::new(),
        activity: Arc::clone(&activity),
    };

    let protocol = tokio::select! {
        protocol = socket.detect() => protocol,
        _ = &mut collar => return,
        () = minder.expired() => {
            counters::add(&shared.counters.timed_out);
            return;
        }
    };
    let link = Arc::new(Link {
        shared,
        ends,
        activity,
    });
    let service = {
        let link = Arc::clone(&link);
        service_fn(move |request| answer(Arc::clone(&link), request))
    };
    let limits = &link.shared.limits;
    let end = match protocol {
        Ok(Some(Protocol::Http1)) => {
            let mut http = http1::Builder::new();
            http.max_header_size(limits.header_bytes)
                .header_read_timeout(None);
            let connection = http.serve_connection(TokioIo::new(socket), service);
            drive(connection, collar, minder).await
        }
        Ok(Some(Protocol::Http2)) => {
            link.activity.is_multiplexed();
            let mut http = http2::Builder::new(Streams::default());
            let header_bytes = u32::try_from(limits.header_bytes).unwrap_or(u32::MAX);
            http.max_header_list_size(header_bytes)
                .max_concurrent_streams(limits.streams);
            let connection = http.serve_connection(TokioIo::new(socket), service);
            drive(connection, collar, minder).await
        }
        Ok(None) => return,
        Err(error) => {
            tracing::debug!(%peer, %error, "a connection broke before its first request");
            return;
        }
    };
    match end {
        End::Closed => {}
        End::Broken(error) => tracing::debug!(%peer, %error, "a connection broke"),
        End::Expired => counters::add(&link.shared.counters.timed_out),
    }
}

/// Does the handshake, unless the server stops or the client takes too long.
async fn handshake<H>(
    wire: Wire,
    peer: SocketAddr,
    tls: &Tls,
    shared: &Shared<H>,
    collar: &mut Collar,
) -> Option<Transport> {
    let limit = shared.limits.header_timeout;
    let done = tokio::select! {
        done = time::timeout(limit, Transport::handshake(wire, tls)) => done,
        _ = collar => return None,
    };
    match done {
        Ok(Ok(transport)) => transport,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "a TLS handshake failed");
            None
        }
        Err(_) => {
            counters::add(&shared.counters.timed_out);
            None
        }
    }
}

/// How a connection ended.
enum End {
    Closed,
    Broken(hyper::Error),
    Expired,
}

/// Drives a connection. When the server stops or time is up, a resting connection closes at once
/// and a busy one after its answer; one whose time is up has [`GOODBYE`] for it.
async fn drive<C>(connection: C, mut collar: Collar, mut minder: Minder) -> End
where
    C: GracefulConnection<Error = hyper::Error>,
{
    let mut connection = pin!(connection);
    let mut stopping = false;
    let mut expired = false;
    loop {
        tokio::select! {
            biased;
            end = connection.as_mut() => return match end {
                _ if expired => End::Expired,
                Ok(()) => End::Closed,
                Err(error) => End::Broken(error),
            },
            _ = &mut collar, if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = minder.expired() => {
                if expired {
                    return End::Expired;
                }
                expired = true;
                connection.as_mut().graceful_shutdown();
                minder.ring_once_more(GOODBYE);
            }
        }
    }
}

/// Looks at the marks of a connection now and then.
struct Minder {
    watch: Watch,
    activity: Arc<Activity>,
    alarm: Pin<Box<Sleep>>,
    last: bool,
}

impl Minder {
    fn new<H>(shared: &Shared<H>, activity: Arc<Activity>) -> Self {
        let watch = Watch::new(&shared.limits, Instant::now());
        let alarm = Box::pin(time::sleep(watch.period()));
        Self {
            watch,
            activity,
            alarm,
            last: false,
        }
    }

    /// Waits until time is up. Safe to cancel.
    async fn expired(&mut self) {
        loop {
            self.alarm.as_mut().await;
            let now = Instant::now();
            if self.last {
                return;
            }
            if let Some(expiry) = self.watch.judge(self.activity.sample(), now) {
                tracing::debug!(?expiry, "a connection's time is up");
                return;
            }
            self.alarm.as_mut().reset(now + self.watch.period());
        }
    }

    /// Makes time be up after `wait`, whatever happens.
    fn ring_once_more(&mut self, wait: Duration) {
        self.last = true;
        self.alarm.as_mut().reset(Instant::now() + wait);
    }
}

/// What carries the connection, leaving marks of what is read. What [`Opening`] has read is read
/// again first.
struct Socket {
    transport: Transport,
    opening: Opening,
    activity: Arc<Activity>,
}

impl Socket {
    async fn detect(&mut self) -> io::Result<Option<Protocol>> {
        let activity = &self.activity;
        self.opening
            .read(&mut self.transport, |count| activity.has_read(count))
            .await
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let again = self.opening.rest();
        if !again.is_empty() {
            let count = again.len().min(buffer.remaining());
            buffer.put_slice(&again[..count]);
            self.opening.take(count);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.transport).poll_read(cx, buffer);
        self.activity.has_read(buffer.filled().len() - before);
        result
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }
}
