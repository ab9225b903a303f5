//! From the bytes of a run to pieces in the ring of its source.
//!
//! | the container | what viewers see of a restart |
//! |---|---|
//! | synchronises itself (MPEG-TS, MPJPEG, ADTS, …) | the same connection goes on |
//! | has a header | it goes on if the new header is the old one; otherwise it ends |
//! | unknown | it ends with the run |

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use process::supervise::Pulse;
use serve::ring::{Piece, Writer};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::source::{Shared, now};
use crate::sniff::{Format, Sniffer};

/// Bytes read at a time at most; what a pipe holds at most by default on large machines.
const READ: usize = 128 << 10;

/// The way from a run to the ring.
pub(super) struct Outlet {
    shared: Arc<Shared>,
    sniffer: Sniffer,
    writer: Writer,
    generation: u64,
    /// The header that those who stayed from the run before have; the new one must equal it.
    bequeathed: Option<Bytes>,
    pieces: Vec<Piece>,
    received: u64,
    /// What was told of the container.
    told: Option<Format>,
}

impl Outlet {
    /// Begins to write into the ring that users join now.
    pub(super) fn open(shared: &Arc<Shared>) -> Self {
        let (writer, generation) = shared.take_writer();
        Self {
            sniffer: Sniffer::new(shared.setup.rules.format),
            shared: Arc::clone(shared),
            writer,
            generation,
            bequeathed: None,
            pieces: Vec::new(),
            received: 0,
            told: None,
        }
    }

    /// Makes ready for the next run of the same source; `None` if its ring is at an end.
    pub(super) fn again(mut self) -> Option<Self> {
        if !self.shared.is_current(self.generation) {
            return None;
        }
        let is_fresh = self.writer.ring().stats().bytes == 0;
        match self.sniffer.format() {
            _ if is_fresh => self.sniffer = Sniffer::new(self.shared.setup.rules.format),
            Some(format) if format.is_self_synchronising() => self.sniffer.interrupt(),
            None | Some(Format::Raw) => return None,
            format => {
                let header = self.bequeathed.take().or_else(|| self.sniffer.header())?;
                self.bequeathed = Some(header);
                self.sniffer = Sniffer::new(format);
            }
        }
        self.received = 0;
        self.told = None;
        Some(self)
    }

    /// Tells whether the run has given anything.
    pub(super) fn is_barren(&self) -> bool {
        self.received == 0
    }

    /// Takes bytes of the run.
    pub(super) fn take(&mut self, bytes: &Bytes) {
        self.received += bytes.len() as u64;
        self.sniffer.push(bytes, &mut self.pieces);
        self.shared.received(bytes.len());
        self.pass_on();
    }

    /// Takes the end of the run.
    pub(super) fn end_of_run(&mut self) {
        self.sniffer.finish(&mut self.pieces);
        self.pass_on();
    }

    /// Ends the ring: all that is in it still reaches its readers.
    pub(super) fn finish(self) {
        self.writer.finish();
    }

    fn pass_on(&mut self) {
        if self.pieces.is_empty() {
            return;
        }
        // Before anybody sees a piece.
        if self.told != self.sniffer.format()
            && let Some(content_type) = self.sniffer.content_type()
        {
            self.told = self.sniffer.format();
            self.shared.learned(self.told, content_type);
        }
        if let Some(old) = self.bequeathed.take()
            && self.sniffer.header().as_ref() != Some(&old)
        {
            let (writer, generation) = self.shared.next_writer(self.generation);
            // The ring of those who stayed ends with its writer.
            self.writer = writer;
            self.generation = generation;
        }
        self.writer.push_all(self.pieces.drain(..), now());
    }
}

/// Reads a run to its end. Every byte that came is in the ring then.
pub(super) async fn pump(
    mut stdout: impl AsyncRead + Unpin + Send,
    outlet: &mut Outlet,
    pulse: &Pulse,
) {
    let mut buffer = BytesMut::new();
    loop {
        if buffer.capacity() < READ / 4 {
            buffer.reserve(READ);
        }
        match stdout.read_buf(&mut buffer).await {
            Ok(0) => break,
            Ok(len) => {
                pulse.beat(0);
                outlet.take(&buffer.split().freeze());
                // More may be there already when much was.
                let rest = outlet.writer.rest();
                // A timer may take a millisecond even for nothing.
                if len < READ / 4 && !rest.is_zero() {
                    tokio::time::sleep(rest).await;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // The other end is gone.
            Err(_) => break,
        }
    }
    outlet.end_of_run();
}
