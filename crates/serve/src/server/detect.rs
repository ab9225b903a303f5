//! HTTP/1.1 or HTTP/2 without TLS ("prior knowledge", RFC 9113, 3.3): the first bytes tell.
//!
//! hyper-util's `auto` server does the same but cannot limit the size of headers.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// The bytes that were read to find out; they are to be read again.
#[derive(Debug)]
pub(super) struct Opening {
    bytes: [u8; 24],
    len: usize,
    taken: usize,
}

impl Opening {
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; 24],
            len: 0,
            taken: 0,
        }
    }

    /// Reads until the protocol is known: one byte that is not of the preface means HTTP/1.1.
    /// `None` when the client closes before. `mark` gets the count of each read. Safe to cancel.
    pub(super) async fn read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        mark: impl Fn(usize),
    ) -> io::Result<Option<Protocol>> {
        while self.len < PREFACE.len() {
            let count = stream.read(&mut self.bytes[self.len..]).await?;
            if count == 0 {
                return Ok(None);
            }
            mark(count);
            self.len += count;
            if self.bytes[..self.len] != PREFACE[..self.len] {
                return Ok(Some(Protocol::Http1));
            }
        }
        Ok(Some(Protocol::Http2))
    }

    /// Returns the bytes not taken yet.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.taken..self.len]
    }

    /// Takes `count` of the [`Self::rest`].
    pub(super) fn take(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_bytes_tell_the_protocol() {
        for (sent, protocol) in [
            (&PREFACE[..], Some(Protocol::Http2)),
            (b"GET / HTTP/1.1\r\n\r\n", Some(Protocol::Http1)),
            (b"PRI * HTTP/1.1\r\n", Some(Protocol::Http1)),
            (b"P", None),
            (b"", None),
            (b"POST / HTTP/1.1\r\n", Some(Protocol::Http1)),
        ] {
            let mut opening = Opening::new();
            let mut stream = sent;
            assert_eq!(opening.read(&mut stream, |_| {}).await.unwrap(), protocol);
            let read_again = [opening.rest(), stream].concat();
            assert_eq!(read_again, sent);
            opening.take(3);
            assert!(sent.len() < 3 || opening.rest().starts_with(&sent[3..4]));
        }
    }
}
