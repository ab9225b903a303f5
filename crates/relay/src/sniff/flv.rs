//! Flash video (Adobe, Video File Format Specification 10.1, annex E) with the codecs of Enhanced RTMP.

use bytes::{Bytes, BytesMut};

use super::machine::{Join, Step};

/// Bytes of the file header with the tag length behind it, of a tag's header, and behind a tag.
const FILE_HEADER: usize = 13;
const TAG_HEADER: usize = 11;
const TAG_END: usize = 4;
/// Longest tag that is kept for those who join, bytes.
const MOST_KEPT: usize = 1 << 20;

const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const SCRIPT: u8 = 18;

#[derive(Debug, Default)]
pub(super) struct Flv {
    begun: bool,
    has_video: bool,
    file: Bytes,
    metadata: Bytes,
    video: Bytes,
    audio: Bytes,
    header: Bytes,
}

/// What a tag is to those who join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Metadata,
    VideoHeader,
    AudioHeader,
    Key,
    Audio,
    Other,
}

impl Flv {
    pub(super) fn header(&self) -> Option<Bytes> {
        self.begun.then(|| self.header.clone())
    }

    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        if !self.begun {
            return self.begin(bytes);
        }
        if bytes.len() < TAG_HEADER {
            return Step::Need(TAG_HEADER);
        }
        let kind = bytes[0] & 0x1f;
        if !matches!(kind, AUDIO | VIDEO | SCRIPT) {
            return Step::Lost;
        }
        let size = usize::from(bytes[1]) << 16 | usize::from(bytes[2]) << 8 | usize::from(bytes[3]);
        let data = size.min(2);
        if bytes.len() < TAG_HEADER + data {
            return Step::Need(TAG_HEADER + data);
        }
        let len = TAG_HEADER + size + TAG_END;
        self.has_video |= kind == VIDEO;
        let role = role(kind, &bytes[TAG_HEADER..TAG_HEADER + data]);
        let kept = match role {
            Role::Metadata => &mut self.metadata,
            Role::VideoHeader => &mut self.video,
            Role::AudioHeader => &mut self.audio,
            Role::Key => return Step::unit(len, Join::Hard(self.header.clone())),
            Role::Audio if !self.has_video => {
                return Step::unit(len, Join::Soft(self.header.clone()));
            }
            Role::Audio | Role::Other => return Step::unit(len, Join::No),
        };
        if len > MOST_KEPT {
            return Step::unit(len, Join::No);
        }
        if bytes.len() < len {
            return Step::Need(len);
        }
        if *kept != bytes[..len] {
            *kept = Bytes::copy_from_slice(&bytes[..len]);
            self.make_header();
        }
        Step::unit(len, Join::No)
    }

    fn begin(&mut self, bytes: &[u8]) -> Step {
        if bytes.len() < FILE_HEADER {
            return Step::Need(FILE_HEADER);
        }
        if !bytes.starts_with(b"FLV") || bytes[5..9] != [0, 0, 0, 9] {
            return Step::Lost;
        }
        self.begun = true;
        // TypeFlagsVideo; some writers leave it out.
        self.has_video = bytes[4] & 1 != 0;
        self.file = Bytes::copy_from_slice(&bytes[..FILE_HEADER]);
        self.make_header();
        Step::unit(FILE_HEADER, Join::No)
    }

    fn make_header(&mut self) {
        let parts = [&self.file, &self.metadata, &self.video, &self.audio];
        let mut header = BytesMut::with_capacity(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            header.extend_from_slice(part);
        }
        self.header = header.freeze();
    }
}

/// Reads the first bytes of a tag's data: annex E.4.2 and E.4.3, and Enhanced RTMP's `ExVideoTagHeader`
/// and `ExAudioTagHeader`.
fn role(kind: u8, data: &[u8]) -> Role {
    let first = data.first().copied().unwrap_or(0);
    let is_sequence_header = data.get(1) == Some(&0);
    match kind {
        SCRIPT => Role::Metadata,
        VIDEO if first & 0x80 != 0 => match (first & 0x0f, first >> 4 & 7) {
            (0, _) => Role::VideoHeader,
            (1 | 3, 1) => Role::Key,
            _ => Role::Other,
        },
        VIDEO => match (first >> 4, first & 0x0f) {
            (_, 7 | 12) if is_sequence_header => Role::VideoHeader,
            // End of sequence.
            (_, 7 | 12) if data.get(1) == Some(&2) => Role::Other,
            (1, _) => Role::Key,
            _ => Role::Other,
        },
        _ => match (first >> 4, first & 0x0f) {
            (9, 0) => Role::AudioHeader,
            (10, _) if is_sequence_header => Role::AudioHeader,
            _ => Role::Audio,
        },
    }
}
