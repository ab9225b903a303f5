//! What a job says about rungs and sound: names, or objects in which everything is optional.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::table::{self, Rung};
use crate::{
    document::{Fault, OneOrMany, TextOrMap, one_or_many, text_or_map},
    units::{BitRate, Rate},
};

/// What encoding is good at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Frames leave the encoder at once: no B-frames, no look-ahead, sliced threads.
    #[default]
    LowLatency,
    /// Fewer bits for the same picture, at the price of delay: B-frames, look-ahead, frame threads.
    Efficient,
}

/// x264 presets, fast and coarse to slow and fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Least work. Lacks what the Main and High profiles need, so that the stream is Baseline.
    Ultrafast,
    /// The default of `low-latency`.
    Superfast,
    /// The default of `efficient`.
    Veryfast,
    /// Slower.
    Faster,
    /// Slower.
    Fast,
    /// Slower.
    Medium,
    /// Slower.
    Slow,
    /// Slower.
    Slower,
    /// Slowest of use.
    Veryslow,
}

/// x264 tunes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tune {
    /// No delay.
    Zerolatency,
    /// For camera pictures. With the profile `low-latency` it is without delay, too.
    Film,
    /// For drawn pictures. With the profile `low-latency` it is without delay, too.
    Animation,
    /// None, not even for low latency.
    None,
}

/// H.264 profiles (ISO/IEC 14496-10, A.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum H264Profile {
    /// Constrained Baseline.
    Baseline,
    /// Main.
    Main,
    /// High.
    High,
}

/// A rung with everything optional. One that has the name of a named rung takes from that what it
/// leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RungOptions {
    /// Unique name: letters, digits, `-` and `_`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Greatest width in pixels, for landscape; 16:9 of the height unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Greatest height in pixels, for landscape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Greatest frame rate; 30 unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<Rate>,
    /// Mean bits a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<BitRate>,
    /// Greatest bits a second into the decoder's buffer; 120 % of `bitrate` unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxrate: Option<BitRate>,
    /// Size of the decoder's buffer in bits; a second of `bitrate` unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bufsize: Option<BitRate>,
    /// x264 preset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// x264 tune.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tune: Option<Tune>,
    /// H.264 profile; high unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<H264Profile>,
}

/// A rung or several: the name of a rung or of a ladder, `copy` or `audio`; or an own rung.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RungChoice {
    /// By name.
    Named(String),
    /// By its values.
    Own(RungOptions),
}

impl TextOrMap for RungChoice {
    const EXPECTED: &'static str = "the name of a rung or ladder, or a rung as an object";

    fn of_text(text: &str) -> Self {
        Self::Named(text.trim().to_owned())
    }

    fn of_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RungOptions::deserialize(deserializer).map(Self::Own)
    }
}

impl<'de> Deserialize<'de> for RungChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_map(deserializer)
    }
}

/// The rungs that a job asks for, such as `default`, `[1080p, 480p]`, `copy` or own ones.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "OneOrMany<RungChoice>")]
pub struct Ladder(pub Vec<RungChoice>);

impl Default for Ladder {
    fn default() -> Self {
        Self(vec![RungChoice::Named(table::DEFAULT.to_owned())])
    }
}

/// Reads names with commas between them.
impl FromStr for Ladder {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.split(',').map(RungChoice::of_text).collect()))
    }
}

impl<'de> Deserialize<'de> for Ladder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let choices = one_or_many::<D, RungChoice>(deserializer)?;
        if let [RungChoice::Named(text)] = choices.as_slice() {
            return Ok(text.parse().unwrap_or_else(|never| match never {}));
        }
        Ok(Self(choices))
    }
}

impl Serialize for Ladder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one @ RungChoice::Named(_)] => one.serialize(serializer),
            choices => choices.serialize(serializer),
        }
    }
}

/// A ladder with its names looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Resolved {
    /// Whether the source's video is passed on as it is, too.
    pub(super) copy: bool,
    /// Whether there is to be no video at all.
    pub(super) audio_only: bool,
    /// The rungs, largest first.
    pub(super) rungs: Vec<Rung>,
}

impl Ladder {
    /// Looks up names and checks values. Pointers of the faults begin at the ladder.
    pub fn check(&self) -> Vec<Fault> {
        self.resolve().err().unwrap_or_default()
    }

