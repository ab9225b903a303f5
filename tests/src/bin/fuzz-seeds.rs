//! Writes small seeds for the fuzz targets below a folder, one folder a target, from the test clips.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use harness::clips::Clip;

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
    ExitCode::SUCCESS
}

fn seed(folder: &Path, name: &str, bytes: &[u8]) {
    if bytes.len() <= MAX {
        fs::create_dir_all(folder).expect("folder of seeds");
        fs::write(folder.join(name), bytes).expect("seed");
    }
}
