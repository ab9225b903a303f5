//! Channels with the real ffmpeg: small pictures, far deadlines.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use media::{
    presentation::{Liveness, Presentation},
    template::Key,
};
use process::{
    Ffmpeg, Spawner,
    supervise::{Outcome, State},
};

use super::{Channel, Channels, Deps, Handle, StartError, testing};
use crate::{events::What, input::Facilities, job::Job};

/// Far more than anything here takes, for loaded machines.
const DEADLINE: Duration = Duration::from_mins(2);

#[expect(
    clippy::disallowed_methods,
    reason = "these tests are on the wall clock"
)]
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Finds ffmpeg, or says loudly that the test is skipped.
fn deps(folder: Option<&Path>) -> Option<Deps> {
    let ffmpeg = Ffmpeg::locate(Spawner::direct().unwrap())
        .inspect_err(|error| println!("SKIPPED: {error}"))
        .ok()?;
    Some(Deps {
        ffmpeg,
        facilities: Facilities::default(),
        processors: 2,
        clock: Arc::new(now_ms),
        folder: folder.map(Path::to_owned),
        utc_timing: Vec::new(),
        seed: u64::try_from(now_ms()).unwrap(),
    })
}

/// Two rungs and sound.
fn small(runtime: &str) -> Job {
    testing::job_of(&format!(
        "job:\n  name: small\n  inputs: {{testsrc: {{size: 320x180, rate: 25, clock: false}}}}\n  \
         ladder:\n    - {{name: big, height: 180, bitrate: 200k}}\n    \
         - {{name: little, height: 90, bitrate: 80k}}\n\
         runtime:\n  restart: {{delay: 200ms}}\n  {runtime}\n"
    ))
}

