//! What is told of content: one description for the page, `/api/v1/assets` and the `asset` command.

pub(crate) mod channel;
pub(crate) mod job;
pub(crate) mod machine;

use std::path::PathBuf;

use asset::{Asset, Catalogue, model::TrackIndex};
use media::{
    presentation::Content,
    time::{Round, Time},
};
use serde::Serialize;

use crate::url;

/// What an asset without a name is called: a root that is itself an asset.
pub(crate) const ROOT_TITLE: &str = "(root)";

/// Everything the server offers, what is on its way and what is not usable.
#[derive(Debug, Serialize)]
pub(crate) struct Listing {
    /// Version of headend.
    pub(crate) version: &'static str,
    /// Whether the first scan is done, and its imports unless there is something to serve already.
    pub(crate) ready: bool,
    /// Grows whenever the rest changes.
    pub(crate) generation: u64,
    /// The assets, by ascending name.
    pub(crate) assets: Vec<AssetReport>,
    /// Content that is not served.
    pub(crate) problems: Vec<ProblemReport>,
    /// Imports that wait or run.
    pub(crate) imports: Vec<ImportReport>,
}

/// One asset.
#[derive(Debug, Serialize)]
pub(crate) struct AssetReport {
    /// Its name, a path.
    pub(crate) name: String,
    /// Duration of one loop in milliseconds, rounded.
    pub(crate) duration_ms: i64,
    /// The same for people.
    #[serde(skip)]
    pub(crate) duration_text: String,
    /// Codec strings, each once.
    pub(crate) codecs: Vec<String>,
    /// File names of its MPDs.
    pub(crate) manifests: Vec<String>,
    /// Its representations.
    pub(crate) renditions: Vec<Rendition>,
    /// How to watch it.
    pub(crate) ways: Vec<Way>,
    /// What is odd about it without making it unusable.
    pub(crate) warnings: Vec<String>,
}

/// One representation of an asset.
#[derive(Debug, Serialize)]
pub(crate) struct Rendition {
    /// Representation id.
    pub(crate) id: String,
    /// `video`, `audio`, `text` or `image`.
    pub(crate) content: &'static str,
    /// Codec string of RFC 6381.
    pub(crate) codecs: String,
    /// Picture width and height in pixels.
    pub(crate) size: Option<(u32, u32)>,
    /// Picture size and rate, or sampling rate and channels, for people.
    pub(crate) format: String,
    /// Language, when declared.
    pub(crate) language: Option<String>,
    /// Mean bit rate, measured, bits per second.
    pub(crate) average_bandwidth: u64,
    /// Greatest bit rate of a segment, measured, bits per second.
    pub(crate) peak_bandwidth: u64,
    /// How many segments.
    pub(crate) segments: usize,
    /// Mean segment duration in milliseconds, rounded.
    pub(crate) mean_segment_ms: i64,
    /// Whether samples are encrypted.
    pub(crate) encrypted: bool,
}

/// One way to watch an asset.
#[derive(Debug, Serialize)]
pub(crate) struct Way {
    /// Simulated live, or else on demand.
    pub(crate) live: bool,
    /// `DASH` or `HLS`.
    pub(crate) protocol: &'static str,
    /// Path of the manifest.
    pub(crate) url: String,
    /// Path of the page that plays it.
    pub(crate) play: String,
}

/// Content that is not served.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemReport {
    /// The name it would have.
    pub(crate) name: String,
    /// The file at fault.
    pub(crate) file: String,
    /// What is wrong.
    pub(crate) reason: String,
}

/// An import that waits or runs.
#[derive(Debug, Serialize)]
pub(crate) struct ImportReport {
    /// The name the asset will have.
    pub(crate) name: String,
    /// The media file.
    pub(crate) source: PathBuf,
    /// What is being done.
    pub(crate) stage: String,
    /// How much of it is done, when known.
    pub(crate) percent: Option<u16>,
}

