//! The chunks of a channel that is delivered in chunks: how long they are, which a slot has, and
//! their bytes. LL-HLS lists them as parts.
//!
//! A chunk closes as [`media::isobmff::chunk::Cutter`] says: with the sample by which another whole chunk duration has
//! passed since the start of the slot. With samples of a duration `s` that is a cut into
//! `ceil(d / s)` and `floor(d / s)` samples. A list of parts has to name a target that no part
//! exceeds and of which all but the last of a segment have 85 % (RFC 8216bis, 4.4.4.9). So the
//! chunk duration of a track is rounded up to whole samples where the two numbers differ too much for
//! that, and there are no parts where even this does not help, or where samples differ in duration or
//! cannot be cut apart.
//!
//! What the chunks of a stored segment are is read once; chunks of cut audio are computed.

use std::{borrow::Cow, sync::OnceLock};

use bytes::Bytes;
use media::{
    isobmff::chunk::{Chunks, Span},
    presentation::Content,
    time::Time,
};

use crate::{
    cycle::{Cycle, Recut},
    recut::{self, Cut},
    reel::{Reel, RewriteError, Strip},
    rewrite,
};

/// Least duration of a part in percent of the part target.
const LEAST_PERCENT: i64 = 85;

/// How a channel is cut.
#[derive(Debug)]
pub(crate) struct Chunking {
    /// Chunk duration of each track, by position in the reel.
    lengths: Vec<Time>,
    /// Duration that no chunk of pictures or sound exceeds; absent when there can be no list of parts.
    pub(crate) part_target: Option<Time>,
    /// The chunks of each stored segment of each track, once they were asked for.
    known: Vec<OnceLock<Vec<OnceLock<Vec<Span>>>>>,
}

impl Chunking {
    /// Decides how to cut a reel into chunks of about `duration`, which is above 0.
    pub(crate) fn new(reel: &Reel, duration: Time) -> Self {
        let count = reel.asset.tracks.len();
        let (lengths, part_target) =
            fit(reel, duration).unwrap_or_else(|| (vec![duration; count], None));
        Self {
            lengths,
            part_target,
            known: (0..count).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Returns the chunks of slot `n` of the track at `position`.
    pub(crate) fn spans(
        &self,
        position: usize,
        strip: &Strip,
        n: u64,
    ) -> Result<Cow<'_, [Span]>, RewriteError> {
        if let Cycle::Recut(recut) = &strip.cycle {
            let cut = rewrite::cut(strip, recut, n)?;
            return Ok(Cow::Owned(self.frames(position, strip, recut, cut)));
        }
        if is_one_piece(strip) {
            return Ok(Cow::Owned(vec![Span {
                start: 0,
                duration: strip.cycle.duration(n).ok_or(RewriteError::Empty)?,
                independent: true,
            }]));
        }
        let (_, i) = strip.cycle.place(n);
        let known = self.known.get(position).ok_or(RewriteError::Empty)?;
        let known = known.get_or_init(|| vec![OnceLock::new(); strip.index.segments.len()]);
        let place = known.get(i).ok_or(RewriteError::Empty)?;
        if let Some(spans) = place.get() {
            return Ok(Cow::Borrowed(spans));
        }
        let (bytes, _) = rewrite::stored(strip, n, 0)?;
        let spans = self.read(position, strip, &bytes)?.spans().collect();
        Ok(Cow::Borrowed(place.get_or_init(|| spans)))
    }

    /// Makes one chunk of slot `n`; nothing when the slot has not as many.
    pub(crate) fn make(
        &self,
        position: usize,
        strip: &Strip,
        n: u64,
        index: usize,
        sequence_number: u32,
    ) -> Result<Option<Vec<Bytes>>, RewriteError> {
        if let Cycle::Recut(recut) = &strip.cycle {
            let cut = rewrite::cut(strip, recut, n)?;
            let spans = self.frames(position, strip, recut, cut);
            let Some(span) = spans.get(index) else {
                return Ok(None);
            };
            let frame = u64::from(recut.frame());
            let from = cut.from.saturating_add_unsigned(span.start / frame);
            let chunk = Cut {
                from,
                to: from.saturating_add_unsigned(span.duration / frame),
                begins: index == 0,
                ..cut
            };
            return Ok(Some(recut::segment(strip, recut, chunk, sequence_number)?));
        }
        if is_one_piece(strip) {
            return match index {
                0 => Ok(Some(rewrite::slot(strip, n, sequence_number)?)),
                _ => Ok(None),
            };
        }
        let (bytes, plan) = rewrite::stored(strip, n, sequence_number)?;
        Ok(self.read(position, strip, &bytes)?.make(index, &plan)?)
    }

    /// Makes all chunks of slot `n`.
    pub(crate) fn make_all(
        &self,
        position: usize,
        strip: &Strip,
        n: u64,
        sequence_number: u32,
    ) -> Result<Vec<Bytes>, RewriteError> {
        let mut slices = Vec::new();
        for index in 0..self.spans(position, strip, n)?.len() {
            let chunk = self.make(position, strip, n, index, sequence_number)?;
            slices.extend(chunk.into_iter().flatten());
        }
        Ok(slices)
    }

    /// Returns the chunks of cut audio.
    fn frames(&self, position: usize, strip: &Strip, recut: &Recut, cut: Cut) -> Vec<Span> {
        let frame = Time::new(i64::from(recut.frame()), strip.index.timescale);
        let count = cut.to.saturating_sub(cut.from).unsigned_abs();
        even_spans(count, frame, self.length(position))
    }

    fn length(&self, position: usize) -> Time {
        self.lengths.get(position).copied().unwrap_or(Time::ZERO)
    }

    fn read<'b>(
        &self,
        position: usize,
        strip: &Strip,
        bytes: &'b Bytes,
    ) -> Result<Chunks<'b>, RewriteError> {
        let scale = strip.index.timescale;
        let length = self.length(position);
        Ok(Chunks::read(bytes, &strip.defaults, scale, length)?)
    }
}

