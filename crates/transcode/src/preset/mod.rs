//! What renditions are wanted: named presets and own ones, and which rungs of one a source gets.
//!
//! A preset is a list of rungs and, optionally, of profiles: conditions on the source with the
//! rungs it gets. The first profile whose conditions hold wins; without profiles a source gets
//! every rung that does not enlarge it.

mod table;

use serde::{Deserialize, Serialize};

pub use table::{default, named, names};

use crate::plan::{Rate, VideoCodec, VideoFacts};

/// A set of renditions with the grid they stand on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Name, for people.
    pub name: String,
    /// Distance of key frames in milliseconds.
    #[serde(default = "gop_ms")]
    pub gop_ms: u32,
    /// Length of segments in milliseconds.
    #[serde(default = "segment_ms")]
    pub segment_ms: u32,
    /// Length of chunks in milliseconds; short films have shorter ones.
    #[serde(default = "chunk_ms")]
    pub chunk_ms: u32,
    /// The rungs, best first.
    #[serde(default)]
    pub rungs: Vec<Rung>,
    /// Which rungs a source gets; empty for all that do not enlarge it.
    #[serde(default)]
    pub profiles: Vec<Profile>,
    /// Bits a second of audio; by the number of channels when not given.
    #[serde(default)]
    pub audio_bitrate: Option<u64>,
    /// Whether pictures are left out.
    #[serde(default)]
    pub audio_only: bool,
}

fn gop_ms() -> u32 {
    2000
}

fn segment_ms() -> u32 {
    6000
}

fn chunk_ms() -> u32 {
    60_000
}

/// One rendition. Its size is a box: the picture keeps its aspect, and a portrait turns the box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// Name, unique in the preset.
    pub name: String,
    /// Greatest width in pixels.
    pub width: u32,
    /// Greatest height in pixels.
    pub height: u32,
    /// Codec.
    #[serde(default = "h264")]
    pub codec: VideoCodec,
    /// Profile of H.264: `baseline`, `main` or `high`.
    #[serde(default)]
    pub profile: Option<String>,
    /// Rate factor in tenths; by the codec when not given.
    #[serde(default)]
    pub crf_tenths: Option<u32>,
    /// Greatest rate in bits a second.
    pub maxrate_bps: u64,
    /// Decoder buffer in bits; two seconds of the greatest rate when not given.
    #[serde(default)]
    pub bufsize_bits: Option<u64>,
    /// Speed of the encoder by x264's names; `medium` when not given.
    #[serde(default)]
    pub speed: Option<String>,
}

fn h264() -> VideoCodec {
    VideoCodec::H264
}

/// Conditions with the rungs that a source gets that meets them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Least width of the picture, upright and with square pixels; of a portrait, its height.
    #[serde(default)]
    pub min_width: u32,
    /// Least height; of a portrait, its width.
    #[serde(default)]
    pub min_height: u32,
    /// Least bits a second of the video. A source that does not tell its rate meets it.
    #[serde(default)]
    pub min_bitrate: u64,
    /// Least frame rate.
    #[serde(default)]
    pub min_rate: Option<Rate>,
    /// Names of the rungs.
    pub rungs: Vec<String>,
}

