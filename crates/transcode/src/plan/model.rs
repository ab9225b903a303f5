//! The types of a plan and the arithmetic on its tables. Integers only; everything is stored as
//! JSON with the job.

use std::cmp::Ordering;

use media::time::{Round, mul_div};
use serde::{Deserialize, Serialize};

use super::{Rate, Seconds};

/// Version of the plan's format and of the arithmetic behind it. It is part of every key, so a
/// raise makes all steps run again.
pub const FORMAT: u32 = 1;

/// Samples of an AAC frame.
pub const AAC_FRAME: u64 = 1024;

/// Everything that the steps of a job must agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT`] of the program that made it.
    pub format: u32,
    /// What the source is.
    pub source: SourceFacts,
    /// Time in the source (absolute time stamps, as with `-copyts`) that is time zero of every
    /// output track: the first presented video frame, or the first sample when there is no video.
    pub origin: Seconds,
    /// The frames of the output.
    pub grid: Grid,
    /// How the frames are taken from the source; `None` when there is no video.
    pub picture: Option<Picture>,
    /// The pieces that are encoded independently, in order; they tile the grid. Empty when there
    /// is no video.
    pub chunks: Vec<Chunk>,
    /// Video renditions, best first.
    pub videos: Vec<Video>,
    /// Audio tracks, the default one first.
    pub audios: Vec<Audio>,
    /// Subtitle tracks.
    pub texts: Vec<Text>,
    /// Pictures to seek by.
    pub thumbnails: Option<Thumbnails>,
    /// How segments are encrypted.
    pub encryption: Option<Encryption>,
}

/// The output's frames and how they are grouped. A plan without video has a grid too: it says
/// where audio segments are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Frames a second.
    pub rate: Rate,
    /// Ticks a second of the video tracks.
    pub timescale: u32,
    /// Ticks of one frame; `timescale / frame_ticks` is exactly `rate`.
    pub frame_ticks: u32,
    /// Frames of the whole output.
    pub frames: u64,
    /// Frames from one IDR picture to the next.
    pub gop: u32,
    /// Frames of a segment, a multiple of `gop`. The last segment may be shorter.
    pub segment: u32,
}

/// A run of frames that is one task. All chunks but the last are a multiple of the segment long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Position in [`Plan::chunks`], from 0.
    pub index: u32,
    /// First frame, counted from the origin; a multiple of [`Grid::segment`].
    pub first_frame: u64,
    /// Number of frames, at least one.
    pub frames: u64,
}

/// A media segment of a video track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Number in the whole output, from 1.
    pub number: u64,
    /// First frame in the whole output.
    pub first_frame: u64,
    /// Number of frames, at least one.
    pub frames: u32,
    /// Time of the first frame in ticks of [`Grid::timescale`]: `baseMediaDecodeTime`.
    pub tfdt: u64,
    /// Duration in ticks.
    pub duration: u64,
}

/// A media segment of an audio track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioSegment {
    /// Number in the whole output, from 1; the same as of the video beside it.
    pub number: u64,
    /// First codec frame in the whole output, priming not counted.
    pub first_frame: u64,
    /// Number of codec frames, at least one.
    pub frames: u64,
}

impl Grid {
    /// Returns the time of a frame in ticks.
    pub fn tick(&self, frame: u64) -> u64 {
        frame * u64::from(self.frame_ticks)
    }

    /// Returns the duration of the whole output.
    pub fn duration(&self) -> Seconds {
        self.rate.duration(self.frames)
    }

    /// Returns how many segments there are. A rest of less than half a second and a quarter of a
    /// segment is no segment but part of the last one: players stumble over such slivers, and by as
    /// much a segment may be longer than the target (HLS authoring specification, 7.7).
    pub fn segments(&self) -> u64 {
        let length = u64::from(self.segment.max(1));
        let count = self.frames.div_ceil(length);
        let rest = self.frames % length;
        let is_short = rest * 2 * u64::from(self.rate.den) < u64::from(self.rate.num);
        let is_sliver = rest > 0 && is_short && rest * 4 < length;
        if count > 1 && is_sliver {
            count - 1
        } else {
            count
        }
    }