    pub(super) fn resolve(&self) -> Result<Resolved, Vec<Fault>> {
        let mut resolved = Resolved::default();
        let mut faults = Vec::new();
        for (index, choice) in self.0.iter().enumerate() {
            let pointer = format!("/{index}");
            match choice {
                RungChoice::Named(name) if name == table::COPY => resolved.copy = true,
                RungChoice::Named(name) if name == table::AUDIO => resolved.audio_only = true,
                RungChoice::Named(name) => match table::named(name) {
                    Some(rungs) => resolved.rungs.extend(rungs),
                    None => faults.push(
                        Fault::new(&pointer, format!("unknown rung or ladder `{name}`"))
                            .allowing(name, table::names()),
                    ),
                },
                RungChoice::Own(options) => match table::complete(options) {
                    Ok(rung) => resolved.rungs.push(rung),
                    Err(wrong) => {
                        faults.extend(wrong.into_iter().map(|fault| fault.below(&pointer)));
                    }
                },
            }
        }
        if self.0.is_empty() {
            faults.push(Fault::new("", "a ladder needs a rung"));
        }
        if resolved.audio_only && (resolved.copy || !resolved.rungs.is_empty()) {
            faults.push(Fault::new(
                "",
                "`audio` is a ladder without video; it stands alone",
            ));
        }
        faults.extend(whole_faults(&resolved.rungs));
        if !faults.is_empty() {
            return Err(faults);
        }
        resolved
            .rungs
            .sort_by_key(|rung| std::cmp::Reverse((rung.size.pixels(), rung.fps, rung.bitrate)));
        Ok(resolved)
    }
}

/// Faults between rungs: one name twice, sizes without order.
fn whole_faults(rungs: &[Rung]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, rung) in rungs.iter().enumerate() {
        if rungs
            .iter()
            .take(index)
            .any(|other| other.name == rung.name)
        {
            faults.push(Fault::new(
                "",
                format!("two rungs have the name `{}`", rung.name),
            ));
        }
    }
    let pixels = || rungs.iter().map(|rung| rung.size.pixels());
    if !pixels().is_sorted() && !pixels().rev().is_sorted() {
        let names: Vec<&str> = rungs.iter().map(|rung| rung.name.as_str()).collect();
        faults.push(Fault::new(
            "",
            format!(
                "rungs are in no order of size: {}; write the largest or the smallest first",
                names.join(", ")
            ),
        ));
    }
    faults
}

/// Which audio tracks are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AudioPick {
    /// Every track of the inputs.
    #[default]
    All,
    /// The first track.
    First,
    /// None.
    None,
}

/// How sound is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AudioCodec {
    /// AAC-LC at 48 kHz.
    #[default]
    Aac,
    /// As the source has it.
    Copy,
}

/// Channels of the sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AudioLayout {
    /// One channel.
    Mono,
    /// Two channels; others are mixed, mono goes to both.
    #[default]
    Stereo,
    /// Six channels where the source has them, else stereo.
    #[serde(rename = "5.1")]
    Surround,
    /// As many as the source has: one, two or six.
    Source,
}

/// What happens when there is no sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MissingAudio {
    /// A note, and video alone.
    #[default]
    Warn,
    /// A silent track.
    Silence,
    /// The channel does not start.
    Fail,
}

/// What is made of the sound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, remote = "Self")]
pub struct AudioOptions {
    /// Which tracks.
    pub tracks: AudioPick,
    /// Only tracks of these languages (BCP 47), in this order; all when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// How they are encoded.
    pub codec: AudioCodec,
    /// Bits a second of a track; 64k mono, 128k stereo, 256k for 5.1 unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<BitRate>,
    /// Channels.
    pub layout: AudioLayout,
    /// What happens when there is no sound.
    pub missing: MissingAudio,
}

impl TextOrMap for AudioOptions {
    const EXPECTED: &'static str =
        "`all`, `first`, `none`, `copy`, `silence`, languages, or an object";

    fn of_text(text: &str) -> Self {
        let plain = Self::default();
        match text.trim() {
            "all" => plain,
            "first" => Self {
                tracks: AudioPick::First,
                ..plain
            },
            "none" => Self {
                tracks: AudioPick::None,
                ..plain
            },
            "copy" => Self {
                codec: AudioCodec::Copy,
                ..plain
            },
            "silence" => Self {
                missing: MissingAudio::Silence,
                ..plain
            },
            languages => Self {
                languages: languages
                    .split(',')
                    .map(|it| it.trim().to_owned())
                    .collect(),
                ..plain
            },
        }
    }

    fn of_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl FromStr for AudioOptions {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::of_text(text))
    }
}

impl<'de> Deserialize<'de> for AudioOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_map(deserializer)
    }
}

impl Serialize for AudioOptions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl AudioOptions {
    /// Checks values. Pointers of the faults begin at these options.
    pub fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (index, language) in self.languages.iter().enumerate() {
            if !is_language(language) {
                faults.push(Fault::new(
                    format!("/languages/{index}"),
                    format!("`{language}` is not a language tag, such as en or de-AT"),
                ));
            }
        }
        if let Some(BitRate(bits)) = self.bitrate
            && !(8_000..=1_024_000).contains(&bits)
        {
            faults.push(Fault::new(
                "/bitrate",
                "an audio bit rate is from 8k to 1024k",
            ));
        }
        faults
    }
}

/// Tells whether a text looks like a tag of BCP 47.
pub(crate) fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}
