//! How soon a job goes on after it was killed with all its processes.

use std::{
    io::{BufRead as _, BufReader, Read},
    time::Instant,
};

use harness::launch;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::film::Film;

/// Kills a job in the middle of a chunk, starts it again, and returns the seconds until the encoder of
/// a chunk runs.
pub(super) fn once(film: &Film) -> f64 {
    film.empty("films");
    let mut first = start(film);
    let stdout = first.take_output().0.expect("stdout");
    wait_for_chunk(stdout);
    let tree = launch::descendants(first.pid());
    first.signal(Signal::KILL);
    for (pid, _) in tree {
        if let Some(pid) = Pid::from_raw(pid) {
            // It may have noticed by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    first.wait();
    let begun = Instant::now();
    let second = start(film);
    launch::wait_for("the encoder of a chunk", || {
        let below = launch::descendants(second.pid());
        below.iter().any(|(pid, _)| encodes(*pid)).then_some(())
    });
    begun.elapsed().as_secs_f64()
}

fn start(film: &Film) -> launch::Guard {
    let arguments = "transcode film.mp4 --to films --preset ./bench.json --chunk-seconds 6 --json";
    launch::headend(arguments.split(' '))
        .current_dir(film.folder())
        .spawn()
}

/// Tells whether a process is an ffmpeg that makes pictures.
fn encodes(pid: i32) -> bool {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    words.split('\0').any(|word| word == "-filter_complex") && words.contains("libx264")
}

/// Waits until a job has finished one chunk and begun another.
fn wait_for_chunk(stdout: impl Read) {
    let lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let mut is_one_done = false;
    for line in lines {
        let Ok(event) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        if !event["step"]
            .as_str()
            .is_some_and(|it| it.starts_with("chunk"))
        {
            continue;
        }
        is_one_done |= event["event"] == "done";
        if is_one_done && event["event"] == "started" {
            return;
        }
    }
    panic!("the job ended before");
}
