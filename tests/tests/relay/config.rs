//! The configuration: strict, everything wrong at once, and changed without a restart.

use std::fs;

use harness::launch;
use rustix::process::Signal;

use crate::{Relay, read_some};

/// N-C1: every fault with file and line; 2 as exit code; nothing is started.
#[test]
fn everything_wrong_is_told_at_once_with_its_line() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("bad.yaml");
    let text = "feeds:
  a:
    command: cat
    feed: nobody
    colour: blue
  false:
    command: cat
  b:
    command: \"cat 'x\"
    mode: sometimes
streams:
  s:
    feed: b
  t:
    feed: b
    url: /stat
  s:
    feed: b
pages: no
";
    fs::write(&file, text).expect("configuration");
    for command in [["config", "check"], ["serve", "--config"]] {
        let output = launch::headend(
            command
                .map(std::ffi::OsString::from)
                .into_iter()
                .chain([file.clone().into()]),
        )
        .run();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        for (line, text) in [
            (4, "nobody"),
            (5, "colour"),
            (6, "no text"),
            (9, "quote"),
            (10, "sometimes"),
            (16, "kept for the server"),
            (17, "twice"),
            (19, "pages"),
        ] {
            let place = format!("bad.yaml:{line}:");
            let found = said
                .lines()
                .any(|it| it.contains(&place) && it.contains(text));
            assert!(found, "{place} {text}\n{said}");
        }
    }
}

/// N-C3: what has not changed is not touched; a bad file changes nothing.
#[test]
fn a_reload_leaves_alone_what_has_not_changed() {
    let same = "feeds:\n  kept: { command: \"sh -c 'while :; do echo x; sleep 0.1; done'\" }\n  \
                changed: { command: echo one }\nstreams:\n  kept: { feed: kept }\n";
    let relay = Relay::start(&format!("{same}  changed: {{ feed: changed }}\n"));
    let (_, mut client) = relay.open("/stream/kept");
    read_some(&mut client, 4);
    assert_eq!(relay.get("/stream/changed").expect(200).text(), "one\n");
    fs::write(
        relay.file(),
        same.replace("echo one", "echo two") + "  new: { feed: changed }\n",
    )
    .expect("configuration");
    relay.server.guard.signal(Signal::HUP);
    launch::wait_for("the new stream", || {
        (relay.get("/stream/new").status == 200).then_some(())
    });
    assert_eq!(relay.get("/stream/new").expect(200).text(), "two\n");
    relay.get("/stream/changed").expect(404);
    read_some(&mut client, 40);
    assert_eq!(relay.feed("kept")["runs"], 1);
    fs::write(relay.file(), "streams: { new: { feed: none } }\n").expect("configuration");
    relay.server.guard.signal(Signal::HUP);
    relay.server.wait_said("all stays as it was");
    relay.get("/stream/new").expect(200);
    read_some(&mut client, 40);
    assert_eq!(relay.feed("kept")["runs"], 1);
}

/// `logdir`: must be there; what commands say is kept in files of safe names.
#[test]
fn what_commands_say_is_kept() {
    let logs = tempfile::tempdir().expect("temporary folder");
    let relay = Relay::start(&format!(
        "logdir: {}\nfeeds: {{ a/b: {{ command: \"sh -c 'echo said >&2; echo x'\" }} }}\n\
         streams: {{ s: {{ feed: a/b }} }}\n",
        logs.path().display()
    ));
    relay.get("/stream/s").expect(200);
    let file = logs.path().join("feed_a%2Fb.log");
    launch::wait_for("the log", || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        (text.contains("Log opened") && text.contains("said")).then_some(())
    });
    let folder = tempfile::tempdir().expect("temporary folder");
    let config = folder.path().join("c.yaml");
    fs::write(
        &config,
        "logdir: /nonexistent/logs\nstreams: { s: { command: x, type: shot, mimetype: a/b } }\n",
    )
    .expect("configuration");
    let words = [
        "serve".as_ref(),
        "--listen".as_ref(),
        "127.0.0.1:0".as_ref(),
        "-c".as_ref(),
        config.as_os_str(),
    ];
    let output = launch::headend(words).run();
    assert!(!output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("logdir"),
        "{output:?}"
    );
}

/// S-L1: every line of the log begins with the time; the first names program and version.
#[test]
fn lines_of_the_log_begin_with_the_time() {
    let relay = Relay::start("streams: {}\n");
    let said = relay.server.said();
    let line = said
        .lines()
        .find(|line| line.contains("headend "))
        .expect("a first line");
    assert!(line.contains(env!("CARGO_PKG_VERSION")), "{line}");
    let (time, _) = line.split_at(24);
    let plain: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(plain, "0000-00-00 00:00:00.000 ");
}
