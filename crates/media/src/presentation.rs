//! The presentation: what every manifest is written from, whoever supplies it.
//!
//! | noun | DASH | HLS |
//! |---|---|---|
//! | [`Shape`] | everything of an MPD that does not move with time | multivariant playlist |
//! | [`SwitchingSet`] | AdaptationSet | rendition group, or the variants of one |
//! | [`Track`] | Representation | rendition or variant |
//! | [`Period`] | Period | stretch between two discontinuities |
//! | [`Timeline`] | SegmentTimeline, or what `@duration` and the clock imply | media playlist |
//!
//! A shape is shared and never changes; a [`Presentation`] is the snapshot at one instant and is
//! cheap to make: it holds counts and run-length coded timelines, no per-segment allocation.

use std::sync::Arc;

use crate::{template::Template, time::Time, time::Timescale, xml::Element};

/// What kind of media a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Content {
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// Subtitles or captions.
    Text,
    /// Still pictures, such as thumbnails.
    Image,
}

impl Content {
    /// Returns the name used by DASH `@contentType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Text => "text",
            Self::Image => "image",
        }
    }
}

/// Frames per second as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRate {
    /// Numerator.
    pub num: u32,
    /// Denominator, not zero.
    pub den: u32,
}

/// The nominal segment duration, as `SegmentTemplate@duration` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nominal {
    /// Duration of a segment in ticks of `timescale`.
    pub duration: u64,
    /// Ticks per second.
    pub timescale: Timescale,
}

/// One representation: what is the same at every instant.
#[derive(Clone, Debug)]
pub struct Track {
    /// `Representation@id`, unique in the shape.
    pub id: String,
    /// Codec string of RFC 6381; empty for images.
    pub codecs: String,
    /// Type of the segments, such as `video/mp4`.
    pub mime_type: String,
    /// `@bandwidth` in bits per second, as declared or else measured.
    pub bandwidth: u64,
    /// Greatest bit rate of any segment, measured, bits per second (HLS `BANDWIDTH`).
    pub peak_bandwidth: u64,
    /// Mean bit rate, measured, bits per second (HLS `AVERAGE-BANDWIDTH`).
    pub average_bandwidth: u64,
    /// Ticks per second of the media (`mdhd.timescale`).
    pub timescale: Timescale,
    /// Picture width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// Sample aspect ratio, when known.
    pub sar: Option<(u32, u32)>,
    /// Frame rate, when known.
    pub frame_rate: Option<FrameRate>,
    /// Audio sampling rate in Hz.
    pub sampling_rate: Option<u32>,
    /// Audio channels.
    pub channels: Option<u32>,
    /// URL of the init segment below the asset; absent for images.
    pub init: Option<Template>,
    /// URLs of the media segments below the asset, with `$Number$` or `$Time$`.
    pub media: Template,
    /// What `$Number$` addressing without a timeline announces.
    pub nominal: Nominal,
    /// Further attributes of the Representation, kept from the source, in order.
    pub attributes: Vec<(String, String)>,
    /// Further children of the Representation (descriptors), kept from the source, in order.
    pub elements: Vec<Element>,
}

/// Tracks that a player may switch between.
#[derive(Clone, Debug)]
pub struct SwitchingSet {
    /// `AdaptationSet@id`.
    pub id: Option<String>,
    /// What the tracks carry.
    pub content: Content,
    /// Language, BCP 47 as written.
    pub lang: Option<String>,
    /// Human-readable name.
    pub label: Option<String>,
    /// Values of `Role` in `urn:mpeg:dash:role:2011` (also kept in `elements`).
    pub roles: Vec<String>,
    /// Further attributes of the AdaptationSet, kept from the source, in order.
    pub attributes: Vec<(String, String)>,
    /// Further children of the AdaptationSet (Role, Accessibility, ContentProtection, …), in order.
    pub elements: Vec<Element>,
    /// The tracks, in order.
    pub tracks: Vec<Track>,
}

