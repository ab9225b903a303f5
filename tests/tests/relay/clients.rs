//! Clients that do not behave: stuck, silent, slow with their headers or too long in them, and more than
//! there are descriptors for.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use harness::http;

use crate::{Relay, read_some};

/// A feed of 5 MB a second, and a stream of it that closes who takes nothing for a second.
const FLOOD: &str = "feeds: { f: { command: \"sh -c 'while :; do head -c 100000 /dev/zero; sleep 0.02; done'\", \
                     window: 1 } }\n\
                     streams: { s: { feed: f, window: 1, write_timeout: 1 } }\n";

/// A feed of little, so that nobody falls behind who is not looked after for a while.
const TRICKLE: &str = "feeds: { f: { command: \"sh -c 'while :; do echo x; sleep 0.1; done'\" } }\n\
                       streams: { s: { feed: f } }\n";

/// More than lies on the way to a client, and much less than comes while its connection lives.
const MOST_ON_THE_WAY: u64 = 32 << 20;

fn connect(relay: &Relay, request: &str) -> TcpStream {
    let address = relay.server.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("connection");
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).expect("a time limit");
    stream.write_all(request.as_bytes()).expect("request");
    stream
}

/// Reads all that is there of a connection that the server has closed.
fn rest(stream: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let end = stream.take(MOST_ON_THE_WAY).read_to_end(&mut bytes);
    if let Err(error) = end {
        let kind = error.kind();
        assert_eq!(kind, std::io::ErrorKind::ConnectionReset, "still open");
    }
    assert!((bytes.len() as u64) < MOST_ON_THE_WAY, "it goes on");
    bytes
}

/// N-S3, target 4: the socket of who takes nothing is closed, in every version of HTTP, and what was cut
/// does not look whole.
#[test]
fn stuck_clients_are_closed_whatever_they_speak() {
    let relay = Relay::start(FLOOD);
    let (_, mut well) = relay.open("/stream/s");
    let mut old = connect(&relay, "GET /stream/s HTTP/1.0\r\n\r\n");
    let mut head = [0; 12];
    old.read_exact(&mut head).expect("an answer");
    assert_eq!(&head[9..], b"200");
    // A connection on which a page was asked for before, which has the usual patience.
    let mut kept = http::Kept::connect(&relay.server.base).expect("connection");
    assert_eq!(kept.get("/stat.json").expect("a page").status, 200);
    kept.ask("/stream/s").expect("a request");
    let (status, _) = http::read_head(&mut kept.reader).expect("an answer");
    assert_eq!(status, 200);

    harness::launch::wait_for("the stuck clients to be closed", || {
        read_some(&mut well, 200_000);
        (relay.stream("s")["clients"] == 1).then_some(())
    });
    read_some(&mut well, 1_000_000);
    rest(old);
    let cut = rest(kept.reader);
    assert!(!cut.ends_with(b"\r\n0\r\n\r\n"), "it looks whole");
}

/// N-S3: a process that writes for one client ends with it, when that client takes nothing.
#[test]
fn a_stuck_client_does_not_keep_its_process() {
    let relay = Relay::start(
        "streams: { s: { command: cat /dev/zero, type: stream, mimetype: video/x-test, client: exclusive, \
         write_timeout: 1 } }\n",
    );
    let (status, stuck) = relay.open("/stream/s");
    assert_eq!((status, &relay.stream("s")["instances"]), (200, &1.into()));
    // Sooner than others are closed that take nothing.
    let ended = harness::launch::wait_within(Duration::from_secs(30), || {
        (relay.stream("s")["instances"] == 0).then_some(())
    });
    assert!(ended.is_some(), "it goes on");
    rest(stuck);
}

