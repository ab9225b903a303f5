//! What `asset check` says of content: a verdict, and a row for each representation.
//!
//! Plain values that can be printed as a table or as JSON; times are in milliseconds, rounded to
//! the nearest.

use media::{
    isobmff::{init, segment},
    presentation::Content,
    time::{Round, Time},
};
use serde::Serialize;

use crate::{
    Catalogue, Problem,
    model::{Asset, Kind, Segment, TrackIndex},
};

/// How good an asset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing to say.
    Ok,
    /// Usable, but see the warnings.
    Warnings,
    /// Not usable.
    Bad,
}

/// All that a catalogue holds.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The worst of the verdicts; bad when there is nothing at all.
    pub verdict: Verdict,
    /// Each asset and each problem, by ascending name.
    pub assets: Vec<AssetReport>,
}

/// One asset, or content that failed to become one.
#[derive(Debug, Clone, Serialize)]
pub struct AssetReport {
    /// Its name.
    pub name: String,
    /// How good it is.
    pub verdict: Verdict,
    /// What is wrong, when it is bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Where it came from: `dash`, `hls` or `plain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// Duration of a loop in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// Names of its manifests, the default one first.
    pub manifests: Vec<String>,
    /// What is odd, whole sentences.
    pub warnings: Vec<String>,
    /// A row for each representation.
    pub representations: Vec<RepresentationReport>,
}

/// One representation.
#[derive(Debug, Clone, Serialize)]
pub struct RepresentationReport {
    /// Its id.
    pub id: String,
    /// `video`, `audio`, `text` or `image`.
    pub content: &'static str,
    /// Codec string.
    pub codecs: String,
    /// Width and height in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<(u32, u32)>,
    /// Frames per second, as `30` or `30000/1001`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_rate: Option<String>,
    /// Audio sampling rate in Hz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling_rate: Option<u32>,
    /// Audio channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u32>,
    /// Number of segments.
    pub segments: usize,
    /// Whole duration.
    pub duration_ms: i64,
    /// Mean segment duration.
    pub mean_segment_ms: i64,
    /// Longest segment.
    pub max_segment_ms: i64,
    /// Mean bit rate, measured, bits per second.
    pub bit_rate: u64,
    /// Highest bit rate of a segment, measured, bits per second.
    pub peak_bit_rate: u64,
    /// Ticks per second.
    pub timescale: u32,
    /// Whether samples are encrypted.
    pub encrypted: bool,
    /// Whether every segment begins with a sync sample (SAP type 1 to 3); none for images or when
    /// media cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_with_sap: Option<bool>,
    /// Whether this is the representation that loops are measured by.
    pub reference: bool,
}

/// Reports on all that a catalogue holds. Reads the headers of all segments.
pub fn catalogue(catalogue: &Catalogue) -> Report {
    let mut assets: Vec<AssetReport> = catalogue.all().iter().map(|one| asset(one)).collect();
    assets.extend(catalogue.problems().iter().map(problem));
    assets.sort_by(|a, b| a.name.cmp(&b.name));
    Report {
        verdict: assets
            .iter()
            .map(|asset| asset.verdict)
            .max()
            .unwrap_or(Verdict::Bad),
        assets,
    }
}

/// Reports on one asset. Reads the headers of all segments.
pub fn asset(asset: &Asset) -> AssetReport {
    let mut warnings = asset.warnings.clone();
    let mut representations = Vec::with_capacity(asset.tracks.len());
    for (at, track) in asset.tracks.iter().enumerate() {
        let row = representation(track, at == asset.reference);
        if row.starts_with_sap == Some(false) {
            warnings.push(format!(
                "not every segment of `{}` begins with a sync sample: players cannot join there",
                track.id
            ));
        }
        representations.push(row);
    }
    AssetReport {
        name: asset.name.clone(),
        verdict: if warnings.is_empty() {
            Verdict::Ok
        } else {
            Verdict::Warnings
        },
        problem: None,
        kind: Some(match asset.kind {
            Kind::Dash => "dash",
            Kind::Hls => "hls",
            Kind::Plain => "plain",
        }),
        duration_ms: Some(asset.duration.ms(Round::Nearest)),
        manifests: asset
            .manifests
            .iter()
            .map(|manifest| manifest.name.clone())
            .collect(),
        warnings,
        representations,
    }
}

/// Reports on content that failed to become an asset.
pub fn problem(problem: &Problem) -> AssetReport {
    AssetReport {
        name: problem.name.clone(),
        verdict: Verdict::Bad,
        problem: Some(problem.clone()),
        kind: None,
        duration_ms: None,
        manifests: Vec::new(),
        warnings: Vec::new(),
        representations: Vec::new(),
    }
}

fn representation(index: &TrackIndex, reference: bool) -> RepresentationReport {
    let track = &index.track;
    let ms = |ticks: u64| {
        let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
        Time::new(ticks, index.timescale).ms(Round::Nearest)
    };
    let durations = || index.segments.iter().map(|segment| segment.duration);
    let total: u64 = durations().sum();
    RepresentationReport {
        id: index.id.clone(),
        content: index.content.as_str(),
        codecs: track.codecs.clone(),
        size: track.size,
        frame_rate: track.frame_rate.map(|rate| match rate.den {
            1 => rate.num.to_string(),
            den => format!("{}/{den}", rate.num),
        }),
        sampling_rate: track.sampling_rate,
        channels: track.channels,
        segments: index.segments.len(),
        duration_ms: ms(total),
        mean_segment_ms: ms(total / (index.segments.len() as u64).max(1)),
        max_segment_ms: durations().max().map_or(0, ms),
        bit_rate: track.average_bandwidth,
        peak_bit_rate: track.peak_bandwidth,
        timescale: index.timescale.get(),
        encrypted: index.encrypted,
        starts_with_sap: starts_with_sap(index),
        reference,
    }
}

/// Looks whether every segment begins with a sync sample.
fn starts_with_sap(index: &TrackIndex) -> Option<bool> {
    if index.content == Content::Image {
        return None;
    }
    let init = init::read(&index.init).ok()?;
    let defaults = init.tracks.first()?.defaults;
    let begins_in_sync = |one: &Segment| -> Option<bool> {
        let bytes = index.bytes(one).ok()?;
        let info = segment::read(&bytes, &defaults).ok()?;
        info.fragments.first().map(|first| first.starts_with_sync)
    };
    index
        .segments
        .iter()
        .try_fold(true, |all, one| Some(all && begins_in_sync(one)?))
}
