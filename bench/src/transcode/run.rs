//! One run of each of those that are compared, on the same film with the same settings.

use std::{fs, path::Path, process::Command, time::Instant};

use harness::launch;
use serde_json::json;

use super::film::{AUDIO_BITRATE, CRF, Film, LADDER, RATE};
use crate::machine;

/// What a run took, and how much came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// CPU seconds, user and system, of everything that ran.
    pub(super) cpu: f64,
    /// Seconds.
    pub(super) wall: f64,
    /// Bytes of the media segments or files.
    pub(super) bytes: u64,
}

/// Makes the renditions with one ffmpeg, into an HLS presentation. Encoders have as many `threads`
/// as are given, or as ffmpeg takes by itself.
pub(super) fn plain(film: &Film, threads: Option<u32>) -> Cost {
    let out = film.empty("plain");
    let mut graph = format!("[0:v]split={}", LADDER.len());
    let mut outputs = String::new();
    let mut streams = Vec::new();
    for index in 0..LADDER.len() {
        graph.push_str(&format!("[s{index}]"));
    }
    for (index, (width, height, rate)) in LADDER.iter().enumerate() {
        graph.push_str(&format!(
            ";[s{index}]scale={width}:{height}:flags=bicubic[v{index}]"
        ));
        outputs.push_str(&format!(
            " -map [v{index}] -maxrate:v:{index} {rate} -bufsize:v:{index} {}",
            2 * rate
        ));
        streams.push(format!("v:{index},agroup:a"));
    }
    streams.push("a:0,agroup:a".to_owned());
    let (speed, group) = (film.speed, 2 * RATE);
    let encoder = format!(
        "-c:v libx264 -preset {speed} -crf {CRF} -profile:v high -pix_fmt yuv420p -g {group} \
         -keyint_min {group} -sc_threshold 0 -bf 3 -refs 3 -x264-params vbv-init=0.5"
    );
    let mut command = launch::command("ffmpeg");
    command
        .current_dir(&out)
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(["-i", "../film.mp4", "-filter_complex", &graph])
        .args(outputs.split_whitespace())
        .args(["-map", "0:a"])
        .args(encoder.split_whitespace())
        .args([
            "-c:a",
            "aac",
            "-b:a",
            &AUDIO_BITRATE.to_string(),
            "-ac",
            "2",
        ]);
    if let Some(threads) = threads {
        command.args(["-threads", &threads.to_string()]);
    }
    command
        .args("-f hls -hls_time 6 -hls_playlist_type vod -hls_segment_type fmp4".split(' '))
        .args(["-var_stream_map", &streams.join(" ")])
        .args(["-hls_segment_filename", "%v-%d.m4s", "%v.m3u8"]);
    timed(&mut command, &out)
}

/// Runs a job with so many threads at one time, of which each encoder has its own number.
pub(super) fn job(film: &Film, threads: u32, of_encoder: u32) -> Cost {
    let films = film.empty("films");
    let mut command = launch::command(launch::binary());
    command
        .current_dir(film.folder())
        .args("transcode film.mp4 --to films --preset ./bench.json --no-thumbnails".split(' '))
        .args(["--threads", &threads.to_string()])
        .args(["--encoder-threads", &of_encoder.to_string()]);
    timed(&mut command, &films.join("film"))
}

/// Lets the transcoder of django-video-transcoding make its one MP4 of all renditions; nothing when
/// it is not installed.
pub(super) fn django(film: &Film) -> Option<Cost> {
    let python = machine::peer("python")?;
    let out = film.empty("django");
    let settings = json!({
        "rungs": LADDER,
        "rate": RATE,
        "crf": CRF,
        "audio_bitrate": AUDIO_BITRATE,
        "speed": film.speed,
    });
    let mut command = launch::command(python);
    command
        .arg(launch::repository().join("bench/peers/django.py"))
        .args([film.path("film.mp4"), out.join("film.mp4")])
        .arg(settings.to_string());
    Some(timed(&mut command, &out))
}

/// Lets Shaka Streamer make HLS and DASH, with the ffmpeg and the packager that it brings along;
/// nothing when it is not installed. Its encoders aim at a mean rate and are `slow`, which it does not
/// let anybody choose.
pub(super) fn shaka(film: &Film) -> Option<Cost> {
    let program = machine::peer("shaka-streamer")?;
    let out = film.empty("shaka");
    let path = film.path("film.mp4");
    let inputs = json!({ "inputs": [
        { "name": path, "media_type": "video" },
        { "name": path, "media_type": "audio" },
    ]});
    let name = |height: u32| format!("{height}p");
    // It wants a size that the source fits into, too, even where none like it is made.
    let known = LADDER.into_iter().chain([(1280, 720, 2_000_000)]);
    let sizes: serde_json::Map<String, serde_json::Value> = known
        .map(|(width, height, rate)| {
            let size = json!({
                "max_width": width,
                "max_height": height,
                "bitrates": { "h264": format!("{}k", rate / 1000) },
            });
            (name(height), size)
        })
        .collect();
    let stereo = json!({
        "max_channels": 2,
        "bitrates": { "aac": format!("{}k", AUDIO_BITRATE / 1000) },
    });
    let bitrates = json!({
        "video_resolutions": sizes,
        "audio_channel_layouts": { "stereo": stereo },
    });
    let pipeline = json!({
        "streaming_mode": "vod",
        "quiet": true,
        "resolutions": LADDER.map(|(_, height, _)| name(height)),
        "channel_layouts": ["stereo"],
        "audio_codecs": ["aac"],
        "video_codecs": ["h264"],
        "manifest_format": ["dash", "hls"],
        "segment_size": 2,
        "segment_per_file": true,
    });
    let mut command = launch::command(program);
    for (flag, value) in [("-i", inputs), ("-p", pipeline), ("-b", bitrates)] {
        // JSON is YAML, too.
        let file = out.join(format!("{}.yaml", &flag[1..]));
        fs::write(&file, value.to_string()).expect("configuration");
        command.arg(flag).arg(file);
    }
    let made = out.join("made");
    command.current_dir(&out).arg("-o").arg(&made);
    Some(timed(&mut command, &made))
}

/// Runs a command that leaves its result below a folder.
fn timed(command: &mut Command, result: &Path) -> Cost {
    let before = machine::waited_seconds();
    let begun = Instant::now();
    let output = launch::run_within(command, launch::LONG);
    let wall = begun.elapsed().as_secs_f64();
    assert!(output.status.success(), "{command:?} {output:?}");
    let cost = Cost {
        cpu: machine::waited_seconds() - before,
        wall,
        bytes: media_bytes(result),
    };
    assert!(cost.bytes > 0, "{command:?} left nothing: {output:?}");
    cost
}

/// Adds up the media below a folder.
fn media_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| {
        let path = entry.path();
        let is_media = path
            .extension()
            .is_some_and(|it| it == "m4s" || it == "mp4");
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => media_bytes(&path),
            Ok(metadata) if is_media => metadata.len(),
            _ => 0,
        }
    });
    sizes.sum()
}
