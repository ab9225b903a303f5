//! Small sources made by ffmpeg, and plans for them, for tests.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::Path,
    thread,
    time::Duration,
};

use process::{Ffmpeg, Spawner, supervise::Priority};

use crate::{
    encode::{Context, Failure, Output, StopFlag},
    plan::{
        Audio, AudioCodec, Cadence, Chunk, Colour, Deinterlace, FORMAT, Grid, Picture, Plan,
        Quality, Rate, Seconds, SourceFacts, Text, Video, VideoCodec,
    },
};

pub(crate) fn ffmpeg() -> Ffmpeg {
    Ffmpeg::locate(Spawner::direct().unwrap()).unwrap()
}

/// Runs ffmpeg with the arguments of `line`, which are divided by blanks; `|` stands for a blank.
pub(crate) fn make(folder: &Path, line: &str) {
    let ffmpeg = ffmpeg();
    let command = ffmpeg
        .command()
        .arg("-y")
        .args(line.split_whitespace().map(|word| word.replace('|', " ")))
        .folder(folder);
    ffmpeg.spawner().run(command).unwrap();
}

/// Returns the MD5 of each frame that decoding gives, in order of presentation, and its time stamp: of
/// the first video stream unless `more`, further options, maps another.
pub(crate) fn frames(input: &str, folder: &Path, more: &str) -> Vec<(i64, String)> {
    let ffmpeg = ffmpeg();
    let map = if more.contains("-map") {
        ""
    } else {
        "-map 0:v:0"
    };
    let command = ffmpeg
        .command()
        .args(["-copyts", "-i", input])
        .args(map.split_whitespace().chain(more.split_whitespace()))
        .args(["-fps_mode", "passthrough", "-f", "framemd5", "-"])
        .folder(folder);
    let text = ffmpeg.spawner().run(command).unwrap();
    let text = String::from_utf8(text).unwrap();
    let fields = |line: &str| -> (i64, String) {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        (fields[2].parse().unwrap(), fields[5].to_owned())
    };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(fields)
        .collect()
}

/// Serves the files of a folder over HTTP, and returns the URL of the folder. The server ends with the
/// process.
pub(crate) fn serve(folder: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let folder = folder.to_path_buf();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|n| n > 0) {}
            let path = head.split(' ').nth(1).unwrap_or_default();
            let file = std::fs::read(folder.join(path.trim_start_matches('/')));
            let status = if file.is_ok() { "200 OK" } else { "404 No" };
            let body = file.unwrap_or_default();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            // A client that goes away is no failure.
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    format!("http://{address}")
}

/// A lossless or a capped rendition.
pub(crate) fn video(id: &str, size: (u32, u32), codec: VideoCodec, quality: Quality) -> Video {
    let speed = match codec {
        VideoCodec::Av1 => "12",
        _ => "ultrafast",
    };
    Video {
        id: id.to_owned(),
        width: size.0,
        height: size.1,
        codec,
        profile: None,
        level: None,
        quality,
        speed: speed.to_owned(),
        threads: 1,
        b_frames: 2,
        refs: 2,
        pixel_format: "yuv420p".to_owned(),
    }
}

pub(crate) const CAPPED: Quality = Quality::Capped {
    crf_tenths: 280,
    maxrate_bps: 400_000,
    bufsize_bits: 800_000,
};

/// A plan with groups of a third of a segment and chunks of two segments.
pub(crate) fn plan(rate: Rate, frames: u64, gop: u32, videos: Vec<Video>) -> Plan {
    let grid = Grid {
        rate,
        timescale: rate.num,
        frame_ticks: rate.den,
        frames,
        gop,
        segment: gop * 3,
    };
    let length = u64::from(grid.segment) * 2;
    let chunks = (0..frames.div_ceil(length))
        .map(|index| Chunk {
            index: index as u32,
            first_frame: index * length,
            frames: length.min(frames - index * length),
        })
        .collect();
    Plan {
        format: FORMAT,
        source: SourceFacts {
            format: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(),
            bytes: None,
            start: Seconds::ZERO,
            duration: None,
            bitrate: None,
            video: None,
            audios: Vec::new(),
            texts: Vec::new(),
        },
        origin: Seconds::ZERO,
        grid,
        picture: Some(Picture {
            stream: 0,
            cadence: Cadence::Same,
            deinterlace: Deinterlace::Off,
            rotation: 0,
            colour: Colour::default(),
        }),
        chunks,
        videos,
        audios: Vec::new(),
        texts: Vec::new(),
        thumbnails: None,
        encryption: None,
    }
}

/// An audio track as long as the pictures.
pub(crate) fn audio(plan: &Plan, stream: u32, sampling_rate: u32) -> Audio {
    let duration = plan.grid.duration();
    Audio {
        id: "a0".to_owned(),
        stream,
        language: Some("en".to_owned()),
        label: None,
        is_default: true,
        codec: AudioCodec::Aac,
        channels: 2,
        sampling_rate,
        bitrate_bps: 128_000,
        first_sample: plan
            .origin
            .ticks(sampling_rate, media::time::Round::Nearest),
        samples: duration.ticks(sampling_rate, media::time::Round::Up) as u64,
    }
}

/// A subtitle track.
pub(crate) fn text(stream: u32) -> Text {
    Text {
        id: "t0".to_owned(),
        stream,
        language: Some("en".to_owned()),
        label: None,
        is_default: false,
        is_forced: false,
        is_impaired: false,
    }
}

/// Runs a task in a folder of its own.
pub(crate) fn task(
    scratch: &Path,
    run: impl FnOnce(&mut Context<'_>) -> Result<Output, Failure>,
) -> Result<Output, Failure> {
    task_of(scratch, run)
}

/// As [`task`], for any result.
pub(crate) fn task_of<T>(
    scratch: &Path,
    run: impl FnOnce(&mut Context<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    std::fs::create_dir_all(scratch).unwrap();
    run(&mut Context {
        ffmpeg: &ffmpeg(),
        scratch,
        priority: Priority::default(),
        stop: &StopFlag::default(),
        stall: Duration::from_mins(2),
        progress: &mut |_| {},
    })
}

/// Joins init segment and segments of one track to a file that ffmpeg can read.
pub(crate) fn join(outputs: &[Output], track: usize, target: &Path) {
    let mut all = Vec::new();
    for (index, output) in outputs.iter().enumerate() {
        let track = &output.tracks[track];
        let init = std::fs::read(track.init.as_ref().unwrap()).unwrap();
        if index == 0 {
            all.extend(&init);
        } else {
            assert!(all.starts_with(&init), "init segments of chunks differ");
        }
        for segment in &track.segments {
            let bytes = std::fs::read(&segment.path).unwrap();
            assert_eq!(bytes.len() as u64, segment.facts.bytes);
            all.extend(bytes);
        }
    }
    std::fs::write(target, all).unwrap();
}