/// Everything about a presentation that does not move with time.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// `MPD@profiles`; empty for the writer's own choice.
    pub profiles: String,
    /// Namespace declarations other than the default one, such as `("xmlns:cenc", "urn:…")`.
    pub namespaces: Vec<(String, String)>,
    /// `MPD@id`, when the source has one.
    pub id: Option<String>,
    /// `MPD@minBufferTime`.
    pub min_buffer_time: Option<Time>,
    /// `MPD@maxSegmentDuration`.
    pub max_segment_duration: Option<Time>,
    /// Children of the MPD before the first Period that are kept (ProgramInformation, …).
    pub elements: Vec<Element>,
    /// Children of the Period that are kept (AssetIdentifier, …).
    pub period_elements: Vec<Element>,
    /// The switching sets, in order.
    pub sets: Vec<SwitchingSet>,
}

impl Shape {
    /// Iterates over all tracks in order; the position is the *track number* used by
    /// [`Period::timelines`] and by suppliers.
    pub fn tracks(&self) -> impl Iterator<Item = (&SwitchingSet, &Track)> {
        self.sets
            .iter()
            .flat_map(|set| set.tracks.iter().map(move |track| (set, track)))
    }
}

/// How segments are addressed in an MPD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Addressing {
    /// `$Number$` with `@duration`, no timeline.
    #[default]
    Number,
    /// `SegmentTimeline` with `$Time$`.
    TimelineTime,
    /// `SegmentTimeline` with `$Number$`.
    TimelineNumber,
}

/// Consecutive segments of equal duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Start of the first segment in ticks, on the timeline that the manifest shows.
    pub start: u64,
    /// Duration of each segment in ticks.
    pub duration: u64,
    /// How many segments, at least one.
    pub count: u32,
}

/// The segments of one track in one period, in ticks of the track's timescale.
///
/// The numbers of a live presentation go on from period to period, so that they are the media
/// sequence numbers of HLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Media time that is the start of the period.
    pub presentation_time_offset: u64,
    /// Number of the first listed segment; when nothing is listed yet, of the first to come.
    pub first_number: u64,
    /// Where the first segment will start while nothing is listed yet, when that is not the start
    /// of the period.
    pub first_start: Option<u64>,
    /// The listed segments: those that are whole.
    pub runs: Vec<Run>,
    /// Segments behind the listed ones that may be asked for although they are still being made.
    /// A `SegmentTimeline` announces them; HLS has [`Timeline::parts`] instead.
    pub ahead: Vec<Run>,
    /// Parts of the newest listed segments and of the one in progress, oldest first; only under
    /// [`LowLatency::part_target`]. Those of a segment are all there from its first on. They have
    /// to reach back over three target durations; the writer leaves out what is older.
    pub parts: Vec<Part>,
    /// Numbers of listed segments whose media was lost, ascending. HLS marks them (`EXT-X-GAP`); a
    /// `SegmentTimeline` addressed by time leaves them out.
    pub gaps: Vec<u64>,
    /// Number from which on the listed segments, all lost, fill the time up to the next period. HLS has
    /// its discontinuity before them, not behind.
    pub hole: Option<u64>,
    /// Key frames of listed segments that can be fetched by themselves, oldest first. With any, HLS
    /// offers a playlist of them for fast play.
    pub keys: Vec<KeyFrame>,
}

/// A key frame within a segment: a fragment header and the first of its samples. HLS names it by a
/// range of bytes (RFC 8216bis, 4.4.3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFrame {
    /// Number of the segment it belongs to.
    pub segment: u64,
    /// Offset of its fragment in the segment.
    pub offset: u64,
    /// Bytes from there to the end of the picture.
    pub bytes: u64,
    /// Ticks from here to the next key frame, or to the end.
    pub duration: u64,
}

/// A part of a segment that can be fetched by itself: an LL-HLS partial segment (RFC 8216bis,
/// 4.4.4.9) and a chunk of LL-DASH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Number of the segment it belongs to.
    pub segment: u64,
    /// Position in the segment, from 0.
    pub index: u32,
    /// Duration in ticks.
    pub duration: u64,
    /// Whether it holds an independent frame.
    pub independent: bool,
    /// Whether its media was lost.
    pub gap: bool,
}

