//! Which parts of a title are tried, and the renditions that are made of them.

use crate::plan::{Chunk, Grid, Plan, Quality, Video, VideoCodec};

/// Sample places, in sixths of the title.
const PLACES: [u64; 3] = [1, 3, 5];
const SIXTHS: u64 = 6;

/// Key-frame distances in a sample.
const GROUPS: u32 = 2;

/// How much worse the second rate factor is, in tenths.
const WORSE: u32 = 80;

/// Name of the rendition that others are compared with.
const REFERENCE: &str = "reference";

/// Samples of a title with everything that is tried on them.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    /// The plan with samples for chunks, and for renditions the reference and, for each of the real
    /// ones, a better and a worse one.
    pub(super) plan: Plan,
    /// The rate factors of the pairs, in tenths.
    pub(super) factors: Vec<[u32; 2]>,
}

/// Plans a trial; `None` when there is nothing to choose.
pub(super) fn trial(plan: &Plan) -> Option<Trial> {
    let best = plan.videos.first()?;
    let mut videos = vec![Video {
        id: REFERENCE.to_owned(),
        codec: VideoCodec::H264,
        profile: None,
        level: None,
        quality: Quality::Lossless,
        speed: "ultrafast".to_owned(),
        ..best.clone()
    }];
    let mut factors = Vec::new();
    for video in &plan.videos {
        let Quality::Capped { crf_tenths, .. } = video.quality else {
            return None;
        };
        let pair = [crf_tenths, crf_tenths + WORSE];
        for crf_tenths in pair {
            videos.push(Video {
                id: format!("{}-{crf_tenths}", video.id),
                level: None,
                // Without a cap.
                quality: Quality::Capped {
                    crf_tenths,
                    maxrate_bps: 0,
                    bufsize_bits: 0,
                },
                ..video.clone()
            });
        }
        factors.push(pair);
    }
    // A sample is a segment, so that it can be encoded like any chunk.
    let mut grid = plan.grid;
    grid.segment = grid.gop.checked_mul(GROUPS)?;
    Some(Trial {
        plan: Plan {
            grid,
            chunks: samples(&grid),
            videos,
            ..plan.clone()
        },
        factors,
    })
}

/// Chooses samples that do not overlap; all of a title that is hardly longer than they are.
fn samples(grid: &Grid) -> Vec<Chunk> {
    let length = u64::from(grid.segment);
    if grid.frames < length * SIXTHS {
        return vec![Chunk {
            index: 0,
            first_frame: 0,
            frames: grid.frames,
        }];
    }
    (0..)
        .zip(PLACES)
        .map(|(index, place)| Chunk {
            index,
            first_frame: grid.frames * place / SIXTHS / length * length,
            frames: length,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::Rate;

    proptest! {
        #[test]
        fn samples_lie_within_the_title(frames in 1_u64..1_000_000, segment in 1_u32..1000) {
            let rate = Rate { num: 25, den: 1 };
            let grid = Grid { rate, timescale: 25, frame_ticks: 1, frames, gop: segment, segment };
            let chunks = samples(&grid);
            let mut end = 0;
            for chunk in chunks {
                prop_assert!(chunk.first_frame >= end && chunk.frames > 0);
                prop_assert_eq!(chunk.first_frame % u64::from(segment), 0);
                end = chunk.end_frame();
            }
            prop_assert!(end <= frames);
        }
    }
}