impl Listing {
    /// Describes a server that has not looked at its content yet.
    pub(crate) fn before_scan() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            ready: false,
            generation: 0,
            assets: Vec::new(),
            problems: Vec::new(),
            imports: Vec::new(),
        }
    }

    /// Describes all of a catalogue.
    pub(crate) fn of(catalogue: &Catalogue) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            ready: is_ready(catalogue),
            generation: catalogue.generation(),
            assets: catalogue
                .all()
                .iter()
                .map(|asset| AssetReport::of(asset))
                .collect(),
            problems: catalogue.problems().iter().map(Into::into).collect(),
            imports: ImportReport::all(catalogue),
        }
    }
}

/// Tells whether a catalogue has something to serve, or nothing on its way.
pub(crate) fn is_ready(catalogue: &Catalogue) -> bool {
    !catalogue.all().is_empty() || catalogue.importing().is_empty()
}

impl AssetReport {
    /// Returns the name for people.
    pub(crate) fn title(&self) -> &str {
        if self.name.is_empty() {
            ROOT_TITLE
        } else {
            &self.name
        }
    }

    /// Returns what its codecs are called, each once.
    pub(crate) fn codec_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for codec in &self.codecs {
            let name = codec_name(codec);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Returns the size of its largest moving picture: a sheet of thumbnails may be larger.
    pub(crate) fn largest_size(&self) -> Option<String> {
        let sizes = self
            .renditions
            .iter()
            .filter(|rendition| rendition.content == Content::Video.as_str())
            .filter_map(|rendition| rendition.size);
        let (width, height) =
            sizes.max_by_key(|(width, height)| u64::from(*width) * u64::from(*height))?;
        Some(format!("{width}×{height}"))
    }

    /// Describes an asset.
    pub(crate) fn of(asset: &Asset) -> Self {
        let renditions: Vec<Rendition> = asset
            .tracks
            .iter()
            .map(|track| Rendition::of(track, language(asset, &track.id)))
            .collect();
        let mut codecs = Vec::new();
        for rendition in &renditions {
            if !rendition.codecs.is_empty() && !codecs.contains(&rendition.codecs) {
                codecs.push(rendition.codecs.clone());
            }
        }
        Self {
            name: asset.name.clone(),
            duration_ms: asset.duration.ms(Round::Nearest),
            duration_text: duration_text(asset.duration),
            codecs,
            manifests: asset
                .manifests
                .iter()
                .map(|manifest| manifest.name.clone())
                .collect(),
            ways: ways(asset),
            renditions,
            warnings: asset.warnings.clone(),
        }
    }
}

/// Returns what people call the codec of an RFC 6381 string; the string itself if they do not.
fn codec_name(codecs: &str) -> &str {
    match codecs.split('.').next().unwrap_or_default() {
        "avc1" | "avc3" => "H.264",
        "hvc1" | "hev1" => "H.265",
        "vvc1" | "vvi1" => "H.266",
        "av01" => "AV1",
        "vp08" => "VP8",
        "vp09" => "VP9",
        "mp4a" => "AAC",
        "ac-3" => "AC-3",
        "ec-3" => "E-AC-3",
        "ac-4" => "AC-4",
        "mhm1" | "mha1" => "MPEG-H",
        "opus" | "Opus" => "Opus",
        "fLaC" | "flac" => "FLAC",
        "stpp" => "TTML",
        "wvtt" => "WebVTT",
        _ => codecs,
    }
}

fn language(asset: &Asset, id: &str) -> Option<String> {
    let sets = asset
        .manifests
        .iter()
        .flat_map(|manifest| &manifest.shape.sets);
    sets.filter(|set| set.tracks.iter().any(|track| track.id == id))
        .find_map(|set| set.lang.clone())
        .filter(|language| language != "und")
}

fn ways(asset: &Asset) -> Vec<Way> {
    let below = |place: &str, file: &str| match asset.name.as_str() {
        // A root that is itself an asset.
        "" => format!("/{place}/{file}"),
        name => format!("/{place}/{name}/{file}"),
    };
    [
        (false, "DASH", below("vod", "manifest.mpd")),
        (false, "HLS", below("vod", "master.m3u8")),
        (true, "DASH", below("livesim", "manifest.mpd")),
        (true, "HLS", below("livesim", "master.m3u8")),
    ]
    .into_iter()
    .map(|(live, protocol, path)| {
        let url = url::encode_path(&path);
        let play = format!("/play?src={}", url::encode_value(&url));
        Way {
            live,
            protocol,
            url,
            play,
        }
    })
    .collect()
}

impl Rendition {
    fn of(index: &TrackIndex, language: Option<String>) -> Self {
        let segments = index.segments.len();
        let total = index.duration().ms(Round::Nearest);
        Self {
            id: index.id.clone(),
            content: index.content.as_str(),
            codecs: index.track.codecs.clone(),
            size: index.track.size,
            format: format_text(index),
            language,
            average_bandwidth: index.track.average_bandwidth,
            peak_bandwidth: index.track.peak_bandwidth,
            segments,
            mean_segment_ms: if segments == 0 {
                0
            } else {
                total / segments as i64
            },
            encrypted: index.encrypted,
        }
    }

