//! Named rungs and named ladders.
//!
//! Sizes are the greatest for a landscape picture; a portrait one has them turned. Bit rates are for
//! H.264.

use serde::Serialize;

use super::options::{H264Profile, Preset, RungOptions, Tune};
use crate::{
    document::Fault,
    units::{BitRate, Rate, Size},
};

/// The ladder of a job that names none.
pub(super) const DEFAULT: &str = "default";

/// The source's video passed on as it is.
pub(super) const COPY: &str = "copy";

/// No video.
pub(super) const AUDIO: &str = "audio";

/// A rung with all its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rung {
    /// Unique name.
    pub name: String,
    /// Greatest size.
    pub size: Size,
    /// Greatest frame rate.
    pub fps: Rate,
    /// Mean bits a second.
    pub bitrate: BitRate,
    /// Greatest bits a second into the decoder's buffer.
    pub maxrate: BitRate,
    /// Size of the decoder's buffer in bits.
    pub bufsize: BitRate,
    /// x264 preset; that of the encoding profile unless set.
    pub preset: Option<Preset>,
    /// x264 tune; that of the encoding profile unless set.
    pub tune: Option<Tune>,
    /// H.264 profile.
    pub profile: H264Profile,
}

/// Name, width, height, frames a second, kbit/s.
const RUNGS: [(&str, u32, u32, u32, u64); 13] = [
    ("144p", 256, 144, 30, 108),
    ("240p", 426, 240, 30, 242),
    ("360p", 640, 360, 30, 400),
    ("480p", 854, 480, 30, 1_000),
    ("576p", 1024, 576, 30, 1_500),
    ("720p", 1280, 720, 30, 2_000),
    ("720p-hfr", 1280, 720, 60, 3_000),
    ("1080p", 1920, 1080, 30, 4_000),
    ("1080p-hfr", 1920, 1080, 60, 5_000),
    ("1440p", 2560, 1440, 30, 9_000),
    ("1440p-hfr", 2560, 1440, 60, 14_000),
    ("2160p", 3840, 2160, 30, 17_000),
    ("2160p-hfr", 3840, 2160, 60, 25_000),
];

/// Three rungs for 720p, four for 1080p.
const DEFAULT_RUNGS: [&str; 4] = ["1080p", "720p", "480p", "240p"];

/// HLS Authoring Specification for Apple Devices, table of H.264 variants: name, width, height,
/// frames a second, kbit/s.
const APPLE: [(&str, u32, u32, u32, u64); 9] = [
    ("1080p-7800k", 1920, 1080, 60, 7_800),
    ("1080p-6000k", 1920, 1080, 60, 6_000),
    ("720p-4500k", 1280, 720, 60, 4_500),
    ("720p-3000k", 1280, 720, 60, 3_000),
    ("540p-2000k", 960, 540, 60, 2_000),
    ("432p-1100k", 768, 432, 30, 1_100),
    ("432p-730k", 768, 432, 30, 730),
    ("360p-365k", 640, 360, 30, 365),
    ("234p-145k", 416, 234, 30, 145),
];

/// Name, width, height, then mean, greatest and buffered kbit/s.
const AVBROADCAST: [(&str, u32, u32, [u64; 3]); 6] = [
    ("1080p", 1920, 1080, [4_000, 6_000, 4_800]),
    ("720p", 1280, 720, [2_000, 3_000, 2_400]),
    ("480p", 854, 480, [1_600, 2_400, 1_920]),
    ("360p", 640, 360, [990, 1_485, 1_188]),
    ("240p", 426, 240, [450, 675, 540]),
    ("144p", 256, 144, [100, 150, 120]),
];

/// Names of the named ladders.
const LADDERS: [&str; 3] = [DEFAULT, "apple", "avbroadcast"];

impl Rung {
    /// Makes a rung with the usual cap and buffer.
    fn usual(name: &str, size: Size, fps: u32, kilobits: u64) -> Self {
        let bitrate = BitRate::kilo(kilobits);
        Self {
            name: name.to_owned(),
            size,
            fps: Rate::whole(fps),
            bitrate,
            maxrate: bitrate.percent(120),
            bufsize: bitrate,
            preset: None,
            tune: None,
            profile: H264Profile::High,
        }
    }
}

/// Returns a named rung.
fn rung(name: &str) -> Option<Rung> {
    RUNGS
        .iter()
        .find(|(known, ..)| *known == name)
        .map(|&(name, width, height, fps, kilobits)| {
            Rung::usual(name, Size::new(width, height), fps, kilobits)
        })
}

