//! The output's frames: rate, key frames, segments, chunks.

use media::time::Round;

use super::{Cadence, Chunk, Deinterlace, Grid, Options, Rate, Seconds, VideoFacts};

/// Frames a second by which audio alone is cut: 6 s are 150 frames, and 8 of them are exactly 15
/// AAC frames at 48 kHz.
const AUDIO_RATE: Rate = Rate { num: 25, den: 1 };

/// How the source's frames become the grid's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) rate: Rate,
    pub(super) cadence: Cadence,
    pub(super) deinterlace: Deinterlace,
    pub(super) frames: u64,
}

/// Chooses the frame rate: the natural one, fields as frames, divided until it is within the cap.
/// With `held` the last picture stands until that long after the first.
pub(super) fn mapping(video: &VideoFacts, cap: Rate, held: Option<Seconds>) -> Mapping {
    let doubled = (video.rate.num.checked_mul(2)).and_then(|num| Rate::new(num, video.rate.den));
    let (deinterlace, natural) = match (video.interlaced, doubled) {
        (false, _) => (Deinterlace::Off, video.rate),
        (true, Some(fields)) if within(fields, cap, 1) => (Deinterlace::Fields, fields),
        (true, _) => (Deinterlace::Frames, video.rate),
    };
    let step = (1..=480).find(|step| within(natural, cap, *step));
    let step = step.unwrap_or(1);
    let divided = natural.den.checked_mul(step);
    let rate = divided
        .and_then(|den| Rate::new(natural.num, den))
        .unwrap_or(natural);
    let whole = deinterlace == Deinterlace::Off && !video.variable && step == 1;
    let plain = whole && held.is_none();
    let span = held.unwrap_or_else(|| video.end.minus(video.first));
    Mapping {
        rate,
        cadence: if plain {
            Cadence::Same
        } else {
            Cadence::Resampled
        },
        deinterlace,
        frames: if plain {
            video.frames
        } else {
            count(rate, span, Round::Nearest)
        },
    }
}

/// Tells whether a `step`th of a rate is at most the cap, give or take half a percent.
fn within(rate: Rate, cap: Rate, step: u32) -> bool {
    let frames = u128::from(rate.num) * u128::from(cap.den) * 1000;
    frames <= u128::from(cap.num) * u128::from(rate.den) * 1005 * u128::from(step)
}

fn count(rate: Rate, span: Seconds, round: Round) -> u64 {
    u64::try_from(rate.frames(span, round)).map_or(1, |frames| frames.max(1))
}

/// Lays out the grid of `frames` frames.
pub(super) fn grid(rate: Rate, frames: u64, options: &Options) -> Grid {
    let preset = &options.preset;
    let gop = nearest(rate, options.gop_ms.unwrap_or(preset.gop_ms));
    let segment = multiple(rate, options.segment_ms.unwrap_or(preset.segment_ms), gop);
    // Fine enough for every player, and one frame is a whole number of ticks.
    let fine = if rate.num < 1000 { 1000 } else { 1 };
    Grid {
        rate,
        timescale: rate.num * fine,
        frame_ticks: rate.den * fine,
        frames,
        gop,
        segment,
    }
}

/// Lays out the grid that cuts audio of a source without video.
pub(super) fn audio_grid(span: Seconds, options: &Options) -> Grid {
    grid(AUDIO_RATE, count(AUDIO_RATE, span, Round::Up), options)
}

/// Returns the number of frames nearest to a time, at least one.
fn nearest(rate: Rate, ms: u32) -> u32 {
    let frames = rate.frames(Seconds::from_ms(i64::from(ms)), Round::Nearest);
    u32::try_from(frames).map_or(1, |frames| frames.max(1))
}

/// Returns the number of frames nearest to a time that is a multiple of `unit`, at least one unit.
fn multiple(rate: Rate, ms: u32, unit: u32) -> u32 {
    let frames = rate.frames(Seconds::from_ms(i64::from(ms)), Round::Nearest);
    let units = media::time::mul_div(frames, 1, i64::from(unit.max(1)), Round::Nearest);
    u32::try_from(units.max(1))
        .ok()
        .and_then(|units| units.checked_mul(unit))
        .unwrap_or(unit)
}

/// Short films are cut into this many chunks, so that all processors have something to do.
const PIECES: u64 = 8;

/// Chunks are not made shorter than this many segments for that: each costs the start of an encoder.
const LEAST: u64 = 3;

/// Frames of a chunk when the film is cut into [`PIECES`] of whole segments.
fn share(grid: &Grid) -> u64 {
    let segment = u64::from(grid.segment.max(1));
    grid.frames.div_ceil(PIECES * segment).max(LEAST) * segment
}

/// Cuts the grid into chunks; the last is merged with the one before when it is shorter than half
/// of one.
pub(super) fn chunks(grid: &Grid, options: &Options) -> Vec<Chunk> {
    let greatest = options.preset.chunk_ms;
    let length = match options.chunk_ms {
        Some(wished) => u64::from(multiple(grid.rate, wished, grid.segment)),
        None => u64::from(multiple(grid.rate, greatest, grid.segment)).min(share(grid)),
    };
    let length = length.max(1);
    let rest = grid.frames % length;
    let mut count = grid.frames.div_ceil(length);
    if count > 1 && rest > 0 && rest * 2 < length {
        count -= 1;
    }
    (0..count)
        .map(|index| {
            let first_frame = index * length;
            let end = if index + 1 == count {
                grid.frames
            } else {
                first_frame + length
            };
            Chunk {
                index: index as u32,
                first_frame,
                frames: end - first_frame,
            }
        })
        .collect()
}
