//! A channel: an asset repeated without end under some options.

use std::sync::Arc;

use media::{
    presentation::{
        Addressing, AvailabilityOffset, Content, Live, Liveness, LowLatency, Period, Presentation,
        StartNumber, UtcTiming,
    },
    supply::{Delivery, Edge, Manifest, PartPayload, Payload, Refusal, Supplier, When},
    template::Key,
    time::{Round, Time},
};

use crate::{
    chunks::Chunking,
    edge,
    options::Options,
    reel::{Reel, RewriteError, Strip, View},
    rewrite,
    window::Window,
};

/// Part of the identity of every answer; to be raised when the same request gives other bytes.
const FORMAT_VERSION: u64 = 1;
/// Stands for the init segment where a number stands for a media segment.
const INIT: u64 = u64::MAX;

/// An endless presentation. Costs two pointers and its options; the rest is shared by all channels
/// over the asset. One that is delivered in chunks remembers where each segment is cut, once asked.
#[derive(Debug)]
pub struct Looped {
    reel: Arc<Reel>,
    options: Options,
    chunking: Option<Chunking>,
}

/// A track of a channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Position in [`asset::Asset::tracks`].
    pub(crate) position: usize,
    pub(crate) strip: &'a Strip,
}

/// A segment of a track that may be asked for.
struct Slot<'a> {
    place: Place<'a>,
    n: u64,
    number: u64,
    /// Its end after media time zero.
    end: Time,
}

/// Returns how segments are addressed: as asked for, but listed where a mean duration would tell
/// players wrong times of them. A list cannot name all segments to come, so endless ones stay as they
/// are.
fn addressing(reel: &Reel, options: &Options) -> Addressing {
    let endless = options.availability_offset == Some(AvailabilityOffset::Infinite);
    let mut strips = reel.all().flatten();
    let strays = |strip: &Strip| strip.index.content != Content::Image && strip.cycle.strays();
    if options.addressing == Addressing::Number && !endless && strips.any(strays) {
        Addressing::TimelineNumber
    } else {
        options.addressing
    }
}

impl Looped {
    pub(crate) fn new(reel: Arc<Reel>, options: Options) -> Self {
        let options = Options {
            addressing: addressing(&reel, &options),
            ..options
        };
        let chunking = options.chunk.map(|duration| Chunking::new(&reel, duration));
        Self {
            reel,
            options,
            chunking,
        }
    }

    /// Returns the options of the channel.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the name of the asset.
    pub fn asset_name(&self) -> &str {
        &self.reel.asset.name
    }

    fn view(&self) -> &View {
        self.reel.view(self.options.addressing)
    }

    /// Returns how the channel is cut, when it is.
    pub(crate) fn chunking(&self) -> Option<&Chunking> {
        self.chunking.as_ref()
    }

    /// Tells whether a track is delivered in chunks; pictures are there as a whole.
    pub(crate) fn in_chunks(&self, strip: &Strip) -> bool {
        self.chunking.is_some() && strip.index.content != Content::Image
    }

    /// Returns the window of a track at an instant.
    fn window(&self, strip: &Strip, now: i64) -> Window {
        Window {
            start: self.options.start_ms(),
            depth: self.options.window,
            now,
            ahead: self
                .options
                .availability_offset
                .unwrap_or(AvailabilityOffset::Ahead(Time::ZERO)),
            in_chunks: self.in_chunks(strip),
        }
    }

    fn place(&self, manifest: usize, track: usize) -> Result<Place<'_>, Refusal> {
        let found = self.reel.strip(self.view(), manifest, track);
        let Some((position, strip)) = found else {
            return Err(Refusal::NotFound(format!(
                "Manifest {manifest} of {} has no track {track}.",
                self.asset_name()
            )));
        };
        Ok(Place { position, strip })
    }

    /// Finds the segment that a URL means, at an instant from the availability start on.
    fn slot(
        &self,
        manifest: usize,
        track: usize,
        key: Key,
        now: i64,
    ) -> Result<(Slot<'_>, Window), Refusal> {
        let place = self.place(manifest, track)?;
        let strip = place.strip;
        let window = self.window(strip, now);
        let n = self.slot_of(strip, key)?;
        let number = n.saturating_add(self.options.first_number());
        window.check_started(|| what(strip, number))?;
        let end = strip.cycle.end(n).ok_or_else(|| {
            Refusal::NotFound(format!(
                "Segment {number} of {} lies beyond the end of all time.",
                strip.index.id
            ))
        })?;
        let slot = Slot {
            place,
            n,
            number,
            end,
        };
        Ok((slot, window))
    }

    /// Returns the slot that a URL means.
    fn slot_of(&self, strip: &Strip, key: Key) -> Result<u64, Refusal> {
        let id = &strip.index.id;
        match key {
            Key::Number(number) => {
                let first = self.options.first_number();
                number.checked_sub(first).ok_or_else(|| {
                    Refusal::NotFound(format!(
                        "Segment {number} of {id} does not exist: numbers begin at {first}."
                    ))
                })
            }
            Key::Time(time) => strip.slot_at(time).ok_or_else(|| {
                Refusal::NotFound(format!("No segment of {id} starts at time {time}."))
            }),
        }
    }

    /// Says that slot `n` cannot be made, and notes why.
    pub(crate) fn cannot_be_made(&self, strip: &Strip, n: u64, error: &RewriteError) -> Refusal {
        let id = &strip.index.id;
        let number = n.saturating_add(self.options.first_number());
        tracing::error!(asset = self.asset_name(), track = id, number, "{error}");
        Refusal::Internal(format!("Segment {number} of {id} cannot be made: {error}."))
    }

    /// Returns what low latency adds to the presentation, when an option asks for it.
    fn low_latency(&self) -> Option<LowLatency> {
        let latency_target = self
            .options
            .latency_target(self.reel.asset.shortest_mean_segment);
        let low_latency = LowLatency {
            part_target: self.chunking.as_ref().and_then(|c| c.part_target),
            availability_offset: self.options.availability_offset,
            incomplete: self.chunking.is_some(),
            latency_target,
            latency_max: latency_target
                .map(|target| Time::new(target.ticks.saturating_mul(2), target.scale)),
        };
        let asked = low_latency.incomplete || low_latency.latency_target.is_some();
        asked.then_some(low_latency)
    }

    /// Identity of an answer over one track.
    fn version(&self, position: usize, number: u64) -> u64 {
        mix(&[
            FORMAT_VERSION,
            self.reel.asset.version,
            position as u64,
            number,
        ])
    }
}

