//! `headend info`: versions, what ffmpeg can do, and what the machine grants.

use std::path::Path;

use process::{
    Ffmpeg, Spawner,
    ffmpeg::{Abilities, Version},
    host::{self, Host},
};
use serde::Serialize;

use crate::{content::OWN_BINARY, exit::Exit, logging, term};

/// Says what this machine can do: versions, ffmpeg, processors, memory
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print everything as JSON
    #[arg(long, env = "HEADEND_JSON")]
    json: bool,
}

/// What is looked for in ffmpeg, and what it is good for.
const WANTED: &[(&str, Kind, &str)] = &[
    (
        "libx264",
        Kind::Encoder,
        "H.264, for media that must be encoded",
    ),
    ("aac", Kind::Encoder, "AAC, for sound that must be encoded"),
    ("libx265", Kind::Encoder, "H.265"),
    ("libsvtav1", Kind::Encoder, "AV1"),
    ("libvpx-vp9", Kind::Encoder, "VP9"),
    ("libopus", Kind::Encoder, "Opus"),
    ("mp4", Kind::Muxer, "fragmented MP4"),
    ("dash", Kind::Muxer, "DASH, for the demo's sample"),
    ("drawtext", Kind::Filter, "burnt-in text"),
    ("srt", Kind::Protocol, "SRT"),
    ("rtmp", Kind::Protocol, "RTMP"),
];

#[derive(Clone, Copy)]
enum Kind {
    Encoder,
    Muxer,
    Filter,
    Protocol,
}

#[derive(Serialize)]
struct Info {
    headend: &'static str,
    target: String,
    ffmpeg: Option<FfmpegInfo>,
    /// Why there is no ffmpeg.
    ffmpeg_problem: Option<String>,
    host: Host,
    /// Threads that can work at once.
    parallelism: u32,
}

#[derive(Serialize)]
struct FfmpegInfo {
    version: Version,
    abilities: Abilities,
}

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    logging::start_plain(logging)?;
    let (ffmpeg, ffmpeg_problem) = match ask_ffmpeg() {
        Ok(found) => (Some(found), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let host = host::read(Path::new("/"));
    let info = Info {
        headend: env!("CARGO_PKG_VERSION"),
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        ffmpeg,
        ffmpeg_problem,
        parallelism: host.parallelism(),
        host,
    };
    if args.json {
        term::print_json(&info)?;
    } else {
        term::print(&text(&info))?;
    }
    Ok(Exit::Done)
}

fn ask_ffmpeg() -> Result<FfmpegInfo, process::Error> {
    let ffmpeg = Ffmpeg::locate(Spawner::with_shim(OWN_BINARY)?)?;
    Ok(FfmpegInfo {
        version: ffmpeg.version()?,
        abilities: ffmpeg.abilities()?,
    })
}

fn text(info: &Info) -> String {
    let mut out = format!("headend     {} ({})\n", info.headend, info.target);
    if let Some(ffmpeg) = &info.ffmpeg {
        out.push_str(&format!("ffmpeg      {}\n", ffmpeg.version));
        for (name, kind, purpose) in WANTED {
            let mark = if has(&ffmpeg.abilities, *kind, name) {
                "yes"
            } else {
                "no "
            };
            out.push_str(&format!("  {mark}  {name:<12} {purpose}\n"));
        }
    } else {
        let problem = info.ffmpeg_problem.as_deref().unwrap_or("unknown");
        out.push_str(&format!("ffmpeg      none: {problem}\n"));
    }
    let host = &info.host;
    out.push_str(&format!(
        "processors  {} of the machine, {} allowed, quota {}; {} threads are used\n",
        or_unknown(host.processors),
        or_unknown(host.allowed_processors),
        host.quota_permille.map_or("none".to_owned(), |permille| {
            format!("{}.{:03}", permille / 1000, permille % 1000)
        }),
        info.parallelism,
    ));
    out.push_str(&format!(
        "memory      {} of the machine, {} available, limit {}\n",
        host.memory.map_or("unknown".to_owned(), mebibytes),
        host.available_memory
            .map_or("unknown".to_owned(), mebibytes),
        host.memory_limit.map_or("none".to_owned(), mebibytes),
    ));
    let cgroup = host
        .cgroup
        .map_or("none".to_owned(), |version| format!("version {version}"));
    out.push_str(&format!("cgroup      {cgroup}\n"));
    out
}

fn has(abilities: &Abilities, kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Encoder => &abilities.encoders,
        Kind::Muxer => &abilities.muxers,
        Kind::Filter => &abilities.filters,
        Kind::Protocol => &abilities.protocols,
    }
    .contains(name)
}

fn or_unknown(number: Option<u32>) -> String {
    number.map_or("unknown".to_owned(), |number| number.to_string())
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
