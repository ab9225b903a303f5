//! Eight seconds of picture with a key frame every second, and of sound, as ffmpeg writes each container
//! to a pipe.

use std::{
    io::Write as _,
    sync::{Arc, Mutex},
    thread,
};

use process::{Ffmpeg, Spawner, Stream};
use relay::sniff::Format;

const SOURCE: &str = "-f lavfi -i testsrc2=size=160x90:rate=25 \
    -f lavfi -i sine=frequency=440:sample_rate=48000 -t 8";
const H264: &str = "-c:v libx264 -preset ultrafast -g 25 -keyint_min 25 -sc_threshold 0 -bf 2 \
    -pix_fmt yuv420p -threads 1";

/// What is written.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) format: Format,
    codecs: &'static str,
    muxer: &'static str,
    /// Demuxer for those that cannot be probed.
    pub(crate) demuxer: &'static str,
    /// Whether there is picture.
    pub(crate) video: bool,
}

const fn sample(
    name: &'static str,
    format: Format,
    codecs: &'static str,
    muxer: &'static str,
    demuxer: &'static str,
    video: bool,
) -> Sample {
    Sample {
        name,
        format,
        codecs,
        muxer,
        demuxer,
        video,
    }
}

pub(crate) const SAMPLES: [Sample; 19] = [
    sample("ts", Format::MpegTs, "H264 -c:a aac", "mpegts", "", true),
    sample(
        "ts-mpeg2",
        Format::MpegTs,
        "-c:v mpeg2video -g 25 -bf 2 -c:a mp2",
        "mpegts",
        "",
        true,
    ),
    sample(
        "ts-audio",
        Format::MpegTs,
        "-vn -c:a aac",
        "mpegts",
        "",
        false,
    ),
    sample(
        "fmp4",
        Format::Fmp4,
        "H264 -c:a aac",
        "mp4 -movflags frag_keyframe+empty_moov",
        "",
        true,
    ),
    sample(
        "fmp4-cmaf",
        Format::Fmp4,
        "H264 -an",
        "mp4 -movflags cmaf+frag_every_frame+skip_trailer",
        "",
        true,
    ),
    sample(
        "fmp4-audio",
        Format::Fmp4,
        "-vn -c:a aac",
        "mp4 -movflags empty_moov+default_base_moof -frag_duration 500000",
        "",
        false,
    ),
    sample("flv", Format::Flv, "H264 -c:a aac", "flv", "", true),
    sample("flv-audio", Format::Flv, "-vn -c:a aac", "flv", "", false),
    sample(
        "mkv",
        Format::Matroska,
        "H264 -c:a aac",
        "matroska",
        "",
        true,
    ),
    sample(
        "mkv-live",
        Format::Matroska,
        "H264 -c:a aac",
        "matroska -live 1 -cluster_time_limit 1000",
        "",
        true,
    ),
    sample(
        "webm",
        Format::Webm,
        "-c:v libvpx -deadline realtime -cpu-used 8 -g 25 -c:a libopus",
        "webm",
        "",
        true,
    ),
    sample(
        "ogg-vorbis",
        Format::Ogg,
        "-vn -c:a libvorbis",
        "ogg",
        "",
        false,
    ),
    sample(
        "ogg-opus",
        Format::Ogg,
        "-vn -c:a libopus",
        "ogg",
        "",
        false,
    ),
    sample(
        "ogg-theora",
        Format::Ogg,
        "-c:v libtheora -q:v 3 -g 25 -c:a libvorbis",
        "ogg",
        "",
        true,
    ),
    sample(
        "mpjpeg",
        Format::Mpjpeg,
        "-an -c:v mjpeg -q:v 5",
        "mpjpeg",
        "mpjpeg",
        true,
    ),
    sample(
        "mjpeg",
        Format::Mjpeg,
        "-an -c:v mjpeg -q:v 5",
        "mjpeg",
        "mjpeg",
        true,
    ),
    sample("adts", Format::Adts, "-vn -c:a aac", "adts", "", false),
    sample("mp3", Format::Mp3, "-vn -c:a libmp3lame", "mp3", "", false),
    sample(
        "wav",
        Format::Wav,
        "-vn -c:a pcm_s16le -ac 2",
        "wav",
        "",
        false,
    ),
];

/// Finds ffmpeg, or says loudly that the test is skipped.
#[expect(
    clippy::print_stdout,
    reason = "a skipped test says so where tests are watched"
)]
pub(crate) fn ffmpeg() -> Option<Ffmpeg> {
    match Spawner::direct().and_then(Ffmpeg::locate) {
        Ok(ffmpeg) => Some(ffmpeg),
        Err(error) => {
            println!("SKIPPED: {error}");
            None
        }
    }
}

impl Sample {
    /// Encodes it.
    pub(crate) fn make(&self, ffmpeg: &Ffmpeg) -> Vec<u8> {
        let codecs = self.codecs.replace("H264", H264);
        let words = format!("{SOURCE} {codecs} -f {} pipe:1", self.muxer);
        let command = ffmpeg.command().args(words.split_whitespace());
        ffmpeg.spawner().run(command).expect("ffmpeg encodes")
    }
}

/// What ffmpeg makes of some bytes.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// Pictures, or audio frames of what has no picture.
    pub(crate) frames: usize,
    /// What it complained about.
    pub(crate) complaints: Vec<String>,
}

/// Decodes bytes that come through a pipe.
pub(crate) fn decode(ffmpeg: &Ffmpeg, sample: &Sample, bytes: Vec<u8>) -> Decoded {
    let complaints = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&complaints);
    let demuxer = (!sample.demuxer.is_empty()).then_some(["-f", sample.demuxer]);
    let map = if sample.video { "0:v:0" } else { "0:a:0" };
    let command = ffmpeg
        .command()
        .args(["-v", "warning"])
        .args(demuxer.into_iter().flatten())
        .args(["-i", "pipe:0", "-map", map, "-fps_mode", "passthrough"])
        .args(["-f", "framecrc", "pipe:1"])
        .stdin(Stream::Piped)
        .stdout(Stream::Piped)
        .on_line(move |line| heard.lock().unwrap().push(line.to_owned()));
    let mut child = ffmpeg.spawner().spawn(command).expect("ffmpeg starts");
    let mut stdin = child.take_stdin().expect("a pipe");
    let mut stdout = child.take_stdout().expect("a pipe");
    // It may end before it has read everything.
    let feeder = thread::spawn(move || drop(stdin.write_all(&bytes)));
    let text = std::io::read_to_string(&mut stdout).expect("frames");
    feeder.join().expect("the feeder");
    child.wait();
    let complaints = complaints.lock().unwrap().clone();
    Decoded {
        frames: text.lines().filter(|line| !line.starts_with('#')).count(),
        complaints,
    }
}
