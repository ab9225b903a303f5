//! What a source consists of, as the ladder needs it: one video stream, the audio streams, each with
//! the input that it comes from.

use media::time::{Round, Time};

use serde::Deserialize as _;

use crate::units::{BitRate, Rate, Seconds, Size};

/// What all inputs of a channel offer together.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// Names of the container formats, one an input.
    pub formats: Vec<String>,
    /// The moving pictures.
    pub video: Option<VideoStream>,
    /// The sound, in the order of the inputs.
    pub audio: Vec<AudioStream>,
}

/// A video stream of an input.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VideoStream {
    /// Position of the input in the job.
    pub input: usize,
    /// Position among the video streams of the input, as `0:v:N` takes it.
    pub ordinal: u32,
    /// Whether nothing was probed and this is only what was declared or is usual.
    pub assumed: bool,
    /// Codec by its ffmpeg name; empty when unknown.
    pub codec: String,
    /// Codec profile, such as `High`.
    pub profile: Option<String>,
    /// Size as coded.
    pub size: Size,
    /// Sample aspect ratio.
    pub sar: (u32, u32),
    /// Clockwise turn that the pictures need, in degrees: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Frames a second; for interlaced video a frame is two fields.
    pub rate: Rate,
    /// Whether the rate is only a mean or a guess.
    pub rate_varies: bool,
    /// Whether frames hold two fields.
    pub interlaced: bool,
    /// Whether the transfer characteristics are of high dynamic range.
    pub hdr: bool,
    /// Whether there are B-frames.
    pub reordered: bool,
    /// Greatest distance of key frames seen.
    #[serde(serialize_with = "seconds", deserialize_with = "time")]
    pub key_distance: Option<Time>,
    /// First presentation time.
    #[serde(serialize_with = "seconds", deserialize_with = "time")]
    pub start: Option<Time>,
    /// Bits a second, declared or measured.
    pub bit_rate: Option<BitRate>,
}

/// An audio stream of an input.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AudioStream {
    /// Position of the input in the job.
    pub input: usize,
    /// Position among the audio streams of the input, as `0:a:N` takes it.
    pub ordinal: u32,
    /// Codec by its ffmpeg name; empty when unknown.
    pub codec: String,
    /// Codec profile, such as `LC`.
    pub profile: Option<String>,
    /// Samples a second.
    pub sampling_rate: u32,
    /// Number of channels.
    pub channels: u32,
    /// Names of the channels, such as `5.1(side)`.
    pub layout: Option<String>,
    /// Language (BCP 47), of the job or of the stream.
    pub language: Option<String>,
    /// Title of the stream.
    pub title: Option<String>,
    /// First presentation time.
    #[serde(serialize_with = "seconds", deserialize_with = "time")]
    pub start: Option<Time>,
    /// Bits a second.
    pub bit_rate: Option<BitRate>,
}

/// Writes a time as decimal seconds.
#[expect(
    clippy::ref_option,
    reason = "serde calls it with a reference to the field"
)]
fn seconds<S: serde::Serializer>(time: &Option<Time>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

/// Reads what [`seconds`] writes; what is none of it counts as unknown.
fn time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let seconds = text.and_then(|text| format!("{text}s").parse::<Seconds>().ok());
    Ok(seconds.map(Seconds::time))
}

impl VideoStream {
    /// Makes a progressive stream with square pixels of which nothing else is known.
    pub fn plain(size: Size, rate: Rate) -> Self {
        Self {
            input: 0,
            ordinal: 0,
            assumed: false,
            codec: String::new(),
            profile: None,
            size,
            sar: (1, 1),
            rotation: 0,
            rate,
            rate_varies: false,
            interlaced: false,
            hdr: false,
            reordered: false,
            key_distance: None,
            start: None,
            bit_rate: None,
        }
    }

    /// Returns the size that a viewer sees: square pixels, upright.
    pub fn shown(&self) -> Size {
        let (num, den) = self.sar;
        let stretched = |side: u32, mul: u32, div: u32| {
            let side = u64::from(side) * u64::from(mul) + u64::from(div) / 2;
            u32::try_from(side / u64::from(div.max(1))).unwrap_or(u32::MAX)
        };
        // The greater side grows, so that no line is lost.
        let size = match num.cmp(&den) {
            _ if num == 0 || den == 0 => self.size,
            std::cmp::Ordering::Less => {
                Size::new(self.size.width, stretched(self.size.height, den, num))
            }
            _ => Size::new(stretched(self.size.width, num, den), self.size.height),
        };
        if matches!(self.rotation, 90 | 270) {
            size.turned()
        } else {
            size
        }
    }
}

impl AudioStream {
    /// Makes a stream of which nothing else is known.
    pub fn plain(sampling_rate: u32, channels: u32) -> Self {
        Self {
            input: 0,
            ordinal: 0,
            codec: String::new(),
            profile: None,
            sampling_rate,
            channels,
            layout: None,
            language: None,
            title: None,
            start: None,
            bit_rate: None,
        }
    }
}

impl Summary {
    /// Returns by how much the first sound starts after the pictures, in milliseconds; negative
    /// when it starts before. Streams of different inputs have no common clock.
    pub fn skew_ms(&self) -> Option<i64> {
        let video = self.video.as_ref()?;
        let audio = self.audio.first()?;
        let (video_start, audio_start) = (video.start?, audio.start?);
        (video.input == audio.input)
            .then(|| audio_start.ms(Round::Nearest) - video_start.ms(Round::Nearest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_square_pixels_and_stands_upright() {
        for (size, sar, rotation, shown) in [
            ((1920, 1080), (1, 1), 0, (1920, 1080)),
            ((720, 576), (64, 45), 0, (1024, 576)),
            ((1440, 1080), (4, 3), 0, (1920, 1080)),
            ((720, 480), (8, 9), 0, (720, 540)),
            ((1920, 1080), (1, 1), 90, (1080, 1920)),
            ((720, 576), (0, 1), 0, (720, 576)),
        ] {
            let stream = VideoStream {
                sar,
                rotation,
                ..VideoStream::plain(Size::new(size.0, size.1), Rate::whole(25))
            };
            assert_eq!(stream.shown(), Size::new(shown.0, shown.1), "{size:?}");
        }
    }

    #[test]
    fn skew_needs_one_clock() {
        let start = |ms| Some(Time::from_ms(ms));
        let mut summary = Summary {
            video: Some(VideoStream {
                start: start(1000),
                ..VideoStream::plain(Size::new(16, 16), Rate::whole(25))
            }),
            audio: vec![AudioStream {
                start: start(1300),
                ..AudioStream::plain(48_000, 2)
            }],
            ..Summary::default()
        };
        assert_eq!(summary.skew_ms(), Some(300));
        summary.audio[0].input = 1;
        assert_eq!(summary.skew_ms(), None);
    }
}
