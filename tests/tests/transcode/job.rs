//! A small job: a clip of some seconds, two renditions, chunks of two seconds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Output,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
};

use harness::{
    clips,
    launch::{self, Guard, Launch, PATIENCE},
    s3,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Chunks of the clip.
pub(crate) const CHUNKS: usize = 6;

/// Makes the arguments of a clip of so many seconds with sound, 25 frames a second.
pub(crate) fn source(seconds: &str) -> String {
    format!(
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration={seconds},noise=alls=6:allf=t \
         -f lavfi -i sine=frequency=440:beep_factor=4:sample_rate=48000:duration={seconds} \
         -c:v libx264 -preset ultrafast -g 37 -c:a aac -ac 2"
    )
}

/// A place with a clip, a preset and a folder for assets.
pub(crate) struct Place {
    pub(crate) root: TempDir,
    /// Path or URI of the clip; its name without an extension is `film`, as the asset.
    pub(crate) input: String,
    /// The folder or bucket that the asset goes into.
    pub(crate) to: String,
    /// Further arguments.
    pub(crate) more: Vec<String>,
    /// The server of buckets, where there are some.
    pub(crate) buckets: Option<s3::Server>,
}

/// A job that runs.
pub(crate) struct Running {
    pub(crate) guard: Guard,
    lines: Receiver<String>,
    /// Events so far.
    pub(crate) events: Vec<Value>,
}

impl Place {
    /// Makes a clip of [`CHUNKS`] chunks.
    pub(crate) fn new() -> Self {
        Self::of("film.mp4", &source(&(2 * CHUNKS).to_string()))
    }

    /// Makes a clip with ffmpeg, from arguments without the name of its file.
    pub(crate) fn of(film: &str, arguments: &str) -> Self {
        let root = tempfile::tempdir().expect("temporary folder");
        clips::ffmpeg(root.path(), &format!("{arguments} {film}"));
        let text = |name: &str| root.path().join(name).display().to_string();
        let place = Self {
            input: text(film),
            to: text("films"),
            root,
            more: Vec::new(),
            buckets: None,
        };
        place.write_preset("veryfast");
        place
    }

    /// Writes the preset, with the speed of its encoders.
    pub(crate) fn write_preset(&self, speed: &str) {
        let rung = |name: &str, width: u32, height: u32| {
            json!({
                "name": name,
                "width": width,
                "height": height,
                "maxrate_bps": 600_000,
                "speed": speed,
            })
        };
        let preset = json!({
            "name": "tiny",
            "gop_ms": 1000,
            "segment_ms": 2000,
            "chunk_ms": 2000,
            "rungs": [rung("180p", 320, 180), rung("90p", 160, 90)],
        });
        fs::write(self.path("tiny.json"), preset.to_string()).expect("preset");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Begins the command line of the job.
    fn launch(&self) -> Launch {
        let preset = self.path("tiny.json").display().to_string();
        let fixed = [
            "transcode",
            &self.input,
            "--to",
            &self.to,
            "--preset",
            &preset,
        ];
        let more = self.more.iter().map(String::as_str);
        let launch = launch::headend(fixed.into_iter().chain(["--json"]).chain(more));
        match &self.buckets {
            Some(server) => server.known_to(launch),
            None => launch,
        }
    }

    /// Starts the job.
    #[expect(
        clippy::print_stderr,
        reason = "a test that fails shows what the job said"
    )]
    pub(crate) fn start(&self) -> Running {
        let mut guard = self.launch().spawn();
        let (stdout, stderr) = guard.take_output();
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(stdout.expect("stdout"));
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let stderr = BufReader::new(stderr.expect("stderr"));
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                eprintln!("job: {line}");
            }
        });
        Running {
            guard,
            lines,
            events: Vec::new(),
        }
    }

    /// Runs the job to its end, whatever that is.
    pub(crate) fn output(&self) -> Output {
        self.launch().run()
    }

    /// Runs the job to its end, which has to be a good one, and returns its events.
    pub(crate) fn finish(&self) -> Vec<Value> {
        let output = self.output();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// Returns the version that is shown.
    pub(crate) fn version(&self) -> String {
        let text = fs::read(self.path("films/film/current.json")).expect("pointer");
        let pointer: Value = serde_json::from_slice(&text).expect("pointer");
        pointer["version"].as_str().expect("version").to_owned()
    }

    /// Returns the folder of the version that is shown.
    pub(crate) fn result(&self) -> PathBuf {
        self.path("films/film").join(self.version())
    }

    /// Returns the folder of the job's work.
    pub(crate) fn work(&self) -> PathBuf {
        let jobs = self.path("films/.headend/jobs");
        let mut found = fs::read_dir(jobs).expect("jobs");
        found.next().expect("a job").expect("a job").path()
    }

    /// Removes result and work, so that the job begins anew.
    pub(crate) fn forget(&self) {
        fs::remove_dir_all(self.path("films")).expect("the assets");
    }
}

