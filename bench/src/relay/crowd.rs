//! Many clients in one process of their own, `headend-bench crowd …`: each has a connection, and all that
//! is done with its bytes is to count them. The kernel throws them away (`MSG_TRUNC`), 25 times a second for
//! each, whatever the size of the server's writes; so the process costs the same for all servers.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{ChildStdout, Stdio},
    thread,
    time::{Duration, Instant},
};

use harness::launch::{self, Guard};
use rustix::{
    net::{RecvFlags, recv},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use serde_json::{Value, json};

use crate::machine;

/// The word that makes the program this.
pub(crate) const WORD: &str = "crowd";
/// Time between two looks at all clients.
const TURN: Duration = Duration::from_millis(40);
/// Left alone at the start: everybody gets a burst.
const SETTLE: Duration = Duration::from_secs(6);
/// Most bytes of a client in a turn.
const MOST: usize = 4 << 20;
const BEGUN: &str = "begun";

/// What the clients counted.
pub(super) struct Counted {
    pub(super) seconds: f64,
    /// Bytes of each, 0 of one that was closed.
    pub(super) bytes: Vec<u64>,
    /// CPU seconds of their process.
    pub(super) cpu: f64,
}

/// The process of the clients.
pub(super) struct Crowd {
    _guard: Guard,
    said: BufReader<ChildStdout>,
}

impl Crowd {
    /// Connects so many clients and lets them count for so many seconds.
    pub(super) fn gather(address: SocketAddr, path: &str, clients: usize, seconds: u64) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut command = launch::command(program);
        command
            .args([WORD, &address.to_string(), path])
            .args([clients.to_string(), seconds.to_string()])
            .stdout(Stdio::piped());
        let mut guard = Guard::spawn(&mut command);
        let (stdout, _) = guard.take_output();
        Self {
            _guard: guard,
            said: BufReader::new(stdout.expect("a pipe")),
        }
    }

    /// Waits until all are in their stride.
    pub(super) fn wait_begun(&mut self) {
        let line = self.line();
        assert_eq!(line, BEGUN, "the clients could not begin");
    }

    /// Waits until they have counted.
    pub(super) fn wait_counted(&mut self) -> Counted {
        let found: Value = serde_json::from_str(&self.line()).expect("what they counted");
        let list = found["bytes"].as_array().expect("a list");
        Counted {
            seconds: found["seconds"].as_f64().expect("a number"),
            bytes: list.iter().map(|it| it.as_u64().unwrap_or(0)).collect(),
            cpu: found["cpu"].as_f64().expect("a number"),
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }
}

/// Lets this process and its children have as many descriptors as they may.
pub(crate) fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, wanted).expect("the limit that is allowed");
}

struct Client {
    stream: TcpStream,
    bytes: u64,
    is_closed: bool,
}

/// Is the process of the clients: `ADDRESS PATH CLIENTS SECONDS`.
pub(crate) fn run(arguments: &[String]) {
    let [address, path, clients, seconds] = arguments else {
        panic!("{WORD} ADDRESS PATH CLIENTS SECONDS");
    };
    raise_limit();
    let count: usize = clients.parse().expect("a count");
    let length = Duration::from_secs(seconds.parse().expect("seconds"));
    let mut clients: Vec<Client> = (0..count).map(|_| connect(address, path)).collect();
    let mut waste = vec![0; MOST];
    take_for(&mut clients, SETTLE, &mut waste);
    let before: Vec<u64> = clients.iter().map(|client| client.bytes).collect();
    let pid = std::process::id() as i32;
    let cpu = machine::own_cpu_seconds(pid);
    say(BEGUN);
    let begun = Instant::now();
    take_for(&mut clients, length, &mut waste);
    let seconds = begun.elapsed().as_secs_f64();
    let bytes: Vec<u64> = clients
        .iter()
        .zip(before)
        .map(|(client, before)| {
            if client.is_closed {
                0
            } else {
                client.bytes - before
            }
        })
        .collect();
    let found = json!({
        "seconds": seconds,
        "bytes": bytes,
        "cpu": machine::own_cpu_seconds(pid) - cpu,
    });
    say(&found.to_string());
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("somebody listens");
}

/// Connects a client and reads the header of its answer.
fn connect(address: &str, path: &str) -> Client {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).expect("a time limit");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: relay\r\n\r\n").expect("a request");
    let mut head = [0; 512];
    let len = stream.read(&mut head).expect("an answer");
    let head = String::from_utf8_lossy(&head[..len]);
    assert!(head.contains(" 200 "), "{head}");
    Client {
        stream,
        bytes: 0,
        is_closed: false,
    }
}

/// Takes all that comes for a while.
fn take_for(clients: &mut [Client], length: Duration, waste: &mut [u8]) {
    let end = Instant::now() + length;
    let mut turn = Instant::now();
    while turn < end {
        for client in clients.iter_mut().filter(|client| !client.is_closed) {
            let flags = RecvFlags::TRUNC | RecvFlags::DONTWAIT;
            match recv(&client.stream, &mut *waste, flags) {
                Ok((_, 0)) => client.is_closed = true,
                Ok((_, len)) => client.bytes += len as u64,
                Err(rustix::io::Errno::AGAIN) => {}
                Err(_) => client.is_closed = true,
            }
        }
        turn += TURN;
        thread::sleep(turn.saturating_duration_since(Instant::now()));
    }
}
