//! Runs the steps of a plan by themselves and looks at what comes out with ffmpeg.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

use process::{Ffmpeg, supervise::Priority};
use transcode::{
    audio,
    encode::{self, Context, Damage, Failure, Output, StopFlag},
    plan::{Options, Plan, Seconds, VideoCodec, plan},
    preset::{Preset, Rung},
    source::inspect,
    text, thumbs,
};

use crate::gallery::{self, Kind, run};

/// A decoded frame: when it is shown, and the MD5 of its samples.
pub(crate) type Frame = (Seconds, String);

/// One kind of source with its two plans.
pub(crate) struct Bench {
    pub(crate) ffmpeg: Ffmpeg,
    pub(crate) source: PathBuf,
    /// In chunks of four seconds.
    pub(crate) chunked: Plan,
    /// The same in one piece.
    pub(crate) whole: Plan,
    pub(crate) folder: PathBuf,
}

/// Small, lossless, quick: segments of two seconds, chunks of four.
pub(crate) fn options() -> Options {
    let text = r#"{"name": "golden", "gop_ms": 1000, "segment_ms": 2000, "chunk_ms": 4000}"#;
    let preset: Preset = serde_json::from_str(text).expect("a preset");
    let rung = Rung {
        name: "only".to_owned(),
        width: 160,
        height: 96,
        codec: VideoCodec::H264,
        profile: None,
        crf_tenths: None,
        maxrate_bps: 1_000_000,
        bufsize_bits: None,
        speed: Some("ultrafast".to_owned()),
    };
    Options {
        preset: Preset {
            rungs: vec![rung],
            ..preset
        },
        lossless: true,
        ..Options::default()
    }
}

impl Bench {
    pub(crate) fn new(kind: Kind) -> Option<Self> {
        let ffmpeg = gallery::ffmpeg()?;
        let source = gallery::source(&ffmpeg, kind);
        let facts = inspect(&ffmpeg, &source, |_| ControlFlow::Continue(())).expect("a source");
        let chunked = plan(facts.clone(), &options()).expect("a plan").plan;
        let in_one = Options {
            chunk_ms: Some(3_600_000),
            ..options()
        };
        let whole = plan(facts, &in_one).expect("a plan").plan;
        let folder = gallery::folder().join(format!("{kind:?}"));
        Some(Self {
            ffmpeg,
            source,
            chunked,
            whole,
            folder,
        })
    }

    /// A bench for one plan.
    pub(crate) fn of(ffmpeg: Ffmpeg, source: PathBuf, plan: Plan, name: &str) -> Self {
        Self {
            ffmpeg,
            source,
            whole: plan.clone(),
            chunked: plan,
            folder: gallery::folder().join(name),
        }
    }

    /// Encodes all chunks of a plan, the last one first, and returns the joined track.
    pub(crate) fn pictures(&self, plan: &Plan, name: &str) -> PathBuf {
        self.join(&self.chunks(plan, name), &format!("{name}.mp4"))
    }

    /// Encodes all chunks of a plan, the last one first.
    pub(crate) fn chunks(&self, plan: &Plan, name: &str) -> Vec<Output> {
        let mut outputs: Vec<Output> = plan
            .chunks
            .iter()
            .rev()
            .map(|chunk| {
                let scratch = self.folder.join(format!("{name}-{}", chunk.index));
                self.task(&scratch, |context| {
                    encode::run(context, plan, &self.source, chunk.index, Damage::Ends)
                })
            })
            .collect();
        outputs.reverse();
        outputs
    }

    /// Encodes an audio track and returns it as a file.
    pub(crate) fn sound(&self, index: u32) -> PathBuf {
        self.join(&[self.track(index)], &format!("sound-{index}.mp4"))
    }

    /// Encodes an audio track.
    pub(crate) fn track(&self, index: u32) -> Output {
        let scratch = self.folder.join(format!("sound-{index}"));
        self.task(&scratch, |context| {
            audio::run(context, &self.chunked, &self.source, index, Damage::Ends)
        })
    }

    /// Makes a subtitle track.
    pub(crate) fn text(&self, index: u32) -> Output {
        let scratch = self.folder.join(format!("text-{index}"));
        self.task(&scratch, |context| {
            text::run(context, &self.chunked, &self.source, index)
        })
    }