impl Running {
    /// Waits for the next event; none at the end of the process.
    pub(crate) fn next(&mut self) -> Option<Value> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                let event: Value = serde_json::from_str(&line).expect("a line of JSON");
                self.events.push(event.clone());
                Some(event)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no event within {PATIENCE:?}"),
        }
    }

    /// Waits until a step of this kind has begun; false if the process ends before.
    pub(crate) fn begun(&mut self, kind: &str) -> bool {
        while let Some(event) = self.next() {
            if event["event"] == "started" && is_of(&event, kind) {
                return true;
            }
        }
        false
    }

    /// Reads all events to the end of the process.
    pub(crate) fn drain(&mut self) {
        while self.next().is_some() {}
    }

    /// Kills the process with all that it started, without a chance to say anything.
    pub(crate) fn kill_tree(&mut self) {
        let tree = launch::descendants(self.guard.pid());
        self.guard.signal(Signal::KILL);
        for (pid, _) in tree {
            signal(pid, Signal::KILL);
        }
        self.guard.wait();
    }
}

/// Sends a signal to any process; one that has ended is what the caller wanted.
pub(crate) fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// Tells whether an event is about a step of this kind, such as `chunk`.
pub(crate) fn is_of(event: &Value, kind: &str) -> bool {
    event["step"]
        .as_str()
        .is_some_and(|step| step.split('-').next() == Some(kind))
}

/// Counts the attempts at steps of a kind that really did something: begun, and not found done.
pub(crate) fn worked(events: &[Value], kind: &str) -> usize {
    let count = |name: &str, found: bool| {
        let of = |event: &&Value| {
            event["event"] == name
                && is_of(event, kind)
                && (name != "done" || event["found"] == found)
        };
        events.iter().filter(of).count()
    };
    count("started", false) - count("done", true)
}

/// Lists the steps that were done and not found, without fetch, plan and publish, which are looked
/// at each time.
pub(crate) fn remade(events: &[Value]) -> Vec<String> {
    let mut steps: Vec<String> = events
        .iter()
        .filter(|event| event["event"] == "done" && event["found"] == false)
        .filter_map(|event| event["step"].as_str())
        .filter(|step| !matches!(*step, "fetch" | "plan" | "publish"))
        .map(str::to_owned)
        .collect();
    steps.sort();
    steps
}

/// All files of a version, by their names there, but for the one that says when and by which job it
/// was put there.
pub(crate) struct Contents(BTreeMap<PathBuf, Vec<u8>>);

impl Contents {
    /// Reads them.
    pub(crate) fn of(folder: &Path) -> Self {
        let named = files(folder).into_iter().map(|path| {
            let name = path.strip_prefix(folder).expect("a file of the folder");
            (name.to_path_buf(), fs::read(&path).expect("file"))
        });
        Self(
            named
                .filter(|(name, _)| name != Path::new("version.json"))
                .collect(),
        )
    }

    /// Fails unless others are the same, byte for byte, and names those that are not.
    pub(crate) fn assert_same(&self, other: &Self, what: &str) {
        let names = self.0.keys().chain(other.0.keys());
        let differ: BTreeSet<_> = names
            .filter(|name| self.0.get(*name) != other.0.get(*name))
            .collect();
        assert!(differ.is_empty(), "{what}: {differ:?} differ");
    }

    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Lists all files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
