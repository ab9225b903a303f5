//! From what the tasks made to one list of segments a track. Joining is checking: every segment has
//! its final times already.

use bytes::Bytes;
use media::{
    isobmff::init::{self, InitTrack},
    presentation::Content,
    time::Timescale,
};

use super::{Error, Extent, TrackParts};
use crate::{encode::SegmentFacts, plan::Plan, text, thumbs};

/// A track as a whole.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    pub(super) id: String,
    /// The init segment and what it says; WebVTT and pictures have none.
    pub(super) init: Option<(Bytes, InitTrack)>,
    /// Ticks a second of its segments.
    pub(super) timescale: Timescale,
    pub(super) segments: Vec<SegmentFacts>,
}

/// What a track of the plan has to be.
struct Wanted {
    id: String,
    /// What its init segment describes; `None` when it has none.
    content: Option<Content>,
    /// How many frames it has in all, where they are counted.
    frames: Option<u64>,
}

/// Lists the tracks that a plan makes.
fn wanted(plan: &Plan) -> Vec<Wanted> {
    let want = |id: &str, content, frames| Wanted {
        id: id.to_owned(),
        content,
        frames,
    };
    let mut list = Vec::new();
    for video in &plan.videos {
        let frames = plan.grid.frames;
        list.push(want(&video.id, Some(Content::Video), Some(frames)));
    }
    for audio in &plan.audios {
        let frames = audio.frames();
        list.push(want(&audio.id, Some(Content::Audio), Some(frames)));
    }
    for text in &plan.texts {
        list.push(want(&text.id, Some(Content::Text), None));
        list.push(want(&text::vtt_id(&text.id), None, None));
    }
    if let Some(thumbnails) = &plan.thumbnails {
        let pictures = thumbs::pictures(plan, thumbnails);
        list.push(want(thumbs::ID, None, Some(pictures)));
    }
    list
}

/// Joins all tracks of the plan, in its order.
pub(super) fn all(
    plan: &Plan,
    tracks: &[TrackParts],
    extent: Extent,
) -> Result<Vec<Joined>, Error> {
    let mut joined = Vec::new();
    for want in wanted(plan) {
        let id = &want.id;
        let found = tracks.iter().find(|track| track.id == *id);
        let parts = match (found, extent) {
            (Some(parts), _) => parts,
            (None, Extent::Growing) => continue,
            (None, Extent::Whole) => return Err(error(id, "nothing was made of it")),
        };
        let of = join(plan, parts, &want, extent)?;
        let frames: u64 = of.segments.iter().map(|one| one.frames).sum();
        if let Some(wanted) = want.frames.filter(|wanted| *wanted != frames)
            && extent == Extent::Whole
        {
            return Err(error(id, format!("{frames} frames in place of {wanted}")));
        }
        joined.push(of);
    }
    Ok(joined)
}

fn error(track: &str, reason: impl Into<String>) -> Error {
    Error {
        track: track.to_owned(),
        reason: reason.into(),
    }
}

fn join(plan: &Plan, parts: &TrackParts, want: &Wanted, extent: Extent) -> Result<Joined, Error> {
    let init = match want.content {
        Some(content) => Some(init(parts, content)?),
        None => None,
    };
    let timescale = match &init {
        Some((_, track)) => track.timescale,
        None => Timescale::new(plan.grid.timescale)
            .ok_or_else(|| error(&parts.id, "the plan has no timescale"))?,
    };
    Ok(Joined {
        id: parts.id.clone(),
        init,
        timescale,
        segments: segments(parts, extent)?,
    })
}

/// Returns the one init segment of all parts.
fn init(parts: &TrackParts, content: Content) -> Result<(Bytes, InitTrack), Error> {
    let wrong = |reason: String| error(&parts.id, reason);
    let Some(init) = parts.inits.first() else {
        return Err(wrong("it has no init segment".to_owned()));
    };
    if let Some(other) = parts.inits.iter().position(|other| other != init) {
        return Err(wrong(format!(
            "the init segment of part {other} differs from the first one"
        )));
    }
    let track = init::read(init)
        .map_err(|error| wrong(error.to_string()))?
        .tracks
        .into_iter()
        .next()
        .ok_or_else(|| wrong("its init segment describes nothing".to_owned()))?;
    if track.content != content {
        return Err(wrong(
            "its init segment is of another kind of track".to_owned(),
        ));
    }
    Ok((init.clone(), track))
}

/// Joins the lists of segments; each has to begin where the one before ends.
fn segments(parts: &TrackParts, extent: Extent) -> Result<Vec<SegmentFacts>, Error> {
    let wrong = |reason: String| error(&parts.id, reason);
    let mut segments: Vec<SegmentFacts> = Vec::new();
    for facts in &parts.parts {
        if facts.id != parts.id {
            return Err(wrong(format!("a part belongs to track {}", facts.id)));
        }
        for next in &facts.segments {
            let (number, start) = segments
                .last()
                .map_or((1, 0), |last| (last.number + 1, last.start + last.duration));
            if (next.number, next.start) == (number, start) {
                segments.push(next.clone());
            } else if extent == Extent::Growing {
                return Ok(segments);
            } else {
                return Err(wrong(format!(
                    "segment {} at tick {} follows where segment {number} at tick {start} belongs",
                    next.number, next.start
                )));
            }
        }
    }
    Ok(segments)
}
