//! Reads an MPD into a [`Shape`] and, for each track, where its segments are.
//!
//! Only the first Period is read; how many there are is reported. What the model does not know is
//! kept in `attributes` and `elements`, except for what a writer of another presentation must not
//! repeat: segment information, BaseURL, durations, xlink, clocks and locations.

mod addressing;
mod place;
mod presentation;
mod sets;
mod timeline;

use std::ops::Range;

use self::place::Place;
pub use crate::url::UrlRange;
use crate::{
    presentation::{Run, Shape},
    template::Template,
    time::{Time, Timescale},
    xml,
};

/// What is wrong with an MPD, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}, {path}: {reason}")]
pub struct MpdError {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1: where the element begins.
    pub column: u32,
    /// Element path and perhaps attribute, such as `MPD/Period/AdaptationSet[2]@lang`.
    pub path: String,
    /// What is wrong and what is allowed.
    pub reason: String,
}

/// An MPD as read.
#[derive(Clone, Debug)]
pub struct MpdSource {
    /// The first Period as a shape: as declared, measured fields 0. Templates of tracks are
    /// relative to the MPD, with BaseURLs in them; tracks that have none in the MPD (SegmentBase,
    /// SegmentList) get `$RepresentationID$/init.mp4` and `$RepresentationID$/$Number$.m4s`.
    pub shape: Shape,
    /// `mediaPresentationDuration`, else the duration of the only Period.
    pub duration: Option<Time>,
    /// Whether `type="dynamic"`.
    pub is_dynamic: bool,
    /// How many Periods there are; only the first is read.
    pub periods: usize,
    /// Where the segments of each track are, in the order of [`Shape::tracks`].
    pub tracks: Vec<TrackSource>,
    /// What was left out, a sentence each with its place: adaptation sets that carry no video,
    /// audio, text or pictures.
    pub ignored: Vec<String>,
}

/// Where the segments of a track are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackSource {
    /// `@timescale` of the segment information (1 when absent); the media may have another.
    pub timescale: Timescale,
    /// `@presentationTimeOffset`, in ticks of `timescale`.
    pub presentation_time_offset: u64,
    /// How segments are found.
    pub addressing: SourceAddressing,
}

/// How the segments of a track are found. All URLs and templates are relative to the MPD, with
/// BaseURLs joined in; they may begin with `../`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceAddressing {
    /// SegmentTemplate with `@duration`.
    Number {
        /// The init segment, if any.
        init: Option<Template>,
        /// The media segments, with `$Number$`.
        media: Template,
        /// Number of the first segment.
        start_number: u64,
        /// Number of the last segment, if declared.
        end_number: Option<u64>,
        /// Duration of a segment in ticks.
        duration: u64,
        /// Ticks per second.
        timescale: Timescale,
    },
    /// SegmentTemplate with SegmentTimeline.
    Timeline {
        /// The init segment, if any.
        init: Option<Template>,
        /// The media segments, with `$Number$` or `$Time$`.
        media: Template,
        /// Ticks per second.
        timescale: Timescale,
        /// Number of the first segment.
        start_number: u64,
        /// The segments; every repeat count is resolved.
        runs: Vec<Run>,
    },
    /// SegmentList.
    List {
        /// The init segment, if any.
        init: Option<UrlRange>,
        /// Ticks per second.
        timescale: Timescale,
        /// Duration of a segment in ticks, when there is no timeline.
        duration: Option<u64>,
        /// The times of the segments, when there is a timeline.
        runs: Vec<Run>,
        /// The segments in order.
        urls: Vec<UrlRange>,
    },
    /// SegmentBase, or only a BaseURL: one file for everything.
    Base {
        /// The file.
        url: String,
        /// Bytes of the init segment, end excluded, if declared.
        init_range: Option<Range<u64>>,
        /// Bytes of the `sidx`, end excluded, if declared.
        index_range: Option<Range<u64>>,
        /// Ticks per second.
        timescale: Timescale,
    },
}

/// Reads an MPD.
pub fn parse(text: &str) -> Result<MpdSource, MpdError> {
    let root = xml::parse(text).map_err(|error| MpdError {
        line: error.position.line,
        column: error.position.column,
        path: error.path,
        reason: error.reason,
    })?;
    let mpd = Place::root(&root);
    if root.local_name() != "MPD" {
        return Err(mpd.fail("the root element must be MPD"));
    }
    presentation::read(&mpd)
}

#[cfg(test)]
mod tests;
