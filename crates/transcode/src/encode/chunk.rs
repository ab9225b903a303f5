//! The task itself.

use std::{fs, path::Path};

use super::{
    Class, Context, Failure, Output, Progress,
    arguments::{self, From, arguments, raw_path},
    cut, gate,
    raw::Raw,
    task::run_ffmpeg,
};
use crate::plan::{Chunk, Picture, Plan};

/// Encodes chunk `index` of the plan from `source`, a local file.
///
/// Errors: see [`Class`]. A result that is not what was planned is one, too: nothing is returned that
/// was not counted and timed frame by frame.
pub fn run(
    context: &mut Context<'_>,
    plan: &Plan,
    source: &Path,
    index: u32,
) -> Result<Output, Failure> {
    let chunk = plan.chunks.iter().find(|chunk| chunk.index == index);
    let (Some(chunk), Some(picture)) = (chunk, &plan.picture) else {
        return Err(Failure::new(
            Class::Permanent,
            format!("the plan has no chunk {index}"),
        ));
    };
    let short = match attempt(context, plan, picture, chunk, source, From::Near) {
        Ok(output) => return Ok(output),
        Err(Trouble::Short(failure)) if chunk.first_frame > 0 => failure,
        Err(Trouble::Short(failure) | Trouble::Failed(failure)) => return Err(failure),
    };
    // Seeking went behind the first frame, as it may where the source has long groups and no index.
    // From the start nothing can be missed.
    match attempt(context, plan, picture, chunk, source, From::Start) {
        Ok(mut output) => {
            output
                .notes
                .push(format!("decoded from the start of the source: {short}"));
            Ok(output)
        }
        Err(Trouble::Short(failure) | Trouble::Failed(failure)) => Err(failure),
    }
}

/// Why an attempt gave nothing.
enum Trouble {
    /// Frames are missing or displaced.
    Short(Failure),
    /// Anything else.
    Failed(Failure),
}

fn attempt(
    context: &mut Context<'_>,
    plan: &Plan,
    picture: &Picture,
    chunk: &Chunk,
    source: &Path,
    from: From,
) -> Result<Output, Trouble> {
    let input = arguments::as_input(source);
    let list = arguments(plan, picture, chunk, &input, context.scratch, from);
    let total = chunk.frames;
    let notes = run_ffmpeg(context, list, |report, progress| {
        progress(Progress {
            done: report.frame.unwrap_or(0).min(total),
            total,
            speed_permille: report.speed_permille,
            bytes: report.total_size,
        });
    })
    .map_err(Trouble::Failed)?;
    let mut tracks = Vec::with_capacity(plan.videos.len());
    for video in &plan.videos {
        let path = raw_path(context.scratch, &video.id);
        let raw = Raw::open(&path).map_err(Trouble::Short)?;
        let checked =
            gate::check(&raw, &video.id, video.codec, &plan.grid, chunk).map_err(Trouble::Short)?;
        let (grid, scratch) = (&plan.grid, context.scratch);
        let track = cut::cut(&raw, &checked, video, grid, chunk, scratch);
        tracks.push(track.map_err(Trouble::Failed)?);
        drop(raw);
        let removed = fs::remove_file(&path);
        removed.map_err(|error| Trouble::Failed(Failure::file(&path, &error)))?;
    }
    Ok(Output { tracks, notes })
}
