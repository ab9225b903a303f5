//! Whether a published result is right: read as a player reads it, from its multivariant playlist down
//! to every sample, and, where its plan lies beside it, compared with that.
//!
//! ```text
//! reading   playlists, segments -> what is really there, tick by tick
//! rules     that                -> findings: Apple's authoring rules, CMAF, DASH-IF
//! bucket    sizes of pictures   -> whether a decoder with the declared buffer underflows
//! quality   against the source  -> PSNR, SSIM, VMAF by ffmpeg
//! ```
//!
//! Nothing is believed: durations, counts and rates come from the segments themselves.

mod bucket;
mod quality;
mod reading;
mod rules;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Component, Path},
};

use bytes::Bytes;
use serde::Serialize;

use crate::{package::protect::Key, plan::Plan};

pub use bucket::Bucket;
pub use quality::{Quality, measure};
pub(crate) use quality::{escaped, greatest, mean, pooled};

/// Name of the plan in the folder of a result.
pub const PLAN: &str = "plan.json";

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Advice that is not followed; it plays.
    Warning,
    /// A rule is broken, or something is missing.
    Error,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Short name of the rule, such as `segment-start`.
    pub rule: &'static str,
    /// Track, or file, that it is about.
    pub place: String,
    /// What is wrong, a sentence.
    pub text: String,
}

/// What was measured of a track.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrackReport {
    /// Path of its playlist.
    pub playlist: String,
    /// `video`, `audio` or `text`.
    pub content: &'static str,
    /// Codec string.
    pub codecs: String,
    /// Number of segments.
    pub segments: u64,
    /// Number of samples.
    pub frames: u64,
    /// When the first sample is shown, µs.
    pub start_us: i64,
    /// When the last sample ends, µs.
    pub end_us: i64,
    /// Mean bits a second.
    pub average: u64,
    /// Bits a second of the heaviest segment.
    pub peak: u64,
    /// Longest time from one key frame to the next, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_group_ms: Option<i64>,
    /// How the decoder's buffer fares, where caps are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
}

/// What there is to say of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The worst of the findings; `None` when there are none.
    pub worst: Option<Severity>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Each track, in the order of the multivariant playlist.
    pub tracks: Vec<TrackReport>,
    /// Start of the first sound less that of the first picture, µs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew_us: Option<i64>,
    /// Measured against the source, when that was wished for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quality: Vec<Quality>,
}

impl Report {
    /// Tells whether no rule is broken.
    pub fn is_right(&self) -> bool {
        self.worst != Some(Severity::Error)
    }
}

/// Reads a file of the result by its path below it.
pub type Read<'a> = &'a dyn Fn(&str) -> Result<Bytes, String>;

/// Checks the result in a local folder, which is not encrypted as a whole.
pub fn folder(path: &Path) -> Report {
    folder_with_key(path, None)
}

/// Checks the result in a local folder; one whose segments are encrypted as a whole needs the key.
pub fn folder_with_key(path: &Path, key: Option<&Key>) -> Report {
    let read = |name: &str| {
        let inside = Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !inside {
            return Err(format!("`{name}` leads out of the folder"));
        }
        fs::read(path.join(name))
            .map(Bytes::from)
            .map_err(|error| format!("{name}: {error}"))
    };
    check(&read, key)
}

/// Checks the result whose files `read` gives; see [`folder_with_key`].
pub fn check(read: Read<'_>, key: Option<&Key>) -> Report {
    let mut findings = Findings::default();
    let plan = read(PLAN)
        .ok()
        .and_then(|bytes| plan(&bytes, &mut findings));
    let found = reading::result(read, key, &mut findings);
    rules::check(&found, &mut findings);
    if let Some(plan) = &plan {
        rules::against_plan(&found, plan, &mut findings);
    }
    let mut tracks: Vec<TrackReport> = Vec::with_capacity(found.tracks.len());
    for track in &found.tracks {
        let bucket = plan
            .as_ref()
            .and_then(|plan| bucket::of(track, plan, &mut findings));
        tracks.push(TrackReport {
            bucket,
            ..track.report()
        });
    }
    Report {
        worst: findings.0.iter().map(|one| one.severity).max(),
        skew_us: found.skew_us(),
        findings: findings.0,
        tracks,
        quality: Vec::new(),
    }
}

fn plan(bytes: &[u8], findings: &mut Findings) -> Option<Plan> {
    serde_json::from_slice(bytes)
        .map_err(|error| findings.error("plan", PLAN, format!("cannot be read: {error}")))
        .ok()
}

/// Findings in the making.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

/// A rule that is broken everywhere is told this often.
const MOST: usize = 20;

impl Findings {
    fn error(&mut self, rule: &'static str, place: &str, text: impl Into<String>) {
        self.push(Severity::Error, rule, place, text.into());
    }

    fn warning(&mut self, rule: &'static str, place: &str, text: impl Into<String>) {
        self.push(Severity::Warning, rule, place, text.into());
    }

    fn push(&mut self, severity: Severity, rule: &'static str, place: &str, text: String) {
        let alike = self
            .0
            .iter()
            .filter(|one| one.rule == rule && one.place == place)
            .count();
        if alike < MOST {
            self.0.push(Finding {
                severity,
                rule,
                place: place.to_owned(),
                text,
            });
        }
    }
}
