//! The task itself.

use std::{fs, path::Path};

use super::{
    Class, Context, Failure, Output, Progress,
    arguments::{self, From, arguments, raw_path},
    cut, gate,
    raw::Raw,
    task::{Damage, bearable, run_over},
};
use crate::plan::{Cadence, Chunk, Picture, Plan};

/// Encodes chunk `index` of the plan from `source`, a local file. Where the source
/// cannot be decoded, `damage` says what is done: it ends ([`Failure::is_damage`]), or what cannot be
/// decoded is concealed by the decoder, and where there is no frame at all the one before stands; if
/// that is more than a twentieth, it fails.
///
/// Errors: see [`Class`]. A result that is not what was planned is one, too: nothing is returned that
/// was not counted and timed frame by frame.
pub fn run(
    context: &mut Context<'_>,
    plan: &Plan,
    source: &Path,
    index: u32,
    damage: Damage,
) -> Result<Output, Failure> {
    let chunk = plan.chunks.iter().find(|chunk| chunk.index == index);
    let (Some(chunk), Some(picture)) = (chunk, &plan.picture) else {
        return Err(Failure::new(
            Class::Permanent,
            format!("the plan has no chunk {index}"),
        ));
    };
    let mut picture = picture.clone();
    if damage == Damage::IsBorne {
        // A last frame that is missing is filled up as in sources whose frames come at any time.
        picture.cadence = Cadence::Resampled;
    }
    let way = Way {
        plan,
        picture: &picture,
        chunk,
        damage,
    };
    let short = match attempt(context, way, source, From::Near) {
        Ok(output) => return Ok(output),
        Err(Trouble::Short(failure)) if chunk.first_frame > 0 => failure,
        Err(Trouble::Short(failure) | Trouble::Failed(failure)) => return Err(failure),
    };
    // Seeking went behind the first frame, as it may where the source has long groups and no index.
    // From the start nothing can be missed.
    match attempt(context, way, source, From::Start) {
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

/// What is encoded, and how.
#[derive(Clone, Copy)]
struct Way<'a> {
    plan: &'a Plan,
    picture: &'a Picture,
    chunk: &'a Chunk,
    damage: Damage,
}

fn attempt(
    context: &mut Context<'_>,
    way: Way<'_>,
    source: &Path,
    from: From,
) -> Result<Output, Trouble> {
    let Way {
        plan,
        picture,
        chunk,
        damage,
    } = way;
    let input = arguments::as_input(source);
    let list = arguments(plan, picture, chunk, &input, context.scratch, from);
    let total = chunk.frames;
    let mut notes = run_over(context, damage, list, |report, progress| {
        progress(Progress {
            done: report.frame.unwrap_or(0).min(total),
            total,
            speed_permille: report.speed_permille,
            bytes: report.total_size,
        });
    })
    .map_err(Trouble::Failed)?;
    let mut damaged = 0;
    if damage == Damage::IsBorne {
        damaged = bearable(&notes, total).map_err(Trouble::Failed)?;
        notes = vec![format!("{damaged} frames of the source are damaged")];
    }
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
    Ok(Output {
        tracks,
        notes,
        damaged,
    })
}
