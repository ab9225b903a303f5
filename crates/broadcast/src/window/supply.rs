//! The window as a supplier.

use std::sync::Arc;

use bytes::Bytes;
use media::{
    isobmff::build,
    presentation::{AvailabilityOffset, Content, Presentation},
    supply::{Delivery, Edge, Manifest, PartPayload, Payload, Refusal, Supplier, When},
    template::Key,
    time::{Round, Time},
};

use super::{
    Window,
    inner::{Inner, clamped},
    shape::content_type,
    track::{Missing, Reel, Stored},
};
use crate::packager::BRANDS;

impl Supplier for Window {
    fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    fn presentation(&self, _manifest: usize, now: i64) -> Result<Presentation, Refusal> {
        let shown = self.shown.load();
        match shown.as_ref() {
            Some(presentation) => Ok(presentation.clone()),
            None => Err(too_early("the first part".to_owned(), now, now + 1000)),
        }
    }

    fn init(&self, _manifest: usize, track: usize, now: i64) -> Result<Payload, Refusal> {
        let inner = self.lock();
        let mut newest = inner.inits.iter().rev();
        match newest.find(|(of, _)| *of == track) {
            Some((_, init)) => Ok(self.payload(track, 0, vec![init.bytes.clone()])),
            None => Err(too_early("the init segment".to_owned(), now, now + 1000)),
        }
    }

    fn init_at(&self, path: &str, _now: i64) -> Option<Payload> {
        let (id, name) = path.rsplit_once('/')?;
        let track = self.settings.tracks().position(|(_, of)| of.id == id)?;
        let inner = self.lock();
        let mut inits = inner.inits.iter();
        let (_, init) = inits.find(|(of, init)| *of == track && init.name == name)?;
        Some(self.payload(track, 0, vec![init.bytes.clone()]))
    }

    fn segment(
        &self,
        _manifest: usize,
        track: usize,
        key: Key,
        now: i64,
    ) -> Result<Payload, Refusal> {
        let number = numbered(key)?;
        let inner = self.lock();
        let stored = self.stored(&inner, track, number, now)?;
        if !stored.whole {
            let at = self.due(&inner, track, stored.start);
            return Err(too_early(self.name(track, number), now, at));
        }
        if stored.gap {
            return self.nothing(&inner, track, number);
        }
        let slices = stored
            .slices()
            .map_err(|missing| self.missing(track, number, missing))?;
        Ok(self.payload(track, number, slices))
    }

    fn delivery(
        &self,
        manifest: usize,
        track: usize,
        key: Key,
        now: i64,
    ) -> Result<Delivery, Refusal> {
        let number = numbered(key)?;
        let low = self.settings.low_latency;
        if low.is_some_and(|low| low.incomplete) {
            let inner = self.lock();
            let reel = reel(&inner, track)?;
            let (open, _) = reel.edge();
            let is_next = number == open && !inner.ended;
            if is_next {
                return Ok(Delivery::Growing {
                    content_type: self.content_type(track),
                });
            }
        }
        self.segment(manifest, track, key, now).map(Delivery::Whole)
    }

    fn part(
        &self,
        _manifest: usize,
        track: usize,
        key: Key,
        index: u32,
        now: i64,
    ) -> Result<PartPayload, Refusal> {
        let number = numbered(key)?;
        let inner = self.lock();
        let reel = reel(&inner, track)?;
        if number == reel.end() && !inner.ended {
            let at = self.due(&inner, track, 0);
            return Err(too_early(self.part_name(track, number, index), now, at));
        }
        let stored = self.stored(&inner, track, number, now)?;
        let count = stored.parts.len() as u32;
        if index >= count && !stored.whole {
            let at = self.due(&inner, track, stored.start);
            return Err(too_early(self.part_name(track, number, index), now, at));
        }
        // Of a segment from before a restart the number of parts is not known.
        if index >= count && count > 0 {
            return Err(Refusal::NotFound(format!(
                "Segment {number} of `{}` has {count} parts.",
                self.id(track)
            )));
        }
        if stored.gap {
            return Err(self.lost(track, number));
        }
        let bytes = stored
            .part(index)
            .map_err(|missing| self.missing(track, number, missing))?;
        Ok(PartPayload {
            payload: self.payload(track, number, vec![bytes]),
            last: stored.whole && index + 1 == count,
        })
    }

    fn edge(&self, _manifest: usize, track: usize, _now: i64) -> Result<Edge, Refusal> {
        let inner = self.lock();
        let (segment, parts) = reel(&inner, track)?.edge();
        Ok(Edge { segment, parts })
    }

    fn when(&self, manifest: usize, track: usize, edge: Edge, now: i64) -> When {
        let Some(changed) = self.changed.get(track) else {
            return When::Never;
        };
        // Asked for before looking, so that no change in between is missed.
        let change = Arc::clone(changed).notified_owned();
        match self.edge(manifest, track, now) {
            Ok(reached) if reached >= edge => When::Now,
            Ok(_) if !self.lock().ended => When::Change(Box::pin(change)),
            _ => When::Never,
        }
    }
}

