//! What a followed channel looks like now: what tables and JSON lines are made from.

use serde::Serialize;

/// A followed channel at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// What is followed.
    pub source: String,
    /// How it is described, once known.
    pub format: Option<Format>,
    /// When, Unix ms.
    pub at: i64,
    /// Why there is nothing to show, when there is not.
    pub error: Option<String>,
    /// Violations so far.
    pub violations: u64,
    /// The renditions, in the order of the manifest.
    pub renditions: Vec<Row>,
}

/// How a channel is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// HLS playlists.
    Hls,
    /// A DASH manifest.
    Dash,
}

/// What a rendition carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Pictures, perhaps with sound.
    Video,
    /// Sound.
    Audio,
    /// Subtitles or captions.
    Text,
    /// Still pictures.
    Image,
    /// Key frames of a video.
    IFrame,
}

impl Kind {
    /// Returns the word for tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Text => "text",
            Self::Image => "image",
            Self::IFrame => "i-frame",
        }
    }
}

/// A rendition at one instant. Durations are in ms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name, from its URI or id.
    pub name: String,
    /// What it carries.
    pub kind: Kind,
    /// Declared peak bits per second.
    pub bandwidth: Option<u64>,
    /// Declared mean bits per second.
    pub average_bandwidth: Option<u64>,
    /// Its playlist, or the MPD.
    pub url: String,
    /// Number of the newest segment, and of its newest part from 0 when it is not whole.
    pub newest: Option<Newest>,
    /// How many segments are listed.
    pub segments: u64,
    /// How many parts are listed.
    pub parts: u64,
    /// Number of the first listed segment.
    pub media_sequence: Option<u64>,
    /// Target duration, or the greatest segment duration.
    pub target_duration: Option<i64>,
    /// Time since something was new.
    pub age: Option<i64>,
    /// Discontinuities (HLS) or period borders (DASH) in the list.
    pub discontinuities: u64,
    /// Discontinuities before the list.
    pub discontinuity_sequence: u64,
    /// What it says about low latency.
    pub low_latency: Option<LowLatency>,
    /// Status of the last answer.
    pub status: Option<u16>,
    /// From request to headers of the last answer that was not held back.
    pub round_trip: Option<i64>,
    /// How many times 1.5 target durations passed without news; 0 when it is fresh.
    pub stale: u64,
    /// From the end of the newest media to now, by the wall clock times in the manifest.
    pub latency: Option<i64>,
    /// Whether it will not go on.
    pub ended: bool,
    /// Why the last request failed.
    pub error: Option<String>,
}

/// The newest media of a rendition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Newest {
    /// Number of the segment.
    pub segment: u64,
    /// Number of the part, from 0, of a segment that is not whole.
    pub part: Option<u64>,
    /// Its URL.
    pub url: String,
}

/// What a manifest says about low latency, in ms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LowLatency {
    /// HLS `PART-TARGET`.
    pub part_target: Option<i64>,
    /// HLS `PART-HOLD-BACK`, DASH `Latency@target`.
    pub hold_back: Option<i64>,
    /// Whether the server holds answers back until there is news.
    pub blocking: bool,
    /// HLS `CAN-SKIP-UNTIL`.
    pub skip_until: Option<i64>,
    /// DASH `@availabilityTimeOffset`.
    pub availability_offset: Option<i64>,
}
