//! The decoder's buffer (hypothetical reference decoder, ITU-T H.264, annex C) over the whole joined
//! stream: bits run in at the greatest rate while there is room, and pictures are taken out at their
//! times. Chunks are encoded apart from each other, so that nobody has looked at this before.

use media::presentation::Content;
use serde::Serialize;

use super::{Findings, reading::Track};
use crate::plan::{Plan, Quality};

/// Share of the buffer that is full when decoding begins, in thousandths. Players fill it before they
/// start.
const START_PERMILLE: u64 = 900;

/// How the buffer fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Greatest rate at which bits come, bits a second.
    pub maxrate_bps: u64,
    /// Size of the buffer in bits.
    pub size_bits: u64,
    /// Least fill after a picture was taken out, in thousandths of the size; negative when bits were
    /// missing.
    pub least_permille: i64,
    /// Pictures that were not there in time.
    pub late: u64,
    /// How much longer a player has to wait at the start so that none is late, ms.
    pub delay_ms: u64,
}

/// Runs a track through its buffer, if the plan caps it.
pub(super) fn of(track: &Track, plan: &Plan, findings: &mut Findings) -> Option<Bucket> {
    if track.content() != Content::Video {
        return None;
    }
    let id = track.name.rsplit_once('/').map_or("", |(id, _)| id);
    let video = plan.videos.iter().find(|video| video.id == id)?;
    let Quality::Capped {
        maxrate_bps,
        bufsize_bits,
        ..
    } = video.quality
    else {
        return None;
    };
    if maxrate_bps == 0 || bufsize_bits == 0 {
        return None;
    }
    let samples = track.segments.iter().flat_map(|segment| &segment.samples);
    let pictures = samples.map(|sample| (sample.data.len() as u64 * 8, sample.duration));
    let bucket = run(pictures, track.scale().get(), maxrate_bps, bufsize_bits);
    if bucket.late > 0 {
        findings.warning(
            "buffer",
            &track.name,
            format!(
                "{} pictures are late for a decoder with a buffer of {bufsize_bits} bits at \
                 {maxrate_bps} b/s; {} ms more at the start would do",
                bucket.late, bucket.delay_ms
            ),
        );
    }
    Some(bucket)
}

/// Runs pictures, given by their bits and durations in ticks, through a buffer. Exact: amounts are
/// counted in bits times ticks a second.
fn run(
    pictures: impl Iterator<Item = (u64, u32)>,
    scale: u32,
    maxrate_bps: u64,
    size_bits: u64,
) -> Bucket {
    let unit = i128::from(scale);
    let size = i128::from(size_bits) * unit;
    let mut fill = size * i128::from(START_PERMILLE) / 1000;
    let mut least = fill;
    let mut late = 0;
    for (bits, duration) in pictures {
        fill -= i128::from(bits) * unit;
        least = least.min(fill);
        late += u64::from(fill < 0);
        let more = i128::from(maxrate_bps) * i128::from(duration);
        fill = (fill + more).min(size);
    }
    let missing = (-least).max(0);
    let delay = missing * 1000 / (i128::from(maxrate_bps.max(1)) * unit);
    Bucket {
        maxrate_bps,
        size_bits,
        least_permille: i64::try_from(least * 1000 / size.max(1)).unwrap_or(i64::MIN),
        late,
        delay_ms: u64::try_from(delay).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_keeps_its_level() {
        // 25 pictures a second of 4000 bits at 100 kb/s.
        let bucket = run((0..100).map(|_| (4000, 1)), 25, 100_000, 200_000);
        assert_eq!((bucket.late, bucket.delay_ms), (0, 0));
        assert_eq!(bucket.least_permille, 880);
    }

    #[test]
    fn what_comes_too_fast_is_late() {
        // Twice the rate: 4000 bits more than come, each time.
        let bucket = run((0..100).map(|_| (8000, 1)), 25, 100_000, 200_000);
        // 180,000 bits last for 44 pictures; the 100th leaves 180,000 - 99 * 4000 - 8000.
        assert_eq!(bucket.late, 100 - 44);
        assert_eq!(bucket.least_permille, -1120);
        assert_eq!(bucket.delay_ms, 2240);
    }
}