impl Window {
    /// Finds a segment, whole or in progress.
    fn stored<'i>(
        &self,
        inner: &'i Inner,
        track: usize,
        number: u64,
        now: i64,
    ) -> Result<&'i Stored, Refusal> {
        let reel = reel(inner, track)?;
        if let Some(stored) = reel.get(number) {
            return Ok(stored);
        }
        let segment = self.settings.segment.ms(Round::Up).max(1);
        if number < reel.first {
            let back = i64::try_from(reel.first - number).unwrap_or(i64::MAX);
            let ago_ms = back.saturating_mul(segment);
            return Err(Refusal::Gone {
                what: self.name(track, number),
                since_ms: now.saturating_sub(ago_ms),
                ago_ms,
            });
        }
        if inner.ended {
            let text = format!(
                "The channel has ended before segment {number} of `{}`.",
                self.id(track)
            );
            return Err(Refusal::NotFound(text));
        }
        let at = self.offered_at(inner, track, number);
        Err(too_early(self.name(track, number), now, at))
    }

    /// Estimates when a segment that has not begun may be asked for.
    fn offered_at(&self, inner: &Inner, track: usize, number: u64) -> i64 {
        let newest = inner.reels.get(track).and_then(|reel| {
            let newest = reel.end().checked_sub(1)?;
            Some((newest, reel.get(newest)?.start))
        });
        let (known, start) = newest.unwrap_or((number, 0));
        let offset = match self.settings.low_latency.map(|low| low.availability_offset) {
            Some(Some(AvailabilityOffset::Ahead(ahead))) => ahead.ms(Round::Down),
            Some(Some(AvailabilityOffset::Infinite) | None) | None => 0,
        };
        let segment = self.settings.segment.ms(Round::Up);
        let between = i64::try_from(number.saturating_sub(known)).unwrap_or(i64::MAX);
        self.due(inner, track, start)
            .saturating_add(between.saturating_mul(segment))
            .saturating_sub(offset)
    }

    /// Estimates when a segment that begins at a time is whole; one that has not begun, at 0.
    fn due(&self, inner: &Inner, track: usize, start: u64) -> i64 {
        let begin = match start {
            0 => inner.resume.end,
            start => Time::new(clamped(start), inner.scale(track)),
        };
        let segment = self.settings.segment.ms(Round::Up);
        self.settings
            .epoch_ms
            .saturating_add(begin.ms(Round::Up))
            .saturating_add(segment)
    }

    fn lost(&self, track: usize, number: u64) -> Refusal {
        Refusal::NotFound(format!(
            "The media of {} was lost.",
            self.name(track, number)
        ))
    }

    /// Makes a segment without samples for one that was lost and is listed. HLS marks it as a gap, so
    /// that nobody asks for it. DASH has no such mark, and there are players that never ask again once
    /// a segment was refused to them.
    fn nothing(&self, inner: &Inner, track: usize, number: u64) -> Result<Payload, Refusal> {
        let mut stretches = inner.stretches.iter().rev();
        let shown = stretches.find(|shown| shown.stretch.first_number <= number);
        let init = shown.and_then(|shown| shown.inits.get(track)?.as_ref());
        let found = reel(inner, track)?.get(number).filter(|s| s.duration > 0);
        let (Some(init), Some(stored)) = (init, found) else {
            return Err(self.lost(track, number));
        };
        let duration = u32::try_from(stored.duration).unwrap_or(u32::MAX);
        let styp = build::styp(BRANDS[0], &BRANDS);
        let bytes = build::no_samples(init.track.track_id, stored.start, duration, &styp);
        Ok(self.payload(track, number, vec![bytes.into()]))
    }

    fn missing(&self, track: usize, number: u64, missing: Missing) -> Refusal {
        match missing {
            Missing::Lost => self.lost(track, number),
            Missing::Unreadable(reason) => {
                Refusal::Internal(format!("{}: {reason}.", self.name(track, number)))
            }
        }
    }

    fn payload(&self, track: usize, number: u64, slices: Vec<Bytes>) -> Payload {
        let len: u64 = slices.iter().map(|slice| slice.len() as u64).sum();
        // Numbers are never used twice below one epoch.
        let version = (self.settings.epoch_ms as u64).rotate_left(32)
            ^ number.rotate_left(8)
            ^ len.rotate_left(16)
            ^ track as u64;
        Payload {
            slices,
            content_type: self.content_type(track),
            version,
        }
    }

    fn content_type(&self, track: usize) -> &'static str {
        let found = self.settings.tracks().nth(track);
        content_type(found.map_or(Content::Text, |(set, _)| set.content))
    }

    fn id(&self, track: usize) -> &str {
        let found = self.settings.tracks().nth(track);
        found.map_or("", |(_, of)| of.id.as_str())
    }

    fn name(&self, track: usize, number: u64) -> String {
        format!("segment {number} of `{}`", self.id(track))
    }

    fn part_name(&self, track: usize, number: u64, index: u32) -> String {
        format!("part {index} of {}", self.name(track, number))
    }
}

/// Segments are named by number only.
fn numbered(key: Key) -> Result<u64, Refusal> {
    match key {
        Key::Number(number) => Ok(number),
        Key::Time(time) => Err(Refusal::NotFound(format!(
            "Segments have numbers here; none is known that starts at time {time}."
        ))),
    }
}

fn reel(inner: &Inner, track: usize) -> Result<&Reel, Refusal> {
    inner
        .reels
        .get(track)
        .ok_or_else(|| Refusal::NotFound(format!("There is no track {track}.")))
}

fn too_early(what: String, now: i64, at_ms: i64) -> Refusal {
    let at_ms = at_ms.max(now.saturating_add(1));
    Refusal::TooEarly {
        what,
        wait_ms: at_ms.saturating_sub(now),
        at_ms,
    }
}
