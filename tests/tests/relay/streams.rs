//! Streams: shared, exclusive and shots; what comes of slow and absent clients; every byte of what ends.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, Read},
    time::{Duration, Instant},
};

use harness::{http, launch};

use crate::{Relay, read_some, rounds};

/// N-S5: what a command wrote before it ended arrives to the last byte, every time.
#[test]
fn finite_output_arrives_to_the_last_byte() {
    let relay = Relay::start(
        "feeds: { small: { command: echo hello }, middle: { command: head -c 100000 /dev/zero }, \
         big: { command: seq 1 2000000 } }\n\
         streams:\n  small: { feed: small }\n  middle: { feed: middle }\n  big: { feed: big }\n  \
         by-cat: { feed: big, command: cat, type: stream, mimetype: text/plain }\n  \
         own: { command: seq 1 2000000, type: stream, mimetype: text/plain, client: exclusive }\n",
    );
    let mut all = String::new();
    for number in 1..=2_000_000 {
        all.push_str(&format!("{number}\n"));
    }
    for _ in 0..rounds(30) {
        assert_eq!(relay.get("/stream/small").expect(200).body, b"hello\n");
        assert_eq!(
            relay.get("/stream/middle").expect(200).body,
            vec![0; 100_000]
        );
    }
    for round in 0..rounds(1) {
        for stream in ["big", "by-cat", "own"] {
            let answer = relay.get(&format!("/stream/{stream}")).expect(200);
            assert!(
                answer.body == all.as_bytes(),
                "{stream}, round {round}: {} bytes",
                answer.body.len()
            );
        }
    }
}

/// S-S7, N-S7: as many processes as clients, however closely they come.
#[test]
fn exclusive_clients_have_a_process_each() {
    let relay = Relay::start(
        "streams: { s: { command: \"sh -c 'echo $$; exec sleep 3'\", type: stream, \
         mimetype: text/plain, client: exclusive } }\n",
    );
    let url = relay.server.url("/stream/s");
    for round in 0..rounds(5) {
        let pids: BTreeSet<String> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        let mut reader = http::get(&url).open().expect("connection");
                        let (status, _) = http::read_head(&mut reader).expect("head");
                        assert_eq!(status, 200);
                        let mut line = String::new();
                        reader.read_line(&mut line).expect("size of a chunk");
                        line.clear();
                        reader.read_line(&mut line).expect("a number");
                        line
                    })
                })
                .collect();
            let lines = clients.into_iter().map(|it| it.join().expect("client"));
            lines.collect()
        });
        assert_eq!(pids.len(), 16, "round {round}: {pids:?}");
    }
    launch::wait_for("all processes to end", || {
        (relay.stream("s")["instances"] == 0).then_some(())
    });
}

/// S-G4, N-S4: a client that leaves is missed although nothing is to be sent.
#[test]
fn a_client_that_leaves_a_silent_stream_is_missed() {
    let relay = Relay::start(
        "feeds: { f: { command: \"sh -c 'echo x; exec sleep 1000'\" } }\nstreams: { s: { feed: f } }\n",
    );
    let (_, mut client) = relay.open("/stream/s");
    read_some(&mut client, 4);
    assert_eq!(relay.stream("s")["clients"], 1);
    drop(client);
    relay.wait_state("f", "stopped");
    assert_eq!(relay.stream("s")["clients"], 0);
}

/// S-P1, N-S3: a pause of the feed, longer than the window, closes nobody.
#[test]
fn a_pause_of_the_feed_closes_nobody() {
    let relay = Relay::start(
        "feeds: { f: { command: \"sh -c 'echo a; sleep 3; echo b'\", window: 1 } }\n\
         streams: { s: { feed: f, window: 1, write_timeout: 1 } }\n",
    );
    assert_eq!(relay.get("/stream/s").expect(200).text(), "a\nb\n");
}

/// N-S3: who does not read is closed, and who reads is not held up by that.
#[test]
fn a_stuck_client_is_closed_and_hurts_nobody() {
    let relay = Relay::start(
        "feeds: { f: { command: \"sh -c 'while :; do head -c 100000 /dev/zero; sleep 0.02; done'\", \
         window: 1 } }\n\
         streams: { s: { feed: f, window: 1, write_timeout: 1 } }\n",
    );
    let (_, stuck) = relay.open("/stream/s");
    let (_, mut well) = relay.open("/stream/s");
    launch::wait_for("the stuck client to be closed", || {
        read_some(&mut well, 200_000);
        (relay.stream("s")["clients"] == 1).then_some(())
    });
    read_some(&mut well, 1_000_000);
    drop(stuck);
}

