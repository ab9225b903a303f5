//! Writes small seeds for the fuzz targets below a folder, one folder a target, from the test clips.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use harness::{
    boxes,
    clips::{self, Clip},
};

/// Longest seed in bytes: mutation of long ones is slow and finds little. Every clip has shorter
/// segments: the audio and the low video rate.
const MAX: usize = 32 * 1024;

fn main() -> ExitCode {
    let Some(corpus) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return ExitCode::from(2);
    };
    for clip in Clip::FOLDERS {
        for entry in fs::read_dir(clip.path()).expect("folder of a clip") {
            let path = entry.expect("entry").path();
            let bytes = fs::read(&path).expect("file of a clip");
            let name = path.file_name().expect("file name").to_string_lossy();
            let write = |target: &str, bytes: &[u8]| {
                let name = format!("{}-{name}", clip.name());
                seed(&corpus.join(target), &name, bytes);
            };
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("mpd") => write("mpd", &bytes),
                Some("m3u8") => write("playlists", &bytes),
                Some("mp4" | "m4s") if name.starts_with("init") => write("init", &bytes),
                Some("mp4" | "m4s") => {
                    // A plan before it: shift by 2^40 ticks, sequence number 7.
                    let plan = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7];
                    write("boxes", &[&plan, &*bytes].concat());
                }
                _ => {}
            }
        }
    }
    for (number, path) in [
        "tsbd_30/segtimeline_1/clip/manifest.mpd",
        "start_1700000000/snr_7/mup_4/segtimelinenr_1/a/b/1.m4s",
        "startrel_-60/stoprel_20/timeoffset_-1.5/clip/x.mpd",
        "utc_head-direct/ato_inf/chunkdur_0.5/ltgt_2500/spd_10/periods_60/clip/x.mpd",
        "statuscode_[{cycle:30,rsq:0,code:404,rep:V300}]/clip/x.mpd",
    ]
    .iter()
    .enumerate()
    {
        seed(
            &corpus.join("url_options"),
            &number.to_string(),
            path.as_bytes(),
        );
    }
    packager(&corpus.join("packager"));
    sniff(&corpus.join("sniff"));
    ExitCode::SUCCESS
}

/// What programs write to a relay: each container, with how it is read before it, and each of them broken
/// off, torn out of the middle, and behind another one.
fn sniff(folder: &Path) {
    const PICTURE: &str = "-f lavfi -i testsrc2=size=32x32:rate=10:duration=2";
    const SOUND: &str = "-f lavfi -i sine=sample_rate=8000:duration=1";
    const H264: &str = "-c:v libx264 -preset ultrafast -g 5 -bf 1 -pix_fmt yuv420p -b:v 20k";
    let scratch = tempfile::tempdir().expect("temporary folder");
    let mut files = Vec::new();
    for (name, arguments) in [
        ("ts", format!("{PICTURE} {SOUND} {H264} -c:a aac -f mpegts")),
        (
            "ts-mpeg2",
            format!("{PICTURE} -c:v mpeg2video -g 5 -b:v 40k -f mpegts"),
        ),
        (
            "ts-h265",
            format!(
                "{PICTURE} -c:v libx265 -x265-params log-level=none:keyint=5 -b:v 20k -f mpegts"
            ),
        ),
        ("ts-audio", format!("{SOUND} -c:a aac -b:a 16k -f mpegts")),
        (
            "fmp4",
            format!(
                "{PICTURE} {SOUND} {H264} -c:a aac -b:a 16k -movflags frag_keyframe+empty_moov -f mp4"
            ),
        ),
        (
            "cmaf",
            format!("{PICTURE} {H264} -movflags cmaf+frag_every_frame+skip_trailer -f mp4"),
        ),
        (
            "flv",
            format!("{PICTURE} {SOUND} {H264} -c:a aac -ar 11025 -f flv"),
        ),
        (
            "mkv",
            format!("{PICTURE} {SOUND} {H264} -c:a aac -f matroska"),
        ),
        (
            "mkv-live",
            format!("{PICTURE} {H264} -f matroska -live 1 -cluster_time_limit 300"),
        ),
        (
            "webm",
            format!("{PICTURE} -c:v libvpx -deadline realtime -g 5 -b:v 20k -f webm -live 1"),
        ),
        (
            "ogg-opus",
            format!("{SOUND} -c:a libopus -b:a 8k -f ogg -page_duration 100000"),
        ),
        ("ogg-vorbis", format!("{SOUND} -c:a libvorbis -f ogg")),
        (
            "ogg-theora",
            format!("{PICTURE} -c:v libtheora -g 5 -b:v 20k -f ogg"),
        ),
        (
            "mpjpeg",
            format!("{PICTURE} -frames:v 6 -c:v mjpeg -f mpjpeg -boundary_tag b"),
        ),
        (
            "mjpeg",
            format!("{PICTURE} -frames:v 6 -c:v mjpeg -f mjpeg"),
        ),
        ("adts", format!("{SOUND} -c:a aac -b:a 16k -f adts")),
        (
            "mp3",
            format!("{SOUND} -c:a libmp3lame -b:a 16k -id3v2_version 4 -f mp3"),
        ),
        ("wav", format!("{SOUND} -c:a pcm_s16le -f wav")),
    ] {
        let name = format!("{name}.bytes");
        clips::ffmpeg(scratch.path(), &format!("{arguments} {name}"));
        let mut bytes = fs::read(scratch.path().join(&name)).expect("a file");
        // Whole units come first in all of them.
        bytes.truncate(MAX / 2 - 1);
        files.push((name, bytes));
    }
    for (number, (name, bytes)) in files.iter().enumerate() {
        let (middle, before) = (bytes.len() / 2, &files[number.saturating_sub(1)].1);
        for (how, choice, bytes) in [
            ("whole", 26, bytes.clone()),
            ("small-reads", 0, bytes[..bytes.len().min(2000)].to_vec()),
            ("middle", 187, bytes[middle..].to_vec()),
            ("again", 26, [&bytes[..middle], bytes].concat()),
            ("other", 187, [&before[..before.len() / 2], bytes].concat()),
        ] {
            seed(
                folder,
                &format!("{how}-{name}"),
                &[&[choice], &*bytes].concat(),
            );
        }
    }
}

