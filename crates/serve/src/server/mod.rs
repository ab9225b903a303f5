//! The server: accepts connections, hands their requests to one handler, stops in order.
//!
//! One task runs [`Server::run`] and owns everything: the listeners, a task for each connection,
//! and for each of these the sending end of a channel whose fall tells it to finish. There is no
//! lock between connections. Which runtime carries the tasks is the caller's choice; a set of
//! single-threaded runtimes with `SO_REUSEPORT` was measured to be within noise of one
//! multi-threaded runtime, so there is no second way to listen.
//!
//! - More connections than [`Limits::connections`]: `503`, then closed ([`refuse`]); without a word
//!   where TLS is spoken, since to say one takes a handshake.
//! - A listener may speak TLS ([`Tls`]); the handshake is part of the connection ([`transport`]).
//! - `accept` fails because file descriptors or memory ran out: logged once, tried again ten times
//!   a second until it works.
//! - Shutdown: listeners close first, resting connections at once, the others after the answer they
//!   are in; what is left after [`Limits::drain`] is cut.

mod activity;
mod answer;
mod connection;
mod detect;
mod refuse;
mod streams;
mod transport;

use std::{
    collections::HashMap,
    convert::Infallible,
    future::poll_fn,
    io,
    net::{self, SocketAddr},
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{self, JoinError, JoinSet},
    time::{self, Instant},
};

use crate::{Counters, Counts, Handler, Limits, Shutdown, Tls, counters};

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is in use, not ours, or not an address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address as given.
        address: String,
        /// What the system says.
        source: io::Error,
    },
}

/// What a server has done by its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The last counts.
    pub counts: Counts,
    /// Connections that were still busy after [`Limits::drain`] and were cut.
    pub cut: u64,
}

/// A server that is not running yet.
#[derive(Debug)]
pub struct Server {
    doors: Vec<Door>,
    limits: Limits,
    counters: Arc<Counters>,
}

/// Where connections come in, and whether they are TLS.
#[derive(Debug)]
struct Door {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

/// What all connections of a server share.
struct Shared<H> {
    handler: H,
    limits: Limits,
    counters: Arc<Counters>,
}

/// Held by the accept loop for every connection; dropping it asks the connection to finish.
type Leash = oneshot::Sender<Infallible>;

/// Connections that wait to be accepted, as tokio has it.
const BACKLOG: i32 = 1024;

/// Listens on `address`, a `host:port` (port 0 for a free one), for [`Server::listen`]: from now on
/// connections wait, none is refused. Blocks while names are looked up.
pub fn listen_early(address: &str) -> Result<net::TcpListener, Error> {
    let listen = || {
        let listener = net::TcpListener::bind(address)?;
        // The library's own backlog is shorter.
        SockRef::from(&listener).listen(BACKLOG)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source| Error::Listen {
        address: address.to_owned(),
        source,
    })
}

impl Server {
    /// Makes a server that listens nowhere yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            doors: Vec::new(),
            limits,
            counters: Arc::default(),
        }
    }

    /// Listens on `address`, a `host:port` (port 0 for a free one), and returns the address found.
    /// With `tls`, nothing else is spoken there.
    pub async fn bind(
        &mut self,
        address: &str,
        tls: Option<Arc<Tls>>,
    ) -> Result<SocketAddr, Error> {
        let fail = |source| Error::Listen {
            address: address.to_owned(),
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(fail)?;
        let found = listener.local_addr().map_err(fail)?;
        self.listen(listener, tls);
        Ok(found)
    }

    /// Accepts from a listener that the caller made. With `tls`, nothing else is spoken there.
    pub fn listen(&mut self, listener: TcpListener, tls: Option<Arc<Tls>>) {
        self.doors.push(Door { listener, tls });
    }

    /// Returns the running counts, which outlive the server.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Serves until `shutdown`, then finishes as the module says. Dropping the future cuts all.
    pub async fn run(self, handler: impl Handler, shutdown: Shutdown) -> Summary {
        let shared = Arc::new(Shared {
            handler,
            limits: self.limits,
            counters: self.counters,
        });
        let mut house = House {
            shared,
            tasks: JoinSet::new(),
            leashes: HashMap::new(),
        };
        house.accept(self.doors, &shutdown).await;
        house.drain().await
    }
}

