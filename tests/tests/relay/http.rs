//! What clients of every kind get: statuses, limits, versions, playlists, passwords, parameters.

use std::io::{Read, Write};

use harness::{http, launch};

use crate::{Relay, read_some};

/// S-E1, target 7: each fault has its status, and the others go on.
#[test]
fn every_fault_has_its_status() {
    let relay = Relay::start(
        "feeds:\n  failing: { command: \"false\" }\n  missing: { command: /no/such/program }\n  \
         silent: { command: sleep 1000, start_timeout: 1 }\n  nothing: { command: \"true\" }\n  \
         good: { command: echo good }\n\
         streams:\n  failing: { feed: failing }\n  missing: { feed: missing }\n  silent: { feed: silent }\n  \
         nothing: { feed: nothing }\n  good: { feed: good }\n  \
         chained: { feed: failing, command: cat, type: stream, mimetype: text/plain }\n  \
         own: { command: \"false\", type: stream, mimetype: text/plain, client: exclusive }\n",
    );
    for (stream, status) in [
        ("failing", 502),
        ("chained", 502),
        ("own", 502),
        ("nothing", 502),
        ("missing", 500),
        ("silent", 504),
        ("nobody", 404),
        ("good", 200),
    ] {
        relay.get(&format!("/stream/{stream}")).expect(status);
    }
    relay.wait_state("silent", "stopped");
}

/// N-H1: `HEAD` starts nothing; other methods are refused with what is allowed.
#[test]
fn methods() {
    let relay = Relay::start(
        "feeds: { f: { command: echo hello } }\n\
         streams: { s: { feed: f, command: cat, type: stream, mimetype: video/x-test } }\n",
    );
    let url = relay.server.url("/stream/s");
    let head = http::request("HEAD", &url).send().expect(200);
    assert_eq!(head.header("content-type"), Some("video/x-test"));
    assert_eq!(head.header("content-length"), None);
    assert_eq!(relay.feed("f")["runs"], 0);
    let refused = http::request("POST", &url).send().expect(405);
    assert_eq!(refused.header("allow"), Some("GET, HEAD, OPTIONS"));
    http::request("OPTIONS", &url).send().expect(204);
    assert!(relay.get("/stream/s").header("cache-control").is_some());
}

/// N-H1: HTTP/1.0 gets the bytes as they are, and their end with that of the connection.
#[test]
fn http_1_0_is_not_chunked() {
    let relay =
        Relay::start("feeds: { f: { command: echo hello } }\nstreams: { s: { feed: f } }\n");
    let address = relay.server.url("");
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = std::net::TcpStream::connect(address).expect("connection");
    stream
        .write_all(b"GET /stream/s HTTP/1.0\r\n\r\n")
        .expect("request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("head");
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
    assert_eq!(body, "hello\n");
}

/// N-H2: limits in all and of a stream, and of processes.
#[test]
fn limits_are_503_with_when_to_come_again() {
    let relay = Relay::start(
        "relay: { max_clients: 3 }\n\
         feeds: { f: { command: \"sh -c 'echo x; exec sleep 1000'\" } }\n\
         streams:\n  one: { feed: f, max_clients: 1 }\n  many: { feed: f }\n  \
         own: { command: \"sh -c 'echo x; exec sleep 1000'\", type: stream, mimetype: text/plain, \
         client: exclusive, max_instances: 1 }\n",
    );
    let expect_full = |path: &str| {
        let answer = relay.get(path).expect(503);
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    };
    let one = relay.open("/stream/one");
    assert_eq!(one.0, 200);
    expect_full("/stream/one");
    let own = relay.open("/stream/own");
    assert_eq!(own.0, 200);
    expect_full("/stream/own");
    let many = relay.open("/stream/many");
    assert_eq!(many.0, 200);
    expect_full("/stream/many");
    drop(one);
    launch::wait_for("a free place", || {
        let mut reader = http::get(&relay.server.url("/stream/many")).open().ok()?;
        let (status, _) = http::read_head(&mut reader).ok()?;
        (status == 200).then_some(())
    });
}

/// S-A1: a password or a token.
#[test]
fn streams_can_have_passwords_and_tokens() {
    let relay = Relay::start(
        "feeds: { f: { command: echo hello } }\n\
         streams: { s: { feed: f, auth: { users: { cam: secret }, token: t0ken } }, open: { feed: f } }\n",
    );
    let url = relay.server.url("/stream/s");
    let refused = http::get(&url).send().expect(401);
    assert!(
        refused
            .header("www-authenticate")
            .is_some_and(|it| it.starts_with("Basic"))
    );
    // cam:secret, then cam:wrong
    for (authorization, status) in [("Basic Y2FtOnNlY3JldA==", 200), ("Basic Y2FtOndyb25n", 401)] {
        let asked = http::get(&url).header("Authorization", authorization);
        asked.send().expect(status);
    }
    relay.get("/stream/s?token=t0ken").expect(200);
    relay.get("/stream/s?token=other").expect(401);
    relay.get("/stream/open").expect(200);
    // What is shown of the configuration has none of it.
    let shown = launch::headend(
        ["config", "show", "--config"]
            .map(std::ffi::OsString::from)
            .into_iter()
            .chain([relay.file().into()]),
    )
    .run();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("***") && !shown.contains("t0ken") && !shown.contains("secret"),
        "{shown}"
    );
}