    /// Returns a segment by its number, counted from 1.
    pub fn segment(&self, number: u64) -> Option<Segment> {
        let length = u64::from(self.segment);
        let first_frame = number.checked_sub(1)?.checked_mul(length)?;
        let rest = self.frames.checked_sub(first_frame)?;
        let frames = match number.cmp(&self.segments()) {
            Ordering::Less => length,
            Ordering::Equal => rest,
            Ordering::Greater => return None,
        };
        (frames > 0).then(|| Segment {
            number,
            first_frame,
            frames: frames as u32,
            tfdt: self.tick(first_frame),
            duration: self.tick(frames),
        })
    }
}

impl Chunk {
    /// Iterates over the segments of the chunk.
    pub fn segments(self, grid: &Grid) -> impl Iterator<Item = Segment> {
        let length = u64::from(grid.segment.max(1));
        let first = self.first_frame / length + 1;
        let count = self.frames.div_ceil(length);
        let grid = *grid;
        (first..first + count).filter_map(move |number| grid.segment(number))
    }

    /// Returns the frame after the last one.
    pub fn end_frame(self) -> u64 {
        self.first_frame + self.frames
    }
}

impl Plan {
    /// Returns the time in the source at which an output frame is due.
    pub fn source_time(&self, frame: u64) -> Seconds {
        self.origin.plus(self.grid.rate.duration(frame))
    }

    /// Returns what ffmpeg's input option `-ss` needs so that decoding begins at or before
    /// `source_time`: relative to the start of the container.
    pub fn seek(&self, source_time: Seconds) -> Seconds {
        source_time.minus(self.source.start)
    }
}

impl Audio {
    /// Returns the number of codec frames that the track has, priming not counted. The last one
    /// may be filled up with silence.
    pub fn frames(&self) -> u64 {
        self.samples.div_ceil(AAC_FRAME)
    }

    /// Returns the codec frame with which segment `number` (from 1) begins: the one nearest below
    /// the cut of the video.
    pub fn cut(&self, grid: &Grid, number: u64) -> u64 {
        let frames = number
            .saturating_sub(1)
            .saturating_mul(u64::from(grid.segment));
        if number > grid.segments() {
            return self.frames();
        }
        let samples = mul_div(
            i64::try_from(frames).unwrap_or(i64::MAX),
            i64::from(grid.rate.den) * i64::from(self.sampling_rate),
            i64::from(grid.rate.num),
            Round::Down,
        );
        (samples as u64 / AAC_FRAME).min(self.frames())
    }

    /// Iterates over the segments, numbered as those of the video. Segments that would be empty,
    /// as when the audio is shorter than the video, are left out.
    pub fn segments(&self, grid: &Grid) -> impl Iterator<Item = AudioSegment> {
        let grid = *grid;
        let track = self.clone();
        (1..=grid.segments()).filter_map(move |number| {
            let first_frame = track.cut(&grid, number);
            let frames = track.cut(&grid, number + 1) - first_frame;
            (frames > 0).then_some(AudioSegment {
                number,
                first_frame,
                frames,
            })
        })
    }
}

/// What the source is, as far as the steps need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// Names of the container format, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub format: String,
    /// Size in bytes, when known.
    pub bytes: Option<u64>,
    /// Start of the container in source time, which ffmpeg's `-ss` counts from.
    pub start: Seconds,
    /// Length as the container has it.
    pub duration: Option<Seconds>,
    /// Bits a second of everything together, when known.
    pub bitrate: Option<u64>,
    /// The video stream that is used.
    pub video: Option<VideoFacts>,
    /// All audio streams.
    pub audios: Vec<AudioFacts>,
    /// All subtitle streams.
    pub texts: Vec<TextFacts>,
}

impl SourceFacts {
    /// Tells whether the container says where key frames are, so that seeking lands at one.
    pub fn has_index(&self) -> bool {
        INDEXED.iter().any(|name| self.format.contains(name))
    }
}

/// Containers in which seeking lands at a key frame.
const INDEXED: [&str; 3] = ["mov,", "matroska,", "mp4"];