async fn until(what: &str, channel: &Handle, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        let status = serde_json::to_string_pretty(&channel.status()).unwrap();
        assert!(start.elapsed() < DEADLINE, "{what}: {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_state(channel: &Handle, state: State) {
    until(state.as_str(), channel, || {
        channel.status().job.state == state
    })
    .await;
}

async fn over(channel: &Handle) -> Outcome {
    tokio::time::timeout(DEADLINE, channel.over())
        .await
        .unwrap()
}

fn presentation(channel: &Handle) -> Option<Presentation> {
    channel.supplier()?.presentation(0, now_ms()).ok()
}

/// Returns the number behind the last listed segment of the first track.
fn edge(channel: &Handle) -> u64 {
    let supplier = channel.supplier();
    supplier.map_or(0, |it| {
        it.edge(0, 0, now_ms()).map_or(0, |edge| edge.segment)
    })
}

/// Lists the processes that write to the pipes of a channel.
fn encoders(channel: &Handle) -> Vec<u32> {
    let pipes = channel.shared.pipes.to_string_lossy().into_owned();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&command).contains(&pipes)
        })
        .collect()
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_outlives_its_encoder() {
    let Some(deps) = deps(None) else { return };
    let channel = Channel::start(small(""), deps).unwrap();
    let mut events = channel.events();
    until_state(&channel, State::Running).await;
    until("three segments", &channel, || edge(&channel) >= 3).await;
    let supplier = channel.supplier().unwrap();
    let first = supplier.segment(0, 0, Key::Number(1), now_ms()).unwrap();

    let before = edge(&channel);
    let running = encoders(&channel);
    assert_eq!(running.len(), 1);
    kill(running[0]);
    until("a second run", &channel, || channel.status().job.run == 2).await;
    until_state(&channel, State::Running).await;
    until("new segments", &channel, || edge(&channel) > before + 2).await;

    let shown = presentation(&channel).unwrap();
    assert_eq!(shown.periods.len(), 2, "one discontinuity");
    for track in 0..3 {
        let timelines = shown.periods.iter().map(|it| &it.timelines[track]);
        let numbers: Vec<u64> = timelines
            .flat_map(|it| it.segments().map(|s| s.0))
            .collect();
        assert!(
            numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
            "{numbers:?}"
        );
    }
    let again = supplier.segment(0, 0, Key::Number(1), now_ms()).unwrap();
    assert_eq!(first.slices.concat(), again.slices.concat());
    let status = channel.status();
    assert_eq!(status.job.tracks.len(), 3);
    assert_eq!(status.window.unwrap().discontinuities, 1);
    assert!(status.part_late.count > 0);
    assert!(!crate::metrics::snapshot(&status).is_empty());

    channel.stop();
    assert_eq!(over(&channel).await, Outcome::Stopped);
    assert!(encoders(&channel).is_empty());
    assert!(fs::metadata(&channel.shared.pipes).is_err());
    let shown = presentation(&channel).unwrap();
    assert!(matches!(shown.liveness, Liveness::Static { .. }));

    drop(supplier);
    let mut told = Vec::new();
    drop(channel);
    while let Some((event, lost)) = events.next().await {
        assert_eq!(lost, 0);
        if let What::Verified { faults } = &event.what {
            assert!(faults.is_empty(), "{faults:?}");
        }
        told.push(event.what.name());
    }
    for name in [
        "started",
        "connected",
        "first-part",
        "verified",
        "exited",
        "restarting",
        "discontinuity",
        "ended",
    ] {
        assert!(told.contains(&name), "{name} in {told:?}");
    }
    assert_eq!(told.iter().filter(|it| **it == "discontinuity").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let Some(deps) = deps(Some(folder.path())) else {
        return;
    };
    let channels = Channels::new();
    let channel = channels.start(small(""), deps.clone()).unwrap();
    let twice = channels.start(small(""), deps.clone());
    assert!(matches!(twice, Err(StartError::Twice(_))));
    until("segments", &channel, || edge(&channel) >= 2).await;
    tokio::time::timeout(DEADLINE, channels.shut_down())
        .await
        .unwrap();
    let (epoch, before) = (channel.status().epoch_ms, edge(&channel));
    drop(channel);

    let channel = channels.start(small(""), deps).unwrap();
    until("new segments", &channel, || edge(&channel) >= before + 2).await;
    assert_eq!(channel.status().epoch_ms, epoch);
    let shown = presentation(&channel).unwrap();
    assert_eq!(shown.periods.len(), 2, "one discontinuity");
    let supplier = channel.supplier().unwrap();
    assert!(supplier.segment(0, 0, Key::Number(1), now_ms()).is_ok());
    assert!(channel.status().window.unwrap().on_disk > 0);
    tokio::time::timeout(DEADLINE, channels.shut_down())
        .await
        .unwrap();
    assert!(encoders(&channel).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_has_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let Some(deps) = deps(None) else { return };
    let file = made(&deps.ffmpeg, folder.path());
    let job = testing::job_of(&format!(
        "job:\n  name: file\n  inputs: {{file: {{path: {}, loop: false}}}}\n  \
         ladder: [{{name: one, height: 90, bitrate: 100k}}]\n",
        file.display()
    ));
    let channel = Channel::start(job, deps).unwrap();
    assert_eq!(over(&channel).await, Outcome::Finished);
    let shown = presentation(&channel).unwrap();
    assert!(matches!(shown.liveness, Liveness::Static { .. }));
    // Four seconds in segments of two.
    let timeline = &shown.periods[0].timelines[0];
    assert_eq!(timeline.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_a_source_and_ends_with_its_channel() {
    let Some(deps) = deps(None) else { return };
    let program = deps.ffmpeg.program().display().to_string();
    let job = testing::job_of(&format!(
        "job:\n  name: command\n  inputs:\n    command:\n      argv: [{program}, -nostdin, -loglevel, \
         error, -re, -f, lavfi, -i, 'testsrc2=s=320x180:r=25', -f, lavfi, -i, 'sine=r=48000', \
         '-c:v', libx264, -preset, ultrafast, -g, '25', '-c:a', aac, -f, mpegts, 'pipe:1']\n    \
         expect: {{size: 320x180, rate: 25, audio: 1}}\n  \
         ladder: [{{name: one, height: 90, bitrate: 100k}}]\n"
    ));
    let channel = Channel::start(job, deps).unwrap();
    until_state(&channel, State::Running).await;
    until("a segment", &channel, || edge(&channel) >= 1).await;
    let marked = channel.status().job.commands;
    assert_eq!(marked.len(), 2, "{marked:?}");
    channel.stop();
    assert_eq!(over(&channel).await, Outcome::Stopped);
    assert!(encoders(&channel).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_has_its_exit_code() {
    let Some(deps) = deps(None) else { return };
    for (input, code, says) in [
        ("/nowhere/a.mp4", 4, "No such file"),
        ("'http://127.0.0.1:9/live.m3u8'", 4, "refused"),
    ] {
        let job = testing::job_of(&format!(
            "job: {{name: dead, inputs: {input}}}\nruntime: {{restart: {{policy: never}}}}"
        ));
        let channel = Channel::start(job, deps.clone()).unwrap();
        let outcome = over(&channel).await;
        assert_eq!(outcome.exit_code(), code, "{outcome}");
        assert!(outcome.to_string().contains(says), "{outcome}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_channel_leaves_nothing() {
    let Some(deps) = deps(None) else { return };
    let channel = Channel::start(small(""), deps).unwrap();
    until_state(&channel, State::Running).await;
    let pids = encoders(&channel);
    let pipes = channel.shared.pipes.clone();
    assert_eq!(pids.len(), 1);
    drop(channel);
    let start = Instant::now();
    while fs::metadata(format!("/proc/{}", pids[0])).is_ok() || fs::metadata(&pipes).is_ok() {
        assert!(start.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes a file of four seconds.
fn made(ffmpeg: &Ffmpeg, folder: &Path) -> PathBuf {
    let path = folder.join("made.mkv");
    let arguments = "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -f lavfi -i sine=d=4:r=48000 -c:v \
                     libx264 -preset ultrafast -g 25 -c:a aac";
    let arguments = arguments.split_whitespace().map(str::to_owned);
    let arguments = arguments.chain([path.display().to_string()]);
    ffmpeg
        .convert(arguments, |_| std::ops::ControlFlow::Continue(()))
        .unwrap();
    path
}
