//! A channel: an asset repeated without end under some options.

use std::sync::Arc;

use bytes::Bytes;
use media::{
    isobmff::retime::{Retime, retime},
    presentation::{
        Addressing, Content, Live, Liveness, Period, Presentation, StartNumber, UtcTiming,
    },
    supply::{Manifest, Payload, Refusal, Supplier},
    template::Key,
    time::{Round, Time},
};

use crate::{
    cycle::Cycle,
    options::Options,
    recut::{self, Cut},
    reel::{Reel, RewriteError, Strip, View},
    text,
    window::Window,
};

/// Part of the identity of every answer; to be raised when the same request gives other bytes.
const FORMAT_VERSION: u64 = 1;
/// Stands for the init segment where a number stands for a media segment.
const INIT: u64 = u64::MAX;

/// An endless presentation. Costs two pointers and its options; the rest is shared by all channels
/// over the asset.
#[derive(Clone, Debug)]
pub struct Looped {
    reel: Arc<Reel>,
    options: Options,
}

impl Looped {
    pub(crate) fn new(reel: Arc<Reel>, options: Options) -> Self {
        Self { reel, options }
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

    fn window(&self, now: i64) -> Window {
        Window {
            start: self.options.start_ms(),
            depth: self.options.window,
            now,
        }
    }

    fn strip(&self, manifest: usize, track: usize) -> Result<(usize, &Strip), Refusal> {
        self.reel
            .strip(self.view(), manifest, track)
            .ok_or_else(|| {
                Refusal::NotFound(format!(
                    "Manifest {manifest} of {} has no track {track}.",
                    self.asset_name()
                ))
            })
    }

    /// Returns the slot that a URL means.
    fn slot(&self, strip: &Strip, key: Key) -> Result<u64, Refusal> {
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
        let window = self.window(now);
        window.check_started(|| format!("manifest of {}", self.asset_name()))?;
        let first_number = self.options.first_number();
        let mut newest = Time::ZERO;
        let mut timelines = Vec::new();
        for strip in self.reel.strips(view, manifest) {
            let listed = window.listed(&strip.cycle);
            if strip.index.content != Content::Image
                && let Some(last) = listed.end.checked_sub(1)
                && let Some(end) = strip.cycle.end(last)
            {
                newest = newest.max(end);
            }
            timelines.push(listed.timeline(&strip.cycle, strip.edit, first_number));
        }
        let publish_time = match self.options.addressing {
            Addressing::Number => window.start,
            Addressing::TimelineTime | Addressing::TimelineNumber => {
                window.start.saturating_add(newest.ms(Round::Up))
            }
        };
        let update_period = self
            .options
            .update_period
            .map_or(self.reel.asset.shortest_mean_segment, |seconds| {
                Time::from_secs(i64::from(seconds))
            });
        Ok(Presentation {
            liveness: Liveness::Live(Live {
                availability_start: window.start,
                publish_time,
                minimum_update_period: Some(update_period),
                time_shift_buffer_depth: Some(Time::from_secs(i64::from(window.depth))),
                suggested_presentation_delay: None,
                utc_timing: vec![UtcTiming {
                    scheme: "urn:mpeg:dash:utc:http-xsdate:2014".to_owned(),
                    value: "/time".to_owned(),
                }],
                low_latency: None,
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
        let (position, strip) = self.strip(manifest, track)?;
        let id = &strip.index.id;
        if strip.init.is_empty() {
            return Err(Refusal::NotFound(format!("{id} has no init segment.")));
        }
        self.window(now)
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
        let (position, strip) = self.strip(manifest, track)?;
        let id = &strip.index.id;
        let window = self.window(now);
        let n = self.slot(strip, key)?;
        let number = n.saturating_add(self.options.first_number());
        let what = || format!("segment {number} of {id}");
        window.check_started(what)?;
        let end = strip.cycle.end(n).ok_or_else(|| {
            Refusal::NotFound(format!(
                "Segment {number} of {id} lies beyond the end of all time."
            ))
        })?;
        window.check(end, what)?;
        // A sequence number has 32 bits and may wrap (ISO/IEC 14496-12, 8.8.5).
        let slices = rewritten(strip, n, number as u32).map_err(|error| {
            tracing::error!(asset = self.asset_name(), track = id, number, "{error}");
            Refusal::Internal(format!("Segment {number} of {id} cannot be made: {error}."))
        })?;
        Ok(Payload {
            slices,
            content_type: content_type(strip),
            version: self.version(position, number),
        })
    }
}

/// Makes the bytes of slot `n`.
fn rewritten(strip: &Strip, n: u64, sequence_number: u32) -> Result<Vec<Bytes>, RewriteError> {
    let index = &strip.index;
    let (wraps, i) = strip.cycle.place(n);
    let start = strip.cycle.boundary(n).ok_or(RewriteError::Empty)?;
    if let Cycle::Recut(recut) = &strip.cycle {
        let frame = i64::from(recut.frame());
        let end = strip.cycle.boundary(n.saturating_add(1));
        let cut = Cut {
            from: start / frame,
            to: end.ok_or(RewriteError::Empty)? / frame,
            loop_start: recut.first_frame(wraps).ok_or(RewriteError::Empty)?,
        };
        return recut::segment(strip, recut, cut, sequence_number);
    }
    let stored = index.segments.get(i).ok_or(RewriteError::Empty)?;
    let bytes = index.bytes(stored)?;
    let decode_shift = start.saturating_sub_unsigned(stored.start);
    match index.content {
        Content::Image => Ok(vec![bytes]),
        Content::Text if index.track.codecs.starts_with("stpp") => text::segment(
            &bytes,
            &strip.defaults,
            Time::new(decode_shift, index.timescale),
            sequence_number,
        ),
        Content::Video | Content::Audio | Content::Text => Ok(retime(
            &bytes,
            &Retime {
                sequence_number,
                decode_shift,
                track_timescale: index.timescale,
            },
        )?),
    }
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