    /// Makes the pictures to seek by of the smallest rendition.
    pub(crate) fn thumbnails(&self, made: &[Output]) -> Output {
        let scratch = self.folder.join("thumbs");
        let id = &self.chunked.videos.last().expect("a rendition").id;
        let tracks = made.iter().flat_map(|output| &output.tracks);
        let tracks: Vec<_> = tracks.filter(|track| track.id == *id).collect();
        let init = tracks[0].init.as_ref().expect("an init segment");
        let segments: Vec<PathBuf> = tracks
            .iter()
            .flat_map(|track| track.segments.iter().map(|it| it.path.clone()))
            .collect();
        self.task(&scratch, |context| {
            thumbs::run(context, &self.chunked, init, &segments)
        })
    }

    fn task(
        &self,
        scratch: &Path,
        work: impl FnOnce(&mut Context<'_>) -> Result<Output, Failure>,
    ) -> Output {
        fs::create_dir_all(scratch).expect("a scratch folder");
        let done = work(&mut Context {
            ffmpeg: &self.ffmpeg,
            scratch,
            priority: Priority::default(),
            stop: &StopFlag::default(),
            stall: Duration::from_mins(2),
            progress: &mut |_| {},
        });
        match done {
            Ok(output) => output,
            Err(failure) => panic!("{failure}\n{}", failure.stderr.join("\n")),
        }
    }

    /// Writes init segment and segments of the first track one after the other: what a player gets.
    fn join(&self, outputs: &[Output], name: &str) -> PathBuf {
        let mut all: Vec<u8> = Vec::new();
        let mut number = 1;
        for output in outputs {
            let track = &output.tracks[0];
            let init = track.init.as_ref().expect("an init segment");
            let init = fs::read(init).expect("the init segment is there");
            if all.is_empty() {
                all = init;
            } else {
                assert!(all.starts_with(&init), "init segments of chunks differ");
            }
            for segment in &track.segments {
                assert_eq!(segment.facts.number, number, "segments are in order");
                number += 1;
                all.extend(fs::read(&segment.path).expect("the segment is there"));
            }
        }
        let path = self.folder.join(name);
        fs::write(&path, all).expect("the joined file can be written");
        path
    }

    /// Decodes the video of a file, upright as players show it.
    pub(crate) fn frames(&self, path: &Path) -> Vec<Frame> {
        let text = run(
            &self.ffmpeg,
            &format!(
                "-copyts -i {} -map 0:v:0 -fps_mode passthrough -enc_time_base -1 -f framemd5 -",
                path.display()
            ),
        );
        let text = String::from_utf8(text).expect("framemd5 is text");
        let clock = text.lines().find_map(|line| line.strip_prefix("#tb 0: "));
        let tick = fraction(clock.expect("a time base"));
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let fields: Vec<&str> = line.split(',').map(str::trim).collect();
                let pts = fields[2].parse().expect("a time");
                (tick.times(pts), fields[5].to_owned())
            })
            .collect()
    }

    /// Decodes the first audio track of a file, mixed down to one channel.
    pub(crate) fn samples(&self, path: &Path, rate: u32) -> Vec<f32> {
        let bytes = run(
            &self.ffmpeg,
            &format!(
                "-i {} -map 0:a:0 -ac 1 -ar {rate} -f f32le -",
                path.display()
            ),
        );
        let four = |four: &[u8]| f32::from_le_bytes(four.try_into().expect("four bytes"));
        bytes.chunks_exact(4).map(four).collect()
    }

    /// When the first sample of the source's sound is heard, from the origin of the plan.
    pub(crate) fn sound_starts(&self) -> Seconds {
        let command = self
            .ffmpeg
            .probe_command()
            .args([
                "-select_streams",
                "a:0",
                "-show_frames",
                "-read_intervals",
                "%+#100",
            ])
            .args([
                "-show_entries",
                "frame=pts",
                "-show_entries",
                "stream=time_base",
            ])
            .args(["-of", "csv=p=0"])
            .arg(&self.source);
        let text = self
            .ffmpeg
            .spawner()
            .run(command)
            .expect("the source can be probed");
        let text = String::from_utf8(text).expect("ffprobe writes text");
        let pts = text
            .lines()
            .find_map(|line| line.split(',').next()?.parse::<i64>().ok());
        let clock = text.lines().find(|line| line.contains('/'));
        let tick = fraction(clock.expect("a time base").trim_matches(','));
        tick.times(pts.expect("a frame of sound"))
            .minus(self.chunked.origin)
    }
}

/// Reads `num/den` seconds.
fn fraction(text: &str) -> Seconds {
    let (num, den) = text.trim().split_once('/').expect("a fraction");
    let number = |text: &str| text.parse().expect("a number");
    Seconds::new(number(num), number(den)).expect("a positive denominator")
}
