//! RIFF WAVE: a header, then samples without end. Those who join get the header with lengths that say
//! "unknown", as programs that write to pipes do.

use bytes::{Bytes, BytesMut};

use serve::ring::Leave;

use super::machine::{Join, Step};

/// Longest chunk before the samples that is looked at, bytes.
const MOST_CHUNK: u32 = 1 << 20;
const UNKNOWN: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(super) struct Wav {
    /// What came before the samples.
    before: BytesMut,
    /// Bytes of a sample of all channels.
    frame: usize,
    header: Option<Bytes>,
    /// Bytes of samples left, unless that is unknown.
    left: Option<u64>,
}

impl Wav {
    pub(super) fn header(&self) -> Option<Bytes> {
        self.header.clone()
    }

    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        match (&self.header, self.left) {
            (Some(_), Some(0)) => Step::unit(bytes.len(), Join::No),
            (Some(header), left) => {
                let frame = self.frame as u64;
                let most = left.map_or(bytes.len() as u64, |left| left.min(bytes.len() as u64));
                let len = match most - most % frame {
                    // The last sample is cut short.
                    0 if left.is_some_and(|left| left < frame) => most,
                    0 => return Step::Need(self.frame),
                    frames => frames,
                };
                self.left = left.map(|left| left.saturating_sub(len));
                Step::Pass {
                    len,
                    join: Join::Soft(header.clone()),
                    leave: Leave::Well,
                }
            }
            (None, _) => self.chunk(bytes),
        }
    }

    /// Reads what comes before the samples, chunk by chunk.
    fn chunk(&mut self, bytes: &[u8]) -> Step {
        let head = if self.before.is_empty() { 12 } else { 8 };
        if bytes.len() < head {
            return Step::Need(head);
        }
        if self.before.is_empty() {
            self.before.extend_from_slice(b"RIFF");
            self.before.extend_from_slice(&UNKNOWN.to_le_bytes());
            self.before.extend_from_slice(&bytes[8..12]);
            return Step::part(12, Join::No);
        }
        let size = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if &bytes[..4] == b"data" {
            if self.frame == 0 {
                return Step::Lost;
            }
            self.before.extend_from_slice(b"data");
            self.before.extend_from_slice(&UNKNOWN.to_le_bytes());
            self.header = Some(self.before.split().freeze());
            // Programs that write to pipes say 0 or the greatest number.
            let is_known = !matches!(size, 0 | 0x7fff_f000..);
            self.left = is_known.then_some(u64::from(size));
            return Step::unit(8, Join::No);
        }
        if size > MOST_CHUNK || self.before.len() > MOST_CHUNK as usize {
            return Step::Lost;
        }
        // Chunks are padded to an even length.
        let len = 8 + size as usize + (size & 1) as usize;
        if bytes.len() < len {
            return Step::Need(len);
        }
        if &bytes[..4] == b"fmt " && size >= 16 {
            self.frame = usize::from(u16::from_le_bytes([bytes[20], bytes[21]]));
        }
        // It holds lengths of the whole file.
        if &bytes[..4] != b"ds64" {
            self.before.extend_from_slice(&bytes[..len]);
        }
        Step::part(len, Join::No)
    }
}
