//! From what the source is and what is wanted to the plan.

use super::{
    Encryption, FORMAT, Options, Picture, Plan, Scheme, Seconds, SourceFacts, Thumbnails,
    VideoCodec, VideoFacts, grid, sound, text, video,
};
use crate::preset;

/// Longest source that is accepted: time stamps beyond are broken ones.
const LONGEST: Seconds = Seconds::whole(7 * 24 * 3600);

/// Box of a seek picture in pixels.
const THUMBNAIL: (u32, u32) = (320, 180);

/// Films up to this many seconds have a seek picture at each key frame, longer ones at each segment.
const SHORT: i64 = 600;

/// A plan, and what people should know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What was decided against expectation: rungs left out, subtitles that cannot be taken.
    pub notes: Vec<String>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The preset has nothing for such a source, or is wrong in itself (exit code 2).
    #[error(transparent)]
    Preset(#[from] preset::Error),
    /// Nothing is left to make (exit code 4).
    #[error("nothing of this source is wanted: it has {has}")]
    Nothing {
        /// What it has.
        has: &'static str,
    },
    /// The time stamps cannot be right (exit code 4).
    #[error("the source claims to last {seconds} s: its time stamps jump")]
    TooLong {
        /// Seconds from the first frame to the end.
        seconds: Seconds,
    },
    /// A wish cannot be met (exit code 2).
    #[error("{0}")]
    Wish(String),
}

/// Plans a job. The same facts and wishes give the same plan, byte for byte.
pub fn plan(source: SourceFacts, options: &Options) -> Result<Planned, Error> {
    options.preset.check()?;
    if options.threads == 0 {
        return Err(Error::Wish(
            "an encoder needs at least one thread".to_owned(),
        ));
    }
    let mut notes = Vec::new();
    let pictures = match &source.video {
        Some(facts) if !options.preset.audio_only => Some(facts),
        _ => None,
    };
    let (origin, span) = match pictures {
        Some(facts) => (facts.first, facts.end.minus(facts.first)),
        None => sound::extent(&source, options).ok_or(Error::Nothing {
            has: if source.video.is_some() {
                "pictures alone"
            } else {
                "no sound that is wanted"
            },
        })?,
    };
    let held = pictures.and_then(|facts| sound::rest(&source, facts, options));
    if let Some(held) = held {
        let seconds = held.minus(span);
        notes.push(format!(
            "the last picture is held for {seconds} s, as long as the sound goes on"
        ));
    }
    if held.unwrap_or(span) > LONGEST {
        return Err(Error::TooLong {
            seconds: held.unwrap_or(span),
        });
    }
    let mapping = pictures.map(|facts| grid::mapping(facts, options.max_rate, held));
    let grid = match &mapping {
        Some(mapping) => grid::grid(mapping.rate, mapping.frames, options),
        None => grid::audio_grid(span, options),
    };
    let videos = match pictures {
        Some(facts) => video::renditions(facts, &grid, options, &mut notes)?,
        None => Vec::new(),
    };
    let by_samples = |it: &Encryption| it.scheme == Scheme::Cbcs;
    if options.encryption.as_ref().is_some_and(by_samples)
        && videos.iter().any(|video| video.codec == VideoCodec::Av1)
    {
        return Err(Error::Wish(
            "AV1 cannot be encrypted by `cbcs` here".to_owned(),
        ));
    }
    let picture = pictures.zip(mapping).map(|(facts, mapping)| Picture {
        stream: facts.stream,
        cadence: mapping.cadence,
        deinterlace: mapping.deinterlace,
        rotation: facts.rotation,
        colour: facts.colour.clone(),
    });
    let chunks = if picture.is_some() {
        grid::chunks(&grid, options)
    } else {
        Vec::new()
    };
    let audios = sound::tracks(&source, origin, &grid, options, &mut notes);
    let texts = text::tracks(&source, options, &mut notes);
    let thumbnails = pictures
        .filter(|_| options.thumbnails)
        .map(|facts| thumbnails(facts, &grid));
    Ok(Planned {
        plan: Plan {
            format: FORMAT,
            origin,
            grid,
            picture,
            chunks,
            videos,
            audios,
            texts,
            thumbnails,
            encryption: options.encryption.clone(),
            source,
        },
        notes,
    })
}

fn thumbnails(facts: &VideoFacts, grid: &super::Grid) -> Thumbnails {
    let (width, height) = media::picture::fit(facts.shown(), THUMBNAIL).size();
    let short = grid.duration() <= Seconds::whole(SHORT);
    Thumbnails {
        width,
        height,
        columns: 5,
        rows: 5,
        every: if short { grid.gop } else { grid.segment },
    }
}
