//! Turning away a client with an answer that is always the same: too many connections are open, or
//! it speaks plain HTTP where TLS is spoken.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time,
};

/// How many clients are told at a time that the server is full; any more are closed without a word.
pub(super) const AT_A_TIME: usize = 64;

const PATIENCE: Duration = Duration::from_secs(1);

/// Too many connections are open.
pub(super) const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 36\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\
    access-control-allow-origin: *\r\n\
    \r\n\
    Too many connections are open here.\n";

/// The port is for TLS.
pub(super) const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 30\r\n\
    connection: close\r\n\
    \r\n\
    This port is for HTTPS (TLS).\n";

/// Tells the client. What it sends is read to the end, or else its system may drop our answer
/// together with the connection (RFC 9112, 9.6).
pub(super) async fn tell(mut stream: TcpStream, answer: &'static [u8]) {
    let tell = async {
        stream.write_all(answer).await?;
        stream.shutdown().await?;
        let mut waste = [0; 1024];
        while stream.read(&mut waste).await? > 0 {}
        std::io::Result::Ok(())
    };
    // The client may be gone or never close: neither is of interest.
    let _ = time::timeout(PATIENCE, tell).await;
}