impl Timeline {
    /// Adds a segment at the end, extending the last run where it continues it.
    pub fn push(&mut self, start: u64, duration: u64) {
        if let Some(run) = self.runs.last_mut()
            && run.duration == duration
            && run.start + u64::from(run.count) * duration == start
        {
            run.count += 1;
            return;
        }
        self.runs.push(Run {
            start,
            duration,
            count: 1,
        });
    }

    /// Returns how many segments are listed.
    pub fn len(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.count)).sum()
    }

    /// Tells whether no segment is listed.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Iterates over `(number, start, duration)` of every listed segment.
    pub fn segments(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let mut number = self.first_number;
        self.runs.iter().flat_map(move |run| {
            let first = number;
            number += u64::from(run.count);
            (0..u64::from(run.count))
                .map(move |i| (first + i, run.start + i * run.duration, run.duration))
        })
    }

    /// Returns the end of the last listed segment in ticks.
    pub fn end(&self) -> Option<u64> {
        self.runs
            .last()
            .map(|run| run.start + u64::from(run.count) * run.duration)
    }

    /// Returns the number of the segment behind the last listed one: the one in progress.
    pub fn next_number(&self) -> u64 {
        self.first_number.saturating_add(self.len())
    }

    /// Returns where the segment behind the last listed one starts, in ticks.
    pub fn next_start(&self) -> u64 {
        self.end()
            .or(self.first_start)
            .unwrap_or(self.presentation_time_offset)
    }

    /// Returns the parts of a segment, none when they are not known.
    pub fn parts_of(&self, number: u64) -> &[Part] {
        let from = self.parts.partition_point(|part| part.segment < number);
        let to = self.parts.partition_point(|part| part.segment <= number);
        self.parts.get(from..to).unwrap_or_default()
    }

    /// Tells whether the media of a segment was lost.
    pub fn is_gap(&self, number: u64) -> bool {
        self.gaps.binary_search(&number).is_ok()
    }
}

/// What `SegmentTemplate@startNumber` says under [`Addressing::Number`]: the number of the segment
/// that stands at the start of the period, listed or not. A `SegmentTimeline` with `$Number$` always
/// announces [`Timeline::first_number`] instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum StartNumber {
    /// Each track's [`Timeline::first_number`]: all segments are listed.
    #[default]
    FirstListed,
    /// This number for every track: the window has moved on from the start of the period.
    Fixed(u64),
    /// No attribute, which means 1.
    Omitted,
}

/// A stretch of the presentation with one shape.
#[derive(Clone, Debug)]
pub struct Period {
    /// `Period@id`.
    pub id: String,
    /// Start relative to the availability start (live) or to the presentation (static).
    pub start: Time,
    /// Duration, when it is known and written.
    pub duration: Option<Time>,
    /// What it consists of.
    pub shape: Arc<Shape>,
    /// The announced start number when segments are addressed by `@duration` and number.
    pub start_number: StartNumber,
    /// One timeline a track, in the order of [`Shape::tracks`].
    pub timelines: Vec<Timeline>,
    /// How many discontinuities lie before this period since the presentation began
    /// (HLS `EXT-X-DISCONTINUITY-SEQUENCE` of the first listed one).
    pub discontinuity_sequence: u64,
}

/// A clock that players may set themselves by, ISO/IEC 23009-1 `UTCTiming`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UtcTiming {
    /// `@schemeIdUri`.
    pub scheme: String,
    /// `@value`; a leading `/` is put behind the scheme and host of the request.
    pub value: String,
}

/// What only a live presentation has. Wall times are milliseconds since the Unix epoch.
#[derive(Clone, Debug)]
pub struct Live {
    /// `MPD@availabilityStartTime`.
    pub availability_start: i64,
    /// `MPD@publishTime`: when the content of the manifest last changed.
    pub publish_time: i64,
    /// `MPD@minimumUpdatePeriod`.
    pub minimum_update_period: Option<Time>,
    /// `MPD@timeShiftBufferDepth`.
    pub time_shift_buffer_depth: Option<Time>,
    /// `MPD@suggestedPresentationDelay`.
    pub suggested_presentation_delay: Option<Time>,
    /// Clocks, in order of preference.
    pub utc_timing: Vec<UtcTiming>,
    /// Delivery of segments while they are made; absent for whole segments only.
    pub low_latency: Option<LowLatency>,
    /// Whether less is listed than players of HLS can begin with, and more will be: their playlists
    /// are held back until then.
    pub filling: bool,
}

