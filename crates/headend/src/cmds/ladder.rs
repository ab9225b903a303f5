//! `headend ladder`: named rungs, ladders and presets, and what would be made of a source.

mod presets;

use std::{fmt::Write as _, path::PathBuf};

use broadcast::{
    job::Planned,
    ladder::{self, AudioTrack, Coding, Rung, VideoTrack},
};
use clap::Subcommand;
use serde_json::json;

use crate::{
    channels::{Prepared, Toolbox, WhatArgs},
    exit::Exit,
    logging, table, term,
};

/// Lists named rungs, ladders and presets, and plans what would be made of a source
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the rungs and ladders that have names
    List {
        /// Print JSON
        #[arg(long, env = "HEADEND_JSON")]
        json: bool,
    },
    /// Lists the presets of `transcode`, or shows one as a file to start from
    Presets {
        /// A name, or a file to check
        #[arg(value_name = "NAME|FILE")]
        preset: Option<String>,
        /// Print JSON
        #[arg(long, env = "HEADEND_JSON")]
        json: bool,
    },
    /// Looks into a source and says which tracks would be made of it
    Plan {
        /// A job file, JSON or YAML; flags win over it
        #[arg(value_name = "JOB")]
        file: Option<PathBuf>,
        #[command(flatten)]
        what: Box<WhatArgs>,
        /// Print JSON
        #[arg(long, env = "HEADEND_JSON")]
        json: bool,
    },
}

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    logging::start_plain(logging)?;
    match args.command {
        Command::List { json } => list(json)?,
        Command::Presets { preset, json } => presets::run(preset.as_deref(), json)?,
        Command::Plan { file, what, json } => {
            let job = what.job(file)?;
            let Prepared { planned, .. } = Prepared::of(job, &Toolbox::find()?)?;
            if json {
                let part = planned.part.map(|part| part.to_string());
                term::print_json(&json!({ "plan": planned.plan, "part": part }))?;
            } else {
                term::print(&plan_text(&planned))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn list(json: bool) -> anyhow::Result<()> {
    let listing = ladder::list();
    if json {
        return term::print_json(&listing);
    }
    let rows: Vec<[String; 6]> = listing.rungs.iter().map(rung_row).collect();
    let mut out = table::render(
        ["rung", "size", "fps", "bit rate", "maxrate", "bufsize"],
        [false, true, true, true, true, true],
        &rows,
    );
    out.push('\n');
    let width = listing.ladders.iter().map(|(name, _)| name.len()).max();
    for (name, rungs) in &listing.ladders {
        let names: Vec<&str> = rungs.iter().map(|rung| rung.name.as_str()).collect();
        let _ = writeln!(
            out,
            "  {name:<width$}  {}",
            names.join(", "),
            width = width.unwrap_or(0)
        );
    }
    Ok(term::print(&out)?)
}

fn rung_row(rung: &Rung) -> [String; 6] {
    [
        rung.name.clone(),
        rung.size.to_string(),
        rung.fps.to_string(),
        rung.bitrate.to_string(),
        rung.maxrate.to_string(),
        rung.bufsize.to_string(),
    ]
}

/// Writes a plan: a table of the tracks, what goes with all of them, and notes.
pub(super) fn plan_text(planned: &Planned) -> String {
    let plan = &planned.plan;
    let rows: Vec<[String; 6]> = plan
        .video
        .iter()
        .map(video_row)
        .chain(plan.audio.iter().map(audio_row))
        .collect();
    let mut out = table::render(
        ["track", "rung", "format", "bit rate", "codec", "made by"],
        [false, false, false, true, false, false],
        &rows,
    );
    let mut timing = Vec::new();
    if let Some(segment) = plan.segment {
        timing.push(format!("segments of {segment} s"));
    }
    if let Some(gop) = plan.gop {
        timing.push(format!("key frames each {gop} s"));
    }
    match planned.part {
        Some(part) => timing.push(format!("parts of up to {part}")),
        None => timing.push("no parts".to_owned()),
    }
    let _ = writeln!(out, "\n  {}", timing.join(", "));
    for note in &plan.notes {
        let _ = writeln!(out, "  note: {note}");
    }
    out
}

fn video_row(track: &VideoTrack) -> [String; 6] {
    let made = match &track.coding {
        Coding::Copy { codec } => format!("copy of {codec}"),
        Coding::H264(h264) => format!(
            "x264, key frame each {} frames, level {}",
            h264.gop, h264.level
        ),
    };
    [
        track.id.clone(),
        track.name.clone(),
        format!("{}, {} fps", track.size, track.rate),
        track.bandwidth.to_string(),
        track.codecs.clone().unwrap_or_default(),
        made,
    ]
}

fn audio_row(track: &AudioTrack) -> [String; 6] {
    let language = track.language.as_deref().unwrap_or("");
    let channels = match track.channels {
        1 => "mono".to_owned(),
        2 => "stereo".to_owned(),
        channels => format!("{channels} channels"),
    };
    let made = match &track.copy {
        Some(codec) => format!("copy of {codec}"),
        None => "aac".to_owned(),
    };
    [
        track.id.clone(),
        language.to_owned(),
        format!("{} Hz, {channels}", track.sampling_rate),
        track.bandwidth.to_string(),
        track.codecs.clone(),
        made,
    ]
}

#[cfg(test)]
mod tests {
    use broadcast::{job, probe::Summary};

    use super::*;

    /// Plans what a job makes of its inputs when nothing is looked into.
    fn planned(text: &str) -> Planned {
        let job = job::parse(text, "test").unwrap();
        let mut summary = Summary::default();
        for (index, (input, source)) in job.inputs().unwrap().iter().enumerate() {
            let of_input = input.assumed(source, index);
            summary.video = summary.video.or(of_input.video);
            summary.audio.extend(of_input.audio);
        }
        job.plan(&summary).unwrap()
    }

    #[test]
    fn plans_are_tables() {
        let several = "job: { inputs: testsrc, ladder: [1080p, 720p, 360p], audio: all }";
        insta::assert_snapshot!("plan", plan_text(&planned(several)));
        let sound = "job: { inputs: testsrc, ladder: audio, latency: standard }";
        insta::assert_snapshot!("plan-audio", plan_text(&planned(sound)));
    }
}
