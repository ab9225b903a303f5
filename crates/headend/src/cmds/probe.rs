//! `headend probe`: what is in an input, and what would be made of it.

use std::fmt::Write as _;

use broadcast::{
    job::{Job, Planned},
    ladder::Problem,
    probe::{self, AudioStream, Summary, VideoStream},
    units::Seconds,
};
use media::time::Round;
use serde_json::json;

use crate::{
    channels::{self, Toolbox, input_of},
    cmds::ladder,
    exit::Exit,
    logging, term,
};

/// Says what is in an input: container, streams, and the ladder that would be made of it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The input, such as `film.mp4`, `rtmp://host/app/key`, `udp://239.0.0.1:5000`
    input: String,
    /// Give up after this long
    #[arg(
        long,
        env = "HEADEND_TIMEOUT",
        value_name = "TIME",
        default_value = "10s"
    )]
    timeout: Seconds,
    /// Print JSON
    #[arg(long, env = "HEADEND_JSON")]
    json: bool,
}

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    logging::start_plain(logging)?;
    let (input, source) = input_of(&args.input)?;
    let tools = Toolbox::find()?;
    let title = source.title();
    let inputs = [(input, source)];
    let summary =
        probe::inspect(&tools.ffmpeg, &inputs, args.timeout.0).map_err(channels::Error::Probe)?;
    let verdict = Job::default().plan(&summary);
    if args.json {
        let (plan, problems) = match &verdict {
            Ok(planned) => (Some(&planned.plan), Vec::new()),
            Err(problems) => (None, problems.iter().map(ToString::to_string).collect()),
        };
        term::print_json(&json!({
            "input": title,
            "summary": summary,
            "skew_ms": summary.skew_ms(),
            "plan": plan,
            "problems": problems,
        }))?;
    } else {
        term::print(&text(&title, &summary, &verdict))?;
    }
    match verdict {
        Ok(_) => Ok(Exit::Done),
        Err(problems) => Err(channels::Error::Plan(problems).into()),
    }
}

fn text(title: &str, summary: &Summary, verdict: &Result<Planned, Vec<Problem>>) -> String {
    let mut out = format!("input      {title}\n");
    let _ = writeln!(out, "container  {}", summary.formats.join(", "));
    match &summary.video {
        Some(video) => {
            let _ = writeln!(out, "video      {}", video_text(video));
        }
        None => out.push_str("video      none\n"),
    }
    for (index, audio) in summary.audio.iter().enumerate() {
        let _ = writeln!(out, "audio {index:<4} {}", audio_text(audio));
    }
    if summary.audio.is_empty() {
        out.push_str("audio      none\n");
    }
    if let Some(skew) = summary.skew_ms() {
        let _ = writeln!(out, "skew       sound begins {skew} ms after the pictures");
    }
    if let Ok(planned) = verdict {
        let _ = write!(
            out,
            "\nThe usual ladder would be:\n\n{}",
            ladder::plan_text(planned)
        );
    }
    out
}

fn video_text(video: &VideoStream) -> String {
    let mut parts = vec![match &video.profile {
        Some(profile) => format!("{} {profile}", video.codec),
        None => video.codec.clone(),
    }];
    let shown = video.shown();
    parts.push(if shown == video.size {
        video.size.to_string()
    } else {
        format!("{} shown as {shown}", video.size)
    });
    parts.push(format!(
        "{} fps{}",
        video.rate,
        if video.rate_varies { " or so" } else { "" }
    ));
    parts.push(
        if video.interlaced {
            "interlaced"
        } else {
            "progressive"
        }
        .to_owned(),
    );
    if video.hdr {
        parts.push("high dynamic range".to_owned());
    }
    parts.push(
        if video.reordered {
            "B-frames"
        } else {
            "no B-frames"
        }
        .to_owned(),
    );
    if let Some(distance) = video.key_distance {
        parts.push(format!(
            "key frames up to {} ms apart",
            distance.ms(Round::Nearest)
        ));
    }
    if let Some(rate) = video.bit_rate {
        parts.push(format!("{rate}bit/s"));
    }
    if video.assumed {
        parts.push("assumed, not looked into".to_owned());
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn audio_text(audio: &AudioStream) -> String {
    let mut parts = vec![match &audio.profile {
        Some(profile) => format!("{} {profile}", audio.codec),
        None => audio.codec.clone(),
    }];
    parts.push(format!("{} Hz", audio.sampling_rate));
    parts.push(match &audio.layout {
        Some(layout) => layout.clone(),
        None => format!("{} channels", audio.channels),
    });
    parts.extend(audio.language.clone());
    if let Some(rate) = audio.bit_rate {
        parts.push(format!("{rate}bit/s"));
    }
    parts.extend(audio.title.clone());
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}
