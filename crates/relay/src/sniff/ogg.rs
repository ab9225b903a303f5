//! Ogg, RFC 3533, with the mappings of Vorbis, Opus (RFC 7845), FLAC, Speex, Theora and VP8.

use bytes::{Bytes, BytesMut};

use super::machine::{Join, Step};

/// Bytes of a page's header before its segment table.
const PAGE_HEADER: usize = 27;
/// Header pages that are kept for those who join, bytes, and logical streams.
const MOST_HEADER: usize = 1 << 20;
const MOST_STREAMS: usize = 32;

const CONTINUED: u8 = 1;
const BEGINS_STREAM: u8 = 2;

#[derive(Debug, Default)]
pub(super) struct Ogg {
    streams: Vec<Stream>,
    /// Header pages so far, while some are to come.
    before: BytesMut,
    header: Option<Bytes>,
}

#[derive(Debug)]
struct Stream {
    serial: u32,
    codec: Codec,
    /// Packets of its header that are to come.
    headers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    Theora,
    Vp8,
    Other,
}

/// A view of a page.
struct Page<'a> {
    bytes: &'a [u8],
    table: &'a [u8],
    body: &'a [u8],
}

impl<'a> Page<'a> {
    /// Reads a whole page, or says how many bytes that takes.
    fn read(bytes: &'a [u8]) -> Result<Self, usize> {
        let head = bytes.get(..PAGE_HEADER).ok_or(PAGE_HEADER)?;
        let body = PAGE_HEADER + usize::from(head[PAGE_HEADER - 1]);
        let table = bytes.get(PAGE_HEADER..body).ok_or(body)?;
        let end = body + table.iter().map(|len| usize::from(*len)).sum::<usize>();
        let bytes = bytes.get(..end).ok_or(end)?;
        Ok(Self {
            bytes,
            table,
            body: &bytes[body..],
        })
    }

    fn has(&self, flag: u8) -> bool {
        self.bytes[5] & flag != 0
    }

    fn serial(&self) -> u32 {
        u32::from_le_bytes([
            self.bytes[14],
            self.bytes[15],
            self.bytes[16],
            self.bytes[17],
        ])
    }

    /// Returns how many packets end here.
    fn packets(&self) -> usize {
        self.table.iter().filter(|len| **len < 255).count()
    }
}

impl Ogg {
    pub(super) fn header(&self) -> Option<Bytes> {
        self.header.clone()
    }

    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        let shown = bytes.len().min(4);
        if bytes[..shown] != b"OggS"[..shown] {
            let next = bytes.iter().skip(1).position(|byte| *byte == b'O');
            return Step::unit(next.map_or(bytes.len(), |next| next + 1), Join::No);
        }
        match Page::read(bytes) {
            Ok(page) => Step::unit(page.bytes.len(), self.page(&page)),
            Err(need) => Step::Need(need),
        }
    }

    fn page(&mut self, page: &Page<'_>) -> Join {
        if page.has(BEGINS_STREAM) {
            self.begin(page);
        }
        let Some(header) = &self.header else {
            self.read_header(page);
            return Join::No;
        };
        let header = header.clone();
        let is_video = |stream: &&Stream| stream.codec != Codec::Other;
        let video = self.streams.iter().find(is_video);
        match video {
            _ if page.has(CONTINUED) || page.body.is_empty() => Join::No,
            None => Join::Hard(header),
            Some(video) if video.serial != page.serial() => Join::No,
            // A data packet of Theora has a 0 in front and another for a key frame; VP8 has a 0 at the end.
            Some(video) => match (video.codec, page.body[0]) {
                (Codec::Theora, first) if first & 0xc0 == 0 => Join::Hard(header),
                (Codec::Vp8, first) if first & 1 == 0 => Join::Hard(header),
                _ => Join::No,
            },
        }
    }

    /// A logical stream begins; after data, it is a new chain.
    fn begin(&mut self, page: &Page<'_>) {
        if self.header.take().is_some() {
            self.streams.clear();
            self.before.clear();
        }
        if self.streams.len() == MOST_STREAMS {
            return;
        }
        let body = page.body;
        let u16_at = |at: usize| {
            body.get(at..at + 2)
                .map(|it| u16::from_be_bytes([it[0], it[1]]))
        };
        let (codec, headers) = if body.starts_with(b"\x80theora") {
            (Codec::Theora, 3)
        } else if body.starts_with(b"OVP80") {
            (Codec::Vp8, 2)
        } else if body.starts_with(b"\x01vorbis") {
            (Codec::Other, 3)
        } else if body.starts_with(b"OpusHead") {
            (Codec::Other, 2)
        } else if body.starts_with(b"Speex   ") {
            let more = body.get(68).copied().unwrap_or(0);
            (Codec::Other, 2 + usize::from(more))
        } else if body.starts_with(b"\x7fFLAC") {
            // The number of packets behind this one; 0 when the writer did not know.
            let more = u16_at(7).unwrap_or(0).max(1);
            (Codec::Other, 1 + usize::from(more))
        } else {
            (Codec::Other, 1)
        };
        self.streams.push(Stream {
            serial: page.serial(),
            codec,
            headers,
        });
    }

    /// Keeps a page of the header, and finds out whether it was the last.
    fn read_header(&mut self, page: &Page<'_>) {
        let serial = page.serial();
        let stream = self.streams.iter_mut().find(|it| it.serial == serial);
        let Some(stream) = stream.filter(|stream| stream.headers > 0) else {
            return;
        };
        if self.before.len() + page.bytes.len() > MOST_HEADER {
            return;
        }
        self.before.extend_from_slice(page.bytes);
        stream.headers = stream.headers.saturating_sub(page.packets());
        if self.streams.iter().all(|stream| stream.headers == 0) {
            self.header = Some(self.before.split().freeze());
        }
    }
}