/// What is wrong with a preset, or with a source for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No preset of that name.
    #[error("there is no preset `{name}`; there is {known}")]
    Unknown {
        /// The name given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// Something in it cannot be.
    #[error("preset `{preset}`: {place}: {reason}")]
    Wrong {
        /// Name of the preset.
        preset: String,
        /// JSON pointer into it.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// No profile of it takes the source.
    #[error("no profile of preset `{preset}` takes a source of {width}x{height}")]
    NoProfile {
        /// Name of the preset.
        preset: String,
        /// Width of the source as shown.
        width: u32,
        /// Height of the source as shown.
        height: u32,
    },
}

/// x264's names of its speeds.
const SPEEDS: [&str; 10] = [
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
];

/// Tells whether `speed` is one of x264's names.
pub fn is_speed(speed: &str) -> bool {
    SPEEDS.contains(&speed)
}

impl Preset {
    /// Checks what a document may get wrong.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |place: String, reason: &str| Error::Wrong {
            preset: self.name.clone(),
            place,
            reason: reason.to_owned(),
        };
        let lengths = [self.gop_ms, self.segment_ms, self.chunk_ms];
        let places = ["/gop_ms", "/segment_ms", "/chunk_ms"];
        let limits = [100..=30_000, 500..=60_000, 500..=3_600_000];
        for ((value, place), limit) in lengths.iter().zip(places).zip(limits) {
            if !limit.contains(value) {
                let reason = format!("must be from {} to {} ms", limit.start(), limit.end());
                return Err(wrong(place.to_owned(), &reason));
            }
        }
        if self.rungs.is_empty() && !self.audio_only {
            return Err(wrong("/rungs".to_owned(), "there is none"));
        }
        for (index, rung) in self.rungs.iter().enumerate() {
            let fault = rung.fault();
            let twin = self.rungs.iter().take(index).any(|it| it.name == rung.name);
            let fault = fault.or(twin.then_some(("name", "is taken by another rung")));
            if let Some((field, reason)) = fault {
                return Err(wrong(format!("/rungs/{index}/{field}"), reason));
            }
        }
        for (index, profile) in self.profiles.iter().enumerate() {
            let unknown = profile
                .rungs
                .iter()
                .position(|name| self.rung(name).is_none());
            if let Some(rung) = unknown {
                let place = format!("/profiles/{index}/rungs/{rung}");
                return Err(wrong(place, "is no rung of the preset"));
            }
            if profile.rungs.is_empty() {
                return Err(wrong(format!("/profiles/{index}/rungs"), "there is none"));
            }
        }
        Ok(())
    }

    fn rung(&self, name: &str) -> Option<&Rung> {
        self.rungs.iter().find(|rung| rung.name == name)
    }

    /// Returns the rungs that a source is offered, best first. Those that would enlarge it are
    /// still among them.
    pub fn choose(&self, video: &VideoFacts) -> Result<Vec<Rung>, Error> {
        if self.profiles.is_empty() {
            return Ok(self.rungs.clone());
        }
        let (width, height) = video.shown();
        let profile = self.profiles.iter().find(|it| it.takes(video));
        let profile = profile.ok_or_else(|| Error::NoProfile {
            preset: self.name.clone(),
            width,
            height,
        })?;
        let rungs = profile.rungs.iter();
        Ok(rungs.filter_map(|name| self.rung(name)).cloned().collect())
    }
}

impl Profile {
    fn takes(&self, video: &VideoFacts) -> bool {
        let (width, height) = video.shown();
        let (long, short) = (width.max(height), width.min(height));
        long >= self.min_width
            && short >= self.min_height
            && video
                .bitrate
                .is_none_or(|bitrate| bitrate >= self.min_bitrate)
            && self.min_rate.is_none_or(|rate| video.rate >= rate)
    }
}

impl Rung {
    fn fault(&self) -> Option<(&'static str, &'static str)> {
        let sides = 16..=8192;
        if self.name.is_empty() || self.name.len() > 64 {
            Some(("name", "must be 1 to 64 characters"))
        } else if !sides.contains(&self.width) {
            Some(("width", "must be from 16 to 8192"))
        } else if !sides.contains(&self.height) {
            Some(("height", "must be from 16 to 8192"))
        } else if !(10_000..=800_000_000).contains(&self.maxrate_bps) {
            Some(("maxrate_bps", "must be from 10 kb/s to 800 Mb/s"))
        } else if self
            .bufsize_bits
            .is_some_and(|bits| !(self.maxrate_bps / 10..=self.maxrate_bps * 60).contains(&bits))
        {
            Some((
                "bufsize_bits",
                "must be a tenth of a second to a minute of `maxrate_bps`",
            ))
        } else if self.crf_tenths.is_some_and(|crf| crf > 630) {
            Some(("crf_tenths", "must be at most 630"))
        } else if self.speed.as_deref().is_some_and(|speed| !is_speed(speed)) {
            Some(("speed", "is no speed of x264"))
        } else if self
            .profile
            .as_deref()
            .is_some_and(|name| !["baseline", "main", "high"].contains(&name))
        {
            Some(("profile", "must be baseline, main or high"))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
