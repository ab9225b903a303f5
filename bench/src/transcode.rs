//! A VoD job against one plain ffmpeg that makes the same renditions with the same settings, and how
//! soon a job goes on after it was killed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    time::Instant,
};

use harness::{clips, launch};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{Effort, machine, report::Report};

/// Ratio of CPU and wall time to one plain ffmpeg.
const BOUND: f64 = 1.05;

/// With two workers it is to be no slower.
const TWO_BOUND: f64 = 1.0;

/// Seconds from the start of a job that was killed until it encodes again.
const RESUME_BOUND: f64 = 2.0;

/// The ladder: width, height, greatest bits a second.
const LADDER: [(u32, u32, u64); 3] = [
    (854, 480, 1_500_000),
    (640, 360, 800_000),
    (426, 240, 400_000),
];

/// Settings that both have in common; a group is two seconds of 25 frames.
const ENCODER: &str = "-c:v libx264 -preset veryfast -crf 23 -profile:v high -pix_fmt yuv420p -g 50 \
    -keyint_min 50 -sc_threshold 0";

/// What a run took.
struct Cost {
    cpu: f64,
    wall: f64,
}

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let root = tempfile::tempdir_in(launch::profile_folder()).expect("temporary folder");
    let seconds = effort.film_seconds;
    clips::ffmpeg(
        root.path(),
        &format!(
            "-f lavfi -i testsrc2=size=1280x720:rate=25:duration={seconds},noise=alls=8:allf=t \
             -f lavfi -i sine=frequency=440:sample_rate=48000:duration={seconds} \
             -c:v libx264 -preset ultrafast -crf 20 -g 120 -c:a aac -ac 2 -b:a 128k film.mp4"
        ),
    );
    write_preset(root.path());
    // The machine may be busy with other things: the best of some rounds counts.
    let mut best: [Option<Cost>; 4] = [None, None, None, None];
    for _ in 0..effort.films {
        let runs = [
            plain(root.path(), Some(1)),
            plain(root.path(), None),
            job(root.path(), 1),
            job(root.path(), 2),
        ];
        for (best, run) in best.iter_mut().zip(runs) {
            let cpu = best.as_ref().map_or(run.cpu, |it| it.cpu.min(run.cpu));
            let wall = best.as_ref().map_or(run.wall, |it| it.wall.min(run.wall));
            *best = Some(Cost { cpu, wall });
        }
    }
    let [Some(one_thread), Some(all_threads), Some(one), Some(two)] = best else {
        return;
    };
    for (name, cost) in [
        ("plain ffmpeg, one thread an encoder", &one_thread),
        ("plain ffmpeg, its own choice of threads", &all_threads),
        ("job, one worker", &one),
        ("job, two workers", &two),
    ] {
        report.note(&format!(
            "{name:42} {seconds} s of film: {:7.2} s CPU, {:7.2} s",
            cost.cpu, cost.wall
        ));
    }
    let detail = json!({ "film_seconds": seconds, "chunk_seconds": 60 });
    for (name, value, bound) in [
        (
            "VoD job, one worker: CPU time to plain ffmpeg",
            one.cpu / one_thread.cpu,
            BOUND,
        ),
        (
            "VoD job, one worker: time to plain ffmpeg",
            one.wall / one_thread.wall,
            BOUND,
        ),
        (
            "VoD job, two workers: time to plain ffmpeg of all threads",
            two.wall / all_threads.wall,
            TWO_BOUND,
        ),
    ] {
        report.bounded(name, value, bound, detail.clone());
    }
    let resumed = resume(root.path());
    report.bounded(
        "VoD job: seconds until it encodes again after kill -9",
        resumed,
        RESUME_BOUND,
        detail,
    );
}

fn write_preset(root: &Path) {
    let rungs: Vec<Value> = LADDER
        .iter()
        .map(|(width, height, rate)| {
            json!({
                "name": format!("{height}p"),
                "width": width,
                "height": height,
                "profile": "high",
                "crf_tenths": 230,
                "maxrate_bps": rate,
                "bufsize_bits": 2 * rate,
                "speed": "veryfast",
            })
        })
        .collect();
    let preset = json!({ "name": "bench", "audio_bitrate": 128_000, "rungs": rungs });
    fs::write(root.join("bench.json"), preset.to_string()).expect("preset");
}

