//! Starting, ending and reaping.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    ops::ControlFlow,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{eventually, is_gone, is_reaped, shell, spawner};
use crate::{Child, Command, Error, Exit, Stream};

/// Reads the first line of a child's stdout.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let stdout = child.take_stdout().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

#[test]
fn the_way_it_ended_is_kept() {
    let spawner = spawner();
    for (script, expected) in [
        ("exit 0", Exit::Code(0)),
        ("exit 3", Exit::Code(3)),
        ("kill -9 $$", Exit::Signal(9)),
    ] {
        let child = spawner.spawn(shell(script)).unwrap();
        assert_eq!(child.wait(), expected);
        assert_eq!(child.exit(), Some(expected));
        assert!(is_reaped(child.id()));
        assert_eq!(child.finish().is_ok(), expected.success());
    }
}

#[test]
fn the_last_words_are_kept_and_masked() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let command =
        shell("for i in 1 2 3; do echo line $i >&2; done; echo rtsp://u:pw@cam/ >&2; exit 1")
            .arg("key=hidden")
            .keep_lines(2)
            .on_line(move |line| sink.lock().unwrap().push(line.to_owned()));
    let error = spawner().run(command).unwrap_err();
    let Error::Failed { failure } = &error else {
        panic!("{error}");
    };
    assert_eq!(failure.stderr, ["line 3", "rtsp://***@cam/"]);
    assert!(failure.command.ends_with("key=***"), "{}", failure.command);
    assert_eq!(error.to_string(), "sh exited with code 1: rtsp://***@cam/");
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    for program in ["no-such-program", "/etc/passwd", "/nowhere/ffmpeg"] {
        let command = Command::new(program).package("ffmpeg");
        let error = spawner().spawn(command).unwrap_err();
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(program) && text.contains("apt-get install ffmpeg"),
            "{text}"
        );
    }
}

#[test]
fn a_time_limit_is_kept() {
    let limit = Duration::from_millis(100);
    let command = Command::new("sleep").arg("1000").timeout(limit);
    let error = spawner().run(command).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    // Also when stdout is closed at once.
    let command = shell("exec >&-; exec sleep 1000").timeout(limit);
    let error = spawner().run(command).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

#[test]
fn who_does_not_end_is_killed_after_its_grace() {
    let command = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done")
        .stdout(Stream::Piped)
        .grace(Duration::from_millis(100));
    let mut child = spawner().spawn(command).unwrap();
    assert_eq!(first_line(&mut child), "ready");
    assert_eq!(child.stop(), Exit::Signal(9));
    assert!(is_reaped(child.id()));
}

#[test]
fn who_ends_when_told_to_keeps_its_code() {
    let command = shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done")
        .stdout(Stream::Piped)
        .grace(super::DEADLINE);
    let mut child = spawner().spawn(command).unwrap();
    assert_eq!(first_line(&mut child), "ready");
    assert_eq!(child.stop(), Exit::Code(7));
}

#[test]
fn the_whole_group_ends() {
    let started = || {
        let command = shell("sleep 1000 & echo $!; wait").stdout(Stream::Piped);
        let mut child = spawner().spawn(command).unwrap();
        let grandchild: u32 = first_line(&mut child).parse().unwrap();
        (child, grandchild)
    };
    let (child, grandchild) = started();
    child.stop();
    eventually("grandchild ends with a stop", || is_gone(grandchild));

    let (child, grandchild) = started();
    let pid = child.id();
    drop(child);
    eventually("grandchild ends with a drop", || is_gone(grandchild));
    eventually("a dropped child is reaped", || is_reaped(pid));
}

#[test]
fn what_a_leader_leaves_behind_ends_with_it() {
    let command = shell("sleep 1000 & echo $!").stdout(Stream::Piped);
    let mut child = spawner().spawn(command).unwrap();
    let orphan: u32 = first_line(&mut child).parse().unwrap();
    assert_eq!(child.wait(), Exit::Code(0));
    eventually("orphan ends", || is_gone(orphan));
}

#[test]
fn nothing_is_left_of_many() {
    let spawner = spawner();
    let children: Vec<Child> = (0..40)
        .map(|_| spawner.spawn(Command::new("true")).unwrap())
        .collect();
    for child in &children {
        assert_eq!(child.wait(), Exit::Code(0));
        assert!(is_reaped(child.id()));
    }
}

#[test]
fn a_child_outlives_the_handle_of_its_spawner() {
    let mut child = {
        let spawner = spawner();
        spawner
            .spawn(
                Command::new("cat")
                    .stdin(Stream::Piped)
                    .stdout(Stream::Piped),
            )
            .unwrap()
    };
    let mut stdin = child.take_stdin().unwrap();
    stdin.write_all(b"through a pipe").unwrap();
    drop(stdin);
    let mut text = String::new();
    let mut stdout = child.take_stdout().unwrap();
    stdout.read_to_string(&mut text).unwrap();
    assert_eq!(text, "through a pipe");
    assert_eq!(child.wait(), Exit::Code(0));
}

#[test]
fn the_environment_and_the_open_files_are_not_ours() {
    let folder = tempfile::tempdir().unwrap();
    let secret = fs::File::create(folder.path().join("ours")).unwrap();
    let command = shell("env; ls -l /proc/$$/fd; pwd")
        .env("GIVEN", "yes")
        .folder(folder.path());
    let output = String::from_utf8(spawner().run(command).unwrap()).unwrap();
    drop(secret);
    assert!(output.contains("GIVEN=yes\n"));
    assert!(!output.contains("CARGO"), "{output}");
    assert!(!output.contains("/ours"), "{output}");
    assert!(output.ends_with(&format!("{}\n", folder.path().display())));
}

#[test]
fn signals_have_their_default_meaning() {
    // A server ignores SIGPIPE; a child that did so would not notice that its reader is gone.
    let command = shell("grep SigIgn /proc/self/status");
    let output = String::from_utf8(spawner().run(command).unwrap()).unwrap();
    let ignored = u64::from_str_radix(output.split_whitespace().nth(1).unwrap(), 16).unwrap();
    assert_eq!(ignored & 1 << (13 - 1), 0, "{output}");
}

#[test]
fn output_comes_whole() {
    let command = Command::new("head").args(["-c", "1000000", "/dev/zero"]);
    assert_eq!(spawner().run(command).unwrap().len(), 1_000_000);
    let mut lines = Vec::new();
    let command = shell("printf 'one\\ntwo\\nthree'");
    spawner()
        .run_lines(command, |line| {
            lines.push(line.to_owned());
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(lines, ["one", "two", "three"]);
}

#[test]
fn lines_can_be_stopped() {
    let mut count = 0;
    let stopped = spawner().run_lines(Command::new("yes"), |_| {
        count += 1;
        if count < 3 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    assert!(matches!(stopped, Err(Error::Stopped { .. })));
    assert_eq!(count, 3);
}