/// N-S3: who is too slow for what it gets, and cannot skip, is cut off, and can tell that from an end.
#[test]
fn what_slow_clients_get_does_not_look_whole() {
    let relay = Relay::start(FLOOD);
    let mut slow = connect(&relay, "GET /stream/s HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut some = [0; 4000];
    slow.read_exact(&mut some).expect("an answer");
    assert!(some.starts_with(b"HTTP/1.1 200 "));
    harness::launch::wait_for("the slow client to be cut off", || {
        slow.read_exact(&mut some).expect("what is on the way");
        (relay.stream("s")["clients"] == 0).then_some(())
    });
    assert!(!rest(slow).ends_with(b"\r\n0\r\n\r\n"), "it looks whole");
}

/// N-H1, section 5 "Idle": who says nothing, or never comes to the end of a header, holds nothing for
/// long; who has asked for something may rest.
#[test]
fn silent_clients_are_closed() {
    let relay = Relay::start(&format!("limits: {{ header_seconds: 1 }}\n{TRICKLE}"));
    let (_, mut well) = relay.open("/stream/s");
    let mut resting = http::Kept::connect(&relay.server.base).expect("connection");
    assert_eq!(resting.get("/stat.json").expect("a page").status, 200);
    let began = [
        "",
        "G",
        "GET /stream/s HTTP/1.1\r\nHost: x\r\n",
        "GET /stream/s HTTP/1.0\r\n",
    ];
    let silent: Vec<TcpStream> = (0..50)
        .map(|number| connect(&relay, began[number % began.len()]))
        .collect();
    for stream in silent {
        // Sooner than within a read's patience, which is much less than that for resting connections.
        let said = rest(stream);
        assert!(!said.starts_with(b"HTTP/1.1 200"), "it asked for nothing");
    }
    read_some(&mut well, 20);
    assert_eq!(relay.stream("s")["clients"], 1);
    assert_eq!(resting.get("/stat.json").expect("a page").status, 200);
}

/// N-H1: a header has 16 KiB; more starts nothing.
#[test]
fn headers_have_a_limit() {
    let relay =
        Relay::start("feeds: { f: { command: echo hello } }\nstreams: { s: { feed: f } }\n");
    let mut stream = connect(&relay, "GET /stream/s HTTP/1.1\r\nHost: x\r\n");
    // In parts: the server answers when it has seen enough, and has read all by then.
    let field = format!("X-Long: {}\r\n", "x".repeat(1000));
    let mut sent = 0;
    while sent < 20 << 10 && stream.write_all(field.as_bytes()).is_ok() {
        sent += field.len();
        std::thread::sleep(Duration::from_millis(5));
    }
    let answer = rest(stream);
    assert!(
        answer.starts_with(b"HTTP/1.1 431 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(relay.feed("f")["runs"], 0);
    let long = http::get(&relay.server.url("/stream/s")).header("X-Long", &"x".repeat(15_000));
    assert_eq!(long.send().expect(200).text(), "hello\n");
}

/// Target 1: one client more than there are descriptors for is told so, and the others go on.
#[test]
fn more_clients_than_descriptors_are_told_so() {
    const SCRIPT: &str = "ulimit -n 200; exec \"$@\"";
    let relay = Relay::start_below(TRICKLE, &["sh", "-c", SCRIPT, "sh"]);
    let mut clients = Vec::new();
    let mut refused = 0;
    for _ in 0..250 {
        let mut reader = http::get(&relay.server.url("/stream/s"))
            .open()
            .expect("connection");
        let (status, headers) = http::read_head(&mut reader).expect("an answer");
        match status {
            200 => clients.push(reader),
            503 => {
                assert!(headers.iter().any(|(name, _)| name == "retry-after"));
                refused += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(clients.len() >= 100 && refused > 0, "{}", clients.len());
    for client in &mut clients {
        read_some(client, 20);
    }
    let said = relay.server.said();
    assert!(!said.contains("cannot be accepted"), "{said}");
    // A place that is free again is taken again.
    drop(clients.pop());
    harness::launch::wait_for("a free place", || {
        (relay.server.get("/stat.json").status == 200).then_some(())
    });
}
