//! AAC in ADTS, ISO/IEC 14496-3, 1.A.2.2: each frame has all that a decoder needs.

use bytes::Bytes;

use super::machine::{Join, Step};

/// Bytes of a frame's fixed and variable header.
pub(super) const HEADER: usize = 7;

/// Returns the length of the frame that begins here, [`HEADER`] bytes of which are shown.
pub(super) fn frame_len(bytes: &[u8]) -> Option<usize> {
    let &[0xff, second, third, fourth, fifth, sixth, ..] = bytes else {
        return None;
    };
    // The last of the sync bits, and layer 0; sampling rates above 12 do not exist.
    if second & 0xf6 != 0xf0 || (third >> 2) & 0x0f > 12 {
        return None;
    }
    let len = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
    (len >= HEADER).then_some(len)
}

#[derive(Debug)]
pub(super) struct Adts;

impl Adts {
    #[expect(clippy::unused_self, reason = "it is asked as the other machines are")]
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        by_frames(bytes, HEADER, frame_len)
    }
}

/// Passes frames on, and what is between them.
pub(super) fn by_frames(bytes: &[u8], header: usize, len: fn(&[u8]) -> Option<usize>) -> Step {
    if bytes[0] == 0xff {
        if bytes.len() < header {
            return Step::Need(header);
        }
        if let Some(len) = len(bytes) {
            return if bytes.len() < len {
                Step::Need(len)
            } else {
                Step::unit(len, Join::Soft(Bytes::new()))
            };
        }
    }
    let next = bytes.iter().skip(1).position(|byte| *byte == 0xff);
    Step::unit(next.map_or(bytes.len(), |next| next + 1), Join::No)
}
