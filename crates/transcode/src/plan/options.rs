//! What is wanted of a job, apart from where it comes from and goes to.

use serde::{Deserialize, Serialize};

use super::{Encryption, Rate, VideoCodec};
use crate::preset::{self, Preset};

/// What is wanted. Every field but the preset may be left out; what is given here goes before what
/// the preset says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The renditions.
    pub preset: Preset,
    /// Codec of all renditions.
    pub codec: Option<VideoCodec>,
    /// Speed of all encoders by x264's names.
    pub speed: Option<String>,
    /// Rate factor of all renditions in tenths.
    pub crf_tenths: Option<u32>,
    /// Whether the rungs are chosen anew for each title, from samples of it; see
    /// [`title`](crate::title).
    pub per_title: bool,
    /// Whether nothing may be lost by encoding. For tests and archives; caps do not apply.
    pub lossless: bool,
    /// Greatest frame rate; a faster source is divided.
    pub max_rate: Rate,
    /// Distance of key frames in milliseconds.
    pub gop_ms: Option<u32>,
    /// Length of segments in milliseconds; rounded to whole key-frame distances.
    pub segment_ms: Option<u32>,
    /// Length of chunks in milliseconds; rounded to whole segments. When it is not given it is that
    /// of the preset, and less for a short film, so that several encoders can work on it.
    pub chunk_ms: Option<u32>,
    /// Threads of each video encoder.
    pub threads: u32,
    /// Which audio tracks are taken.
    pub audio: AudioPick,
    /// Languages of audio that are taken, BCP 47; empty for all.
    pub audio_languages: Vec<String>,
    /// Bits a second of audio, whatever the number of channels.
    pub audio_bitrate: Option<u64>,
    /// Most channels of audio; surround is mixed down to two below six.
    pub max_channels: u32,
    /// Whether there is a stereo track beside each one of surround, mixed down from it.
    pub downmix: bool,
    /// Whether subtitles are taken.
    pub subtitles: bool,
    /// Whether pictures to seek by are made.
    pub thumbnails: bool,
    /// How segments are encrypted.
    pub encryption: Option<Encryption>,
}

/// Which audio tracks are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudioPick {
    /// All of them.
    #[default]
    All,
    /// The default one.
    First,
    /// None.
    None,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            preset: preset::default(),
            codec: None,
            speed: None,
            crf_tenths: None,
            per_title: false,
            lossless: false,
            max_rate: Rate { num: 60, den: 1 },
            gop_ms: None,
            segment_ms: None,
            chunk_ms: None,
            threads: 1,
            audio: AudioPick::All,
            audio_languages: Vec::new(),
            audio_bitrate: None,
            max_channels: 6,
            downmix: true,
            subtitles: true,
            thumbnails: true,
            encryption: None,
        }
    }
}
