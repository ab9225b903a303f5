//! The block `job`: what the channel is.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    document::{OneOrMany, TextOrMap, one_or_many, text_or_map},
    input::Input,
    ladder::{AudioOptions, Ladder, Profile},
    units::Seconds,
};

/// What a channel is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct What {
    /// Name of the channel, as in its URL: letters, digits, `.`, `-` and `_`.
    pub name: String,
    /// Where media comes from: one input or several that are merged.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany<Input>")]
    pub inputs: Vec<Input>,
    /// The renditions.
    pub ladder: Ladder,
    /// Whether rungs above the size of the source are made, too.
    pub upscale: bool,
    /// The sound.
    #[schemars(with = "AudioForm")]
    pub audio: AudioOptions,
    /// What encoding is good at.
    pub profile: Profile,
    /// Preset of the durations that are not set.
    pub latency: Latency,
    /// Duration of a segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<Seconds>,
    /// Greatest duration of a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Seconds>,
    /// Distance of key frames; divides the segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gop: Option<Seconds>,
    /// How far back a viewer can go.
    pub dvr: Seconds,
    /// Keeps all of it as an asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<RecordForm>")]
    pub record: Option<Record>,
    /// What happens when the source ends by itself; by the kind of source unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_eof: Option<OnEof>,
}

/// The forms of sound in a job file.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "stands for a schema only")]
enum AudioForm {
    /// `all`, `first`, `none`, `copy`, `silence`, or languages with commas between them.
    Short(String),
    /// All options.
    Long(AudioOptions),
}

/// The forms of a recording in a job file.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "stands for a schema only")]
enum RecordForm {
    /// Name of the asset.
    Short(String),
    /// All options.
    Long(Record),
}

impl Default for What {
    fn default() -> Self {
        Self {
            name: "live".to_owned(),
            inputs: Vec::new(),
            ladder: Ladder::default(),
            upscale: false,
            audio: AudioOptions::default(),
            profile: Profile::default(),
            latency: Latency::default(),
            segment: None,
            part: None,
            gop: None,
            dvr: Seconds::whole(300),
            record: None,
            on_eof: None,
        }
    }
}

/// Presets of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Latency {
    /// Two seconds at the player: segments of 2 s in six parts, key frames each second.
    #[default]
    Default,
    /// One second at the player: segments of 1 s in six parts, key frames each second.
    Ultra,
    /// Without parts: segments of 4 s, key frames each 2 s.
    Standard,
}

/// The durations of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Duration of a segment.
    pub segment: Seconds,
    /// Part target, or what the one of a preset is near to; `None` without low latency.
    pub part: Option<Seconds>,
    /// Distance of key frames.
    pub gop: Seconds,
}

impl What {
    /// Returns the durations: those that are set, else those of the preset. Key frames that would
    /// not divide a segment that is set are at its start alone.
    pub fn timing(&self) -> Timing {
        let (segment, part, gop) = match self.latency {
            Latency::Default => (2_000, Some(334), 1_000),
            Latency::Ultra => (1_000, Some(167), 1_000),
            Latency::Standard => (4_000, None, 2_000),
        };
        let segment = self.segment.unwrap_or(Seconds::millis(segment));
        let usual = Seconds::millis(gop);
        let divides = segment.0.as_nanos().is_multiple_of(usual.0.as_nanos());
        Timing {
            segment,
            part: self.part.or(part.map(Seconds::millis)),
            gop: self.gop.unwrap_or(if divides { usual } else { segment }),
        }
    }
}

/// What happens when a source ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnEof {
    /// It is waited for and opened again; the end counts as a failure.
    Restart,
    /// The channel ends.
    Finish,
}

/// Where a recording goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, remote = "Self")]
pub struct Record {
    /// Name of the asset; that of the channel with the time of its start unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Asset root; the first of the server unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
}

impl TextOrMap for Record {
    const EXPECTED: &'static str = "the name of an asset, or a recording as an object";

    fn of_text(text: &str) -> Self {
        Self {
            name: Some(text.to_owned()),
            ..Self::default()
        }
    }

    fn of_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_map(deserializer)
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}
