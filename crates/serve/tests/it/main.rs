//! The server over real sockets, one scenario a file.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod common;
mod http1;
mod http2;
mod limits;
mod shutdown;
mod tls;