/// The connections of a running server.
struct House<H> {
    shared: Arc<Shared<H>>,
    /// Connections, and clients that are being refused.
    tasks: JoinSet<()>,
    /// One for each connection, and `None` once it was told to finish.
    leashes: HashMap<task::Id, Option<Leash>>,
}

impl<H: Handler> House<H> {
    /// Accepts until `shutdown`; the listeners close on return.
    async fn accept(&mut self, doors: Vec<Door>, shutdown: &Shutdown) {
        let mut stop = pin!(shutdown.wait());
        let mut next = 0;
        let mut failing = false;
        let mut paused_until: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return,
                Some(ended) = self.tasks.join_next_with_id() => self.reap(ended),
                () = pause(paused_until), if paused_until.is_some() => paused_until = None,
                accepted = poll_fn(|cx| poll_accept(&doors, &mut next, cx)),
                    if paused_until.is_none() => match accepted {
                    Ok((stream, peer, door)) => {
                        failing = false;
                        self.admit(stream, peer, door.tls.as_ref());
                    }
                    Err(error) if is_of_the_client(&error) => {}
                    Err(error) => {
                        if !failing {
                            let open = self.leashes.len();
                            tracing::error!(%error, open, "connections cannot be accepted now");
                        }
                        failing = true;
                        paused_until = Some(Instant::now() + ACCEPT_PAUSE);
                    }
                },
            }
        }
    }

    fn admit(&mut self, stream: TcpStream, peer: SocketAddr, tls: Option<&Arc<Tls>>) {
        let counters = &self.shared.counters;
        if self.leashes.len() >= self.shared.limits.connections {
            counters::add(&counters.refused);
            let being_refused = self.tasks.len() - self.leashes.len();
            if being_refused < refuse::AT_A_TIME && tls.is_none() {
                self.tasks.spawn(refuse::tell(stream, refuse::FULL));
            }
            return;
        }
        counters::add(&counters.accepted);
        counters::add(&counters.open);
        let (leash, collar) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let task = connection::run(stream, peer, tls.cloned(), shared, collar);
        let id = self.tasks.spawn(task).id();
        self.leashes.insert(id, Some(leash));
    }

    fn reap(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        if self.leashes.remove(&id).is_some() {
            self.shared.counters.open.fetch_sub(1, Relaxed);
        }
        if let Err(error) = ended
            && error.is_panic()
        {
            tracing::error!(%error, "a connection's task panicked");
        }
    }

    /// Lets the connections finish, and cuts them when they do not.
    async fn drain(mut self) -> Summary {
        for leash in self.leashes.values_mut() {
            *leash = None;
        }
        let deadline = Instant::now() + self.shared.limits.drain;
        // Clients that are being refused are not waited for.
        while !self.leashes.is_empty()
            && let next = time::timeout_at(deadline, self.tasks.join_next_with_id())
            && let Ok(Some(ended)) = next.await
        {
            self.reap(ended);
        }
        let cut = self.leashes.len() as u64;
        if cut > 0 {
            tracing::warn!(cut, "connections were still busy at the end of shutdown");
        }
        self.tasks.abort_all();
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.reap(ended);
        }
        Summary {
            counts: self.shared.counters.read(),
            cut,
        }
    }
}

async fn pause(until: Option<Instant>) {
    if let Some(until) = until {
        time::sleep_until(until).await;
    }
}

/// Accepts from whichever door is ready, each in turn. Without doors it never is.
fn poll_accept<'a>(
    doors: &'a [Door],
    next: &mut usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<(TcpStream, SocketAddr, &'a Door)>> {
    for step in 0..doors.len() {
        let index = (*next + step) % doors.len();
        let door = &doors[index];
        if let Poll::Ready(accepted) = door.listener.poll_accept(cx) {
            *next = index + 1;
            return Poll::Ready(accepted.map(|(stream, peer)| (stream, peer, door)));
        }
    }
    Poll::Pending
}

/// Tells whether only the one connection failed before we had it.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}