/// Tells whether a slot cannot be cut: pictures, and documents that hold for all of it.
fn is_one_piece(strip: &Strip) -> bool {
    let index = &strip.index;
    match index.content {
        Content::Image => true,
        Content::Text => index.track.codecs.starts_with("stpp"),
        Content::Video | Content::Audio => false,
    }
}

/// Cuts `count` samples of duration `sample` as a [`media::isobmff::chunk::Cutter`] would.
fn even_spans(count: u64, sample: Time, length: Time) -> Vec<Span> {
    // In a common unit: the duration of a sample, and of a chunk.
    let unit = u128::from(sample.ticks.unsigned_abs()) * u128::from(length.scale.get());
    let chunk = u128::from(length.ticks.unsigned_abs()) * u128::from(sample.scale.get());
    let ticks = sample.ticks.unsigned_abs();
    let mut spans = Vec::new();
    let mut start = 0;
    while start < count {
        let passed = (u128::from(start) * unit).checked_div(chunk);
        let end = passed.map_or(start + 1, |passed| {
            let end = ((passed + 1) * chunk).div_ceil(unit.max(1));
            u64::try_from(end).unwrap_or(count).clamp(start + 1, count)
        });
        spans.push(Span {
            start: start * ticks,
            duration: (end - start) * ticks,
            independent: true,
        });
        start = end;
    }
    spans
}

/// How long the chunks of a track come out.
#[derive(Clone, Copy)]
struct Lengths {
    shortest: Time,
    longest: Time,
}

impl Lengths {
    /// Returns them for samples of a duration.
    fn of(sample: Time, chunk: Time) -> Self {
        let unit = i128::from(sample.ticks.max(1)) * i128::from(chunk.scale.get());
        let wanted = i128::from(chunk.ticks) * i128::from(sample.scale.get());
        let samples = |count: i128| {
            let count = i64::try_from(count.max(1)).unwrap_or(i64::MAX);
            Time::new(sample.ticks.saturating_mul(count), sample.scale)
        };
        Self {
            shortest: samples(wanted.div_euclid(unit)),
            longest: samples(-(-wanted).div_euclid(unit)),
        }
    }

    /// Returns them for a cut into whole multiples of the longest.
    fn even(self) -> Self {
        Self {
            shortest: self.longest,
            ..self
        }
    }
}

/// Finds chunk durations of which a list of parts can be made, with its target.
fn fit(reel: &Reel, duration: Time) -> Option<(Vec<Time>, Option<Time>)> {
    let mut tracks = Vec::new();
    for (position, strip) in reel.all().enumerate() {
        let Some(strip) = strip else { continue };
        let index = &strip.index;
        if !matches!(index.content, Content::Video | Content::Audio) {
            continue;
        }
        let sample = index.sample_duration.filter(|_| !index.encrypted)?;
        let sample = Time::new(i64::from(sample), index.timescale);
        tracks.push((position, Lengths::of(sample, duration)));
    }
    let mut lengths = vec![duration; reel.asset.tracks.len()];
    if let Some(target) = target(tracks.iter().map(|(_, lengths)| *lengths)) {
        return Some((lengths, Some(target)));
    }
    let target = target(tracks.iter().map(|(_, lengths)| lengths.even()))?;
    for (position, of_track) in tracks {
        if let Some(length) = lengths.get_mut(position) {
            *length = of_track.longest;
        }
    }
    Some((lengths, Some(target)))
}

/// Returns the longest duration when all others come near enough to it.
fn target(lengths: impl Iterator<Item = Lengths> + Clone) -> Option<Time> {
    let target = lengths.clone().map(|one| one.longest).max()?;
    let percent =
        |time: Time, percent: i64| Time::new(time.ticks.saturating_mul(percent), time.scale);
    let mut shortest = lengths.map(|one| one.shortest);
    shortest
        .all(|one| percent(one, 100) >= percent(target, LEAST_PERCENT))
        .then_some(target)
}

#[cfg(test)]
#[path = "chunks_tests.rs"]
mod tests;