/// What the video of a source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoFacts {
    /// Position of the stream, as `-map 0:N` takes it.
    pub stream: u32,
    /// Codec by its ffmpeg name.
    pub codec: String,
    /// Width in pixels as coded.
    pub width: u32,
    /// Height in pixels as coded.
    pub height: u32,
    /// Sample aspect ratio, as coded; 1:1 when not told.
    pub sar: (u32, u32),
    /// Clockwise turn in degrees that a player must make: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Whether frames hold two fields.
    pub interlaced: bool,
    /// Frames a second, nearest of the rational list when variable.
    pub rate: Rate,
    /// Whether the distances of frames differ by more than rounding of time stamps.
    pub variable: bool,
    /// First presented frame, absolute source time.
    pub first: Seconds,
    /// End of the last presented frame, absolute source time.
    pub end: Seconds,
    /// Number of presented frames.
    pub frames: u64,
    /// Greatest time from one key frame to the next where the container has no index: how far before
    /// a frame decoding has to begin. Zero where it has one, see [`SourceFacts::has_index`].
    pub key_distance: Seconds,
    /// Bits a second, when known.
    pub bitrate: Option<u64>,
    /// Pixel format, such as `yuv420p10le`.
    pub pixel_format: String,
    /// Colour description.
    pub colour: Colour,
}

/// Colour description by ffmpeg's names; `None` where the source does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colour {
    /// Colour primaries, such as `bt2020`.
    pub primaries: Option<String>,
    /// Transfer characteristics, such as `smpte2084`.
    pub transfer: Option<String>,
    /// Matrix coefficients, such as `bt2020nc`.
    pub matrix: Option<String>,
    /// `tv` or `pc`.
    pub range: Option<String>,
    /// Mastering display as x265 takes it: `G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)`.
    pub mastering: Option<String>,
    /// Greatest and greatest mean light level in cd/m².
    pub light: Option<(u32, u32)>,
}

impl Colour {
    /// Tells whether the transfer characteristics are those of high dynamic range.
    pub fn is_hdr(&self) -> bool {
        matches!(self.transfer.as_deref(), Some("smpte2084" | "arib-std-b67"))
    }
}

/// What an audio stream of a source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioFacts {
    /// Position of the stream.
    pub stream: u32,
    /// Codec by its ffmpeg name.
    pub codec: String,
    /// Samples a second.
    pub sampling_rate: u32,
    /// Number of channels.
    pub channels: u32,
    /// Language tag as written.
    pub language: Option<String>,
    /// Title as written.
    pub title: Option<String>,
    /// Whether a player takes it by default.
    pub is_default: bool,
    /// Whether it describes the pictures or is meant for the hard of hearing.
    pub is_impaired: bool,
    /// Whether it comments on the main programme.
    pub is_comment: bool,
    /// First presented sample, absolute source time.
    pub first: Seconds,
    /// End of the last sample, absolute source time, when known.
    pub end: Option<Seconds>,
    /// Bits a second, when known.
    pub bitrate: Option<u64>,
}

/// What a subtitle stream of a source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextFacts {
    /// Position of the stream.
    pub stream: u32,
    /// Codec by its ffmpeg name.
    pub codec: String,
    /// Language tag as written.
    pub language: Option<String>,
    /// Title as written.
    pub title: Option<String>,
    /// Whether a player shows it by default.
    pub is_default: bool,
    /// Whether it is shown even to those who want no subtitles.
    pub is_forced: bool,
    /// Whether it is meant for the hard of hearing.
    pub is_impaired: bool,
}

/// How frames get from the source to the grid, the same for all renditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Position of the video stream.
    pub stream: u32,
    /// How source frames become frames of the grid.
    pub cadence: Cadence,
    /// What is done with fields.
    pub deinterlace: Deinterlace,
    /// Clockwise turn in degrees that is made good: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Colour tags that are written through.
    pub colour: Colour,
}

/// How source frames become frames of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    /// Frame `n` of the source, in presentation order from the origin, is frame `n` of the grid;
    /// time stamps are written anew.
    Same,
    /// The grid is filled from the source's time stamps (ffmpeg's `fps` filter, anchored to the
    /// origin, with a second of pre-roll): variable rates, other rates, gaps, fields. Where the
    /// source ends early the last frame is repeated.
    Resampled,
}

