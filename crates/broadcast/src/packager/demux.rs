//! From bytes as a pipe delivers them to init segments and fragments: `ftyp moov (moof mdat)*`.
//!
//! Boxes around these (`styp`, `sidx`, `prft`, `mfra`, …) are passed over. Nothing is looked into.

use bytes::{Buf, Bytes, BytesMut};

/// A larger box that is no `mdat` is an error: the stream is not what it should be.
const MAX_HEADER_BOX: u64 = 4 << 20;
/// A larger `mdat` is an error: some seconds of the highest bit rates fit.
const MAX_MDAT: u64 = 256 << 20;

/// A piece of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// `ftyp` and `moov`.
    Init(Bytes),
    /// `moof` and `mdat`.
    Fragment(Bytes),
}

/// A stream that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) offset: u64,
    pub(super) reason: String,
}

/// Collects bytes until they make a piece.
#[derive(Debug, Default)]
pub(super) struct Demuxer {
    /// Begins with the first box of the piece in progress.
    buffer: BytesMut,
    /// How much of `buffer` is whole boxes of the piece.
    whole: usize,
    /// The last of these.
    last: Option<[u8; 4]>,
    /// Offset of `buffer` in the stream.
    offset: u64,
}

impl Demuxer {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next piece that is whole.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, Fault> {
        loop {
            let Some((kind, size)) = self.header()? else {
                return Ok(None);
            };
            if self.buffer.len() - self.whole < size {
                return Ok(None);
            }
            let end = self.whole + size;
            match (&kind, self.last.as_ref()) {
                (b"ftyp" | b"moof", None) => self.keep(kind, end),
                (b"ftyp" | b"moof", Some(_)) => {
                    self.skip(self.whole);
                    self.keep(kind, size);
                }
                (b"moov", _) => return Ok(Some(Piece::Init(self.take(end)))),
                (b"mdat", Some(b"moof")) => return Ok(Some(Piece::Fragment(self.take(end)))),
                // Offsets count from the `moof`, so what lies between stays.
                (_, Some(b"moof")) => self.whole = end,
                _ => self.skip(end),
            }
        }
    }

    /// Forgets what is not whole and returns how many bytes that are. The next bytes are those of
    /// a new stream.
    pub(super) fn reset(&mut self) -> u64 {
        let left = self.buffer.len() as u64;
        *self = Self::default();
        left
    }

    /// Returns where the piece in progress begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads type and size of the next box; nothing when not all of its header is there.
    fn header(&self) -> Result<Option<([u8; 4], usize)>, Fault> {
        let rest = self.buffer.get(self.whole..).unwrap_or_default();
        let (Some(short), Some(kind)) = (
            rest.first_chunk::<4>(),
            rest.get(4..).and_then(|rest| rest.first_chunk::<4>()),
        ) else {
            return Ok(None);
        };
        let (size, least) = match u32::from_be_bytes(*short) {
            1 => match rest.get(8..).and_then(|rest| rest.first_chunk::<8>()) {
                Some(long) => (u64::from_be_bytes(*long), 16),
                None => return Ok(None),
            },
            size => (u64::from(size), 8),
        };
        let limit = if kind == b"mdat" {
            MAX_MDAT
        } else {
            MAX_HEADER_BOX
        };
        let name = kind.escape_ascii();
        let reason = if !kind.iter().all(|c| c.is_ascii_graphic() || *c == b' ') {
            format!("`{name}` is no box type: this is not a stream of MP4 boxes")
        } else if size < least {
            format!("box `{name}` has size {size}, less than its header")
        } else if size > limit {
            format!("box `{name}` has {size} bytes; up to {limit} are taken")
        } else {
            return Ok(Some((*kind, size as usize)));
        };
        Err(Fault {
            offset: self.offset + self.whole as u64,
            reason,
        })
    }

    fn keep(&mut self, kind: [u8; 4], end: usize) {
        self.whole = end;
        self.last = Some(kind);
    }

    fn take(&mut self, end: usize) -> Bytes {
        let piece = self.buffer.split_to(end).freeze();
        self.rewind(end);
        piece
    }

    fn skip(&mut self, end: usize) {
        self.buffer.advance(end);
        self.rewind(end);
    }

    fn rewind(&mut self, end: usize) {
        self.offset += end as u64;
        self.whole = 0;
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn boxed(kind: &str, len: usize) -> Vec<u8> {
        let mut out = (len as u32 + 8).to_be_bytes().to_vec();
        out.extend_from_slice(kind.as_bytes());
        out.resize(len + 8, 0);
        out
    }

    fn stream() -> Vec<u8> {
        [
            boxed("ftyp", 20),
            boxed("moov", 300),
            boxed("styp", 8),
            boxed("moof", 100),
            boxed("free", 4),
            boxed("mdat", 900),
            boxed("moof", 90),
            boxed("mdat", 0),
            boxed("mdat", 5),
            boxed("mfra", 30),
        ]
        .concat()
    }

    fn pieces(chunks: &[&[u8]]) -> Result<Vec<(bool, usize)>, Fault> {
        let mut demuxer = Demuxer::default();
        let mut found = Vec::new();
        for chunk in chunks {
            demuxer.push(chunk);
            while let Some(piece) = demuxer.next()? {
                found.push(match piece {
                    Piece::Init(bytes) => (true, bytes.len()),
                    Piece::Fragment(bytes) => (false, bytes.len()),
                });
            }
        }
        Ok(found)
    }

    const EXPECTED: [(bool, usize); 3] = [(true, 336), (false, 1028), (false, 106)];

    #[test]
    fn a_stream_falls_into_its_pieces() {
        assert_eq!(pieces(&[&stream()]).expect("reads"), EXPECTED);
    }

    #[test]
    fn what_is_no_stream_of_boxes_is_named_with_its_place() {
        for (bytes, at, part) in [
            (&b"\0\0\0\x04free"[..], 0, "less than its header"),
            (b"#EXTM3U\n#EXT", 0, "not a stream of MP4 boxes"),
            (b"\0\0\0\x08free\x7f\0\0\0moov", 8, "up to 4194304"),
            (b"\0\0\0\x01mdat\x7f\0\0\0\0\0\0\0", 0, "up to 268435456"),
            (b"\0\0\0\0moof", 0, "size 0"),
        ] {
            let fault = pieces(&[bytes]).expect_err("is refused");
            assert_eq!(fault.offset, at);
            assert!(fault.reason.contains(part), "{}", fault.reason);
        }
    }

    #[test]
    fn a_fragment_without_its_payload_gives_way_to_the_next() {
        let bytes = [boxed("moof", 10), boxed("moof", 20), boxed("mdat", 1)].concat();
        assert_eq!(pieces(&[&bytes]).expect("reads"), [(false, 37)]);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_a_pipe_cuts(cuts in proptest::collection::vec(0_usize..1600, 0..20)) {
            let bytes = stream();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(pieces(&chunks).expect("reads"), EXPECTED);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = pieces(&[&bytes]);
        }
    }
}
