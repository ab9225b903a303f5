//! What commands are held to: they and all below them end with the server, and take no more of the
//! machine than they may.

use std::{
    fs,
    path::{Path, PathBuf},
};

use harness::{http, launch};
use rustix::process::Signal;

use crate::{Relay, read_some};

/// Every kind of command, each a shell with a process of its own that says nothing and never ends. The
/// file that this one follows names both in the process table.
const KINDS: [&str; 5] = ["feed", "chained", "shared", "exclusive", "shot"];

fn families(marks: &Path) -> String {
    let command = |kind: &str| {
        let mark = marks.join(kind);
        fs::write(&mark, "").expect("a mark");
        let say = if kind == "shot" { "" } else { "echo x; " };
        format!("\"sh -c 'tail -f {} & {say}wait'\"", mark.display())
    };
    let [feed, chained, shared, exclusive, shot] = KINDS.map(command);
    format!(
        "feeds:\n  feed: {{ command: {feed}, mode: autostart }}\n  \
         chained: {{ command: {chained}, feed: feed, mode: autostart }}\n\
         streams:\n  shared: {{ command: {shared}, feed: chained, type: stream, mimetype: text/plain }}\n  \
         exclusive: {{ command: {exclusive}, client: exclusive, type: stream, mimetype: text/plain }}\n  \
         shot: {{ command: {shot}, type: shot, mimetype: text/plain, timeout: 5m }}\n"
    )
}

/// Target 8: no child and no grandchild is left of any kind, however the server ends.
#[test]
fn nothing_outlives_the_server() {
    for signal in [Signal::TERM, Signal::INT, Signal::KILL] {
        let marks = tempfile::tempdir().expect("temporary folder");
        let mut relay = Relay::start(&families(marks.path()));
        let (_, mut shared) = relay.open("/stream/shared");
        let (_, mut exclusive) = relay.open("/stream/exclusive");
        read_some(&mut shared, 1);
        read_some(&mut exclusive, 1);
        let shot = http::get(&relay.server.url("/stream/shot"));
        let shot = shot.open().expect("connection");
        let mut living = Vec::new();
        for kind in KINDS {
            let mark = marks.path().join(kind).display().to_string();
            // The shell and the one below it.
            let pids = launch::wait_for(&format!("both of {kind}"), || {
                let pids = launch::mentioning(&mark);
                (pids.len() == 2).then_some(pids)
            });
            living.push((kind, pids));
        }
        relay.server.guard.signal(signal);
        let status = relay.server.guard.wait();
        if signal != Signal::KILL {
            assert_eq!(status.code(), Some(0), "{}", relay.server.said());
        }
        for (kind, pids) in living {
            launch::wait_for(&format!("all of {kind} to end after {signal:?}"), || {
                pids.iter().all(|pid| !launch::lives(*pid)).then_some(())
            });
        }
        drop((shared, exclusive, shot));
    }
}

/// 3.6: a child has its three standard streams, the feeds that it asked for, and nothing else of ours.
#[test]
fn a_child_has_no_files_of_ours() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("headend.yaml");
    let list = "ls -v /proc/$$/fd; echo end";
    let yaml = format!(
        "feeds:\n  f: {{ command: \"sh -c '{list}'\" }}\n  src: {{ command: \"sh -c 'echo x; sleep 1000'\" }}\n  \
         chained: {{ command: \"sh -c '{list}'\", feed: src }}\n\
         streams:\n  f: {{ feed: f }}\n  chained: {{ feed: chained }}\n  \
         own: {{ command: \"sh -c '{list}'\", client: exclusive, type: stream, mimetype: text/plain }}\n  \
         shot: {{ command: \"sh -c '{list}'\", type: shot, mimetype: text/plain }}\n  \
         declared: {{ command: \"sh -c '{list} $0' {{feed:src}}\", feeds: [src], client: exclusive, \
         type: stream, mimetype: text/plain }}\n"
    );
    fs::write(&file, yaml).expect("configuration");
    // What the test itself was started with is none of ours.
    let close = "for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ $fd -gt 2 ] && eval \"exec $fd>&-\"; done; \
                 exec \"$@\"";
    let words = ["serve", "--listen", "127.0.0.1:0", "--config"].map(std::ffi::OsString::from);
    let server = launch::headend(words.into_iter().chain([file.into()]))
        .below(["bash", "-c", close, "bash"])
        .start();
    // Others are open meanwhile.
    let idle = http::get(&server.url("/stat")).open().expect("connection");
    for stream in ["f", "chained", "own", "shot"] {
        let answer = server.get(&format!("/stream/{stream}")).expect(200);
        assert_eq!(answer.text(), "0\n1\n2\nend\n", "{stream}");
    }
    let answer = server.get("/stream/declared").expect(200);
    let (files, path) = answer.text().split_once("end ").expect("both");
    let declared = path.trim().strip_prefix("/dev/fd/").expect("a path");
    assert_eq!(files, format!("0\n1\n2\n{declared}\n"));
    drop(idle);
}