/// What is done with fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deinterlace {
    /// The source has none.
    Off,
    /// One frame out of two fields.
    Frames,
    /// One frame out of each field: twice the frame rate.
    Fields,
}

/// Video codecs that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoCodec {
    /// AVC, sample entry `avc1`.
    H264,
    /// HEVC, sample entry `hvc1`.
    H265,
    /// AV1, sample entry `av01`.
    Av1,
}

/// How many bits pictures may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Constant quality below a cap.
    Capped {
        /// Rate factor in tenths, such as 230 for CRF 23.
        crf_tenths: u32,
        /// Greatest rate in bits a second.
        maxrate_bps: u64,
        /// Decoder buffer in bits.
        bufsize_bits: u64,
    },
    /// Nothing is lost (`qp` 0).
    Lossless,
}

/// One video rendition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Video {
    /// Name of the track and its folder, such as `v720`; unique in the plan.
    pub id: String,
    /// Width in square pixels, even.
    pub width: u32,
    /// Height in square pixels, even.
    pub height: u32,
    /// Codec.
    pub codec: VideoCodec,
    /// Profile by the encoder's name, such as `high`.
    pub profile: Option<String>,
    /// Level by the encoder's name, such as `4.0`.
    pub level: Option<String>,
    /// Rate control.
    pub quality: Quality,
    /// Speed preset by the encoder's name: `veryfast` for x264 and x265, a number for AV1.
    pub speed: String,
    /// Encoder threads; part of the result, since x264's output depends on it.
    pub threads: u32,
    /// Consecutive B-frames.
    pub b_frames: u32,
    /// Reference frames.
    pub refs: u32,
    /// Pixel format, such as `yuv420p`.
    pub pixel_format: String,
}

/// Audio codecs that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudioCodec {
    /// AAC-LC, `mp4a.40.2`.
    Aac,
}

/// One audio track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audio {
    /// Name of the track and its folder, such as `a0`; unique in the plan.
    pub id: String,
    /// Position of the stream in the source.
    pub stream: u32,
    /// Language, BCP 47.
    pub language: Option<String>,
    /// Name to show to people.
    pub label: Option<String>,
    /// Whether a player takes it by default.
    pub is_default: bool,
    /// Codec.
    pub codec: AudioCodec,
    /// Number of channels.
    pub channels: u32,
    /// Samples a second, also the timescale of the track.
    pub sampling_rate: u32,
    /// Bits a second.
    pub bitrate_bps: u64,
    /// Origin of the plan in samples of this track: what `aresample`'s `first_pts` takes.
    pub first_sample: i64,
    /// Samples from the origin to the end; silence fills what the source lacks.
    pub samples: u64,
}

/// One subtitle track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Name of the track and its folder, such as `t0`; unique in the plan.
    pub id: String,
    /// Position of the stream in the source.
    pub stream: u32,
    /// Language, BCP 47.
    pub language: Option<String>,
    /// Name to show to people.
    pub label: Option<String>,
    /// Whether a player shows it by default.
    pub is_default: bool,
    /// Whether it is shown even to those who want no subtitles.
    pub is_forced: bool,
    /// Whether it is meant for the hard of hearing.
    pub is_impaired: bool,
}

/// Tiles of small pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnails {
    /// Width of one picture in pixels, even.
    pub width: u32,
    /// Height of one picture in pixels, even.
    pub height: u32,
    /// Pictures side by side in a tile.
    pub columns: u32,
    /// Rows of a tile.
    pub rows: u32,
    /// Frames of the grid from one picture to the next.
    pub every: u32,
}

/// How segments are encrypted. The key itself is never part of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// Scheme.
    pub scheme: Scheme,
    /// Key id, 32 hexadecimal digits; not needed for whole segments.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key_id: String,
    /// Where players get the key.
    pub key_uri: String,
}

/// Encryption schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Whole segments, AES-128-CBC (HLS only).
    Aes128,
    /// Samples, `cbcs` of ISO/IEC 23001-7.
    Cbcs,
}
