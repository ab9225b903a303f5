//! The command line: exit codes, results on stdout, complaints on stderr, machine-readable where a
//! result can be piped.

use std::{fs, net::TcpListener, process::Output};

use harness::{
    clips::{self, Clip},
    launch,
};
use serde_json::Value;

fn run(args: &[&str]) -> Output {
    launch::headend(args).run()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", stdout(output), stderr(output)))
}

#[test]
fn a_wrong_command_line_is_2_and_says_what_is_right() {
    for args in [
        &[][..],
        &["nonsense"],
        &["simulate"],
        &["simulate", "--listen", "nowhere", "."],
    ] {
        let output = run(args);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(
            stderr(&output).contains("Usage") || stderr(&output).contains("--help"),
            "{args:?}"
        );
    }
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for command in ["demo", "serve", "simulate", "info", "asset", "config"] {
        assert!(stdout(&help).contains(command), "{command}");
    }
    let version = run(&["--version"]);
    assert!(
        stdout(&version).starts_with("headend "),
        "{}",
        stdout(&version)
    );
}

#[test]
fn an_input_that_cannot_be_read_is_4() {
    let output = run(&["simulate", "/nowhere/movie.mkv", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("/nowhere/movie.mkv"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_missing_program_is_3_and_the_package_is_named() {
    let movie = Clip::Plain.path();
    let output = launch::headend([
        "simulate",
        movie.to_str().expect("path"),
        "--listen",
        "127.0.0.1:0",
    ])
    .env("PATH", "/nowhere")
    .run();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("ffmpeg"), "{}", stderr(&output));
}

#[test]
fn a_taken_port_is_1_and_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = taken.local_addr().expect("address").to_string();
    let folder = clips::root();
    let output = run(&[
        "simulate",
        folder.to_str().expect("path"),
        "--listen",
        &address,
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
}

#[test]
fn config_check_names_the_line() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("headend.yaml");
    fs::write(&file, "listen: 127.0.0.1:9000\nassetts: [media]\n").expect("file");
    let path = file.to_str().expect("path");
    let bad = run(&["config", "check", path]);
    assert_eq!(bad.status.code(), Some(2), "{}", stderr(&bad));
    let said = stderr(&bad);
    assert!(
        said.contains("assetts") && said.contains("headend.yaml:2"),
        "{said}"
    );
    let bad = run(&["config", "check", "--json", path]);
    assert_eq!(bad.status.code(), Some(2));
    assert_eq!(json(&bad)["good"], false);

    fs::write(&file, "listen: 127.0.0.1:9000\nassets: [media]\n").expect("file");
    assert_eq!(run(&["config", "check", path]).status.code(), Some(0));
    let shown = json(&run(&["config", "show", "--json", "--config", path]));
    assert_eq!(shown["listen"], "127.0.0.1:9000");
    let flag = json(&run(&[
        "config",
        "show",
        "--json",
        "--config",
        path,
        "--listen",
        "[::1]:7000",
    ]));
    assert_eq!(flag["listen"], "[::1]:7000", "a flag wins over the file");
    let schema = json(&run(&["config", "schema"]));
    assert!(schema["properties"]["listen"].is_object(), "{schema}");
}

#[test]
fn info_says_what_this_machine_can_do() {
    let info = json(&run(&["info", "--json"]));
    let text = info.to_string();
    assert!(
        text.contains("ffmpeg") && text.contains(env!("CARGO_PKG_VERSION")),
        "{text}"
    );
    let output = run(&["info"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("ffmpeg"));
}

#[test]
fn asset_check_prints_a_verdict_for_each() {
    let good = Clip::DashTimeline.path();
    let good = good.to_str().expect("path");
    let output = run(&["asset", "check", good]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for word in ["avc1.4d400d", "mp4a.40.2", "320"] {
        assert!(
            stdout(&output).contains(word),
            "{word}: {}",
            stdout(&output)
        );
    }
    let output = run(&["asset", "check", "--json", good]);
    assert_eq!(output.status.code(), Some(0));
    assert!(json(&output).to_string().contains("avc1.4d400d"));

    let folder = tempfile::tempdir().expect("temporary folder");
    let bad = folder.path().join("bad");
    clips::copy(&Clip::DashNumber.path(), &bad);
    fs::remove_file(bad.join("init-stream0.m4s")).expect("init is removed");
    let path = bad.to_str().expect("path");
    let output = run(&["asset", "check", path, good]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    let said = stdout(&output) + &stderr(&output);
    assert!(said.contains("init-stream0.m4s"), "{said}");
    assert!(
        said.contains("avc1.4d400d"),
        "the good one is shown as well: {said}"
    );
    let output = run(&["asset", "check", "--json", path]);
    assert_eq!(output.status.code(), Some(5));
    assert!(json(&output).to_string().contains("init-stream0.m4s"));
}

#[test]
fn a_server_can_be_configured_by_file_and_environment() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("headend.yaml");
    let root = clips::root();
    fs::write(
        &file,
        format!("listen: 127.0.0.1:1\nassets: [{}]\n", root.display()),
    )
    .expect("file");
    let server = launch::headend(["serve".as_ref(), "-c".as_ref(), file.as_os_str()])
        .env("HEADEND_LISTEN", "127.0.0.1:0")
        .start();
    server.get("/vod/dash-number/manifest.mpd").expect(200);
}