/// 3.6: the signal that ends a command can be chosen, and who does not listen is killed.
#[test]
fn the_signal_that_ends_a_command_can_be_chosen() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let heard = |name: &str| -> PathBuf { folder.path().join(name) };
    let script = |name: &str| {
        let file = heard(name).display().to_string();
        format!(
            "\"sh -c 'trap \\\"echo INT > {file}; exit\\\" INT; trap \\\"echo TERM > {file}; exit\\\" TERM; \
             echo x; while :; do sleep 0.05; done'\""
        )
    };
    let relay = Relay::start(&format!(
        "feeds:\n  int: {{ command: {int}, stop_signal: INT }}\n  term: {{ command: {term} }}\n  \
         deaf: {{ command: \"sh -c 'trap : INT; echo x; while :; do sleep 1000; done'\", \
         stop_signal: INT, stop_timeout: 300ms }}\n\
         streams:\n  int: {{ feed: int }}\n  term: {{ feed: term }}\n  deaf: {{ feed: deaf }}\n  \
         own: {{ command: {own}, stop_signal: SIGINT, client: exclusive, type: stream, mimetype: text/plain }}\n",
        int = script("int"),
        term = script("term"),
        own = script("own"),
    ));
    for (stream, signal) in [("int", "INT\n"), ("term", "TERM\n"), ("own", "INT\n")] {
        let (_, mut client) = relay.open(&format!("/stream/{stream}"));
        read_some(&mut client, 1);
        drop(client);
        let said = launch::wait_for(&format!("the signal of {stream}"), || {
            let text = fs::read_to_string(heard(stream)).ok()?;
            text.ends_with('\n').then_some(text)
        });
        assert_eq!(said, signal, "{stream}");
    }
    let (_, mut client) = relay.open("/stream/deaf");
    read_some(&mut client, 1);
    drop(client);
    relay.wait_state("deaf", "stopped");
}

/// 3.6: priorities, limits of resources, and the rights of files.
#[test]
fn a_command_is_held_to_its_limits() {
    let ask = "sh -c 'ulimit -n; ulimit -c; ulimit -t; umask; nice'";
    let relay = Relay::start(&format!(
        "feeds:\n  f: {{ command: \"{ask}\", nice: 5, rlimits: {{ nofile: 64, core: 0, cpu: 1h }} }}\n\
         streams:\n  f: {{ feed: f }}\n  \
         own: {{ command: \"{ask}\", nice: 7, rlimits: {{ nofile: 32, core: 0, cpu: 1m }}, client: exclusive, \
         type: stream, mimetype: text/plain }}\n"
    ));
    let answer = relay.get("/stream/f").expect(200);
    assert_eq!(answer.text(), "64\n0\n3600\n0027\n5\n");
    let answer = relay.get("/stream/own").expect(200);
    assert_eq!(answer.text(), "32\n0\n60\n0027\n7\n");
}

/// 3.6: who takes too much memory is ended, and said to have been.
#[test]
fn too_much_memory_is_the_end_of_a_run() {
    let eat = "sh -c 'a=$(head -c 64000000 /dev/zero | tr \"\\0\" x); echo x; sleep 1000'";
    let eat = eat.replace('"', "\\\"").replace("\\\"\\0", "\\\"\\\\0");
    let relay = Relay::start(&format!(
        "feeds:\n  f: {{ command: \"{eat}\", mode: autostart, max_rss: 32M }}\n  \
         modest: {{ command: \"sh -c 'echo x; sleep 1000'\", mode: autostart, max_rss: 1G }}\n\
         streams:\n  own: {{ command: \"{eat}\", max_rss: 32M, client: exclusive, type: stream, \
         mimetype: text/plain }}\n  \
         shot: {{ command: \"{eat}\", max_rss: 32M, type: shot, mimetype: text/plain, timeout: 5m }}\n"
    ));
    let reason = "of memory, allowed are 32 MiB";
    launch::wait_for("another run", || {
        let feed = relay.feed("f");
        let is_told = feed["reason"].as_str()?.contains(reason);
        (is_told && feed["restarts"].as_u64()? >= 1).then_some(())
    });
    relay.server.wait_said(reason);
    let shot = relay.get("/stream/shot").expect(500);
    assert!(shot.text().contains(reason), "{shot:?}");
    // The answer may have begun; it ends in any case.
    let own = relay.get("/stream/own");
    assert!([200, 502].contains(&own.status), "{own:?}");
    relay.server.wait_said("a process is killed");
    assert_eq!(relay.feed("modest")["runs"], 1);
}

/// N-C1: what is no limit is told with its line.
#[test]
fn limits_that_are_none_are_told_with_their_lines() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("bad.yaml");
    let text = "feeds:
  a:
    command: cat
    stop_signal: KILL
    max_rss: much
  b:
    command: cat
    rlimits:
      files: 7
  c:
    command: cat
    rlimits: { nofile: 3 }
  d:
    source: push
    max_rss: 1G
";
    fs::write(&file, text).expect("configuration");
    let output = launch::headend(["config".into(), "check".into(), file]).run();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for (line, text) in [
        (4, "KILL"),
        (5, "no size"),
        (9, "files"),
        (12, "lets no program start"),
        (15, "for a command"),
    ] {
        let place = format!("bad.yaml:{line}:");
        let found = said
            .lines()
            .any(|it| it.contains(&place) && it.contains(text));
        assert!(found, "{place} {text}\n{said}");
    }
}
