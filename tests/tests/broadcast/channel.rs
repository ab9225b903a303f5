//! A channel under test: small pictures of the test source, whose processes are known by the folder
//! of its state.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use harness::{
    http,
    launch::{self, Launch, Server},
    manifests::{self, Playlist},
};
use serde_json::Value;

/// Pictures that cost next to nothing.
pub(crate) const INPUT: &str = "testsrc?size=320x180&rate=25";

/// Processes get so long to end behind one that was killed.
const LAST_BREATH: Duration = Duration::from_secs(10);

/// A folder for a channel, and what is asked of it there.
pub(crate) struct Channel {
    folder: tempfile::TempDir,
    listen: String,
    args: Vec<String>,
}

impl Channel {
    /// Begins a channel of the test source with one small rung and short segments.
    pub(crate) fn new() -> Self {
        Self::of(INPUT)
    }

    /// Begins a channel of an input.
    pub(crate) fn of(input: &str) -> Self {
        Self::bare().with(&["--input", input, "--ladder", "144p", "--segment", "1s"])
    }

    /// Begins a command without an input.
    pub(crate) fn bare() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let state = folder.path().join("state");
        let state = state.to_str().expect("path").to_owned();
        let channel = Self {
            folder,
            listen: "127.0.0.1:0".to_owned(),
            args: vec!["broadcast".to_owned()],
        };
        channel.with(&["--state-dir", &state])
    }

    /// Sets the address that it listens on, which is a free one otherwise.
    pub(crate) fn listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self
    }

    /// Adds arguments.
    pub(crate) fn with(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// Returns a folder of its own.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the folder of its pipes, which is in the command lines of its encoders only.
    pub(crate) fn pipes(&self) -> String {
        let pipes = self.path("state/live/pipes");
        pipes.to_str().expect("path").to_owned()
    }

    /// Returns a path in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns its command line.
    pub(crate) fn launch(&self) -> Launch {
        let launch = launch::headend(&self.args).home(self.folder.path());
        launch.env("HEADEND_LISTEN", &self.listen)
    }

    /// Runs it to its end, which is to leave nothing behind.
    pub(crate) fn run(&self) -> Ended {
        let output = self.launch().run();
        let ended = Ended {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        self.expect_nothing_left();
        ended
    }

    /// Starts it and waits until its playlist has a segment.
    pub(crate) fn start(&self) -> Server {
        let server = self.launch().start_unready();
        wait_for_segments(&server, 1);
        server
    }

    /// Waits until no process of it lives; they all have its folder in their command lines.
    pub(crate) fn expect_nothing_left(&self) {
        let mark = self.folder.path().to_str().expect("path");
        let gone = launch::wait_within(LAST_BREATH, || {
            launch::mentioning(mark).is_empty().then_some(())
        });
        assert!(gone.is_some(), "left: {:?}", launch::mentioning(mark));
    }
}

/// Returns the ids of the encoders below a server.
pub(crate) fn encoders(server: &Server) -> Vec<i32> {
    launch::descendants(server.guard.pid())
        .into_iter()
        .filter(|(_, name)| name.contains("ffmpeg"))
        .map(|(pid, _)| pid)
        .collect()
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Returns the last line of stderr, where the reason is.
    pub(crate) fn reason(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

/// Asks for the playlist of pictures, if it is there.
pub(crate) fn try_playlist(server: &Server) -> Option<Playlist> {
    let master = http::get(&server.url("/live/live/master.m3u8")).try_send();
    master.ok().filter(|answer| answer.status == 200)?;
    let (_, playlists) = manifests::multivariant(server, "/live/live/master.m3u8");
    let pictures = playlists.iter().find(|url| url.contains("v144"))?;
    Some(manifests::playlist(pictures))
}

/// Asks for the playlist of pictures.
pub(crate) fn playlist(server: &Server) -> Playlist {
    try_playlist(server).expect("a playlist")
}

/// Returns the number behind the last segment of the playlist.
pub(crate) fn edge(server: &Server) -> u64 {
    let playlist = playlist(server);
    playlist.media_sequence + playlist.listed.segments.len() as u64
}

/// Waits until the playlist has so many segments.
pub(crate) fn wait_for_segments(server: &Server, count: usize) -> Playlist {
    let last = launch::wait_within(launch::PATIENCE, || {
        try_playlist(server).filter(|found| found.listed.segments.len() >= count)
    });
    last.unwrap_or_else(|| panic!("no {count} segments: {}", server.said()))
}

/// Waits until so many segments more are there than now.
pub(crate) fn wait_for_more(server: &Server, count: u64) {
    let from = edge(server);
    launch::wait_for("the live edge to move", || {
        (edge(server) >= from + count).then_some(())
    });
}

/// Describes the channel as `/api/v1/channels` does.
pub(crate) fn report(server: &Server) -> Value {
    let answer = server.get("/api/v1/channels/live").expect(200);
    serde_json::from_str(answer.text()).expect("JSON")
}

/// Returns the value of a metric of the channel, which has to be there once.
pub(crate) fn metric(server: &Server, name: &str) -> f64 {
    let answer = server.get("/metrics").expect(200);
    let mut lines = answer.text().lines().filter(|line| {
        line.starts_with(name) && line[name.len()..].starts_with("{channel=\"live\"}")
    });
    let line = lines.next().unwrap_or_else(|| panic!("no {name}"));
    let value = line.rsplit_once(' ').expect("a value").1;
    value.parse().expect("a number")
}

/// Waits until the report of the channel is as wished.
pub(crate) fn wait_for_report(
    server: &Server,
    what: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    let found = launch::wait_within(launch::PATIENCE, || Some(report(server)).filter(&is_so));
    found.unwrap_or_else(|| panic!("{what}: {:#}\n{}", report(server), server.said()))
}

/// Follows `/api/v1/events` from now on.
pub(crate) struct Events(Arc<Mutex<Vec<Value>>>);

impl Events {
    /// Begins to listen.
    pub(crate) fn of(server: &Server) -> Self {
        let mut answer = http::get(&server.url("/api/v1/events"))
            .open()
            .expect("connection");
        let (status, _) = http::read_head(&mut answer).expect("head");
        assert_eq!(status, 200);
        let events: Arc<Mutex<Vec<Value>>> = Arc::default();
        let found = Arc::clone(&events);
        std::thread::spawn(move || {
            // Chunk by chunk: what is no JSON is the length of a chunk.
            for line in BufReader::new(answer).lines().map_while(Result::ok) {
                if let Ok(event @ Value::Object(_)) = serde_json::from_str(&line) {
                    found.lock().expect("tests live").push(event);
                }
            }
        });
        let events = Self(events);
        events.wait("listening");
        events
    }

    /// Returns the events of a kind.
    pub(crate) fn all(&self, kind: &str) -> Vec<Value> {
        let events = self.0.lock().expect("the reader lives");
        let of_kind = events.iter().filter(|event| event["event"] == kind);
        of_kind.cloned().collect()
    }

    /// Waits for the first event of a kind.
    pub(crate) fn wait(&self, kind: &str) -> Value {
        let found = launch::wait_within(launch::PATIENCE, || self.all(kind).first().cloned());
        found.unwrap_or_else(|| panic!("no {kind}: {:?}", self.0.lock().expect("the reader lives")))
    }
}