impl Supplier for Looped {
    fn manifests(&self) -> &[Manifest] {
        &self.view().manifests
    }

    fn presentation(&self, manifest: usize, now: i64) -> Result<Presentation, Refusal> {
        let view = self.view();
        let Some(source) = view.manifests.get(manifest) else {
            return Err(Refusal::NotFound(format!(
                "{} has no manifest {manifest}.",
                self.asset_name()
            )));
        };
        let start = self.options.start_ms();
        let first_number = self.options.first_number();
        let longest = source.shape.max_segment_duration.unwrap_or(Time::ZERO);
        let mut publish_time = start;
        let mut timelines = Vec::new();
        for (position, strip) in self.reel.strips(view, manifest) {
            let window = self.window(strip, now);
            window.check_started(|| format!("manifest of {}", self.asset_name()))?;
            let listed = window.listed(&strip.cycle);
            let mut timeline = listed.timeline(&strip.cycle, strip.edit, first_number);
            let place = Place { position, strip };
            timeline.parts = self.parts(place, &window, listed, recent(longest));
            let is_listed = strip.index.content != Content::Image
                && self.options.addressing != Addressing::Number;
            if is_listed {
                let ahead = window.ahead(&strip.cycle);
                timeline.ahead = ahead.timeline(&strip.cycle, strip.edit, first_number).runs;
                if let Some(end) = ahead.end.checked_sub(1).and_then(|n| strip.cycle.end(n)) {
                    publish_time = publish_time.max(window.offered_at(end));
                }
            }
            timelines.push(timeline);
        }
        let update_period = self
            .options
            .update_period
            .map_or(self.reel.asset.shortest_mean_segment, |seconds| {
                Time::from_secs(i64::from(seconds))
            });
        Ok(Presentation {
            liveness: Liveness::Live(Live {
                availability_start: start,
                publish_time,
                minimum_update_period: Some(update_period),
                time_shift_buffer_depth: Some(Time::from_secs(i64::from(self.options.window))),
                suggested_presentation_delay: self
                    .options
                    .presentation_delay
                    .map(|seconds| Time::from_secs(i64::from(seconds))),
                utc_timing: vec![UtcTiming {
                    scheme: "urn:mpeg:dash:utc:http-xsdate:2014".to_owned(),
                    value: "/time".to_owned(),
                }],
                low_latency: self.low_latency(),
                filling: false,
            }),
            addressing: self.options.addressing,
            periods: vec![Period {
                id: "P0".to_owned(),
                start: Time::ZERO,
                duration: None,
                shape: Arc::clone(&source.shape),
                start_number: match self.options.start_number {
                    Some(number) => StartNumber::Fixed(u64::from(number)),
                    None => StartNumber::Omitted,
                },
                timelines,
                discontinuity_sequence: 0,
            }],
        })
    }

    fn init(&self, manifest: usize, track: usize, now: i64) -> Result<Payload, Refusal> {
        let Place { position, strip } = self.place(manifest, track)?;
        let id = &strip.index.id;
        if strip.init.is_empty() {
            return Err(Refusal::NotFound(format!("{id} has no init segment.")));
        }
        self.window(strip, now)
            .check_started(|| format!("init segment of {id}"))?;
        Ok(Payload {
            slices: vec![strip.init.clone()],
            content_type: content_type(strip),
            version: self.version(position, INIT),
        })
    }

