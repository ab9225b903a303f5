//! From what a source has and what a job wants to what is made of it.

use media::{
    picture::{self, Fit},
    time::Time,
};

use super::{
    cadence,
    level::{self, Level},
    options::{AudioOptions, H264Profile, Ladder, Preset, Profile, Resolved, Tune},
    parts::Cadence,
    sound,
    table::Rung,
};
use crate::{
    document::Fault,
    probe::{Summary, VideoStream},
    units::{BitRate, Rate, Seconds, Size},
};

/// What a job wants of its ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The rungs.
    pub ladder: Ladder,
    /// Whether rungs above the source's size are made, too.
    pub upscale: bool,
    /// The sound.
    pub audio: AudioOptions,
    /// What encoding is good at.
    pub profile: Profile,
    /// Wished segment duration.
    pub segment: Seconds,
    /// Wished distance of key frames.
    pub gop: Seconds,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The wishes are wrong (exit code 2). Pointers begin at the job block.
    #[error("{0}")]
    Wish(Fault),
    /// The source lacks what is wished for (exit code 4).
    #[error("input: {0}")]
    Source(String),
}

/// What is made of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Plan {
    /// The video tracks, largest first.
    pub video: Vec<VideoTrack>,
    /// The audio tracks.
    pub audio: Vec<AudioTrack>,
    /// How the pictures are prepared before they are split, when any is encoded.
    pub picture: Option<Picture>,
    /// Exact duration of a segment of the encoded video; `None` when the source's key frames or
    /// audio alone decide.
    #[serde(skip)]
    pub segment: Option<Time>,
    /// Exact distance of key frames of the encoded video.
    #[serde(skip)]
    pub gop: Option<Time>,
    /// What the operator should know: dropped rungs, missing sound.
    pub notes: Vec<String>,
}

/// What all encoded rungs have in common.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Picture {
    /// The stream.
    pub source: Selector,
    /// Constant frame rate that the pictures are brought to first.
    pub rate: Rate,
    /// Whether fields are made into frames.
    pub deinterlace: bool,
    /// Whether pictures of another aspect than was assumed get bars.
    pub pad: bool,
}

/// A stream of an input, by its kind and its position among its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Selector {
    /// Position of the input.
    pub input: usize,
    /// Position among the streams of the same kind.
    pub ordinal: u32,
}

/// A video track to be made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct VideoTrack {
    /// Track id, such as `v720`; also the name of its folder in manifests.
    pub id: String,
    /// Name of the rung.
    pub name: String,
    /// The stream that it is made of.
    pub source: Selector,
    /// Picture size; of a copy, that of the source.
    pub size: Size,
    /// Frame rate.
    pub rate: Rate,
    /// Every how many frames of the source one is taken.
    pub step: u32,
    /// How it is made.
    pub coding: Coding,
    /// Expected codec string (RFC 6381), when it is known before the first byte.
    pub codecs: Option<String>,
    /// Expected mean bits a second (HLS `AVERAGE-BANDWIDTH`).
    pub average_bandwidth: BitRate,
    /// Expected greatest bits a second (HLS `BANDWIDTH`, DASH `@bandwidth`).
    pub bandwidth: BitRate,
}

/// How a video track is made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Coding {
    /// As the source has it.
    Copy {
        /// Codec by its ffmpeg name: `h264` or `hevc`.
        codec: String,
    },
    /// By x264.
    H264(H264),
}

/// Settings of x264 for a rung.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct H264 {
    /// Mean bits a second.
    pub bitrate: BitRate,
    /// Greatest bits a second into the decoder's buffer.
    pub maxrate: BitRate,
    /// Size of the decoder's buffer in bits.
    pub bufsize: BitRate,
    /// Preset.
    pub preset: Preset,
    /// Tune.
    pub tune: Option<Tune>,
    /// Whether frames leave at once.
    pub without_delay: bool,
    /// Profile.
    pub profile: H264Profile,
    /// Level.
    #[serde(serialize_with = "text")]
    pub level: Level,
    /// Key-frame distance in frames of this rung.
    pub gop: u32,
}

/// An audio track to be made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AudioTrack {
    /// Track id, such as `a1-en`.
    pub id: String,
    /// Where the sound comes from.
    pub source: Sound,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Title, for people.
    pub title: Option<String>,
    /// Whether it is passed on as it is, and then its codec by the ffmpeg name.
    pub copy: Option<String>,
    /// Bits a second.
    pub bitrate: BitRate,
    /// Number of channels.
    pub channels: u32,
    /// Samples a second.
    pub sampling_rate: u32,
    /// Samples in a frame of the codec.
    pub samples_per_frame: u32,
    /// Expected codec string (RFC 6381).
    pub codecs: String,
    /// Expected bits a second.
    pub bandwidth: BitRate,
}

