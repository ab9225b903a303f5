//! Feeds: when they run, how they come back, who may push, and that nothing is left of them.

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use harness::{http, launch};
use rustix::process::{Pid, Signal, kill_process};

use crate::{Relay, TS, read_some};

/// Returns the processes of a program below the server.
fn children(relay: &Relay, program: &str) -> Vec<i32> {
    let all = launch::descendants(relay.server.guard.pid());
    all.into_iter()
        .filter(|(_, name)| name == program)
        .map(|(pid, _)| pid)
        .collect()
}

/// S-F4, S-F6, S-G4: no process before the first client, one for two streams, none after the last.
#[test]
fn a_feed_runs_once_and_only_while_it_is_needed() {
    let relay = Relay::start(&format!(
        "feeds: {{ f: {{ command: \"{TS}\" }} }}\nstreams: {{ a: {{ feed: f }}, b: {{ feed: f }} }}\n"
    ));
    assert_eq!(relay.feed("f")["state"], "stopped");
    assert!(children(&relay, "ffmpeg").is_empty());
    let (_, mut a) = relay.open("/stream/a");
    let (_, mut b) = relay.open("/stream/b");
    read_some(&mut a, 4000);
    read_some(&mut b, 4000);
    assert_eq!(children(&relay, "ffmpeg").len(), 1);
    assert_eq!(relay.feed("f")["users"], 2);
    drop(a);
    read_some(&mut b, 4000);
    drop(b);
    relay.wait_state("f", "stopped");
    launch::wait_for("no process to be left", || {
        let left = launch::descendants(relay.server.guard.pid());
        left.is_empty().then_some(())
    });
    assert!(children(&relay, "ffmpeg").is_empty());
}

/// S-F5, N-F5: the seconds count from the last departure, not from an earlier one.
#[test]
fn seconds_count_from_the_last_use() {
    let relay = Relay::start(
        "feeds: { f: { command: \"sh -c 'while :; do echo x; sleep 0.1; done'\", mode: 3 } }\n\
         streams: { s: { feed: f } }\n",
    );
    let (_, mut first) = relay.open("/stream/s");
    read_some(&mut first, 4);
    drop(first);
    std::thread::sleep(Duration::from_secs(2));
    let (_, mut second) = relay.open("/stream/s");
    read_some(&mut second, 4);
    assert_eq!(relay.feed("f")["runs"], 1, "it went on between the two");
    let left = Instant::now();
    drop(second);
    relay.wait_state("f", "stopped");
    let after = left.elapsed();
    assert!(after >= Duration::from_millis(2900), "{after:?}");
}

/// S-F8, N-F2, N-S8: killed, it is back at once, and viewers of MPEG-TS keep their connection.
#[test]
fn a_killed_feed_is_back_and_viewers_stay() {
    let relay = Relay::start(&format!(
        "feeds: {{ f: {{ command: \"{TS}\" }} }}\nstreams: {{ s: {{ feed: f }} }}\n"
    ));
    let (_, mut viewer) = relay.open("/stream/s");
    read_some(&mut viewer, 4000);
    let pid = children(&relay, "ffmpeg")[0];
    kill_process(Pid::from_raw(pid).expect("pid"), Signal::KILL).expect("kill");
    launch::wait_for("a second run", || {
        let feed = relay.feed("f");
        (feed["runs"] == 2 && feed["state"] == "running").then_some(())
    });
    // More than was on its way when the first run ended.
    read_some(&mut viewer, 60_000);
    assert_eq!(relay.stream("s")["arrivals"], 1);
}

/// S-F8: `no` keeps it dead; a clean end is an end while a feed is on demand.
#[test]
fn who_is_not_to_come_back_does_not() {
    let relay = Relay::start(
        "feeds:\n  once: { command: echo hello }\n  never: { command: \"sh -c 'echo x; exit 3'\", resurrect: no }\n\
         streams: { once: { feed: once }, never: { feed: never } }\n",
    );
    assert_eq!(relay.get("/stream/once").expect(200).text(), "hello\n");
    assert_eq!(relay.get("/stream/never").expect(200).text(), "x\n");
    relay.wait_state("never", "failed");
    assert_eq!(relay.feed("never")["runs"], 1);
    // The next request starts it anew.
    assert_eq!(relay.get("/stream/never").expect(200).text(), "x\n");
    assert_eq!(relay.get("/stream/once").expect(200).text(), "hello\n");
}

/// N-F6, S-S3: several feeds in one command.
#[test]
fn several_feeds_make_one_stream() {
    let relay = Relay::start(
        "feeds: { a: { command: echo one }, b: { command: echo two }, c: { command: echo three } }\n\
         streams:\n  s:\n    feed: c\n    feeds: [a, b]\n    command: cat {feed:b} - {feed:a}\n    \
         type: stream\n    mimetype: text/plain\n",
    );
    assert_eq!(
        relay.get("/stream/s").expect(200).text(),
        "two\nthree\none\n"
    );
}

/// N-F7: one publisher at a time; what comes reaches viewers; its end is theirs.
#[test]
fn a_feed_can_be_pushed() {
    let relay = Relay::start(
        "feeds: { f: { source: push, auth: { users: { cam: secret } } } }\n\
         streams: { s: { feed: f } }\n",
    );
    let url = relay.server.url("/ingest/f");
    http::request("PUT", &url).send().expect(401);
    http::request("GET", &url).send().expect(405);
    // cam:secret
    let mut publisher = http::request("PUT", &url)
        .header("Authorization", "Basic Y2FtOnNlY3JldA==")
        .header("Transfer-Encoding", "chunked")
        .open()
        .expect("connection");
    relay.wait_state("f", "running");
    let second = http::request("POST", &url).header("Authorization", "Basic Y2FtOnNlY3JldA==");
    second.send().expect(409);
    let viewer = std::thread::scope(|scope| {
        let viewer = scope.spawn(|| relay.get("/stream/s"));
        launch::wait_for("the viewer", || {
            (relay.feed("f")["users"] == 1).then_some(())
        });
        publisher
            .get_mut()
            .write_all(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
            .expect("publishing");
        let (status, _) = http::read_head(&mut publisher).expect("head");
        assert_eq!(status, 204);
        viewer.join().expect("viewer")
    });
    assert_eq!(viewer.expect(200).text(), "hello world");
    relay.wait_state("f", "stopped");
}

/// N-F4: alive but silent is dead.
#[test]
fn a_silent_feed_is_started_again() {
    let relay = Relay::start(
        "feeds: { f: { command: \"sh -c 'echo x; exec sleep 1000'\", stall_timeout: 1, mode: continuous, \
         start_timeout: 1 } }\nstreams: { s: { feed: f } }\n",
    );
    let (_, mut viewer) = relay.open("/stream/s");
    let mut text = String::new();
    // A container that nobody knows: the answer ends with the run.
    viewer.read_to_string(&mut text).expect("the answer ends");
    launch::wait_for("another run", || {
        (relay.feed("f")["runs"].as_u64() >= Some(2)).then_some(())
    });
    assert!(
        relay.server.said().contains("gave nothing for"),
        "{}",
        relay.server.said()
    );
}
