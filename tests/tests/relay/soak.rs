//! Two hundred clients that come, leave and stall at random, for `RELAY_SOAK_SECONDS`: memory, descriptors
//! and threads of the server stay as they are, no process is left waiting for its parent, and when all
//! are gone nothing is there any more.
//!
//! Without this variable it only says that it does nothing: run it by `make soak`.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    ops::Range,
    time::{Duration, Instant},
};

use harness::{clips, launch};

use crate::Relay;

/// Clients at a time: who leaves is followed by another at once.
const CLIENTS: usize = 200;
/// Time between two looks at all clients, and between two at the server.
const TURN: Duration = Duration::from_millis(20);
const LOOK: Duration = Duration::from_secs(1);
/// Left out at the start: a share of the time, and no less than this. Buffers fill and threads start.
const WARM_UP: f64 = 0.2;
const LEAST_WARM_UP: Duration = Duration::from_secs(20);

/// What may be the slope of, in all from the warm-up to the end. Clients are as many at all times; a few
/// come or go at any instant, and an allocator is never quite still.
const MEMORY: f64 = 8.0 * 1024.0 * 1024.0;
const FILES: f64 = 12.0;
const THREADS: f64 = 3.0;

/// In how many of 100,000 looks a client stalls, and for how long: often for longer than it is borne.
const STALLS: u64 = 150;
const STALL: Range<u64> = 100..20_000;
/// How long a client stays.
const STAY: Range<u64> = 50..9000;
/// Who was there for so long, and never stalled, has got something.
const LONG: Duration = Duration::from_secs(8);

/// Numbers that look random, the same every time (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(range.start + self.below(range.end - range.start))
    }
}

/// One who is there.
struct Client {
    stream: TcpStream,
    bytes: u64,
    came_at: Instant,
    /// Takes nothing until then.
    stalls_until: Instant,
    leaves_at: Instant,
}

impl Client {
    /// Comes to one of the streams: most to the feed as it is, some to a process of their own.
    fn come(relay: &Relay, dice: &mut Dice) -> Self {
        let (path, version) = match dice.below(100) {
            0..=3 => ("/stream/own", "1.1"),
            4..=9 => ("/stream/cat", "1.1"),
            10..=29 => ("/stream/tv", "1.0"),
            _ => ("/stream/tv", "1.1"),
        };
        let address = relay.server.base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("connection");
        write!(stream, "GET {path} HTTP/{version}\r\nHost: x\r\n\r\n").expect("a request");
        stream.set_nonblocking(true).expect("a socket");
        let now = Instant::now();
        Self {
            stream,
            bytes: 0,
            came_at: now,
            stalls_until: now,
            leaves_at: now + dice.millis(STAY),
        }
    }