/// Where sound comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sound {
    /// A stream of an input.
    Stream(Selector),
    /// Nowhere: silence is made.
    Silence,
}

fn text<T: std::fmt::Display, S: serde::Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// What fragments and boxes add to the bits of a track.
pub(super) const OVERHEAD: BitRate = BitRate::kilo(8);

impl Plan {
    /// Lists how long frames are in each track, for [`parts::check`](super::parts::check).
    pub fn cadences(&self) -> Vec<Cadence> {
        let video = self.video.iter().map(|track| Cadence::video(track.rate));
        let audio = self
            .audio
            .iter()
            .filter_map(|track| Cadence::audio(track.samples_per_frame, track.sampling_rate));
        video.chain(audio).collect()
    }

    /// Lists the ids of all tracks, video first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let video = self.video.iter().map(|track| track.id.as_str());
        video.chain(self.audio.iter().map(|track| track.id.as_str()))
    }
}

/// Plans what is made of a source. Fails with every reason at once.
pub fn plan(summary: &Summary, spec: &Spec) -> Result<Plan, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut plan = Plan::default();
    match spec.ladder.resolve() {
        Ok(resolved) if resolved.audio_only => {}
        Ok(resolved) => match &summary.video {
            Some(video) => {
                if let Err(problem) = pictures(&mut plan, video, &resolved, spec) {
                    problems.push(problem);
                }
            }
            None => problems.push(Problem::Source(
                "there is no video in it (the ladder `audio` does without)".to_owned(),
            )),
        },
        Err(faults) => problems.extend(
            faults
                .into_iter()
                .map(|fault| Problem::Wish(fault.below("/ladder"))),
        ),
    }
    match sound::tracks(summary, &spec.audio, &mut plan.notes) {
        Ok(tracks) => plan.audio = tracks,
        Err(problem) => problems.push(problem),
    }
    if problems.is_empty() && plan.video.is_empty() && plan.audio.is_empty() {
        problems.push(Problem::Source(
            "there is neither video nor sound to send".to_owned(),
        ));
    }
    if problems.is_empty() {
        Ok(plan)
    } else {
        Err(problems)
    }
}

fn pictures(
    plan: &mut Plan,
    video: &VideoStream,
    ladder: &Resolved,
    spec: &Spec,
) -> Result<(), Problem> {
    let source = Selector {
        input: video.input,
        ordinal: video.ordinal,
    };
    if ladder.copy {
        plan.video.push(copy(video, source, &mut plan.notes)?);
        if !ladder.rungs.is_empty() {
            plan.notes.push(
                "key frames of the copied rung and of the encoded ones do not fall together"
                    .to_owned(),
            );
        }
    }
    if ladder.rungs.is_empty() {
        return Ok(());
    }
    let fitted = choose(video, &ladder.rungs, spec.upscale, &mut plan.notes);
    let gop = cadence::key_distance(
        video.rate,
        spec.gop.time(),
        fitted.iter().map(|rung| rung.step),
    );
    for rung in &fitted {
        plan.video.push(encoded(rung, video, source, gop, spec));
    }
    if video.hdr {
        plan.notes.push(
            "the source has a high dynamic range; it is encoded to 8 bits without tone mapping"
                .to_owned(),
        );
    }
    let span = video.rate.time_of(gop);
    let (wished, grid) = (spec.segment.time(), span);
    let count = i128::from(wished.ticks) * i128::from(grid.scale.get());
    let unit = i128::from(grid.ticks) * i128::from(wished.scale.get());
    let count = ((count + unit / 2) / unit.max(1)).clamp(1, 10_000);
    let frames = gop.saturating_mul(u32::try_from(count).unwrap_or(1));
    plan.gop = Some(span);
    plan.segment = Some(video.rate.time_of(frames));
    plan.picture = Some(Picture {
        source,
        rate: video.rate,
        deinterlace: video.interlaced,
        pad: video.assumed,
    });
    Ok(())
}

/// A rung with the size and rate that it gets.
struct Fitted<'a> {
    rung: &'a Rung,
    size: Size,
    step: u32,
}

