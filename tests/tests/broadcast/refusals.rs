//! What goes wrong has its number, its reason as the last line, and leaves nothing running.

use std::{
    fs,
    net::{TcpListener, UdpSocket},
};

use harness::launch;
use rustix::process::{Pid, Signal};

use crate::channel::{self, Channel, Ended};

/// Checks the number, and that the last line has the reason.
fn expect(ended: &Ended, code: i32, reasons: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for reason in reasons {
        assert!(ended.reason().contains(reason), "{reason}: {ended:?}");
    }
}

/// Makes a file with ffmpeg in the folder of a channel.
fn sample(channel: &Channel, arguments: &str) {
    harness::clips::ffmpeg(channel.folder(), arguments);
}

#[test]
fn a_dead_host_is_4() {
    let port = launch::free_port();
    let uri = format!("rtmp://127.0.0.1:{port}/live/key");
    let ended = Channel::of(&uri).run();
    expect(&ended, 4, &["Connection refused", &port.to_string()]);
}

#[test]
fn silent_udp_is_4() {
    // Nobody sends to it, and nobody else listens.
    let port = launch::free_port();
    let uri = format!("udp://127.0.0.1:{port}");
    let ended = Channel::of(&uri).run();
    expect(&ended, 4, &[&port.to_string()]);
}

#[test]
fn a_source_without_pictures_is_4() {
    let channel = Channel::bare();
    sample(&channel, "-f lavfi -i sine=duration=2 sound.wav");
    let sound = channel.path("sound.wav");
    let channel = channel.with(&["--input", sound.to_str().expect("path")]);
    expect(&channel.run(), 4, &["no video"]);
}

#[test]
fn what_is_no_media_is_4() {
    let channel = Channel::bare();
    let text = channel.path("letter.txt");
    fs::write(&text, "Dear sir or madam,\n").expect("file");
    let channel = channel.with(&["--input", text.to_str().expect("path")]);
    expect(&channel.run(), 4, &["letter.txt"]);
}

#[test]
fn a_file_that_is_not_there_is_4() {
    let channel = Channel::of("/nowhere/film.mp4");
    expect(&channel.run(), 4, &["/nowhere/film.mp4"]);
}

/// R32: all at once, each with its place.
#[test]
fn five_errors_in_one_job_are_five_lines_and_2() {
    let channel = Channel::bare();
    let file = channel.path("job.yaml");
    let text = "job:\n  inputs: testsrc\n  ladder: 900p\n  segment: soon\n  profil: efficient\n\
                runtime:\n  restart: {policy: sometimes}\n  resources: {nice: 99}\n";
    fs::write(&file, text).expect("job");
    let channel = channel.with(&[file.to_str().expect("path")]);
    let ended = channel.run();
    expect(&ended, 2, &["/runtime/"]);
    for place in [
        "/job/ladder",
        "/job/segment",
        "/job/profil",
        "/runtime/restart/policy",
        "/runtime/resources/nice",
    ] {
        let lines = ended.stderr.lines().filter(|line| line.contains(place));
        assert_eq!(lines.count(), 1, "{place}: {ended:?}");
    }
    assert!(
        ended.stderr.contains("`profile`"),
        "the nearest name: {ended:?}"
    );
    assert!(ended.stdout.is_empty(), "{ended:?}");
}

#[test]
fn a_taken_port_of_an_input_is_2_with_its_place() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let port = taken.local_addr().expect("address").port();
    let uri = format!("srt://127.0.0.1:{port}?mode=listener");
    let ended = Channel::of(&uri).run();
    expect(&ended, 2, &["/job/inputs/0", &port.to_string(), "in use"]);
}

#[test]
fn a_taken_address_of_the_server_is_1_and_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = taken.local_addr().expect("address").to_string();
    let ended = Channel::new().listen(&address).run();
    expect(&ended, 1, &[]);
    assert!(ended.stderr.contains(&address), "{ended:?}");
    assert!(ended.reason().contains("in use"), "{ended:?}");
}

#[test]
fn a_missing_ffmpeg_is_3() {
    let channel = Channel::new();
    let output = channel.launch().env("PATH", "/nowhere").run();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains("ffmpeg"), "{said}");
}

/// Starts a channel, kills its encoder until it ends, and says how it did.
fn killed(channel: &Channel) -> (Option<i32>, String) {
    let mut server = channel.start();
    let status = launch::wait_for("the end of the channel", || {
        for pid in channel::encoders(&server) {
            let pid = Pid::from_raw(pid).expect("an id");
            // It may be gone already.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        server.guard.ended()
    });
    channel.expect_nothing_left();
    let said = server.said();
    (
        status.code(),
        said.lines().last().unwrap_or_default().to_owned(),
    )
}

/// R13, R15: the first failure ends it.
#[test]
fn a_killed_encoder_is_1_when_it_is_not_to_be_started_again() {
    let (code, reason) = killed(&Channel::new().with(&["--restart", "never"]));
    assert_eq!(code, Some(1), "{reason}");
    assert!(reason.contains("signal 9"), "{reason}");
}

/// R13: the limit.
#[test]
fn giving_up_is_6() {
    let channel = Channel::bare();
    let file = channel.path("job.yaml");
    let text = format!(
        "job: {{inputs: '{}', ladder: 144p, segment: 1s}}\n\
         runtime: {{restart: {{delay: 200ms, max_restarts: 2}}}}\n",
        channel::INPUT
    );
    fs::write(&file, text).expect("job");
    let (code, reason) = killed(&channel.with(&[file.to_str().expect("path")]));
    assert_eq!(code, Some(6), "{reason}");
    assert!(reason.contains("signal 9"), "{reason}");
}
