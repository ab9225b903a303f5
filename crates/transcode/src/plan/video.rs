//! The video renditions: the preset's rungs that suit the source, sized for it.

use media::picture::{self, Fit};

use super::{Error, Grid, Options, Quality, Video, VideoCodec, VideoFacts};
use crate::preset::Rung;

impl VideoFacts {
    /// Returns width and height as a viewer sees them: square pixels, turned upright.
    pub fn shown(&self) -> (u32, u32) {
        let (num, den) = (u64::from(self.sar.0.max(1)), u64::from(self.sar.1.max(1)));
        let stretched = |side: u32, mul: u64, div: u64| {
            u32::try_from((u64::from(side) * mul + div / 2) / div)
                .unwrap_or(u32::MAX)
                .max(2)
        };
        // The side that grows is stretched, so that no pixels are lost.
        let (width, height) = if num >= den {
            (stretched(self.width, num, den), self.height.max(2))
        } else {
            (self.width.max(2), stretched(self.height, den, num))
        };
        if self.rotation % 180 == 90 {
            (height, width)
        } else {
            (width, height)
        }
    }
}

/// Chooses and sizes the renditions, best first.
pub(super) fn renditions(
    facts: &VideoFacts,
    grid: &Grid,
    options: &Options,
    notes: &mut Vec<String>,
) -> Result<Vec<Video>, Error> {
    let rungs = options.preset.choose(facts)?;
    let hdr = facts.colour.is_hdr();
    let mut kept: Vec<(VideoCodec, u64)> = Vec::new();
    let mut left_out = Vec::new();
    let mut videos = Vec::new();
    for (rung, size) in sized(&rungs, facts.shown(), &mut left_out) {
        let codec = options.codec.unwrap_or(rung.codec);
        let edge = edge(size);
        // Sizes that differ by a tenth or less serve the same screens and networks.
        let like = |(other, above): &(VideoCodec, u64)| *other == codec && edge * 10 >= *above * 9;
        if kept.iter().any(like) {
            left_out.push(rung.name);
            continue;
        }
        kept.push((codec, edge));
        videos.push(rendition(&rung, size, hdr, grid, options));
    }
    if !left_out.is_empty() {
        let (width, height) = facts.shown();
        notes.push(format!(
            "left out for a source of {width}x{height}: {}",
            left_out.join(", ")
        ));
    }
    if hdr && videos.iter().any(|video| video.codec == VideoCodec::H264) {
        notes.push(
            "the source has a high dynamic range, which H.264 does not keep; h265 and av1 do"
                .to_owned(),
        );
    }
    Ok(videos)
}

/// Gives each rung its size. When the best that is left is much smaller than the source, the least
/// of the rungs that would enlarge it takes its place at the source's own size, with a cap that is as
/// much smaller as the picture is.
fn sized(rungs: &[Rung], shown: (u32, u32), left_out: &mut Vec<String>) -> Vec<(Rung, (u32, u32))> {
    let own = picture::floor_even(shown);
    let mut fitting = Vec::new();
    let mut greater: Vec<(&Rung, (u32, u32))> = Vec::new();
    for rung in rungs {
        match picture::fit(shown, (rung.width, rung.height)) {
            Fit::Enlarged(size) => greater.push((rung, size)),
            // Shrinking by a twentieth costs sharpness and gains nothing.
            fit if edge(fit.size()) * 20 >= edge(own) * 19 => fitting.push((rung.clone(), own)),
            fit => fitting.push((rung.clone(), fit.size())),
        }
    }
    for codec in [VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1] {
        let of_codec = greater.iter().filter(|(rung, _)| rung.codec == codec);
        let least = of_codec.min_by_key(|(_, size)| area(*size));
        let is_near = |(rung, size): &(Rung, (u32, u32))| {
            rung.codec == codec && edge(*size) * 10 >= edge(own) * 9
        };
        if let Some(&(rung, size)) = least
            && !fitting.iter().any(is_near)
        {
            greater.retain(|(other, _)| other.name != rung.name);
            let scaled = |bits: u64| {
                let scaled = u128::from(bits) * u128::from(area(own)) / u128::from(area(size));
                u64::try_from(scaled).unwrap_or(bits).max(1000)
            };
            let shrunk = Rung {
                maxrate_bps: scaled(rung.maxrate_bps),
                bufsize_bits: rung.bufsize_bits.map(scaled),
                ..rung.clone()
            };
            fitting.insert(0, (shrunk, own));
        }
    }
    left_out.extend(greater.iter().map(|(rung, _)| rung.name.clone()));
    fitting
}

