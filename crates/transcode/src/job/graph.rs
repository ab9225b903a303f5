//! Which steps a job has, what each waits for, and what each needs. Pure functions of the plan.
//!
//! ```text
//! fetch -> plan -> chunk 0, chunk 1, … -> thumbnails -> package -> publish
//!               -> audio 0, …                        ->
//!               -> text 0, …                         ->
//! ```
//!
//! A plan and chunks of a source that is on its way may go before its end, see [`runnable`].

use std::collections::BTreeSet;

use crate::{
    commit::Step,
    engine::{Needs, Task},
    plan::{Plan, Quality, VideoCodec},
};

/// Position of the steps without which there is no picture to play, one apart for each chunk.
const FIRST: u64 = 10;

/// Position of what comes after everything else.
const LAST: u64 = u64::MAX;

/// Lists the steps of a plan that come before [`Step::Package`].
pub fn parts(plan: &Plan) -> Vec<Step> {
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let chunks = plan.chunks.iter().map(|chunk| Step::Chunk(chunk.index));
    let audios = (0..count(plan.audios.len())).map(Step::Audio);
    let texts = (0..count(plan.texts.len())).map(Step::Text);
    let thumbnails = plan.thumbnails.map(|_| Step::Thumbnails);
    chunks
        .chain(audios)
        .chain(texts)
        .chain(thumbnails)
        .collect()
}

/// Lists the steps that a track is made by: all chunks for a video track.
pub fn steps_of(plan: &Plan, track: &str) -> Vec<Step> {
    let index = |found: Option<usize>| found.and_then(|it| u32::try_from(it).ok());
    if plan.videos.iter().any(|video| video.id == track) {
        return plan.chunks.iter().map(|it| Step::Chunk(it.index)).collect();
    }
    let audio = index(plan.audios.iter().position(|it| it.id == track)).map(Step::Audio);
    let text = index(plan.texts.iter().position(|it| it.id == track)).map(Step::Text);
    audio.or(text).into_iter().collect()
}

/// Lists all steps of a job in order, as far as they are known without a plan.
pub fn all(plan: Option<&Plan>) -> Vec<Step> {
    let before = [Step::Fetch, Step::Plan];
    let after = [Step::Package, Step::Publish];
    let parts = plan.map(parts).unwrap_or_default();
    before.into_iter().chain(parts).chain(after).collect()
}

/// Lists the steps that are not done and wait for nothing. While the source is on its way, `early`
/// tells of a step whether enough of it has come.
pub fn runnable(
    done: &BTreeSet<Step>,
    plan: Option<&Plan>,
    early: &dyn Fn(Step) -> bool,
) -> Vec<Step> {
    let is_fetched = done.contains(&Step::Fetch);
    let mut steps = match plan.filter(|_| done.contains(&Step::Plan)) {
        None => vec![Step::Plan],
        Some(plan) => {
            let mut parts = parts(plan);
            parts.retain(|step| !done.contains(step));
            // Pictures to seek by are made from what chunks came to.
            if parts.iter().any(|step| matches!(step, Step::Chunk(_))) {
                parts.retain(|step| *step != Step::Thumbnails);
            }
            if parts.is_empty() {
                let rest = [Step::Package, Step::Publish];
                parts.extend(rest.into_iter().find(|step| !done.contains(step)));
            }
            parts
        }
    };
    if !is_fetched {
        steps.retain(|step| early(*step));
        steps.insert(0, Step::Fetch);
    }
    steps
}

/// Makes the task of a step.
pub fn task(step: Step, plan: Option<&Plan>) -> Task {
    Task {
        name: step.to_string(),
        position: position(step),
        size: plan.map_or(1, |plan| size(step, plan)),
        needs: needs(step, plan),
    }
}

