//! How far a channel has come: which chunks are there, and when others will be.
//!
//! A chunk is there from its end on, the last one of a slot together with the slot, whatever the
//! availability offset: that only says when a slot may be asked for. Everything is computed, so that
//! whoever waits knows until when.

use std::borrow::Cow;

use media::{
    isobmff::chunk::Span,
    presentation::{Content, Part},
    supply::{Edge, Refusal, When},
    time::{Round, Time},
};

use crate::{
    looped::{Looped, Place},
    window::{Listed, Window},
};

impl Looped {
    /// Returns the chunks of slot `n`; one when it is not delivered in chunks.
    pub(crate) fn spans(&self, place: Place<'_>, n: u64) -> Result<Cow<'_, [Span]>, Refusal> {
        let Some(chunking) = self.chunking().filter(|_| self.in_chunks(place.strip)) else {
            return Ok(Cow::Borrowed(&[]));
        };
        chunking
            .spans(place.position, place.strip, n)
            .map_err(|error| self.cannot_be_made(place.strip, n, &error))
    }

    /// Returns when the track of `place` has come how far.
    pub(crate) fn reached(&self, place: Place<'_>, window: &Window) -> Result<Edge, Refusal> {
        let since = window.listed_until();
        let n = place.strip.cycle.ended(since);
        let spans = self.spans(place, n)?;
        let whole = (0..spans.len())
            .take_while(|index| chunk_end(place, n, &spans, *index).is_some_and(|end| end <= since))
            .count();
        Ok(Edge {
            segment: n.saturating_add(self.options().first_number()),
            // All of them mean a whole slot, which would have been counted as ended.
            parts: whole.min(spans.len().saturating_sub(1)) as u32,
        })
    }

    /// Returns when the track of `place` will be as far as `edge`.
    pub(crate) fn reaches(
        &self,
        place: Place<'_>,
        edge: Edge,
        window: &Window,
    ) -> Result<When, Refusal> {
        if self.reached(place, window)? >= edge {
            return Ok(When::Now);
        }
        let cycle = &place.strip.cycle;
        let n = edge.segment.saturating_sub(self.options().first_number());
        let end = match edge.parts.checked_sub(1) {
            None => n
                .checked_sub(1)
                .map_or(Some(Time::ZERO), |last| cycle.end(last)),
            Some(last) => {
                let spans = self.spans(place, n)?;
                chunk_end(place, n, &spans, last as usize).or_else(|| cycle.end(n))
            }
        };
        Ok(end.map_or(When::Never, |end| When::At(window.listed_at(end))))
    }

    /// Lists the chunks of the newest slots of those listed, back to `recent` before now, and of the
    /// slot in progress. Slots that cannot be read have none.
    pub(crate) fn parts(
        &self,
        place: Place<'_>,
        window: &Window,
        listed: Listed,
        recent: Time,
    ) -> Vec<Part> {
        let strip = place.strip;
        let has_parts = self
            .chunking()
            .is_some_and(|chunking| chunking.part_target.is_some())
            && matches!(strip.index.content, Content::Video | Content::Audio);
        if !has_parts {
            return Vec::new();
        }
        let earlier = Window {
            now: window
                .now
                .saturating_sub(recent.ms(Round::Up))
                .max(window.start),
            ..*window
        };
        let first = strip.cycle.ended(earlier.listed_until()).max(listed.first);
        let since = window.listed_until();
        let first_number = self.options().first_number();
        let mut parts = Vec::new();
        for n in first..=listed.end {
            let Ok(spans) = self.spans(place, n) else {
                continue;
            };
            for (index, span) in spans.iter().enumerate() {
                let is_there = n < listed.end
                    || index + 1 < spans.len()
                        && chunk_end(place, n, &spans, index).is_some_and(|end| end <= since);
                let Some(duration) = shown_duration(place, n, span).filter(|_| is_there) else {
                    break;
                };
                parts.push(Part {
                    segment: n.saturating_add(first_number),
                    index: index as u32,
                    duration,
                    independent: span.independent,
                    gap: false,
                });
            }
        }
        parts
    }
}

/// Returns when a chunk of slot `n` is there, after media time zero. `None` when there is no such
/// chunk.
pub(crate) fn chunk_end(place: Place<'_>, n: u64, spans: &[Span], index: usize) -> Option<Time> {
    let span = spans.get(index)?;
    let cycle = &place.strip.cycle;
    let slot = cycle.end(n)?;
    if index + 1 == spans.len() {
        return Some(slot);
    }
    let start = cycle.boundary(n)?.checked_add_unsigned(span.start)?;
    let end = start.checked_add_unsigned(span.duration)?;
    Some(Time::new(end, place.strip.index.timescale).min(slot))
}

/// Returns the duration of a chunk on the time line that manifests show, which is cut at zero and at
/// the end of the slot.
fn shown_duration(place: Place<'_>, n: u64, span: &Span) -> Option<u64> {
    let strip = place.strip;
    let shown = |tick: i64| tick.saturating_sub(strip.edit).max(0);
    let start = strip.cycle.boundary(n)?.checked_add_unsigned(span.start)?;
    let slot = strip.cycle.boundary(n.checked_add(1)?)?;
    let end = start.checked_add_unsigned(span.duration)?.min(slot);
    u64::try_from(shown(end).saturating_sub(shown(start))).ok()
}

#[cfg(test)]
#[path = "edge_tests.rs"]
mod tests;
