//! How an answer that comes over time is to be sent.

use std::time::Duration;

/// Rules for one answer, put into the extensions of its [`crate::Response`]. They hold for the
/// connection while that answer is sent; HTTP/2 knows the first one only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long the client may take no byte while there are some, in place of
    /// [`crate::Limits::write_timeout`].
    pub write_timeout: Duration,
    /// Bytes that the kernel may hold and has not sent yet (`TCP_NOTSENT_LOWAT`). Its buffer
    /// grows to megabytes otherwise: seconds of media that a slow client gets late, and memory.
    pub unsent: u32,
}
