//! What `headend broadcast` shows while its channel runs: one line that is drawn over on a terminal,
//! a line now and then elsewhere.

use std::time::Duration;

use broadcast::{channel::Handle, job::RestartPolicy};
use indicatif::{ProgressBar, ProgressStyle};
use process::supervise::{Class, Outcome, State};
use serve::Shutdown;
use tokio::time;

use super::describe;
use crate::{clock::Clock, report::channel::ChannelReport, term, text};

/// How often the line is drawn over on a terminal.
const DRAW: Duration = Duration::from_secs(1);

/// How often a line is written elsewhere.
const WRITE: Duration = Duration::from_secs(10);

/// Between two looks at a channel that begins.
const LOOK: Duration = Duration::from_millis(50);

/// One for each second.
const SPINNER: [char; 4] = ['|', '/', '-', '\\'];

/// Shows how the channel is until `shutdown`.
pub(crate) async fn show(channel: Handle, clock: Clock, shutdown: Shutdown) -> anyhow::Result<()> {
    let drawn = term::add_bar(|| {
        let style = ProgressStyle::with_template("{wide_msg}").expect("a constant template");
        ProgressBar::new_spinner().with_style(style)
    });
    let every = if drawn.is_some() { DRAW } else { WRITE };
    let mut turns = SPINNER.iter().cycle();
    while time::timeout(every, shutdown.wait()).await.is_err() {
        let line = line(&describe(&channel, clock.now_ms()));
        match drawn.as_ref().zip(turns.next()) {
            Some((drawn, turn)) => drawn.set_message(format!("{turn} {line}")),
            None => term::say(&line),
        }
    }
    if let Some(drawn) = drawn {
        drawn.finish_and_clear();
    }
    Ok(())
}

/// Waits until a channel is over, or its source turns out not to be readable at all: whoever started
/// it by hand wants to be told that at once. Once it has flowed, it is started again as its job says.
pub(crate) async fn over(channel: &Handle) -> Outcome {
    let unreadable = async {
        if channel.job().runtime.restart.policy == RestartPolicy::Always {
            return std::future::pending().await;
        }
        loop {
            let job = channel.status().job;
            match (job.state, job.reason) {
                (State::Backoff, Some(reason)) if reason.class == Class::Input => {
                    return Outcome::Failed(reason);
                }
                (State::Running | State::Degraded | State::Backoff, _) => {
                    return std::future::pending().await;
                }
                _ => time::sleep(LOOK).await,
            }
        }
    };
    tokio::select! {
        outcome = channel.over() => outcome,
        outcome = unreadable => outcome,
    }
}

/// Writes how a channel is as one line.
fn line(channel: &ChannelReport) -> String {
    let mut parts = vec![format!("{}: {}", channel.name, channel.state_text())];
    if let Some(fps) = channel.encoder.fps_permille {
        parts.push(format!("{} fps", (fps + 500) / 1000));
    }
    parts.extend(channel.speed_text());
    if let Some(track) = channel.tracks.first() {
        parts.push(format!("segment {}", track.edge_text()));
    }
    if let Some(usage) = &channel.usage {
        if let Some(percent) = usage.cpu_percent {
            parts.push(format!("CPU {percent} %"));
        }
        parts.push(text::bytes(usage.memory));
    }
    if channel.restarts > 0 {
        parts.push(format!("{} restarts", channel.restarts));
    }
    parts.extend(channel.reason.clone());
    parts.extend(channel.alarms.iter().cloned());
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::channel::{Encoder, TrackReport, Usage};

    #[test]
    fn the_line_says_what_matters() {
        let channel = ChannelReport {
            name: "main".to_owned(),
            state: "running".to_owned(),
            state_ms: 75_000,
            restarts: 2,
            encoder: Encoder {
                fps_permille: Some(29_970),
                speed_permille: Some(1000),
                ..Encoder::default()
            },
            usage: Some(Usage {
                cpu_percent: Some(41),
                memory: 100 << 20,
                ..Usage::default()
            }),
            tracks: vec![TrackReport {
                segment: 7,
                parts: 3,
                ..TrackReport::default()
            }],
            ..ChannelReport::default()
        };
        assert_eq!(
            line(&channel),
            "main: running 1:15, 30 fps, 1.00×, segment 7.3, CPU 41 %, 100M, 2 restarts"
        );
        let waiting = ChannelReport {
            name: "main".to_owned(),
            state: "backoff".to_owned(),
            next_start_ms: Some(4000),
            reason: Some("ffmpeg exited with code 1".to_owned()),
            ..ChannelReport::default()
        };
        assert_eq!(
            line(&waiting),
            "main: backoff, next start in 4.00 s, ffmpeg exited with code 1"
        );
    }
}
