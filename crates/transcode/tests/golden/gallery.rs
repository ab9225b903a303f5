//! Sources of every kind, small and short.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use process::{Ffmpeg, Spawner};
use tempfile::TempDir;

/// Length of the sources in seconds: three chunks of four, the last one shorter.
pub(crate) const SECONDS: u32 = 11;

#[expect(
    clippy::print_stdout,
    reason = "a skipped test says so where tests are watched"
)]
/// Finds ffmpeg, or says loudly that the test is skipped.
pub(crate) fn ffmpeg() -> Option<Ffmpeg> {
    match Spawner::direct().and_then(Ffmpeg::locate) {
        Ok(ffmpeg) => Some(ffmpeg),
        Err(error) => {
            println!("SKIPPED: {error}");
            None
        }
    }
}

/// A kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Closed,
    OpenGop,
    BPyramid,
    Variable,
    Ts,
    OpenTs,
    MkvMs,
    EditList,
    LongGop,
    Silent,
    Surround,
    Cd,
    Portrait,
    Interlaced,
    AudioOnly,
    Sparse,
    MidStream,
    Webm,
    Avi,
    Delayed,
    Fragmented,
    Mpeg2,
    Held,
    HeldTs,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 24] = [
        Self::Closed,
        Self::OpenGop,
        Self::BPyramid,
        Self::Variable,
        Self::Ts,
        Self::OpenTs,
        Self::MkvMs,
        Self::EditList,
        Self::LongGop,
        Self::Silent,
        Self::Surround,
        Self::Cd,
        Self::Portrait,
        Self::Interlaced,
        Self::AudioOnly,
        Self::Sparse,
        Self::MidStream,
        Self::Webm,
        Self::Avi,
        Self::Delayed,
        Self::Fragmented,
        Self::Mpeg2,
        Self::Held,
        Self::HeldTs,
    ];

    /// Returns the arguments that make it, but for the file name, and the extension of that.
    fn recipe(self) -> (String, &'static str) {
        let ntsc = "30000/1001";
        let (rate, sound, video, extension) = match self {
            Self::Closed | Self::Silent | Self::EditList | Self::Delayed => {
                ("25", STEREO, "-g 50 -bf 3", "mp4")
            }
            Self::OpenGop => (
                ntsc,
                STEREO,
                "-g 45 -bf 3 -b_strategy 0 -x264-params open-gop=1:scenecut=0",
                "mp4",
            ),
            Self::BPyramid => (
                "24000/1001",
                STEREO,
                "-g 60 -bf 7 -b_strategy 0 -x264-params b-pyramid=normal:ref=4",
                "mp4",
            ),
            Self::Variable => (
                ntsc,
                STEREO,
                "-vf select='gt(mod(n*n*7+n,11),3)' -vsync vfr -enc_time_base 1/90000 \
                 -video_track_timescale 90000 -g 50",
                "mp4",
            ),
            Self::Ts => ("25", STEREO, "-g 40 -bf 2", "ts"),
            Self::OpenTs => (
                ntsc,
                STEREO,
                "-g 45 -bf 3 -b_strategy 0 -x264-params open-gop=1:scenecut=0",
                "ts",
            ),
            Self::MkvMs => (ntsc, STEREO, "-g 50 -bf 3", "mkv"),
            Self::LongGop => (
                "25",
                STEREO,
                "-g 1000 -keyint_min 1000 -sc_threshold 0",
                "mp4",
            ),
            Self::Surround => ("24", SURROUND, "-g 48", "mkv"),
            Self::Cd => ("25", CD, "-g 50", "mp4"),
            Self::Portrait => ("30", STEREO, "-g 60", "mp4"),
            Self::Interlaced => (
                "50",
                STEREO,
                "-vf interlace=scan=tff -flags +ilme+ildct -g 25",
                "ts",
            ),
            Self::AudioOnly => ("25", STEREO, "-vn", "m4a"),
            // A picture every three seconds.
            Self::Sparse => (
                "25",
                STEREO,
                "-vf select='not(mod(n,73))' -vsync vfr -enc_time_base 1/90000 -g 2",
                "mp4",
            ),
            Self::MidStream => (
                "25",
                STEREO,
                "-g 40 -bf 2 -x264-params open-gop=1:scenecut=0",
                "ts",
            ),
            Self::Webm => (
                ntsc,
                OPUS,
                "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 500k",
                "webm",
            ),
            Self::Avi => ("25", MP3, "-c:v mpeg4 -bf 2 -q:v 3", "avi"),
            Self::Fragmented => (
                "25",
                STEREO,
                "-g 50 -bf 3 -movflags +frag_keyframe+delay_moov+default_base_moof",
                "mp4",
            ),
            // Pictures for three seconds only.
            Self::Held => ("25", STEREO, "-g 50 -bf 3 -vf trim=end=3", "mp4"),
            Self::HeldTs => ("25", STEREO, "-g 50 -bf 3 -vf trim=end=3", "ts"),
            Self::Mpeg2 => ("25", MP2, "-c:v mpeg2video -q:v 3 -g 12 -bf 2", "mpg"),
        };
        let (sound, audio) = sound;
        // Fields want a height in fours.
        let height = if self == Self::Interlaced { 96 } else { 90 };
        let pictures = format!("testsrc2=s=160x{height}:r={rate}:d={SECONDS}");
        let text = format!(
            "-f lavfi -i {pictures} -f lavfi -i {sound} {audio} -c:v libx264 -preset ultrafast \
             -coder 1 -crf 20 -pix_fmt yuv420p {video}"
        );
        (text, extension)
    }
}

