//! Many clients in one process of their own, `headend-bench crowd …`: each has a connection, and all that
//! is done with its bytes is to count them. The kernel throws them away (`MSG_TRUNC`), 25 times a second for
//! each of up to 1,000 and less often for more, whatever the size of the server's writes; so the process costs the same for all servers. Some of
//! them may be made slow: to take half of what comes, or nothing at all.

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
/// Time between two looks at all clients, of at least so many and for each.
const TURN: Duration = Duration::from_millis(40);
const TURN_OF_A_CLIENT: Duration = Duration::from_micros(40);
/// Clients that connect between two looks at those who are there.
const AT_A_TIME: usize = 100;
/// Left alone at the start: everybody gets a burst.
pub(super) const SETTLE: Duration = Duration::from_secs(6);
/// Most bytes of a client in a turn.
const MOST: usize = 4 << 20;
const CONNECTED: &str = "connected";
const BEGUN: &str = "begun";

/// Who comes, and for how long.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plan {
    /// All of them.
    pub(super) clients: usize,
    /// So many, the last but those that are stuck, take `slow_rate`, bytes a second, at most.
    pub(super) slow: usize,
    pub(super) slow_rate: u64,
    /// The last so many take nothing.
    pub(super) stuck: usize,
    /// For how long they count.
    pub(super) seconds: u64,
}

/// What the clients counted.
pub(super) struct Counted {
    pub(super) seconds: f64,
    /// Bytes of each, 0 of one that was refused or closed.
    pub(super) bytes: Vec<u64>,
    /// How many were not let in.
    pub(super) refused: u64,
    /// CPU seconds of their process.
    pub(super) cpu: f64,
}

impl Counted {
    /// Bits a second of each.
    pub(super) fn rates(&self) -> Vec<f64> {
        let bits = self.bytes.iter().map(|bytes| *bytes as f64 * 8.0);
        bits.map(|bits| bits / self.seconds).collect()
    }
}

/// The process of the clients.
pub(super) struct Crowd {
    _guard: Guard,
    said: BufReader<ChildStdout>,
}

impl Crowd {
    /// Connects the clients and lets them count.
    pub(super) fn gather(address: SocketAddr, path: &str, plan: Plan) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut command = launch::command(program);
        let numbers = [plan.clients, plan.slow, plan.stuck].map(|it| it.to_string());
        command
            .args([WORD, &address.to_string(), path])
            .args(numbers)
            .args([plan.slow_rate, plan.seconds].map(|it| it.to_string()))
            .stdout(Stdio::piped());
        let mut guard = Guard::spawn(&mut command);
        let (stdout, _) = guard.take_output();
        Self {
            _guard: guard,
            said: BufReader::new(stdout.expect("a pipe")),
        }
    }

    /// Waits until all have come.
    pub(super) fn wait_connected(&mut self) {
        assert_eq!(self.line(), CONNECTED, "the clients could not connect");
    }

    /// Waits until all are in their stride.
    pub(super) fn wait_begun(&mut self) {
        assert_eq!(self.line(), BEGUN, "the clients could not begin");
    }

    /// Waits until they have counted.
    pub(super) fn wait_counted(&mut self) -> Counted {
        let found: Value = serde_json::from_str(&self.line()).expect("what they counted");
        let list = found["bytes"].as_array().expect("a list");
        Counted {
            seconds: found["seconds"].as_f64().expect("a number"),
            bytes: list.iter().map(|it| it.as_u64().unwrap_or(0)).collect(),
            refused: found["refused"].as_u64().expect("a number"),
            cpu: found["cpu"].as_f64().expect("a number"),
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }
}

/// Lets this process and its children have as many descriptors as they may, and says how many.
pub(crate) fn raise_limit() -> u64 {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, wanted).expect("the limit that is allowed");
    maximum.unwrap_or(u64::MAX)
}

struct Client {
    /// None once it was refused or closed.
    stream: Option<TcpStream>,
    bytes: u64,
    /// Most bytes of a turn.
    most: usize,
}

impl Client {
    fn take(&mut self, waste: &mut [u8]) {
        let Some(stream) = self.stream.as_ref().filter(|_| self.most > 0) else {
            return;
        };
        let flags = RecvFlags::TRUNC | RecvFlags::DONTWAIT;
        match recv(stream, &mut waste[..self.most], flags) {
            Err(rustix::io::Errno::AGAIN) => {}
            Ok((_, 0)) | Err(_) => self.stream = None,
            Ok((_, len)) => self.bytes += len as u64,
        }
    }
}

/// Is the process of the clients: `ADDRESS PATH CLIENTS SLOW STUCK SLOW_RATE SECONDS`.
pub(crate) fn run(arguments: &[String]) {
    let [address, path, numbers @ ..] = arguments else {
        panic!("{WORD} ADDRESS PATH …");
    };
    let numbers: Vec<u64> = numbers
        .iter()
        .map(|it| it.parse().expect("a number"))
        .collect();
    let [count, slow, stuck, slow_rate, seconds] = numbers[..] else {
        panic!("{WORD} ADDRESS PATH CLIENTS SLOW STUCK SLOW_RATE SECONDS");
    };
    raise_limit();
    let turn = TURN.max(TURN_OF_A_CLIENT * count as u32);
    let slow_most = (slow_rate as f64 * turn.as_secs_f64()) as usize;
    let mut waste = vec![0; MOST];
    let mut clients: Vec<Client> = Vec::new();
    let mut refused = 0_u64;
    for number in 0..count {
        let stream = connect(address, path);
        refused += u64::from(stream.is_none());
        clients.push(Client {
            stream,
            bytes: 0,
            most: match count - number {
                left if left <= stuck => 0,
                left if left <= stuck + slow => slow_most,
                _ => MOST,
            },
        });
        // Nobody is to fall behind while the others come.
        if clients.len().is_multiple_of(AT_A_TIME) {
            for client in &mut clients {
                client.take(&mut waste);
            }
        }
    }
    say(CONNECTED);
    take_for(&mut clients, SETTLE, turn, &mut waste);
    let before: Vec<u64> = clients.iter().map(|client| client.bytes).collect();
    let pid = std::process::id() as i32;
    let cpu = machine::own_cpu_seconds(pid);
    say(BEGUN);
    let begun = Instant::now();
    take_for(&mut clients, Duration::from_secs(seconds), turn, &mut waste);
    let seconds = begun.elapsed().as_secs_f64();
    let counted = clients.iter().zip(before).map(|(client, before)| {
        let is_there = client.stream.is_some();
        if is_there { client.bytes - before } else { 0 }
    });
    let found = json!({
        "seconds": seconds,
        "bytes": counted.collect::<Vec<_>>(),
        "refused": refused,
        "cpu": machine::own_cpu_seconds(pid) - cpu,
    });
    say(&found.to_string());
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("somebody listens");
}

/// Connects a client and reads the header of its answer; `None` when it is not let in.
fn connect(address: &str, path: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).ok()?;
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).expect("a time limit");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: relay\r\n\r\n").ok()?;
    let mut head = [0; 512];
    let len = stream.read(&mut head).ok()?;
    let is_fine = String::from_utf8_lossy(&head[..len]).contains(" 200 ");
    is_fine.then_some(stream)
}

/// Takes what comes for a while.
fn take_for(clients: &mut [Client], length: Duration, turn: Duration, waste: &mut [u8]) {
    let end = Instant::now() + length;
    let mut next = Instant::now();
    while next < end {
        for client in clients.iter_mut() {
            client.take(waste);
        }
        next += turn;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}
