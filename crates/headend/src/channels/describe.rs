//! A channel of `broadcast` as the rest of the program sees it.

use broadcast::{
    channel::{Handle, Status},
    ladder::{AudioTrack, VideoTrack},
};
use media::{
    presentation::{Liveness, Presentation},
    supply::Edge,
    time::{Round, Time},
};
use process::supervise::{self, State, Wish};

use crate::report::channel::{ChannelReport, Encoder, Timing, TrackReport, Usage};

/// Describes a channel at an instant, Unix ms.
pub(crate) fn describe(channel: &Handle, now_ms: i64) -> ChannelReport {
    let status = channel.status();
    let shown = channel
        .supplier()
        .and_then(|supplier| supplier.presentation(0, now_ms).ok());
    let tracks = tracks(&status, shown.as_ref());
    let timing = timing(channel, &status, shown.as_ref());
    let job = status.job;
    let reason = reason(&job);
    let progress = job.progress.unwrap_or_default();
    let wish = match job.wish {
        Wish::Run => "run",
        Wish::Rest => "rest",
    };
    ChannelReport {
        ways: ChannelReport::ways_of(&status.name),
        name: status.name,
        state: job.state.as_str().to_owned(),
        state_ms: job.state_ms,
        wish: wish.to_owned(),
        reason,
        alarms: status.alarms,
        inputs: status.inputs,
        run: job.run,
        restarts: job.restarts,
        next_start_ms: job.next_start_ms,
        timing,
        encoder: Encoder {
            fps_permille: progress.fps_permille,
            speed_permille: job.speed_permille,
            frames: progress.frame,
            dropped: progress.dropped,
            duplicated: progress.duplicated,
        },
        usage: job.usage.map(usage),
        tracks,
        commands: job.commands,
        log: job.log,
    }
}

/// Returns why a channel is not as it should be; nothing of what is over and done with.
fn reason(job: &supervise::Status) -> Option<String> {
    let reason = job.reason.as_ref()?;
    let matters = match job.state {
        State::Backoff | State::Failed | State::Stopped | State::Stopping => true,
        State::Degraded
        | State::Running
        | State::Idle
        | State::Probing
        | State::Starting
        | State::Connecting => false,
    };
    matters.then(|| reason.text.clone())
}

fn usage(usage: supervise::Usage) -> Usage {
    Usage {
        cpu_ms: usage.cpu_ms,
        cpu_percent: usage.cpu_percent,
        memory: usage.memory,
        read_bytes: usage.read_bytes,
        write_bytes: usage.write_bytes,
        processes: usage.processes,
    }
}

fn timing(channel: &Handle, status: &Status, shown: Option<&Presentation>) -> Timing {
    let what = &channel.job().what;
    let ms = |time: Time| u64::try_from(time.ms(Round::Nearest)).unwrap_or(0);
    let planned = status.plan.as_ref().and_then(|plan| plan.segment);
    let segment_ms = ms(planned.unwrap_or_else(|| what.timing().segment.time()));
    let target = match shown.map(|shown| &shown.liveness) {
        Some(Liveness::Live(live)) => live.low_latency.and_then(|low| low.latency_target),
        Some(Liveness::Static { .. }) | None => None,
    };
    let part = status
        .part_ms
        .or_else(|| Some(ms(what.timing().part?.time())));
    // Three parts (RFC 8216bis, B.1), or else three segments (6.3.3).
    let usual = 3 * part.unwrap_or(segment_ms);
    Timing {
        segment_ms,
        part_ms: part.unwrap_or(0),
        hold_back_ms: target.map_or(usual, ms),
        window_ms: ms(what.dvr.time()),
    }
}

fn tracks(status: &Status, shown: Option<&Presentation>) -> Vec<TrackReport> {
    let Some(plan) = &status.plan else {
        return Vec::new();
    };
    let video = plan.video.iter().map(video);
    let mut tracks: Vec<TrackReport> = video.chain(plan.audio.iter().map(audio)).collect();
    for track in &mut tracks {
        let watched = status.job.tracks.iter().find(|it| it.name == track.id);
        track.lag_ms = watched.and_then(|it| it.lag_ms);
        if let Some(media) = status.media.iter().find(|it| it.id == track.id) {
            track.packaged = media.packaged;
            track.gaps = media.gaps;
        }
        for period in shown.iter().flat_map(|shown| &shown.periods) {
            let found = period
                .shape
                .tracks()
                .zip(&period.timelines)
                .find(|((_, it), _)| it.id == track.id);
            let Some(((_, made), timeline)) = found else {
                continue;
            };
            let edge = Edge::of(timeline);
            track.codecs.clone_from(&made.codecs);
            track.segment = edge.segment;
            track.parts = edge.parts;
            track.segments += timeline.len();
        }
    }
    tracks
}

fn video(track: &VideoTrack) -> TrackReport {
    TrackReport {
        id: track.id.clone(),
        kind: "video".to_owned(),
        format: format!("{}, {} fps", track.size, track.rate),
        codecs: track.codecs.clone().unwrap_or_default(),
        bandwidth: track.bandwidth.0,
        ..TrackReport::default()
    }
}

fn audio(track: &AudioTrack) -> TrackReport {
    let channels = match track.channels {
        1 => "mono".to_owned(),
        2 => "stereo".to_owned(),
        channels => format!("{channels} channels"),
    };
    TrackReport {
        id: track.id.clone(),
        kind: "audio".to_owned(),
        format: format!("{} Hz, {channels}", track.sampling_rate),
        codecs: track.codecs.clone(),
        bandwidth: track.bandwidth.0,
        ..TrackReport::default()
    }
}