/// A source of sound with how it is encoded. Noise is unlike itself at every shift.
type Sound = (&'static str, &'static str);
const STEREO: Sound = (
    "anoisesrc=r=48000:d=11:c=pink:seed=7:a=0.4",
    "-c:a aac -b:a 128k -ac 2 -metadata:s:a:0 language=swe",
);
const SURROUND: Sound = (
    "anoisesrc=r=48000:d=11:c=pink:seed=7:a=0.4,pan=5.1|c0=c0|c1=0.8*c0|c2=0.6*c0|c3=0.1*c0|c4=0.3*c0|c5=0.2*c0",
    "-c:a ac3 -b:a 448k -metadata:s:a:0 language=eng",
);
const OPUS: Sound = (
    "anoisesrc=r=48000:d=11:c=pink:seed=7:a=0.4",
    "-c:a libopus -b:a 128k -ac 2",
);
const MP3: Sound = (
    "anoisesrc=r=48000:d=11:c=pink:seed=7:a=0.4",
    "-c:a libmp3lame -b:a 192k -ac 2",
);
const MP2: Sound = (
    "anoisesrc=r=48000:d=11:c=pink:seed=7:a=0.4",
    "-c:a mp2 -b:a 256k -ac 2",
);
const CD: Sound = (
    "anoisesrc=r=44100:d=11:c=pink:seed=7:a=0.4",
    "-c:a aac -b:a 128k -ac 2",
);

/// Returns the source of a kind, made once for all tests of the process.
pub(crate) fn source(ffmpeg: &Ffmpeg, kind: Kind) -> PathBuf {
    static MADE: [OnceLock<PathBuf>; Kind::ALL.len()] =
        [const { OnceLock::new() }; Kind::ALL.len()];
    let slot = Kind::ALL
        .iter()
        .position(|it| *it == kind)
        .expect("all kinds are listed");
    MADE[slot].get_or_init(|| make(ffmpeg, kind)).clone()
}

fn make(ffmpeg: &Ffmpeg, kind: Kind) -> PathBuf {
    let (text, extension) = kind.recipe();
    let path = folder().join(format!("{kind:?}.{extension}"));
    let silent = if kind == Kind::Silent { "-an" } else { "" };
    run(ffmpeg, &format!("{text} {silent} {}", path.display()));
    match kind {
        Kind::EditList => cut(ffmpeg, &path),
        Kind::MidStream => {
            // As a recording that begins anywhere: not at a packet, not at a key frame.
            let bytes = std::fs::read(&path).expect("the source is there");
            std::fs::write(&path, &bytes[bytes.len() / 4 + 77..]).expect("it can be written");
            path
        }
        Kind::Delayed => {
            let late = folder().join("late.mp4");
            run(
                ffmpeg,
                &format!(
                    "-i {0} -itsoffset 0.737 -i {0} -map 0:v -map 1:a -c copy {1}",
                    path.display(),
                    late.display()
                ),
            );
            late
        }
        Kind::Portrait => {
            turn(&path);
            path
        }
        _ => path,
    }
}

/// Turns the first track of an mp4 file clockwise by a quarter: the matrix of `tkhd`, version 0
/// (ISO/IEC 14496-12, 8.3.2). How ffmpeg is told so differs from version to version.
fn turn(path: &Path) {
    const MATRIX: [i32; 9] = [0, 0x1_0000, 0, -0x1_0000, 0, 0, 0, 0, 0x4000_0000];
    let mut bytes = std::fs::read(path).expect("the source is there");
    let name = bytes.windows(4).position(|four| four == b"tkhd");
    let matrix = name.expect("a movie has tracks") + 4 + 40;
    let turned: Vec<u8> = MATRIX.iter().flat_map(|it| it.to_be_bytes()).collect();
    bytes[matrix..matrix + turned.len()].copy_from_slice(&turned);
    std::fs::write(path, bytes).expect("the source can be written");
}

fn cut(ffmpeg: &Ffmpeg, path: &Path) -> PathBuf {
    // A cut by stream copy: the file keeps the frames from the key frame on and hides those before
    // the cut by an edit list.
    let cut = folder().join("cut.mp4");
    run(
        ffmpeg,
        &format!("-ss 2.72 -i {} -c copy {}", path.display(), cut.display()),
    );
    cut
}

/// Runs ffmpeg with the arguments of `line`, which are divided by blanks; its words are in the panic
/// when it fails.
pub(crate) fn run(ffmpeg: &Ffmpeg, line: &str) -> Vec<u8> {
    let command = ffmpeg.command().arg("-y").args(line.split_whitespace());
    match ffmpeg.spawner().run(command) {
        Ok(output) => output,
        Err(error) => panic!("{error:?}"),
    }
}

/// A folder that lasts as long as the process.
pub(crate) fn folder() -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder for sources"));
    folder.path().to_owned()
}