/// Makes the renditions with one ffmpeg, into an HLS presentation.
fn plain(root: &Path, threads: Option<u32>) -> Cost {
    let out = root.join("plain");
    let _ = fs::remove_dir_all(&out);
    fs::create_dir(&out).expect("folder");
    let mut graph = format!("[0:v]split={}", LADDER.len());
    let mut outputs = String::new();
    let mut streams = Vec::new();
    for index in 0..LADDER.len() {
        graph.push_str(&format!("[s{index}]"));
    }
    for (index, (width, height, rate)) in LADDER.iter().enumerate() {
        graph.push_str(&format!(";[s{index}]scale={width}:{height}[v{index}]"));
        outputs.push_str(&format!(
            " -map [v{index}] -maxrate:v:{index} {rate} -bufsize:v:{index} {}",
            2 * rate
        ));
        streams.push(format!("v:{index},agroup:a"));
    }
    streams.push("a:0,agroup:a".to_owned());
    let mut command = launch::command("ffmpeg");
    command
        .current_dir(&out)
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(["-i", "../film.mp4", "-filter_complex", &graph])
        .args(outputs.split_whitespace())
        .args(["-map", "0:a"])
        .args(ENCODER.split_whitespace())
        .args("-c:a aac -b:a 128k -ac 2".split_whitespace());
    if let Some(threads) = threads {
        command.args(["-threads", &threads.to_string()]);
    }
    command
        .args("-f hls -hls_time 6 -hls_playlist_type vod -hls_segment_type fmp4".split(' '))
        .args(["-var_stream_map", &streams.join(" ")])
        .args(["-hls_segment_filename", "%v-%d.m4s", "%v.m3u8"]);
    timed(&mut command)
}

/// Runs a job with so many workers.
fn job(root: &Path, workers: u32) -> Cost {
    let _ = fs::remove_dir_all(root.join("films"));
    let mut command = launch::command(launch::binary());
    command
        .current_dir(root)
        .args("transcode film.mp4 --to films --preset ./bench.json --no-thumbnails".split(' '))
        .args(["--threads", &workers.to_string()]);
    timed(&mut command)
}

fn timed(command: &mut std::process::Command) -> Cost {
    let before = machine::waited_seconds();
    let begun = Instant::now();
    let output = launch::run_within(command, launch::LONG);
    let wall = begun.elapsed().as_secs_f64();
    assert!(output.status.success(), "{output:?}");
    Cost {
        cpu: machine::waited_seconds() - before,
        wall,
    }
}

/// Kills a job with all its processes in the middle, starts it again, and returns how long it takes
/// until it encodes.
fn resume(root: &Path) -> f64 {
    let _ = fs::remove_dir_all(root.join("films"));
    let mut first = start(root);
    let stdout = first.take_output().0.expect("stdout");
    wait_for_event(stdout, |event| event["event"] == "done" && is_chunk(event));
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
    let mut second = start(root);
    let stdout = second.take_output().0.expect("stdout");
    wait_for_event(stdout, |event| {
        event["event"] == "started" && is_chunk(event)
    });
    begun.elapsed().as_secs_f64()
}

fn start(root: &Path) -> launch::Guard {
    let arguments = "transcode film.mp4 --to films --preset ./bench.json --chunk-seconds 6 --json";
    launch::headend(arguments.split(' '))
        .current_dir(root)
        .spawn()
}

fn is_chunk(event: &Value) -> bool {
    event["step"]
        .as_str()
        .is_some_and(|step| step.starts_with("chunk"))
}

fn wait_for_event(stdout: impl std::io::Read, is: impl Fn(&Value) -> bool) {
    let lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let found = lines
        .filter_map(|line| serde_json::from_str(&line).ok())
        .any(|event: Value| is(&event));
    assert!(found, "the job ended before");
}
