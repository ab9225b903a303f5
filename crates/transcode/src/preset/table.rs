//! The named presets.

use super::{Error, Preset, Profile, Rung, chunk_ms, gop_ms, segment_ms};
use crate::plan::VideoCodec;

/// Names of the presets.
const NAMES: [&str; 4] = ["apple", "django", "small", "audio"];

/// HLS Authoring Specification for Apple Devices, H.264: width, height, kbit/s. Two rungs of one
/// size come to one under a constant quality, so of those the higher cap stays.
const APPLE: [(u32, u32, u64); 6] = [
    (1920, 1080, 7_800),
    (1280, 720, 4_500),
    (960, 540, 2_000),
    (768, 432, 1_100),
    (640, 360, 365),
    (416, 234, 145),
];

/// django-video-transcoding: name, width, height, profile, greatest and buffered kbit/s.
const DJANGO: [(&str, u32, u32, &str, u64, u64); 4] = [
    ("1080p", 1920, 1080, "high", 5_000, 10_000),
    ("720p", 1280, 720, "high", 3_000, 6_000),
    ("480p", 854, 480, "main", 1_500, 3_000),
    ("360p", 640, 360, "main", 800, 1_600),
];

/// Its conditions: least width, height and kbit/s. Each gets the rungs from its own size down.
const DJANGO_PROFILES: [(u32, u32, u64); 4] = [
    (1920, 1080, 4_000),
    (1280, 720, 2_500),
    (854, 480, 1_200),
    (0, 0, 0),
];

/// Lists the names of the presets, the default first.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter()
}

/// Returns the preset that is taken when none is named.
pub fn default() -> Preset {
    apple()
}

/// Returns a named preset.
pub fn named(name: &str) -> Result<Preset, Error> {
    match name {
        "apple" | "default" => Ok(apple()),
        "django" | "django-video-transcoding" => Ok(django()),
        "small" => Ok(small()),
        "audio" => Ok(Preset {
            audio_only: true,
            ..of("audio", Vec::new())
        }),
        _ => Err(Error::Unknown {
            name: name.to_owned(),
            known: NAMES.join(", "),
        }),
    }
}

fn of(name: &str, rungs: Vec<Rung>) -> Preset {
    Preset {
        name: name.to_owned(),
        gop_ms: gop_ms(),
        segment_ms: segment_ms(),
        chunk_ms: chunk_ms(),
        rungs,
        profiles: Vec::new(),
        audio_bitrate: None,
        audio_only: false,
    }
}

fn rung(width: u32, height: u32, kilobits: u64) -> Rung {
    Rung {
        name: format!("{height}p"),
        width,
        height,
        codec: VideoCodec::H264,
        profile: None,
        crf_tenths: None,
        maxrate_bps: kilobits * 1000,
        bufsize_bits: None,
        speed: None,
    }
}

fn apple() -> Preset {
    let rungs = APPLE
        .iter()
        .map(|&(width, height, kilobits)| rung(width, height, kilobits));
    of("apple", rungs.collect())
}

/// Two rungs, quickly made: for demos and tests.
fn small() -> Preset {
    let quick = |rung: Rung| Rung {
        speed: Some("veryfast".to_owned()),
        ..rung
    };
    of(
        "small",
        vec![quick(rung(1280, 720, 3_000)), quick(rung(640, 360, 800))],
    )
}

/// The table of django-video-transcoding. Its rungs, rates and conditions are kept; that it squeezes
/// every source into one shape at 30 frames a second is not.
fn django() -> Preset {
    let rungs: Vec<Rung> = DJANGO
        .iter()
        .map(|&(name, width, height, profile, greatest, buffered)| Rung {
            name: name.to_owned(),
            profile: Some(profile.to_owned()),
            crf_tenths: Some(230),
            bufsize_bits: Some(buffered * 1000),
            speed: Some("slow".to_owned()),
            ..rung(width, height, greatest)
        })
        .collect();
    let profiles = DJANGO_PROFILES
        .iter()
        .enumerate()
        .map(|(index, &(min_width, min_height, kilobits))| Profile {
            min_width,
            min_height,
            min_bitrate: kilobits * 1000,
            min_rate: None,
            rungs: DJANGO
                .iter()
                .skip(index)
                .map(|it| it.0.to_owned())
                .collect(),
        })
        .collect();
    Preset {
        gop_ms: 1_600,
        segment_ms: 4_800,
        chunk_ms: 57_600,
        profiles,
        audio_bitrate: Some(192_000),
        ..of("django", rungs)
    }
}