/// The shorter side.
fn edge((width, height): (u32, u32)) -> u64 {
    u64::from(width.min(height))
}

fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

/// Makes the rendition of a rung.
fn rendition(rung: &Rung, size: (u32, u32), hdr: bool, grid: &Grid, options: &Options) -> Video {
    let codec = options.codec.unwrap_or(rung.codec);
    // HDR needs ten bits; H.264 with ten is played by next to nothing.
    let deep = hdr && codec != VideoCodec::H264;
    let quality = if options.lossless {
        Quality::Lossless
    } else {
        // A cap made for one codec is scaled for a better one.
        let percent = if codec == rung.codec {
            100
        } else {
            share(codec) * 100 / share(rung.codec)
        };
        let maxrate_bps = rung.maxrate_bps * percent / 100;
        Quality::Capped {
            crf_tenths: options
                .crf_tenths
                .or(rung.crf_tenths)
                .unwrap_or(usual_crf(codec)),
            maxrate_bps,
            bufsize_bits: rung
                .bufsize_bits
                .map_or(2 * maxrate_bps, |bits| bits * percent / 100),
        }
    };
    let profile = match codec {
        VideoCodec::H264 if options.lossless => Some("high444"),
        VideoCodec::H264 => Some(rung.profile.as_deref().unwrap_or("high")),
        VideoCodec::H265 if options.lossless => None,
        VideoCodec::H265 => Some(if deep { "main10" } else { "main" }),
        VideoCodec::Av1 => Some("main"),
    };
    let level = match (codec, quality) {
        (
            VideoCodec::H264,
            Quality::Capped {
                maxrate_bps,
                bufsize_bits,
                ..
            },
        ) => {
            let high = profile == Some("high");
            let rate = grid.rate.frame_rate();
            let level = picture::h264_level(size, rate, high, maxrate_bps, bufsize_bits);
            Some(format!("{}.{}", level / 10, level % 10))
        }
        _ => None,
    };
    let speed = options.speed.as_ref().or(rung.speed.as_ref());
    Video {
        id: id(codec, edge(size)),
        width: size.0,
        height: size.1,
        codec,
        profile: profile.map(str::to_owned),
        level,
        quality,
        speed: speed_of(codec, speed.map_or("medium", String::as_str)).to_owned(),
        threads: options.threads,
        b_frames: if profile == Some("baseline") { 0 } else { 3 },
        refs: 3,
        pixel_format: if deep { "yuv420p10le" } else { "yuv420p" }.to_owned(),
    }
}

/// Bits that a codec needs for what takes 100 in H.264.
fn share(codec: VideoCodec) -> u64 {
    match codec {
        VideoCodec::H264 => 100,
        VideoCodec::H265 => 60,
        VideoCodec::Av1 => 50,
    }
}

/// Rate factors of about the same quality, in tenths.
fn usual_crf(codec: VideoCodec) -> u32 {
    match codec {
        VideoCodec::H264 => 230,
        VideoCodec::H265 => 260,
        VideoCodec::Av1 => 320,
    }
}

/// Translates x264's names of speeds to the numbers of SVT-AV1.
fn speed_of(codec: VideoCodec, speed: &str) -> &str {
    if codec != VideoCodec::Av1 {
        return speed;
    }
    match speed {
        "ultrafast" => "12",
        "superfast" => "11",
        "veryfast" => "10",
        "faster" => "9",
        "fast" => "8",
        "slow" => "5",
        "slower" => "4",
        "veryslow" | "placebo" => "3",
        _ => "7",
    }
}

/// Makes `v720`, `v720-h265`, `v720-av1`.
fn id(codec: VideoCodec, edge: u64) -> String {
    match codec {
        VideoCodec::H264 => format!("v{edge}"),
        VideoCodec::H265 => format!("v{edge}-h265"),
        VideoCodec::Av1 => format!("v{edge}-av1"),
    }
}