/// Returns the rungs of a named rung or ladder.
pub(super) fn named(name: &str) -> Option<Vec<Rung>> {
    match name {
        DEFAULT => Some(DEFAULT_RUNGS.iter().filter_map(|name| rung(name)).collect()),
        "apple" => Some(
            APPLE
                .iter()
                .map(|&(name, width, height, fps, kilobits)| {
                    Rung::usual(name, Size::new(width, height), fps, kilobits)
                })
                .collect(),
        ),
        "avbroadcast" => Some(
            AVBROADCAST
                .iter()
                .map(|&(name, width, height, [mean, greatest, buffer])| Rung {
                    maxrate: BitRate::kilo(greatest),
                    bufsize: BitRate::kilo(buffer),
                    ..Rung::usual(name, Size::new(width, height), 30, mean)
                })
                .collect(),
        ),
        _ => rung(name).map(|rung| vec![rung]),
    }
}

/// Lists everything that a ladder may be put together from.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    RUNGS
        .iter()
        .map(|(name, ..)| *name)
        .chain(LADDERS)
        .chain([COPY, AUDIO])
}

/// Fills in what an own rung leaves out.
pub(super) fn complete(options: &RungOptions) -> Result<Rung, Vec<Fault>> {
    let mut faults = Vec::new();
    let name = options.name.clone().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() {
        faults.push(Fault::new("/name", "an own rung needs a name"));
    } else if name.len() > 32 || !name.bytes().all(plain) {
        faults.push(Fault::new(
            "/name",
            format!("`{name}` is not a name of up to 32 letters, digits, `-` and `_`"),
        ));
    } else if [COPY, AUDIO].contains(&name.as_str()) || LADDERS.contains(&name.as_str()) {
        faults.push(Fault::new(
            "/name",
            format!("`{name}` has a meaning of its own"),
        ));
    }
    let known = rung(&name);
    let size = match (options.width, options.height, &known) {
        (Some(width), Some(height), _) => Size::new(width, height),
        (None, Some(height), _) => Size::new(height.saturating_mul(16) / 9, height),
        (Some(width), None, _) => Size::new(width, width.saturating_mul(9) / 16),
        (None, None, Some(rung)) => rung.size,
        (None, None, None) => {
            faults.push(Fault::new(
                "/height",
                "an own rung needs a height or a width",
            ));
            Size::new(16, 16)
        }
    };
    if !(16..=8192).contains(&size.width) || !(16..=8192).contains(&size.height) {
        faults.push(Fault::new(
            if options.height.is_some() {
                "/height"
            } else {
                "/width"
            },
            format!("{size} is not between 16x16 and 8192x8192"),
        ));
    }
    let bitrate = options.bitrate.or(known.as_ref().map(|rung| rung.bitrate));
    let bitrate = bitrate.unwrap_or_else(|| {
        faults.push(Fault::new("/bitrate", "an own rung needs a bit rate"));
        BitRate::kilo(1)
    });
    if !(1_000..=800_000_000).contains(&bitrate.0) {
        faults.push(Fault::new(
            "/bitrate",
            "a video bit rate is from 1k to 800M",
        ));
    }
    let maxrate = options.maxrate.unwrap_or(bitrate.percent(120));
    if maxrate < bitrate {
        faults.push(Fault::new(
            "/maxrate",
            format!("{maxrate} is less than the bit rate, {bitrate}"),
        ));
    }
    let bufsize = options.bufsize.unwrap_or(bitrate);
    if bufsize.0 < bitrate.0 / 10 {
        faults.push(Fault::new(
            "/bufsize",
            format!("{bufsize} is less than a tenth of a second of the bit rate, {bitrate}"),
        ));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Rung {
        name,
        size,
        fps: options
            .fps
            .or(known.map(|rung| rung.fps))
            .unwrap_or(Rate::whole(30)),
        bitrate,
        maxrate,
        bufsize,
        preset: options.preset,
        tune: options.tune,
        profile: options.profile.unwrap_or(H264Profile::High),
    })
}

/// All that can be named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The named rungs, smallest first.
    pub rungs: Vec<Rung>,
    /// The named ladders with their rungs.
    pub ladders: Vec<(String, Vec<Rung>)>,
}

/// Lists the named rungs and ladders.
pub fn list() -> Listing {
    let ladder = |name: &&str| Some(((*name).to_owned(), named(name)?));
    Listing {
        rungs: RUNGS.iter().filter_map(|(name, ..)| rung(name)).collect(),
        ladders: LADDERS.iter().filter_map(ladder).collect(),
    }
}
