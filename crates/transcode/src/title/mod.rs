//! A ladder for one title: a few seconds from three places of it are encoded at two qualities a
//! rung, measured against the source, and the plan's rungs are chosen anew from what is found.
//!
//! | module | what |
//! |---|---|
//! | `samples` | which parts are tried, and how |
//! | `measure` | how like the source they are: VMAF where this ffmpeg has it, else PSNR |
//! | `curve` | rates and qualities to rungs |
//!
//! What is decided goes into the plan, so that a job that goes on later decides nothing again.

mod curve;
mod measure;
mod samples;

use std::path::Path;

use crate::{
    encode::{Context, Failure},
    plan::{Plan, Quality, Video},
};

use curve::{Choice, Curve};

/// Renditions chosen for a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refined {
    /// The renditions, best first: some of the plan's, with other rate factors and caps.
    pub videos: Vec<Video>,
    /// What was found, a line a rung.
    pub notes: Vec<String>,
}

/// Tries the plan's renditions on samples of `source`, a local file. A plan whose renditions are not
/// made by a constant quality, or that has none, comes back as it is.
pub fn refine(context: &mut Context<'_>, plan: &Plan, source: &Path) -> Result<Refined, Failure> {
    let unchanged = Refined {
        videos: plan.videos.clone(),
        notes: Vec::new(),
    };
    let Some(trial) = samples::trial(plan) else {
        return Ok(unchanged);
    };
    let measured = measure::all(context, &trial, source)?;
    let curves: Vec<Curve> = plan
        .videos
        .iter()
        .zip(measured.points)
        .filter_map(|(video, points)| Curve::new(points, cap(video)?))
        .collect();
    if curves.len() != plan.videos.len() {
        return Ok(unchanged);
    }
    let choices = curve::choose(&curves, measured.metric.eyes());
    let notes = choices
        .iter()
        .filter_map(|choice| {
            let video = plan.videos.get(choice.index)?;
            Some(format!(
                "per title: {} at a rate factor of {}.{}, about {} kb/s, {} {:.1}",
                video.id,
                choice.crf_tenths / 10,
                choice.crf_tenths % 10,
                choice.rate_bps / 1000,
                measured.metric.name(),
                choice.quality,
            ))
        })
        .collect();
    Ok(Refined {
        videos: choices
            .iter()
            .filter_map(|choice| Some(chosen(plan.videos.get(choice.index)?, choice)))
            .collect(),
        notes,
    })
}

fn cap(video: &Video) -> Option<u64> {
    match video.quality {
        Quality::Capped { maxrate_bps, .. } => Some(maxrate_bps),
        Quality::Lossless => None,
    }
}

/// A rendition with what was chosen for it. The cap is twice the mean at most.
fn chosen(video: &Video, choice: &Choice) -> Video {
    let quality = match video.quality {
        Quality::Capped {
            maxrate_bps,
            bufsize_bits,
            ..
        } => {
            let capped = maxrate_bps.min(choice.rate_bps.saturating_mul(2)).max(1);
            let share = u128::from(bufsize_bits) * u128::from(capped);
            let share = share / u128::from(maxrate_bps.max(1));
            Quality::Capped {
                crf_tenths: choice.crf_tenths,
                maxrate_bps: capped,
                bufsize_bits: u64::try_from(share).unwrap_or(bufsize_bits),
            }
        }
        Quality::Lossless => Quality::Lossless,
    };
    Video {
        quality,
        ..video.clone()
    }
}