    fn segment(
        &self,
        manifest: usize,
        track: usize,
        key: Key,
        now: i64,
    ) -> Result<Payload, Refusal> {
        let (slot, window) = self.slot(manifest, track, key, now)?;
        let Place { position, strip } = slot.place;
        window.check_made(slot.end, slot.end, || what(strip, slot.number))?;
        // A sequence number has 32 bits and may wrap (ISO/IEC 14496-12, 8.8.5).
        let sequence_number = slot.number as u32;
        let chunking = self.chunking().filter(|_| self.in_chunks(strip));
        let made = match chunking {
            Some(chunking) => chunking.make_all(position, strip, slot.n, sequence_number),
            None => rewrite::slot(strip, slot.n, sequence_number),
        };
        Ok(Payload {
            slices: made.map_err(|error| self.cannot_be_made(strip, slot.n, &error))?,
            content_type: content_type(strip),
            version: self.version(position, slot.number),
        })
    }

    /// A segment in chunks looks the same whenever it is asked for.
    fn delivery(
        &self,
        manifest: usize,
        track: usize,
        key: Key,
        now: i64,
    ) -> Result<Delivery, Refusal> {
        let (slot, window) = self.slot(manifest, track, key, now)?;
        let strip = slot.place.strip;
        if !self.in_chunks(strip) {
            let whole = self.segment(manifest, track, key, now)?;
            return Ok(Delivery::Whole(whole));
        }
        window.check(slot.end, || what(strip, slot.number))?;
        Ok(Delivery::Growing {
            content_type: content_type(strip),
        })
    }

    fn part(
        &self,
        manifest: usize,
        track: usize,
        key: Key,
        index: u32,
        now: i64,
    ) -> Result<PartPayload, Refusal> {
        let (slot, window) = self.slot(manifest, track, key, now)?;
        let Place { position, strip } = slot.place;
        let (number, id) = (slot.number, &strip.index.id);
        let no_part =
            || Refusal::NotFound(format!("Segment {number} of {id} has no part {index}."));
        let chunking = self
            .chunking()
            .filter(|_| self.in_chunks(strip))
            .ok_or_else(no_part)?;
        let spans = self.spans(slot.place, slot.n)?;
        let position_in_slot = index as usize;
        let made =
            edge::chunk_end(slot.place, slot.n, &spans, position_in_slot).ok_or_else(no_part)?;
        window.check_made(made, slot.end, || {
            format!("part {index} of {}", what(strip, number))
        })?;
        let slices = chunking
            .make(position, strip, slot.n, position_in_slot, number as u32)
            .map_err(|error| self.cannot_be_made(strip, slot.n, &error))?
            .ok_or_else(no_part)?;
        Ok(PartPayload {
            payload: Payload {
                slices,
                content_type: content_type(strip),
                version: self.version(position, number),
            },
            last: position_in_slot + 1 == spans.len(),
        })
    }

    fn number(&self, manifest: usize, track: usize, key: Key) -> Result<u64, Refusal> {
        let n = self.slot_of(self.place(manifest, track)?.strip, key)?;
        Ok(n.saturating_add(self.options.first_number()))
    }

    fn edge(&self, manifest: usize, track: usize, now: i64) -> Result<Edge, Refusal> {
        let place = self.place(manifest, track)?;
        self.reached(place, &self.window(place.strip, now))
    }

    fn when(&self, manifest: usize, track: usize, edge: Edge, now: i64) -> When {
        self.place(manifest, track)
            .and_then(|place| self.reaches(place, edge, &self.window(place.strip, now)))
            .unwrap_or(When::Never)
    }
}

/// Names a segment.
fn what(strip: &Strip, number: u64) -> String {
    format!("segment {number} of {}", strip.index.id)
}

/// Returns how far back parts are listed: at least three target durations, which are segment
/// durations rounded to seconds.
fn recent(longest: Time) -> Time {
    Time::from_ms(longest.ms(Round::Up).saturating_add(500).saturating_mul(3))
}

/// Returns the type of a track's segments among those known, else the general one of its kind.
fn content_type(strip: &Strip) -> &'static str {
    const KNOWN: [&str; 8] = [
        "video/mp4",
        "audio/mp4",
        "application/mp4",
        "image/jpeg",
        "image/png",
        "image/webp",
        "video/iso.segment",
        "audio/iso.segment",
    ];
    let declared = &strip.index.track.mime_type;
    let known = KNOWN.iter().find(|known| *known == declared);
    known.copied().unwrap_or(match strip.index.content {
        Content::Video => "video/mp4",
        Content::Audio => "audio/mp4",
        Content::Text => "application/mp4",
        Content::Image => "image/jpeg",
    })
}

/// Folds numbers into one; the same in every process, since replicas must agree on entity tags.
fn mix(parts: &[u64]) -> u64 {
    // The finaliser of SplitMix64 after each part.
    parts.iter().fold(0x9e37_79b9_7f4a_7c15, |hash, part| {
        let mut z = (hash ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

#[cfg(test)]
#[path = "looped_tests.rs"]
mod tests;
