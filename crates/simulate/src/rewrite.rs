//! Makes the bytes of a slot: stored bytes, moved to where the slot lies in the endless stream.

use bytes::Bytes;
use media::{
    isobmff::retime::{Retime, retime},
    presentation::Content,
    time::Time,
};

use crate::{
    cycle::{Cycle, Recut},
    recut::{self, Cut},
    reel::{RewriteError, Strip},
    text,
};

/// Makes slot `n` in one piece.
pub(crate) fn slot(
    strip: &Strip,
    n: u64,
    sequence_number: u32,
) -> Result<Vec<Bytes>, RewriteError> {
    if let Cycle::Recut(recut) = &strip.cycle {
        return recut::segment(strip, recut, cut(strip, recut, n)?, sequence_number);
    }
    let (bytes, plan) = stored(strip, n, sequence_number)?;
    let index = &strip.index;
    match index.content {
        Content::Image => Ok(vec![bytes]),
        Content::Text if index.track.codecs.starts_with("stpp") => text::segment(
            &bytes,
            &strip.defaults,
            Time::new(plan.decode_shift, index.timescale),
            sequence_number,
        ),
        Content::Video | Content::Audio | Content::Text => Ok(retime(&bytes, &plan)?),
    }
}

/// Returns the stored segment of slot `n` of a track that is not cut anew, and where it goes.
pub(crate) fn stored(
    strip: &Strip,
    n: u64,
    sequence_number: u32,
) -> Result<(Bytes, Retime), RewriteError> {
    let index = &strip.index;
    let (_, i) = strip.cycle.place(n);
    let start = strip.cycle.boundary(n).ok_or(RewriteError::Empty)?;
    let stored = index.segments.get(i).ok_or(RewriteError::Empty)?;
    let plan = Retime {
        sequence_number,
        decode_shift: start.saturating_sub_unsigned(stored.start),
        track_timescale: index.timescale,
    };
    Ok((index.bytes(stored)?, plan))
}

/// Returns the frames of slot `n` of audio that is cut anew.
pub(crate) fn cut(strip: &Strip, recut: &Recut, n: u64) -> Result<Cut, RewriteError> {
    let (wraps, _) = strip.cycle.place(n);
    let frame = i64::from(recut.frame());
    let boundary = |n| strip.cycle.boundary(n).ok_or(RewriteError::Empty);
    Ok(Cut {
        from: boundary(n)? / frame,
        to: boundary(n.saturating_add(1))? / frame,
        loop_start: recut.first_frame(wraps).ok_or(RewriteError::Empty)?,
        begins: true,
    })
}
