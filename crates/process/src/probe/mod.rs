//! What is in a media file, by ffprobe: times exact, everything typed, nothing guessed.

mod frames;
mod json;
mod packets;
mod rational;

use std::{ffi::OsStr, time::Duration};

pub use frames::{Frame, Light, Mastering, frames};
pub use packets::{Packets, Passing, packets};
pub use rational::Rational;

use crate::{Error, Ffmpeg};

/// Time limit of reading headers, which may come over a network.
const LIMIT: Duration = Duration::from_mins(1);

/// A media file as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Probe {
    /// Names of the container format, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub format: String,
    /// Length in seconds, as the container has it or ffprobe estimates it.
    pub duration: Option<Rational>,
    /// First presentation time of any stream, in seconds.
    pub start: Option<Rational>,
    /// Size in bytes.
    pub size: Option<u64>,
    /// Bits per second, all streams together.
    pub bit_rate: Option<u64>,
    /// The streams, in order.
    pub streams: Vec<Stream>,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Subtitles.
    Subtitle,
    /// Anything else: data, attachments, what ffmpeg does not know.
    #[default]
    Other,
}

/// One stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stream {
    /// Position in the file, as `-map 0:N` takes it.
    pub index: u32,
    /// What it carries.
    pub kind: Kind,
    /// Codec by its ffmpeg name, such as `h264`; empty when unknown.
    pub codec: String,
    /// Profile, such as `High`.
    pub profile: Option<String>,
    /// Seconds per tick of its time stamps.
    pub time_base: Option<Rational>,
    /// First presentation time in ticks.
    pub start_pts: Option<i64>,
    /// Length in ticks.
    pub duration_ticks: Option<i64>,
    /// Number of frames that the container declares.
    pub frames: Option<u64>,
    /// Bits per second.
    pub bit_rate: Option<u64>,
    /// Language tag as written, `und` left out.
    pub language: Option<String>,
    /// Title tag.
    pub title: Option<String>,
    /// Whether it is what a player takes by default.
    pub is_default: bool,
    /// Whether it is a cover picture rather than moving ones.
    pub is_cover: bool,
    /// Whether subtitles are shown even to those who want none.
    pub is_forced: bool,
    /// Whether it comments on the main programme.
    pub is_comment: bool,
    /// Whether it describes pictures or is meant for the hard of hearing.
    pub is_impaired: bool,
    /// What moving pictures have.
    pub video: Option<Video>,
    /// What sound has.
    pub audio: Option<Audio>,
}

/// What only video has.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Video {
    /// Width in pixels as coded.
    pub width: u32,
    /// Height in pixels as coded.
    pub height: u32,
    /// Sample aspect ratio, when known.
    pub sar: Option<(u32, u32)>,
    /// Lowest rate that all time stamps fit (`r_frame_rate`), frames a second.
    pub base_rate: Option<Rational>,
    /// Mean rate, frames a second.
    pub mean_rate: Option<Rational>,
    /// Clockwise turn in degrees that a player must make: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Whether frames hold two fields.
    pub interlaced: bool,
    /// Pixel format, such as `yuv420p`.
    pub pixel_format: Option<String>,
    /// Colour primaries, such as `bt2020`.
    pub primaries: Option<String>,
    /// Matrix coefficients, such as `bt2020nc`.
    pub matrix: Option<String>,
    /// `tv` for limited range, `pc` for full.
    pub range: Option<String>,
    /// Transfer characteristics, such as `smpte2084` for HDR10.
    pub transfer: Option<String>,
    /// Whether decoding order differs from presentation order.
    pub reordered: bool,
}

/// What only audio has.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Audio {
    /// Samples a second.
    pub sampling_rate: u32,
    /// Number of channels.
    pub channels: u32,
    /// Names of the channels, such as `5.1(side)`.
    pub layout: Option<String>,
}

impl Video {
    /// Tells whether the transfer characteristics are those of high dynamic range.
    pub fn is_hdr(&self) -> bool {
        matches!(self.transfer.as_deref(), Some("smpte2084" | "arib-std-b67"))
    }
}

/// Reads the headers of `input`: a path, or a URL that ffmpeg understands.
pub fn probe(ffmpeg: &Ffmpeg, input: &OsStr) -> Result<Probe, Error> {
    let command = ffmpeg
        .probe_command()
        .args(["-of", "json", "-show_format", "-show_streams"])
        .arg("-i")
        .arg(input)
        .timeout(LIMIT);
    read(&ffmpeg.spawner().run(command)?)
}

/// Reads what `ffprobe -of json -show_format -show_streams` wrote, for callers that choose the other
/// arguments and the time limit. Sections that it knows nothing of are skipped.
pub fn read(output: &[u8]) -> Result<Probe, Error> {
    json::read(output).map_err(|error| Error::Output {
        program: "ffprobe".to_owned(),
        reason: error.to_string(),
    })
}
