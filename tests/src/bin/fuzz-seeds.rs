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
    ExitCode::SUCCESS
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