    /// Returns the mean bit rate in kbit/s.
    pub(crate) fn kbps(&self) -> u64 {
        (self.average_bandwidth + 500) / 1000
    }

    /// Returns the mean segment duration for people.
    pub(crate) fn mean_segment_text(&self) -> String {
        format!(
            "{}.{:03} s",
            self.mean_segment_ms / 1000,
            self.mean_segment_ms % 1000
        )
    }
}

fn format_text(index: &TrackIndex) -> String {
    let track = &index.track;
    let mut parts = Vec::new();
    if let Some((width, height)) = track.size {
        parts.push(format!("{width}×{height}"));
    }
    if let Some(rate) = track.frame_rate.filter(|rate| rate.den != 0) {
        let hundredths =
            (u64::from(rate.num) * 100 + u64::from(rate.den) / 2) / u64::from(rate.den);
        let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        parts.push(format!(
            "{} fps",
            text.trim_end_matches('0').trim_end_matches('.')
        ));
    }
    if let Some(rate) = track.sampling_rate {
        parts.push(format!("{rate} Hz"));
    }
    match track.channels {
        Some(1) => parts.push("mono".to_owned()),
        Some(2) => parts.push("stereo".to_owned()),
        Some(n) => parts.push(format!("{n} channels")),
        None => {}
    }
    if index.encrypted {
        parts.push("encrypted".to_owned());
    }
    parts.join(", ")
}

fn duration_text(duration: Time) -> String {
    let ms = duration.ms(Round::Nearest);
    let seconds = ms / 1000;
    if seconds < 60 {
        return format!("{seconds}.{:03} s", ms % 1000);
    }
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 {
        format!("{minutes}:{seconds:02} min")
    } else {
        format!("{hours}:{minutes:02}:{seconds:02} h")
    }
}

impl ImportReport {
    /// Describes all imports of a catalogue, the running one first.
    pub(crate) fn all(catalogue: &Catalogue) -> Vec<Self> {
        catalogue.importing().into_iter().map(Into::into).collect()
    }

    /// Says what is being done and how far it is.
    pub(crate) fn text(&self) -> String {
        match self.percent {
            Some(percent) => format!("{}, {percent} %", self.stage),
            None => self.stage.clone(),
        }
    }
}

impl From<&asset::Problem> for ProblemReport {
    fn from(problem: &asset::Problem) -> Self {
        Self {
            name: problem.name.clone(),
            file: problem.file.display().to_string(),
            reason: problem.reason.clone(),
        }
    }
}

impl From<asset::catalogue::Import> for ImportReport {
    fn from(import: asset::catalogue::Import) -> Self {
        let (stage, permille) = match import.progress {
            Some(progress) => (progress.stage, progress.permille),
            None => ("waiting".to_owned(), None),
        };
        Self {
            name: import.name,
            source: import.source,
            stage,
            percent: permille.map(|permille| permille / 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use media::time::Timescale;

    use super::*;

    #[test]
    fn durations_read_well() {
        for (ms, text) in [
            (8008, "8.008 s"),
            (59_999, "59.999 s"),
            (60_000, "1:00 min"),
            (605_000, "10:05 min"),
            (5_025_000, "1:23:45 h"),
        ] {
            assert_eq!(duration_text(Time::new(ms, Timescale::MS)), text);
        }
    }
}
