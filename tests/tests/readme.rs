//! Runs what README.md shows, so that it stays true.
//!
//! Code blocks are marked by the words behind the language:
//!
//! | block | what is done |
//! |---|---|
//! | ```` ```sh run ```` | each command ends by itself, with success |
//! | ```` ```sh serve ```` | the last command is a server: its page answers, then it is stopped |
//!
//! They run in order in one folder that has `movie.mkv` and a folder `media` of content, with
//! `headend` on the PATH.

use std::{env, fs, path::Path, process::Command};

use harness::{
    clips::{self, Clip},
    launch::{self, Guard},
};

/// Replaces the address that examples use, so that tests take a free one.
const LISTEN: (&str, &str) = ("HEADEND_LISTEN", "127.0.0.1:0");

fn blocks(text: &str, mark: &str) -> Vec<String> {
    let fence = format!("```sh {mark}");
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == fence {
            let block: Vec<&str> = lines
                .by_ref()
                .take_while(|line| line.trim() != "```")
                .collect();
            found.push(block.join("\n"));
        }
    }
    found
}

fn shell(script: &str, folder: &Path) -> Command {
    let binaries = launch::binary().parent().expect("folder of the binary");
    let path = env::var_os("PATH").unwrap_or_default();
    let paths = [binaries.to_path_buf()]
        .into_iter()
        .chain(env::split_paths(&path));
    let mut command = launch::command("bash");
    command
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .env("PATH", env::join_paths(paths).expect("PATH"))
        .env("HOME", folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env(LISTEN.0, LISTEN.1);
    command
}

#[test]
fn the_commands_of_the_readme_work() {
    let readme = fs::read_to_string(launch::repository().join("README.md")).expect("README.md");
    let folder = tempfile::tempdir().expect("temporary folder");
    fs::copy(Clip::Plain.path(), folder.path().join("movie.mkv")).expect("movie");
    clips::copy(
        &Clip::DashTimeline.path(),
        &folder.path().join("media/clip"),
    );
    let (run, serve) = (blocks(&readme, "run"), blocks(&readme, "serve"));
    assert!(
        !run.is_empty() || !serve.is_empty(),
        "no block of README.md is marked as runnable"
    );
    for script in run {
        let status = Guard::spawn(&mut shell(&script, folder.path())).wait();
        assert!(status.success(), "{status}:\n{script}");
    }
    for script in serve {
        // The server takes the shell's place, so that it gets the signal.
        let script = match script.rsplit_once('\n') {
            Some((before, last)) => format!("{before}\nexec {last}"),
            None => format!("exec {script}"),
        };
        let mut server = launch::serve(shell(&script, folder.path()));
        server.get("/").expect(200);
        server.guard.signal(rustix::process::Signal::TERM);
        let status = server.guard.wait();
        assert_eq!(status.code(), Some(0), "{script}: {}", server.said());
    }
}