/// What encoders write into the pipes of the packager, as the records of that target: a run, a run
/// behind another, one whose times jump, and one of sound alone.
fn packager(folder: &Path) {
    let scratch = tempfile::tempdir().expect("temporary folder");
    clips::ffmpeg(
        scratch.path(),
        "-f lavfi -i testsrc2=size=32x32:rate=12:duration=5 -f lavfi -i sine=sample_rate=8000:duration=5 \
         -map 0:v -c:v libx264 -preset ultrafast -tune zerolatency -g 12 -sc_threshold 0 -b:v 4k \
         -movflags +cmaf+frag_discont+frag_every_frame+skip_trailer -output_ts_offset 10 v.mp4 \
         -map 1:a -c:a aac -b:a 4k \
         -movflags +cmaf+frag_discont+frag_every_frame+skip_trailer -output_ts_offset 10 a.mp4",
    );
    let read = |name: &str| fs::read(scratch.path().join(name)).expect("file of a track");
    let video = pieces(&read("v.mp4"));
    let audio = pieces(&read("a.mp4"));
    let run = |video: &[Vec<u8>], audio: &[Vec<u8>]| {
        let mut records = Vec::new();
        let (mut video, mut audio) = (video.iter(), audio.iter());
        // 12 pictures and about 8 frames of sound a second.
        for turn in 0_u32.. {
            let next = if turn % 5 < 3 { video.next() } else { None };
            if let Some(piece) = next {
                record(&mut records, 0, 83, piece);
            } else if let Some(piece) = audio.next() {
                record(&mut records, 1, 0, piece);
            } else if video.len() == 0 {
                break;
            }
        }
        records
    };
    let mut end = Vec::new();
    record(&mut end, 0x80, 3000, &[]);
    let whole = run(&video, &audio);
    let [first, second] = [&video[..26], &video[40..]].map(|video| run(video, &audio[..20]));
    let init = run(&video[..1], &audio[..1]);
    for (name, parts) in [
        ("run", vec![&whole]),
        ("runs", vec![&first, &end, &first]),
        ("jump", vec![&first, &second]),
        ("late", vec![&init, &end, &first]),
        ("sound", vec![&run(&[], &audio)]),
    ] {
        let bytes: Vec<u8> = parts.into_iter().flatten().copied().collect();
        seed(folder, name, &bytes);
    }
}

/// Cuts a stream of an encoder where its pipe would: the init segment, then a fragment a frame.
fn pieces(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    for (kind, payload) in boxes::boxes(stream) {
        let size = u32::try_from(payload.len() + 8).expect("a small box");
        piece.extend_from_slice(&size.to_be_bytes());
        piece.extend_from_slice(kind);
        piece.extend_from_slice(payload);
        if matches!(kind, b"moov" | b"mdat") {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    pieces
}

fn record(records: &mut Vec<u8>, what: u8, step_ms: i16, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).expect("a small piece");
    records.push(what);
    records.extend_from_slice(&step_ms.to_be_bytes());
    records.extend_from_slice(&length.to_be_bytes());
    records.extend_from_slice(bytes);
}

fn seed(folder: &Path, name: &str, bytes: &[u8]) {
    if bytes.len() <= MAX {
        fs::create_dir_all(folder).expect("folder of seeds");
        fs::write(folder.join(name), bytes).expect("seed");
    }
}
