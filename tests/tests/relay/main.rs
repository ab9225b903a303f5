//! Relay streams as one sees them from outside: any program's output, to any number of clients. Tests
//! are named by what is required (`docs/requirements-relay.md`); every feed is a test source.

mod children;
mod clients;
mod compat;
mod config;
mod containers;
mod feeds;
mod http;
mod page;
mod soak;
mod sources;
mod streams;
mod titles;
mod tls;

use std::{
    fs,
    io::{BufReader, Read},
    net::{TcpListener, TcpStream},
    path::PathBuf,
};

use harness::{
    http as client,
    launch::{self, Launch, Server},
};
use serde_json::Value;

/// A test source that costs little: MPEG-TS with a key frame every second.
const TS: &str = "ffmpeg -nostdin -loglevel error -re -f lavfi -i testsrc2=size=64x36:rate=10 \
                  -c:v mpeg2video -g 10 -f mpegts pipe:1";

/// A server with a configuration of its own.
struct Relay {
    server: Server,
    folder: tempfile::TempDir,
}

impl Relay {
    /// Starts a server on a free port.
    fn start(yaml: &str) -> Self {
        Self::start_with(yaml, &["--listen", "127.0.0.1:0"])
    }

    fn start_with(yaml: &str, flags: &[&str]) -> Self {
        let (launch, folder) = Self::prepare(yaml, flags);
        let server = launch.start();
        Self { server, folder }
    }

    /// Starts a server on a free port by a program that takes its own place.
    fn start_below(yaml: &str, words: &[&str]) -> Self {
        let (launch, folder) = Self::prepare(yaml, &["--listen", "127.0.0.1:0"]);
        let server = launch.below(words).start();
        Self { server, folder }
    }

    fn prepare(yaml: &str, flags: &[&str]) -> (Launch, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("headend.yaml");
        fs::write(&file, yaml).expect("configuration");
        let mut words = vec!["serve".as_ref(), "--config".as_ref(), file.as_os_str()];
        words.extend(flags.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
        (launch::headend(words), folder)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("headend.yaml")
    }

    fn get(&self, path: &str) -> client::Answer {
        self.server.get(path)
    }

    /// Opens a stream and reads its head; the body is chunked.
    fn open(&self, path: &str) -> (u16, BufReader<TcpStream>) {
        let mut reader = client::get(&self.server.url(path))
            .open()
            .expect("connection");
        let (status, _) = client::read_head(&mut reader).expect("head");
        (status, reader)
    }

    /// Returns what `/stat.json` says of the relay.
    fn stat(&self) -> Value {
        let text = self.get("/stat.json").expect(200);
        let stat: Value = serde_json::from_str(text.text()).expect("JSON");
        stat["relay"].clone()
    }

    /// Returns what it says of a feed.
    fn feed(&self, name: &str) -> Value {
        named(&self.stat()["feeds"], name)
    }

    /// Returns what it says of a stream.
    fn stream(&self, name: &str) -> Value {
        named(&self.stat()["streams"], name)
    }

    fn wait_state(&self, feed: &str, state: &str) {
        launch::wait_for(&format!("feed {feed} to be {state}"), || {
            (self.feed(feed)["state"] == state).then_some(())
        });
    }
}

fn named(list: &Value, name: &str) -> Value {
    let list = list.as_array().expect("a list");
    let found = list.iter().find(|it| it["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}")).clone()
}

/// Reads at least `count` bytes of a running answer, chunk sizes and all.
fn read_some(reader: &mut BufReader<TcpStream>, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    reader.read_exact(&mut bytes).expect("the stream goes on");
    bytes
}

/// Returns how often something is done that has to come out the same every time: `RELAY_ROUNDS`, which
/// `make soak` sets to what is promised, or as often as there is time for.
fn rounds(usual: usize) -> usize {
    match std::env::var("RELAY_ROUNDS") {
        Ok(text) => text.parse().expect("a number of rounds"),
        Err(_) => usual,
    }
}

/// Returns a port that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