/// How far ahead of its end a segment may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AvailabilityOffset {
    /// This long ahead.
    Ahead(Time),
    /// At any time.
    Infinite,
}

/// What low latency adds to a live presentation. Everything here is constant for its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LowLatency {
    /// HLS `EXT-X-PART-INF:PART-TARGET`, which no part exceeds; absent when only DASH is low in
    /// latency. With it every media playlist can be waited for.
    pub part_target: Option<Time>,
    /// MPD `SegmentTemplate@availabilityTimeOffset`.
    pub availability_offset: Option<AvailabilityOffset>,
    /// MPD `SegmentTemplate@availabilityTimeComplete` is written as `false`: the answer to a request
    /// for a segment grows with it. Pictures are always whole.
    pub incomplete: bool,
    /// MPD `ServiceDescription/Latency@target`; `@min` is three quarters of it.
    pub latency_target: Option<Time>,
    /// MPD `ServiceDescription/Latency@max`: players that are farther behind seek to the live edge.
    pub latency_max: Option<Time>,
}

/// Whether the end is known.
#[derive(Clone, Debug)]
pub enum Liveness {
    /// All there is, of this duration.
    Static {
        /// `MPD@mediaPresentationDuration`.
        duration: Time,
    },
    /// A sliding window.
    Live(Live),
}

/// A presentation at one instant.
#[derive(Clone, Debug)]
pub struct Presentation {
    /// Static or live.
    pub liveness: Liveness,
    /// How the MPD addresses segments; HLS always lists them by the track's own template.
    pub addressing: Addressing,
    /// The periods, in order, at least one.
    pub periods: Vec<Period>,
}

impl Presentation {
    /// Makes one that is complete, of one period that begins at 0 with the first listed segment.
    pub fn complete(
        shape: Arc<Shape>,
        timelines: Vec<Timeline>,
        duration: Time,
        addressing: Addressing,
    ) -> Self {
        Self {
            liveness: Liveness::Static { duration },
            addressing,
            periods: vec![Period {
                id: "P0".to_owned(),
                start: Time::ZERO,
                duration: Some(duration),
                shape,
                start_number: StartNumber::FirstListed,
                timelines,
                discontinuity_sequence: 0,
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_and_contiguous_segments_share_a_run() {
        let mut timeline = Timeline {
            first_number: 19,
            ..Timeline::default()
        };
        for (start, duration) in [(0, 96), (96, 96), (192, 95), (287, 96), (400, 96)] {
            timeline.push(start, duration);
        }
        assert_eq!(timeline.runs.len(), 4);
        assert_eq!(timeline.len(), 5);
        assert_eq!(timeline.end(), Some(496));
        let numbers: Vec<u64> = timeline.segments().map(|(number, _, _)| number).collect();
        assert_eq!(numbers, [19, 20, 21, 22, 23]);
        assert_eq!(timeline.segments().nth(1), Some((20, 96, 96)));
        assert_eq!((timeline.next_number(), timeline.next_start()), (24, 496));
    }

    #[test]
    fn the_first_segment_to_come_has_a_place() {
        let mut timeline = Timeline {
            presentation_time_offset: 900,
            first_number: 7,
            ..Timeline::default()
        };
        assert_eq!((timeline.next_number(), timeline.next_start()), (7, 900));
        timeline.first_start = Some(903);
        assert_eq!(timeline.next_start(), 903);
    }

    #[test]
    fn parts_are_found_by_their_segment() {
        let part = |segment, index| Part {
            segment,
            index,
            duration: 1,
            independent: index == 0,
            gap: false,
        };
        let timeline = Timeline {
            parts: vec![part(4, 0), part(4, 1), part(6, 0)],
            gaps: vec![4, 9],
            ..Timeline::default()
        };
        for (number, count, gap) in [(3, 0, false), (4, 2, true), (5, 0, false), (6, 1, false)] {
            assert_eq!(timeline.parts_of(number).len(), count, "{number}");
            assert_eq!(timeline.is_gap(number), gap, "{number}");
        }
    }
}
