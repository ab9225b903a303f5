//! What a client may take from a server.

use std::time::Duration;

/// Limits of a [`crate::Server`]. The number of header fields is hyper's constant 100, which is
/// faster than a configurable one; it answers 431 too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at a time. One more is answered `503` with `Retry-After` and closed, so
    /// that a balancer in front goes elsewhere at once (over TLS closed without a word); the server
    /// never stops accepting.
    pub connections: usize,
    /// Bytes of a request's start line and header; more is answered `431`. A header that arrives
    /// in one read of up to 8 KiB is always accepted.
    pub header_bytes: usize,
    /// How long a header may take to arrive once its first byte is there, and the first one of a
    /// connection from its beginning. A TLS handshake before it has as long.
    pub header_timeout: Duration,
    /// How long a connection may rest between requests.
    pub idle_timeout: Duration,
    /// How long a client may refuse to take bytes of an answer.
    pub write_timeout: Duration,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
    /// How long running answers may go on after shutdown has begun.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            header_bytes: 16 * 1024,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_mins(1),
            streams: 128,
            drain: Duration::from_secs(10),
        }
    }
}
