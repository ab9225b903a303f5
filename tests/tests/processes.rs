//! How the server ends, asked or not: running answers are finished, and no child outlives it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    time::Duration,
};

use harness::{
    clips::{self, Clip},
    http,
    launch::{self, Server},
};
use rustix::process::Signal;

/// More than the kernel holds for a connection whose client does not read.
const BIG: usize = 64 << 20;

/// Serves a segment with much free space at its end.
fn serve_big(root: &std::path::Path) -> (Server, String, u64) {
    let folder = root.join("big");
    clips::copy(&Clip::DashNumber.path(), &folder);
    let name = "chunk-stream0-00002.m4s";
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(folder.join(name))
        .expect("segment");
    file.write_all(&(BIG as u32 + 8).to_be_bytes())
        .expect("size of the box");
    file.write_all(b"free").expect("type of the box");
    file.write_all(&vec![0; BIG]).expect("free space");
    let length = file.metadata().expect("length").len();
    drop(file);
    let server = launch::simulate(root);
    let url = server.url(&format!("/vod/big/{name}"));
    (server, url, length)
}

#[test]
fn a_running_answer_ends_before_the_server_does() {
    for signal in [Signal::TERM, Signal::INT] {
        let root = tempfile::tempdir().expect("temporary folder");
        let (mut server, url, length) = serve_big(root.path());
        let mut slow = http::get(&url).open().expect("connection");
        let (status, _) = http::read_head(&mut slow).expect("head");
        assert_eq!(status, 200);
        server.guard.signal(signal);
        launch::wait_for("the listener to close", || {
            http::get(&server.url("/healthz"))
                .try_send()
                .is_err()
                .then_some(())
        });
        assert_eq!(server.guard.ended(), None, "the answer still runs");
        let mut body = Vec::new();
        slow.read_to_end(&mut body).expect("the rest of the answer");
        assert_eq!(body.len() as u64, length, "the whole answer came");
        let status = server.guard.wait();
        assert_eq!(status.code(), Some(0), "{}", server.said());
    }
}

#[test]
fn a_client_that_never_reads_does_not_hold_the_server_for_ever() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (mut server, url, _) = serve_big(root.path());
    let mut idle = http::get(&url).open().expect("connection");
    http::read_head(&mut idle).expect("head");
    server.guard.signal(Signal::TERM);
    // Ten seconds is the bound unless it is set otherwise.
    let status = server.guard.wait();
    assert_eq!(status.code(), Some(0), "{}", server.said());
}

#[test]
fn a_server_whose_output_nobody_reads_any_more_stops_as_well() {
    let home = tempfile::tempdir().expect("temporary folder");
    let mut server = launch::headend([
        "simulate".as_ref(),
        clips::root().as_os_str(),
        "--listen".as_ref(),
        "127.0.0.1:0".as_ref(),
    ])
    .home(home.path())
    .spawn();
    let (stdout, stderr) = server.take_output();
    let mut line = String::new();
    BufReader::new(stdout.expect("stdout"))
        .read_line(&mut line)
        .expect("the address");
    assert!(line.contains("http://"), "{line}");
    // The log goes on, into a pipe without a reader.
    drop(stderr);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// Starts an import that takes a while and returns when its ffmpeg runs.
fn importing(folder: &std::path::Path) -> (Server, Vec<i32>) {
    clips::ffmpeg(
        folder,
        "-f lavfi -i testsrc2=size=1280x720:rate=25:duration=60 -c:v mpeg2video -q:v 8 -g 250 long.mkv",
    );
    let server = launch::headend([
        "simulate".as_ref(),
        folder.join("long.mkv").as_os_str(),
        "--listen".as_ref(),
        "127.0.0.1:0".as_ref(),
    ])
    .start_unready();
    let children = launch::wait_for("ffmpeg to run", || {
        let found: Vec<i32> = launch::descendants(server.guard.pid())
            .into_iter()
            .filter(|(_, name)| name.contains("ffmpeg"))
            .map(|(pid, _)| pid)
            .collect();
        (!found.is_empty()).then_some(found)
    });
    (server, children)
}

fn all_gone(children: &[i32], limit: Duration) -> bool {
    launch::wait_within(limit, || {
        (!children.iter().any(|pid| launch::lives(*pid))).then_some(())
    })
    .is_some()
}

#[test]
fn children_die_with_a_killed_server() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (mut server, children) = importing(folder.path());
    server.guard.signal(Signal::KILL);
    server.guard.wait();
    assert!(
        all_gone(&children, Duration::from_secs(3)),
        "ffmpeg outlived the server"
    );
}

#[test]
fn children_end_with_a_stopped_server() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (mut server, children) = importing(folder.path());
    server.guard.signal(Signal::TERM);
    let status = server.guard.wait();
    assert_eq!(status.code(), Some(0), "{}", server.said());
    assert!(
        all_gone(&children, Duration::from_secs(3)),
        "ffmpeg outlived the server"
    );
}