    /// Takes what is there; tells whether it stays. It may stall now and then, for longer than it is
    /// borne, too.
    fn stays(&mut self, dice: &mut Dice, buffer: &mut [u8], tally: &mut Tally) -> bool {
        let now = Instant::now();
        if now >= self.leaves_at {
            tally.left += 1;
            let waited = self.stalls_until == self.came_at && now - self.came_at > LONG;
            tally.without_a_byte += u64::from(waited && self.bytes == 0);
            return false;
        }
        if now < self.stalls_until {
            return true;
        }
        if dice.below(100_000) < STALLS {
            self.stalls_until = now + dice.millis(STALL);
            // It sees how it stands then, before it leaves.
            self.leaves_at = self.leaves_at.max(self.stalls_until + LOOK);
            tally.stalls += 1;
            return true;
        }
        match self.stream.read(buffer) {
            Ok(0) => {
                tally.closed += 1;
                false
            }
            Ok(len) => {
                if self.bytes == 0 {
                    let is_fine = buffer.get(9..12) == Some(b"200");
                    tally.refused += u64::from(!is_fine);
                }
                self.bytes += len as u64;
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => true,
            Err(_) => {
                tally.closed += 1;
                false
            }
        }
    }
}

/// What became of them.
#[derive(Debug, Default)]
struct Tally {
    came: u64,
    left: u64,
    stalls: u64,
    /// Closed by the server: they took nothing for too long.
    closed: u64,
    refused: u64,
    without_a_byte: u64,
}

/// The server at one instant.
struct Sample {
    at: f64,
    memory: f64,
    files: f64,
    threads: f64,
    zombies: usize,
}

impl Sample {
    fn take(pid: i32, at: f64) -> Self {
        let count = |what: &str| {
            let folder = format!("/proc/{pid}/{what}");
            fs::read_dir(folder).expect("the server runs").count() as f64
        };
        Self {
            at,
            memory: launch::resident_bytes(pid) as f64,
            files: count("fd"),
            threads: count("task"),
            zombies: launch::zombies_of(pid),
        }
    }
}

/// By how much something grows over all samples: the slope of the straight line that fits best (least
/// squares), times their length. One sample that is off does not decide.
fn growth(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: &dyn Fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (at, value) = (mean(&|it| it.at), mean(&of));
    let both: f64 = samples
        .iter()
        .map(|it| (it.at - at) * (of(it) - value))
        .sum();
    let spread: f64 = samples.iter().map(|it| (it.at - at).powi(2)).sum();
    let length = samples.last().map_or(0.0, |last| last.at - samples[0].at);
    both / spread * length
}

#[test]
fn restless_clients_leave_nothing_behind() {
    let Some(seconds) = std::env::var("RELAY_SOAK_SECONDS").ok() else {
        let _ = writeln!(
            std::io::stderr(),
            "soak: skipped, RELAY_SOAK_SECONDS is not set"
        );
        return;
    };
    let length = Duration::from_secs(seconds.parse().expect("seconds"));
    let warm_up = length.mul_f64(WARM_UP).max(LEAST_WARM_UP);
    assert!(length > warm_up + LOOK * 10, "too short to say anything");
    let folder = tempfile::tempdir().expect("temporary folder");
    clips::ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc2=size=320x180:rate=25 -t 20 -c:v mpeg2video -g 25 -b:v 900k -minrate 900k \
         -maxrate 900k -bufsize 450k -muxrate 1000k -f mpegts tv.ts",
    );
    let relay = Relay::start(&format!(
        "feeds: {{ tv: {{ command: \"ffmpeg -v error -nostdin -re -stream_loop -1 -i {} -c copy -f mpegts pipe:1\", \
         window: 2 }} }}\n\
         streams:\n  tv: {{ feed: tv, window: 2, write_timeout: 2 }}\n  \
         cat: {{ feed: tv, command: cat, type: stream, mimetype: video/mp2t, window: 2, write_timeout: 2 }}\n  \
         own: {{ feed: tv, command: cat, type: stream, mimetype: video/mp2t, client: exclusive, \
         max_instances: 100, write_timeout: 2 }}\n",
        folder.path().join("tv.ts").display()
    ));
    let pid = relay.server.guard.pid();
    let before = Sample::take(pid, 0.0);

    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut tally = Tally::default();
    let mut clients: Vec<Client> = Vec::new();
    let mut samples: Vec<Sample> = Vec::new();
    let mut buffer = vec![0; 256 << 10];
    let begun = Instant::now();
    let mut look = begun + warm_up;
    while begun.elapsed() < length {
        let turn = Instant::now();
        clients.retain_mut(|client| client.stays(&mut dice, &mut buffer, &mut tally));
        while clients.len() < CLIENTS {
            clients.push(Client::come(&relay, &mut dice));
            tally.came += 1;
        }
        if Instant::now() >= look {
            look += LOOK;
            samples.push(Sample::take(pid, begun.elapsed().as_secs_f64()));
        }
        std::thread::sleep(TURN.saturating_sub(turn.elapsed()));
    }
    drop(clients);

    let memory = growth(&samples, |it| it.memory);
    let files = growth(&samples, |it| it.files);
    let threads = growth(&samples, |it| it.threads);
    let last = samples.last().expect("samples");
    let _ = writeln!(
        std::io::stderr(),
        "soak: {tally:?} in {seconds} s; slopes over the last {:.0} s: memory {:.2} MiB (now {:.1}), \
         descriptors {files:.1} (now {}), threads {threads:.1} (now {})",
        last.at - samples[0].at,
        memory / f64::from(1 << 20),
        last.memory / f64::from(1 << 20),
        last.files,
        last.threads,
    );
    assert!(memory < MEMORY, "memory grows by {memory} bytes");
    assert!(files < FILES, "descriptors grow by {files}");
    assert!(threads < THREADS, "threads grow by {threads}");
    // One may just have ended when it is looked at; it is not there in the next look.
    let stay = samples
        .windows(2)
        .all(|pair| pair[0].zombies == 0 || pair[1].zombies == 0);
    assert!(stay, "processes that ended are not waited for");
    assert_eq!((tally.refused, tally.without_a_byte), (0, 0), "{tally:?}");
    assert!(tally.closed > 0 && tally.stalls > tally.closed, "{tally:?}");

    relay.wait_state("tv", "stopped");
    launch::wait_for("all to be as it was", || {
        let now = Sample::take(pid, 0.0);
        let is_calm = now.files <= before.files && now.zombies == 0;
        (is_calm && launch::descendants(pid).is_empty()).then_some(())
    });
}

#[test]
fn slopes_are_told_from_noise() {
    let samples = |rise: f64| -> Vec<Sample> {
        let mut dice = Dice(7);
        (0..100)
            .map(|second| Sample {
                at: f64::from(second),
                memory: f64::from(second) * rise + dice.below(100) as f64,
                files: 0.0,
                threads: 0.0,
                zombies: 0,
            })
            .collect()
    };
    let flat = growth(&samples(0.0), |it| it.memory);
    assert!(flat.abs() < 30.0, "{flat}");
    let steep = growth(&samples(2.0), |it| it.memory);
    assert!((steep - flat - 198.0).abs() < 1e-6, "{steep}");
}