/// Chooses the rungs that make sense for a source, largest first.
fn choose<'a>(
    video: &VideoStream,
    rungs: &'a [Rung],
    upscale: bool,
    notes: &mut Vec<String>,
) -> Vec<Fitted<'a>> {
    let shown = video.shown();
    let mut fitted: Vec<Fitted<'a>> = Vec::new();
    for rung in rungs {
        let step = cadence::step(video.rate, rung.fps);
        let size = match picture::fit(shown.pair(), rung.size.pair()) {
            Fit::Enlarged(_) if !upscale => {
                notes.push(format!(
                    "rung {} ({}) is left out: the source is {shown}",
                    rung.name, rung.size
                ));
                continue;
            }
            fit => Size::from(fit.size()),
        };
        // Of rungs that come to the same, the one with the least unused frame rate stays, and of
        // these the one with the smaller box.
        let same = |other: &Fitted<'_>| other.size == size && other.step == step;
        if let Some(twin) = fitted.iter_mut().find(|other| same(other)) {
            let boxes_differ = twin.rung.size != rung.size;
            let caps_differ = twin.rung.fps != rung.fps;
            if boxes_differ || caps_differ {
                let stays = rung.fps <= twin.rung.fps;
                let (kept, dropped) = if stays {
                    (rung, twin.rung)
                } else {
                    (twin.rung, rung)
                };
                notes.push(format!(
                    "rung {} is left out: for this source it is as {}",
                    dropped.name, kept.name
                ));
                twin.rung = kept;
                continue;
            }
        }
        fitted.push(Fitted { rung, size, step });
    }
    if fitted.is_empty()
        && let Some(smallest) = rungs.last()
    {
        notes.push(format!(
            "all rungs are above the source; {} is kept at its size",
            smallest.name
        ));
        fitted.push(Fitted {
            rung: smallest,
            size: Size::from(picture::floor_even(shown.pair())),
            step: cadence::step(video.rate, smallest.fps),
        });
    }
    fitted
}

fn encoded(
    fitted: &Fitted<'_>,
    video: &VideoStream,
    source: Selector,
    gop: u32,
    spec: &Spec,
) -> VideoTrack {
    let Fitted { rung, size, step } = *fitted;
    let rate = video.rate.every(step);
    let preset = rung.preset.unwrap_or(match spec.profile {
        Profile::LowLatency => Preset::Superfast,
        Profile::Efficient => Preset::Veryfast,
    });
    let tune = rung.tune.or(match spec.profile {
        Profile::LowLatency => Some(Tune::Zerolatency),
        Profile::Efficient => None,
    });
    // Without CABAC and 8x8 transform x264 signals Baseline, whatever it is told.
    let profile = if preset == Preset::Ultrafast {
        H264Profile::Baseline
    } else {
        rung.profile
    };
    let level = Level::of(size, rate, profile, rung.maxrate, rung.bufsize);
    VideoTrack {
        id: video_id(&rung.name),
        name: rung.name.clone(),
        source,
        size,
        rate,
        step,
        codecs: Some(level::codecs(profile, level)),
        average_bandwidth: BitRate(rung.bitrate.0 + OVERHEAD.0),
        bandwidth: BitRate(rung.maxrate.percent(110).0 + OVERHEAD.0),
        coding: Coding::H264(H264 {
            bitrate: rung.bitrate,
            maxrate: rung.maxrate,
            bufsize: rung.bufsize,
            preset,
            tune,
            without_delay: tune != Some(Tune::None)
                && (tune == Some(Tune::Zerolatency) || spec.profile == Profile::LowLatency),
            profile,
            level,
            gop: gop / step.max(1),
        }),
    }
}

fn copy(
    video: &VideoStream,
    source: Selector,
    notes: &mut Vec<String>,
) -> Result<VideoTrack, Problem> {
    // What was not probed is taken to be what nearly everybody sends.
    let codec = if video.assumed {
        "h264"
    } else {
        video.codec.as_str()
    };
    if !matches!(codec, "h264" | "hevc") {
        return Err(Problem::Source(format!(
            "its video is {codec}, which cannot be copied; only h264 and hevc can"
        )));
    }
    if video.interlaced {
        notes.push("the copied video is interlaced, which few players show well".to_owned());
    }
    let mean = video.bit_rate.unwrap_or_else(|| {
        // About a tenth of a bit a pixel.
        let pixels = video.size.pixels() * u64::from(video.rate.num());
        BitRate(pixels / u64::from(video.rate.den()) / 10)
    });
    Ok(VideoTrack {
        id: video_id(super::table::COPY),
        name: super::table::COPY.to_owned(),
        source,
        size: video.size,
        rate: video.rate,
        step: 1,
        coding: Coding::Copy {
            codec: codec.to_owned(),
        },
        codecs: None,
        average_bandwidth: BitRate(mean.0 + OVERHEAD.0),
        bandwidth: BitRate(mean.percent(150).0 + OVERHEAD.0),
    })
}

/// Makes `v720` of `720p`, `v720-hfr` of `720p-hfr` and `v-main` of `main`.
fn video_id(name: &str) -> String {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let (lines, rest) = name.split_at(digits);
    match rest.strip_prefix('p') {
        Some(rest) if !lines.is_empty() => format!("v{lines}{rest}"),
        _ => format!("v-{name}"),
    }
}
