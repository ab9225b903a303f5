//! The video renditions: the preset's rungs that suit the source, sized for it.

use std::collections::BTreeSet;

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
    let shown = facts.shown();
    let hdr = facts.colour.is_hdr();
    let mut seen = BTreeSet::new();
    let mut videos = Vec::new();
    for rung in &rungs {
        let size = match picture::fit(shown, (rung.width, rung.height)) {
            Fit::Enlarged(_) => {
                notes.push(format!(
                    "rung {} ({}x{}) is left out: the source is {}x{}",
                    rung.name, rung.width, rung.height, shown.0, shown.1
                ));
                continue;
            }
            fit => fit.size(),
        };
        videos.extend(rendition(rung, size, hdr, grid, options, &mut seen));
    }
    if videos.is_empty()
        && let Some(smallest) = rungs.iter().min_by_key(|rung| rung.width * rung.height)
    {
        notes.push(format!(
            "all rungs are above the source; {} is made at its size",
            smallest.name
        ));
        let size = picture::floor_even(shown);
        videos.extend(rendition(smallest, size, hdr, grid, options, &mut seen));
    }
    if hdr && videos.iter().any(|video| video.codec == VideoCodec::H264) {
        notes.push(
            "the source has a high dynamic range, which H.264 does not keep; h265 and av1 do"
                .to_owned(),
        );
    }
    Ok(videos)
}

/// Makes the rendition of a rung; `None` when one of this size and codec is there already.
fn rendition(
    rung: &Rung,
    size: (u32, u32),
    hdr: bool,
    grid: &Grid,
    options: &Options,
    seen: &mut BTreeSet<(u8, u32)>,
) -> Option<Video> {
    let codec = options.codec.unwrap_or(rung.codec);
    let edge = size.0.min(size.1);
    if !seen.insert((codec as u8, edge)) {
        return None;
    }
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
    Some(Video {
        id: id(codec, edge),
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
    })
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
fn id(codec: VideoCodec, edge: u32) -> String {
    match codec {
        VideoCodec::H264 => format!("v{edge}"),
        VideoCodec::H265 => format!("v{edge}-h265"),
        VideoCodec::Av1 => format!("v{edge}-av1"),
    }
}