/// Returns the place of a step: chunks in order, so that the begin can be played early; audio, of
/// which each track is one long task, right behind the first.
fn position(step: Step) -> u64 {
    match step {
        Step::Probe | Step::Fetch | Step::Plan => 0,
        Step::Chunk(0) => FIRST,
        Step::Audio(_) | Step::Text(_) => FIRST + 1,
        Step::Chunk(index) => FIRST + 1 + u64::from(index),
        Step::Thumbnails => LAST - 2,
        Step::Package => LAST - 1,
        Step::Publish => LAST,
    }
}

/// Estimates the work of a step in milliseconds of a processor. Only the proportions matter.
pub fn size(step: Step, plan: &Plan) -> u64 {
    let duration_ms = duration_ms(plan);
    let work = match step {
        Step::Chunk(index) => {
            let frames = plan
                .chunks
                .get(index as usize)
                .map_or(0, |chunk| chunk.frames);
            let pixels: u64 = plan.videos.iter().map(pixels).sum();
            // About 50 million pixels a second, decoding included.
            frames.saturating_mul(pixels) / 50_000
        }
        Step::Audio(_) => duration_ms / 50,
        Step::Text(_) => duration_ms / 1000,
        Step::Thumbnails => duration_ms / 500,
        Step::Probe | Step::Fetch | Step::Plan | Step::Package | Step::Publish => 0,
    };
    work.max(1)
}

/// Returns the length of the output in milliseconds.
pub fn duration_ms(plan: &Plan) -> u64 {
    let rate = plan.grid.rate;
    plan.grid.frames.saturating_mul(1000 * u64::from(rate.den)) / u64::from(rate.num.max(1))
}

fn pixels(video: &crate::plan::Video) -> u64 {
    u64::from(video.width) * u64::from(video.height)
}

/// Estimates what a step takes from the machine while it runs.
fn needs(step: Step, plan: Option<&Plan>) -> Needs {
    let Some((plan, Step::Chunk(index))) = plan.map(|plan| (plan, step)) else {
        let is_beside = plan.is_some_and(|plan| is_beside(step, plan));
        return Needs {
            threads: u32::from(step_works(step) && !is_beside),
            places: u32::from(is_beside),
            memory: 128 << 20,
            disk: 0,
        };
    };
    let threads = plan.videos.iter().map(|video| video.threads).max();
    // Per pixel: frames that are looked ahead at, references and analysis.
    let encoders = plan.videos.iter().map(|video| {
        let bytes = match video.codec {
            VideoCodec::H264 => 150,
            VideoCodec::H265 => 300,
            VideoCodec::Av1 => 800,
        };
        pixels(video) * bytes
    });
    Needs {
        threads: threads.unwrap_or(1).max(1),
        places: 0,
        memory: (128 << 20) + encoders.sum::<u64>(),
        disk: chunk_bytes(plan, index),
    }
}

/// Tells whether a step runs beside pictures: sound is little work beside them, as in any ffmpeg that
/// encodes both. All by itself it is encoded as anything else.
fn is_beside(step: Step, plan: &Plan) -> bool {
    matches!(step, Step::Audio(_)) && !plan.chunks.is_empty()
}

/// Tells whether a step keeps a processor busy; others wait for networks and disks.
fn step_works(step: Step) -> bool {
    !matches!(step, Step::Fetch | Step::Publish)
}

/// Estimates the bytes of an encoded chunk from above, with its copy in the store.
fn chunk_bytes(plan: &Plan, index: u32) -> u64 {
    let frames = plan
        .chunks
        .get(index as usize)
        .map_or(0, |chunk| chunk.frames);
    let rate = plan.grid.rate;
    let ms = frames.saturating_mul(1000 * u64::from(rate.den)) / u64::from(rate.num.max(1));
    let bits: u64 = plan
        .videos
        .iter()
        .map(|video| match video.quality {
            Quality::Capped { maxrate_bps, .. } => maxrate_bps,
            Quality::Lossless => pixels(video) * 100,
        })
        .sum();
    2 * bits.saturating_mul(ms) / 8000
}

#[cfg(test)]
mod tests;
