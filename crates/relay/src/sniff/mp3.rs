//! MPEG audio, ISO/IEC 11172-3, 2.4.2.3 and 13818-3, with the ID3 tags that files begin with.

use super::{
    adts::by_frames,
    machine::{Join, Step},
};

/// Bytes of a frame's header.
const HEADER: usize = 4;

/// Bit rates in kbit/s by index: MPEG-1 layers I, II, III; MPEG-2 layer I, layers II and III.
const RATES: [[u16; 15]; 5] = [
    [
        0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
    ],
    [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
    ],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// Sampling rates of MPEG-1 in Hz by index.
const SAMPLING: [usize; 3] = [44_100, 48_000, 32_000];

/// Returns the length of the frame that begins here, [`HEADER`] bytes of which are shown.
pub(super) fn frame_len(bytes: &[u8]) -> Option<usize> {
    let &[0xff, second, third, ..] = bytes else {
        return None;
    };
    let (version, layer) = ((second >> 3) & 3, (second >> 1) & 3);
    if second & 0xe0 != 0xe0 || version == 1 || layer == 0 {
        return None;
    }
    let is_first = version == 3;
    let row = match (is_first, layer) {
        (true, 3) => 0,
        (true, 2) => 1,
        (true, _) => 2,
        (false, 3) => 3,
        (false, _) => 4,
    };
    let rate = *RATES[row].get(usize::from(third >> 4))?;
    let sampling = *SAMPLING.get(usize::from((third >> 2) & 3))?;
    // MPEG-2 halves the sampling rate, MPEG-2.5 once more.
    let sampling = match version {
        3 => sampling,
        2 => sampling / 2,
        _ => sampling / 4,
    };
    // A rate of 0 is "free": the header does not tell the length.
    let bits = usize::from(rate) * 1000;
    let padding = usize::from((third >> 1) & 1);
    let len = match layer {
        3 => (12 * bits / sampling + padding) * 4,
        1 if !is_first => 72 * bits / sampling + padding,
        _ => 144 * bits / sampling + padding,
    };
    (bits > 0).then_some(len)
}

/// Returns the length of the ID3v2 tag that begins here; 10 bytes of it are shown.
pub(super) fn tag_len(bytes: &[u8]) -> usize {
    let size = bytes[6..10]
        .iter()
        .fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
    let footer = if bytes[5] & 0x10 == 0 { 0 } else { 10 };
    10 + size + footer
}

#[derive(Debug)]
pub(super) struct Mp3;

impl Mp3 {
    #[expect(clippy::unused_self, reason = "it is asked as the other machines are")]
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        if bytes.starts_with(b"ID3") {
            return if bytes.len() < 10 {
                Step::Need(10)
            } else {
                Step::part(tag_len(bytes), Join::No)
            };
        }
        by_frames(bytes, HEADER, frame_len)
    }
}
