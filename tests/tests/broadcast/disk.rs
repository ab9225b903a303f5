//! A disk that is full, for real: a small file system of its own in a mount namespace. The live edge goes
//! on in memory, an alarm says why nothing is kept, and it ends when there is room again.
//!
//! Where neither root nor user namespaces are at hand, the tests say that they do nothing.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use harness::launch::{self, Guard, Launch, Server};
use rustix::process::Signal;
use serde_json::Value;

use crate::channel::{self, Channel, Events};

/// How a mount namespace is made: as root, or else as root of a user namespace.
fn namespace() -> Vec<&'static str> {
    if launch::is_root() {
        vec!["unshare", "--mount"]
    } else {
        vec!["unshare", "--user", "--map-root-user", "--mount"]
    }
}

/// Tells whether a file system can be mounted at all.
fn can_mount() -> bool {
    let words = namespace();
    let folder = tempfile::tempdir().expect("temporary folder");
    let mount = format!("mount -t tmpfs none '{}'", folder.path().display());
    let mut command = launch::command(words[0]);
    command.args(&words[1..]).args(["sh", "-c", &mount]);
    let can = launch::run(&mut command).status.success();
    if !can {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no file system can be mounted here"
        );
    }
    can
}

/// A file system that only the server sees, at a folder.
struct Disk(PathBuf);

/// Somebody else who sees the disk of a server, and keeps it there behind its end.
struct Witness {
    guard: Guard,
    folder: PathBuf,
}

impl Witness {
    /// Returns a path below the disk as seen from outside.
    fn path(&self, path: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.guard.pid());
        let folder = self.folder.strip_prefix("/").expect("absolute");
        Path::new(&root).join(folder).join(path)
    }
}

impl Disk {
    /// Begins one in a folder.
    fn at(folder: PathBuf) -> Self {
        fs::create_dir_all(&folder).expect("folder");
        Self(folder)
    }

    /// Lets a command have it, of a size in MiB, filled as far as `fill` MiB.
    fn given(&self, launch: Launch, size: u32, fill: u32) -> Launch {
        let folder = self.0.display();
        let script = format!(
            "mount -t tmpfs -o size={size}m none '{folder}' \
             && head -c {fill}M /dev/zero > '{folder}/filler' && exec \"$0\" \"$@\""
        );
        let words = namespace().into_iter().chain(["sh", "-c", &script]);
        launch.below(words)
    }

    /// Begins a command where the server sees the disk.
    fn command(server: &Server) -> Command {
        let target = server.guard.pid().to_string();
        let mut command = launch::command("nsenter");
        command.args(["--target", &target, "--mount"]);
        if !launch::is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command
    }

    /// Calls a witness.
    fn witness(&self, server: &Server) -> Witness {
        let witness = Witness {
            guard: Guard::spawn(Self::command(server).args(["sleep", "1000"])),
            folder: self.0.clone(),
        };
        let filler = witness.path("filler");
        launch::wait_for("the witness to see the disk", || {
            fs::metadata(&filler).is_ok().then_some(())
        });
        witness
    }

    /// Runs a command where the server sees the disk.
    fn within(&self, server: &Server, words: &[&str]) {
        let mut command = Self::command(server);
        let output = launch::run(command.args(words).arg(&self.0));
        assert!(output.status.success(), "{words:?}: {output:?}");
    }

    /// Gives it another size in MiB; nothing of it takes memory before it is written.
    fn resize(&self, server: &Server, size: u32) {
        // Named in full: options that are taken over from the mount are refused in a user namespace.
        let options = format!("remount,size={size}m");
        self.within(server, &["mount", "-t", "tmpfs", "-o", &options, "none"]);
    }
}

fn alarms(report: &Value) -> Vec<&str> {
    let alarms = report["alarms"].as_array().expect("alarms");
    alarms.iter().filter_map(Value::as_str).collect()
}

fn stop(channel: &Channel, mut server: Server) {
    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    channel.expect_nothing_left();
}

/// Nearly full from the start: nothing but the small state is written.
#[test]
fn a_disk_that_is_nearly_full_is_left_alone_until_there_is_room() {
    if !can_mount() {
        return;
    }
    let channel = Channel::new();
    let disk = Disk::at(channel.path("state"));
    let launch = disk.given(channel.launch(), 20, 1);
    let server = launch.start_unready();
    channel::wait_for_segments(&server, 3);
    let report = channel::wait_for_report(&server, "an alarm", |it| !alarms(it).is_empty());
    assert!(alarms(&report)[0].contains("MiB left"), "{report:#}");
    assert_eq!(report["state"], "running", "{report:#}");
    assert!(channel::metric(&server, "headend_channel_alarms") >= 1.0);
    assert!(channel::metric(&server, "headend_disk_free_bytes") < 20_000_000.0);
    let witness = disk.witness(&server);
    let kept = || {
        let folder = witness.path("live/window");
        let tracks = fs::read_dir(folder).into_iter().flatten().flatten();
        let is_track = |name: &str| name.starts_with("t-v");
        let tracks = tracks.filter(|it| is_track(&it.file_name().to_string_lossy()));
        let files = tracks.flat_map(|track| fs::read_dir(track.path()).into_iter().flatten());
        let names = files.flatten().map(|file| file.file_name());
        names
            .filter(|it| it.to_string_lossy().ends_with(".m4s"))
            .count()
    };
    let before = kept();
    channel::wait_for_more(&server, 3);
    assert_eq!(kept(), before, "segments are written to a full disk");
    assert_eq!(channel::playlist(&server).gaps, 0);

    let events = Events::of(&server);
    disk.resize(&server, 1024);
    events.wait("disk-recovered");
    channel::wait_for_report(&server, "the end of the alarm", |it| alarms(it).is_empty());
    launch::wait_for("segments on the disk", || (kept() > before).then_some(()));
    stop(&channel, server);
}

