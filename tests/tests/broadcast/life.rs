//! Start and end: served, stopped, killed, with and without a terminal.

use std::fs;

use harness::{launch, terminal::Terminal};
use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::channel::{self, Channel, INPUT};

/// Names the channel, the process and what stops it.
fn expect_foreground_line(said: &str, pid: i32) {
    let line = said
        .lines()
        .find(|line| line.starts_with("channel live"))
        .unwrap_or_else(|| panic!("no line of the channel: {said}"));
    for part in [
        format!("process {pid}"),
        "/live/live/master.m3u8".to_owned(),
        "/live/live/manifest.mpd".to_owned(),
        "Ctrl-C".to_owned(),
    ] {
        assert!(line.contains(&part), "{part}: {line}");
    }
}

#[test]
fn a_channel_is_served_and_stops_on_both_signals() {
    for signal in [Signal::TERM, Signal::INT] {
        let channel = Channel::new();
        let mut server = channel.start();
        let playlist = channel::wait_for_segments(&server, 2);
        let segment = playlist.listed.segments[0].get().expect(200);
        assert!(segment.body.len() > 1000, "{segment:?}");
        server.get("/live/live/manifest.mpd").expect(200);
        server.get("/readyz").expect(200);
        expect_foreground_line(&server.said(), server.guard.pid());
        assert!(!channel::encoders(&server).is_empty());
        server.guard.signal(signal);
        assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
        channel.expect_nothing_left();
        let pipes = channel.path("state/live/pipes");
        assert!(fs::metadata(&pipes).is_err(), "{} is left", pipes.display());
    }
}

#[test]
fn nothing_outlives_a_killed_channel() {
    let channel = Channel::new();
    let mut server = channel.start();
    assert!(!channel::encoders(&server).is_empty());
    server.guard.signal(Signal::KILL);
    server.guard.wait();
    channel.expect_nothing_left();
}

/// R17: the first signal lets the encoder finish, the second does not wait for one that hangs.
#[test]
fn a_second_signal_does_not_wait_for_an_encoder_that_hangs() {
    let channel = Channel::new();
    let mut server = channel.start();
    for pid in channel::encoders(&server) {
        let pid = rustix::process::Pid::from_raw(pid).expect("an id");
        rustix::process::kill_process(pid, Signal::STOP).expect("ffmpeg is stopped");
    }
    server.guard.signal(Signal::INT);
    channel::wait_for_report(&server, "the stop to begin", |it| it["state"] == "stopping");
    server.guard.signal(Signal::INT);
    server.wait_said("at once by a second signal");
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    channel.expect_nothing_left();
}

/// R1: neither a terminal nor a session is needed.
#[test]
fn no_terminal_is_needed() {
    let channel = Channel::new();
    // It takes the place of `setsid`, which leads no group here.
    let mut server = channel.launch().below(["setsid"]).start_unready();
    channel::wait_for_segments(&server, 1);
    server.wait_said("no terminal: a line every 10 s");
    // The line itself; nothing of it moves a cursor.
    server.wait_said("live: running");
    assert!(!server.said().contains('\u{1b}'), "{}", server.said());
    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    channel.expect_nothing_left();
}

#[test]
fn a_dashboard_without_a_terminal_is_2_in_one_line() {
    let ended = Channel::new().with(&["--dashboard", "on"]).run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.reason().contains("terminal"), "{ended:?}");
    assert!(ended.stdout.is_empty(), "{ended:?}");
}