/// 3.2: parameters of a request are typed; no value adds a word.
#[test]
fn parameters_are_typed() {
    let relay = Relay::start(
        "streams:\n  s:\n    command: printf '<%s>' {query:w} x{query:c}y\n    type: shot\n    \
         mimetype: text/plain\n    query:\n      w: { int: [16, 1920], default: 640 }\n      \
         c: { pattern: '[a-z ;$]+', default: none }\n",
    );
    for (query, status, text) in [
        ("", 200, "<640><xnoney>"),
        ("?w=320", 200, "<320><xnoney>"),
        ("?c=a+b%3B%24", 200, "<640><xa b;$y>"),
        ("?w=15", 400, ""),
        ("?w=-1", 400, ""),
        ("?w=1&w=2", 400, ""),
        ("?x=1", 400, ""),
        ("?c=-abc", 400, ""),
        ("?c=a%27b", 400, ""),
    ] {
        let answer = relay.get(&format!("/stream/s{query}")).expect(status);
        assert!(answer.text().starts_with(text), "{query}: {answer:?}");
    }
}

/// N-H3, S-T1 to S-T3: playlists, and state for people and programs.
#[test]
fn playlists_and_state() {
    let relay = Relay::start(
        "pages: { clients: yes }\n\
         feeds: { f: { command: \"sh -c 'echo x; exec sleep 1000'\" } }\n\
         streams: { b a: { feed: f, url: /x/y }, c: { feed: f } }\n",
    );
    let all = relay.get("/streams.m3u").expect(200);
    assert!(all.text().contains("/stream/b%20a\n") && all.text().contains("/stream/c\n"));
    assert_eq!(relay.get("/x/y.m3u").expect(200).text().lines().count(), 3);
    assert!(
        relay
            .get("/stream/c.xspf")
            .expect(200)
            .text()
            .contains("<location>")
    );
    let (_, mut client) = relay.open("/x/y");
    read_some(&mut client, 4);
    relay.wait_state("f", "running");
    let stat = relay.stat();
    assert_eq!(stat["connected"][0]["stream"], "b a");
    assert_eq!(stat["clients"], 1);
    let page = relay.get("/stat").expect(200);
    for text in ["sleep 1000", "/x/y", "running", "127.0.0.1:"] {
        assert!(page.text().contains(text), "{text}");
    }
    assert!(!page.text().contains("<script"), "it works without");
    let home = relay.get("/").expect(200);
    assert!(home.text().contains("/stream/b%20a") && home.text().contains("href=\"/x/y\""));
}

/// N-H2: who would be too much for what may be sent is told to come again.
#[test]
fn a_limit_of_bits_a_second_is_kept() {
    // About 160 kbit/s, in pieces that come ten times a second.
    let steady = "sh -c 'while :; do head -c 2000 /dev/zero; sleep 0.1; done'";
    let relay = Relay::start(&format!(
        "relay: {{ max_kbps: 1000 }}\n\
         feeds: {{ f: {{ command: \"{steady}\", mode: autostart }} }}\n\
         streams: {{ s: {{ feed: f }} }}\n"
    ));
    // The rate is known once there are some pieces.
    let (_, mut first) = relay.open("/stream/s");
    read_some(&mut first, 20_000);
    let mut clients = vec![first];
    let refused = launch::wait_for("the limit", || {
        let mut reader = http::get(&relay.server.url("/stream/s")).open().ok()?;
        let (status, headers) = http::read_head(&mut reader).ok()?;
        if status == 200 {
            clients.push(reader);
            return None;
        }
        Some((status, headers, clients.len()))
    });
    let (status, headers, count) = refused;
    assert_eq!(status, 503);
    assert!(headers.iter().any(|(name, _)| name == "retry-after"));
    // Six of them; a loaded machine feeds unevenly.
    assert!(count >= 3, "{count} clients");
    drop(clients);
    launch::wait_for("room again", || {
        let mut reader = http::get(&relay.server.url("/stream/s")).open().ok()?;
        let (status, _) = http::read_head(&mut reader).ok()?;
        (status == 200).then_some(())
    });
}

/// N-S6: small pieces are sent together, and none is lost or waits for long.
#[test]
fn small_pieces_can_be_gathered() {
    // Single writes of a few bytes, far quicker than they are gathered.
    let digits = "sh -c 'i=0; while [ $i -lt 400 ]; do printf %04d $i; i=$((i+1)); done'";
    let relay = Relay::start(&format!(
        "feeds: {{ f: {{ command: \"{digits}\" }} }}\n\
         streams: {{ s: {{ feed: f, coalesce: 20ms }} }}\n"
    ));
    let expected: Vec<String> = (0..400).map(|number| format!("{number:04}")).collect();
    let answer = relay.get("/stream/s").expect(200);
    assert_eq!(answer.text(), expected.concat());

    for (line, wrong) in [
        ("s: { feed: f, coalesce: 21ms }", "20ms at most"),
        (
            "s: { command: cat, feed: f, coalesce: 5ms, client: exclusive, type: stream, mimetype: a/b }",
            "share",
        ),
    ] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("bad.yaml");
        let text = format!("feeds: {{ f: {{ command: cat }} }}\nstreams:\n  {line}\n");
        std::fs::write(&file, text).expect("configuration");
        let output = launch::headend(["config".into(), "check".into(), file]).run();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("bad.yaml:3:") && said.contains(wrong),
            "{said}"
        );
    }
}
