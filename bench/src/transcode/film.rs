//! The film that all make renditions of, and the settings that they have in common.

use std::{
    fs,
    path::{Path, PathBuf},
};

use harness::{clips, launch};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The ladder: width, height, greatest bits a second.
pub(super) const LADDER: [(u32, u32, u64); 3] = [
    (854, 480, 1_500_000),
    (640, 360, 800_000),
    (426, 240, 400_000),
];

/// Frames a second; a group is two seconds.
pub(super) const RATE: u32 = 25;

/// Rate factor of all renditions.
pub(super) const CRF: u32 = 23;

/// Bits a second of the sound.
pub(super) const AUDIO_BITRATE: u32 = 128_000;

/// A film with its settings, in a folder of its own below which results lie.
#[derive(Debug)]
pub(super) struct Film {
    folder: TempDir,
    /// Speed of the encoders by x264's names.
    pub(super) speed: &'static str,
    /// Length.
    pub(super) seconds: u32,
}

impl Film {
    /// Makes a film of 720p with sound, with what a camera's noise costs.
    pub(super) fn new(seconds: u32, speed: &'static str) -> Self {
        let folder = tempfile::tempdir_in(launch::profile_folder()).expect("temporary folder");
        clips::ffmpeg(
            folder.path(),
            &format!(
                "-f lavfi -i testsrc2=size=1280x720:rate={RATE}:duration={seconds},noise=alls=8:allf=t \
                 -f lavfi -i sine=frequency=440:sample_rate=48000:duration={seconds} \
                 -c:v libx264 -preset ultrafast -crf 20 -g 120 -c:a aac -ac 2 -b:a 128k film.mp4"
            ),
        );
        let film = Self {
            folder,
            speed,
            seconds,
        };
        fs::write(film.path("bench.json"), film.preset().to_string()).expect("preset");
        film
    }

    /// Returns the path of something in the folder; `film.mp4` is the film, `bench.json` the preset.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes an empty folder anew.
    pub(super) fn empty(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        // There is none the first time.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("folder");
        path
    }

    fn preset(&self) -> Value {
        let rungs: Vec<Value> = LADDER
            .iter()
            .map(|(width, height, rate)| {
                json!({
                    "name": format!("{height}p"),
                    "width": width,
                    "height": height,
                    "profile": "high",
                    "crf_tenths": CRF * 10,
                    "maxrate_bps": rate,
                    "bufsize_bits": 2 * rate,
                    "speed": self.speed,
                })
            })
            .collect();
        json!({ "name": "bench", "audio_bitrate": AUDIO_BITRATE, "rungs": rungs })
    }
}