/// Full to the last byte between two looks: writing itself fails.
#[test]
fn a_disk_that_runs_full_costs_the_live_edge_nothing() {
    if !can_mount() {
        return;
    }
    let channel = Channel::new();
    let disk = Disk::at(channel.path("state"));
    let launch = disk.given(channel.launch(), 1024, 1);
    let server = launch.start_unready();
    channel::wait_for_segments(&server, 2);
    let events = Events::of(&server);
    // No room for anything that is not there yet.
    disk.within(&server, &["sh", "-c", FILL]);
    let failing = events.wait("write-failing");
    assert!(
        failing["text"]
            .to_string()
            .contains("No space left on device"),
        "{failing}"
    );
    let report = channel::wait_for_report(&server, "an alarm", |it| {
        alarms(it).iter().any(|text| text.contains("No space left"))
    });
    assert_eq!(report["state"], "running", "{report:#}");
    channel::wait_for_more(&server, 4);
    let before = channel::playlist(&server);
    assert_eq!(before.gaps, 0, "{before:?}");
    // Not even an encoder that dies now takes the channel along.
    let restarts = &report["restarts"];
    for pid in channel::encoders(&server) {
        let pid = rustix::process::Pid::from_raw(pid).expect("an id");
        rustix::process::kill_process(pid, Signal::KILL).expect("ffmpeg lives");
    }
    channel::wait_for_report(&server, "another run", |it| {
        it["restarts"] != *restarts && it["state"] == "running"
    });
    channel::wait_for_more(&server, 2);
    for segment in &before.listed.segments {
        segment.get().expect(200);
    }

    disk.resize(&server, 1024);
    events.wait("write-recovered");
    channel::wait_for_report(&server, "the end of the alarms", |it| alarms(it).is_empty());
    stop(&channel, server);
}

/// Shrinks the disk that is its argument to little more than what is on it.
const FILL: &str = "used=$(df -k --output=used \"$0\" | tail -1)
mount -t tmpfs -o remount,size=$((used + 64))k none \"$0\"";

/// The recording waits for room and misses nothing; the channel does not notice.
#[test]
fn a_recording_waits_for_its_disk() {
    if !can_mount() {
        return;
    }
    let channel = Channel::bare();
    let folder = channel.path("recordings");
    let disk = Disk::at(folder.clone());
    let file = channel.path("job.yaml");
    let text = format!(
        "job: {{inputs: '{}', ladder: 144p, segment: 1s, record: {{name: show, folder: '{}'}}}}\n",
        channel::INPUT,
        folder.display()
    );
    fs::write(&file, text).expect("job");
    let channel = channel.with(&[file.to_str().expect("path")]);
    let launch = disk.given(channel.launch(), 1024, 1);
    let mut server = launch.start_unready();
    channel::wait_for_segments(&server, 3);
    let events = Events::of(&server);
    disk.within(&server, &["sh", "-c", FILL]);
    let failing = events.wait("write-failing");
    assert!(
        failing["path"].to_string().contains("recordings"),
        "{failing}"
    );
    channel::wait_for_more(&server, 4);
    let report = channel::report(&server);
    assert_eq!(alarms(&report).len(), 1, "{report:#}");
    disk.resize(&server, 1024);
    events.wait("write-recovered");
    channel::wait_for_report(&server, "the end of the alarm", |it| alarms(it).is_empty());
    channel::wait_for_more(&server, 2);

    let witness = disk.witness(&server);
    let made = channel::playlist(&server).listed.segments.len();
    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    let manifest = fs::read_to_string(witness.path("show/manifest.mpd")).expect("an asset");
    assert!(manifest.contains("type=\"static\""), "{manifest}");
    let pictures = fs::read_dir(witness.path("show/v144")).expect("pictures");
    let names = pictures.flatten().map(|file| file.file_name());
    let recorded = names.filter(|name| name.to_string_lossy().ends_with(".m4s"));
    let recorded = recorded.count();
    assert!(recorded >= made, "{recorded} of {made}: {manifest}");
    channel.expect_nothing_left();
}