/// S-X1, N-X1: concurrent requests share one run; its picture may be kept for a while.
#[test]
fn requests_for_one_picture_share_a_run() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let runs = folder.path().join("runs");
    let command = format!(
        "sh -c 'echo run >> {}; sleep 1; echo picture'",
        runs.display()
    );
    let relay = Relay::start(&format!(
        "streams: {{ s: {{ command: \"{command}\", type: shot, mimetype: image/png, cache: 1h }} }}\n"
    ));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(relay.get("/stream/s").expect(200).text(), "picture\n"));
        }
    });
    let began = Instant::now();
    let answer = relay.get("/stream/s").expect(200);
    assert!(began.elapsed() < Duration::from_secs(1), "it was kept");
    assert_eq!(answer.header("content-length"), Some("8"));
    assert_eq!(fs::read_to_string(&runs).expect("runs"), "run\n");
}

/// S-X1, N-X1: what fails, what takes too long, and what nobody waits for any more.
#[test]
fn pictures_that_cannot_be_made() {
    let relay = Relay::start(
        "streams:\n  bad: { command: \"sh -c 'echo oh no >&2; exit 3'\", type: shot, mimetype: image/png }\n  \
         late: { command: sleep 1000, type: shot, mimetype: image/png, timeout: 1 }\n  \
         long: { command: cat /dev/zero, type: shot, mimetype: image/png, max_bytes: 100000 }\n  \
         slow: { command: sleep 1001, type: shot, mimetype: image/png, timeout: 1h }\n  \
         quiet: { command: \"sh -c 'echo hidden >&2; exit 3'\", type: shot, mimetype: image/png, \
         expose_errors: no }\n",
    );
    assert!(
        relay
            .get("/stream/bad")
            .expect(500)
            .text()
            .contains("oh no")
    );
    assert!(
        !relay
            .get("/stream/quiet")
            .expect(500)
            .text()
            .contains("hidden")
    );
    relay.get("/stream/late").expect(504);
    relay.get("/stream/long").expect(500);
    let waiting = http::get(&relay.server.url("/stream/slow"))
        .open()
        .expect("connection");
    launch::wait_for("the run", || {
        (relay.stream("slow")["instances"] == 1).then_some(())
    });
    drop(waiting);
    launch::wait_for("its end", || {
        (relay.stream("slow")["instances"] == 0).then_some(())
    });
}

/// N-X1: the newest picture of a feed of pictures is there at once, without a process.
#[test]
fn the_newest_picture_of_a_feed_of_pictures() {
    let relay = Relay::start(
        "feeds: { f: { command: \"ffmpeg -nostdin -loglevel error -re -f lavfi -i \
         testsrc2=size=64x36:rate=10 -c:v mjpeg -f mpjpeg pipe:1\", mode: autostart } }\n\
         streams: { s: { feed: f, type: shot } }\n",
    );
    let answer = relay.get("/stream/s").expect(200);
    assert_eq!(answer.header("content-type"), Some("image/jpeg"));
    assert!(answer.body.starts_with(&[0xff, 0xd8, 0xff]));
    assert!(answer.body.ends_with(&[0xff, 0xd9]));
}

/// S-S6: a client may come at any time; a transport stream begins with a packet and its tables.
#[test]
fn who_comes_later_begins_at_a_packet() {
    let relay = Relay::start(&format!(
        "feeds: {{ f: {{ command: \"{}\", mode: autostart }} }}\nstreams: {{ s: {{ feed: f }} }}\n",
        crate::TS
    ));
    relay.wait_state("f", "running");
    std::thread::sleep(Duration::from_millis(1500));
    let mut body = http::get(&relay.server.url("/stream/s"))
        .header("Connection", "close")
        .open()
        .expect("connection");
    let (status, headers) = http::read_head(&mut body).expect("head");
    assert_eq!(status, 200);
    assert!(headers.contains(&("content-type".to_owned(), "video/mp2t".to_owned())));
    let mut size = String::new();
    body.read_line(&mut size).expect("size of the first chunk");
    let mut packet = [0; 188];
    body.read_exact(&mut packet).expect("a packet");
    assert_eq!(
        (packet[0], packet[1] & 0x1f, packet[2]),
        (0x47, 0, 0),
        "it is the PAT"
    );
}