#[test]
fn on_a_terminal_one_line_is_drawn_below_the_log_and_ctrl_c_ends_it() {
    let channel = Channel::new().with(&["--log", "info"]);
    let mut terminal = channel.launch().on_terminal();
    let drawn = |terminal: &Terminal| {
        let screen = terminal.screen();
        let last = screen.iter().rfind(|line| !line.is_empty());
        last.is_some_and(|line| line.contains("live: running"))
    };
    launch::wait_for("the line", || drawn(&terminal).then_some(()));
    // Each start and end of an encoder writes lines of log while the line is there.
    for restart in 1..=2 {
        let encoders = launch::mentioning(&channel.pipes());
        for pid in encoders.into_iter().filter_map(Pid::from_raw) {
            // Feeders may have ended with their encoder.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        launch::wait_for("the line to be drawn again", || {
            let screen = terminal.screen().join("\n");
            let starts = screen.matches("the encoder was started").count();
            (starts > restart && drawn(&terminal)).then_some(())
        });
    }
    let screen = terminal.screen();
    let lines = screen.iter().filter(|line| line.contains("live: "));
    assert_eq!(lines.count(), 1, "drawn over: {screen:#?}");
    let logged = screen
        .iter()
        .filter(|line| line.contains("channel=\"live\""));
    for line in logged {
        let begin = line.split(' ').next().unwrap_or_default();
        assert!(begin.starts_with("20") && begin.len() == 10, "{line}");
    }
    terminal.type_keys(b"\x03");
    let status = terminal.guard.wait();
    assert_eq!(status.code(), Some(0), "{}", terminal.written());
    channel.expect_nothing_left();
}

/// R30: any number of dashboards; how they leave is nothing to the channel.
#[test]
fn dashboards_come_and_go() {
    let channel = Channel::new();
    let mut server = channel.start();
    let top = || launch::headend(["top", "--connect", &server.base]).on_terminal();
    let (mut one, mut other) = (top(), top());
    for terminal in [&one, &other] {
        launch::wait_for("the channel on the screen", || {
            terminal.written().contains("running").then_some(())
        });
    }
    one.type_keys(b"q");
    assert_eq!(one.guard.wait().code(), Some(0), "{}", one.written());
    other.guard.signal(Signal::KILL);
    other.guard.wait();
    channel::wait_for_more(&server, 2);
    assert_eq!(channel::report(&server)["restarts"], 0);
    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    channel.expect_nothing_left();
}

#[test]
fn a_dry_run_prints_commands_and_starts_nothing() {
    let port = launch::free_port();
    let secret = format!("srt://127.0.0.1:{port}?mode=listener&passphrase=correct-horse");
    let channel = Channel::new().with(&["--input", &secret, "--dry-run"]);
    let shell = channel.run();
    assert_eq!(shell.code, Some(0), "{shell:?}");
    assert!(shell.stdout.contains("ffmpeg"), "{shell:?}");
    assert!(!shell.stdout.contains("correct-horse"), "{shell:?}");
    let folder = channel.path("state/live");
    assert!(fs::metadata(&folder).is_err(), "a channel was begun");

    let channel = channel.with(&["--show-secrets", "--format", "json"]);
    let json = channel.run();
    let commands: Vec<Value> = serde_json::from_str(&json.stdout).expect("JSON");
    assert!(!commands.is_empty() && json.stdout.contains("correct-horse"));
    for command in commands {
        assert!(command["role"].is_string(), "{command}");
        assert!(command["argv"][0].is_string(), "{command}");
    }

    let wrong = Channel::bare().with(&["--input", INPUT, "--ladder", "900p", "--dry-run"]);
    let wrong = wrong.run();
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(
        wrong.stdout.is_empty() && wrong.reason().contains("900p"),
        "{wrong:?}"
    );
}

/// R32: one job, both notations, flags on top.
#[test]
fn jobs_are_files_of_json_and_yaml() {
    let json = format!(
        r#"{{"job": {{"inputs": ["{INPUT}"], "ladder": ["240p"], "segment": "1s"}},
            "runtime": {{"restart": {{"policy": "never"}}}}}}"#
    );
    let yaml = format!(
        "job:\n  inputs: '{INPUT}'\n  ladder: 240p\n  segment: 1s\n\
         runtime:\n  restart: {{policy: never}}\n"
    );
    for (name, text) in [("job.json", json), ("job.yaml", yaml)] {
        let channel = Channel::bare();
        let file = channel.path(name);
        fs::write(&file, text).expect("job");
        // The flag wins over the file.
        let channel = channel.with(&[file.to_str().expect("path"), "--ladder", "144p"]);
        let mut server = channel.start();
        let report = channel::report(&server);
        assert_eq!(report["timing"]["segment_ms"], 1000, "{name}: {report:#}");
        server.guard.signal(Signal::TERM);
        assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
        channel.expect_nothing_left();
    }
}
