//! A feed of small writes in a process of its own, `headend-bench pulse …`: a transport stream in chunks
//! of seven packets as encoders send them over a network, six of a film and one that says when the chunk
//! was written. To stdout, or to an Icecast, whose connection does not wait for acknowledgements (Nagle).

use std::{
    fs::File,
    io::{Read as _, Write},
    net::TcpStream,
    os::fd::AsFd as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

/// The word that makes the program this.
pub(crate) const WORD: &str = "pulse";

/// Bits a second of all that is written.
pub(super) const RATE: u64 = 4_000_000;
/// Bytes of a packet, and packets of a chunk.
const PACKET: usize = 188;
const PACKETS: usize = 7;
/// The film's part of [`RATE`].
pub(super) const FILM_KILOBITS: u32 = (RATE / 1000 * (PACKETS as u64 - 1) / PACKETS as u64) as u32;
/// Time between two writes.
pub(super) const INTERVAL: Duration =
    Duration::from_nanos((PACKET * PACKETS) as u64 * 8 * 1_000_000_000 / RATE);

/// Header of the packet with the time: a PID that no table names, payload only.
const HEADER: [u8; 4] = [0x47, 0x1f, 0xf0, 0x10];
/// What is before the time, and how long the time is.
const MARK: &[u8; 8] = b"\x1fwritten";
const TIME: usize = 8;

/// Returns the words that start it with a film.
pub(super) fn words(film: &Path) -> String {
    let program = std::env::current_exe().expect("the path of this program");
    format!("{} {WORD} {}", program.display(), film.display())
}

/// Nanoseconds of a clock that all processes share.
pub(super) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Is the process: `FILM [ADDRESS]`.
pub(crate) fn run(arguments: &[String]) {
    let (film, address) = match arguments {
        [film] => (film, None),
        [film, address] => (film, Some(address)),
        _ => panic!("{WORD} FILM [ADDRESS]"),
    };
    let film = std::fs::read(film).expect("the film");
    match address {
        // Past the buffer of stdout, which would gather the writes.
        None => {
            let stdout = std::io::stdout().as_fd().try_clone_to_owned();
            send(&film, File::from(stdout.expect("stdout")));
        }
        Some(address) => send(&film, put(address)),
    }
}

/// Opens `/tv` of an Icecast as a source.
fn put(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("Icecast");
    stream.set_nodelay(true).expect("a socket");
    // source:source
    let head = "PUT /tv HTTP/1.1\r\nHost: icecast\r\nAuthorization: Basic c291cmNlOnNvdXJjZQ==\r\n\
                Content-Type: video/mp2t\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("a request");
    let mut answer = [0; 1024];
    let len = stream.read(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..len]);
    let is_taken = [" 100 ", " 200 "].iter().any(|it| answer.contains(it));
    assert!(is_taken, "{answer}");
    stream
}

/// Sends the film again and again, until nobody takes it any more.
fn send(film: &[u8], mut to: impl Write) {
    let mut packets = film.chunks_exact(PACKET).cycle();
    let mut next = Instant::now();
    let mut chunk = Vec::with_capacity(PACKET * PACKETS);
    for number in 0_u64.. {
        chunk.clear();
        for _ in 1..PACKETS {
            chunk.extend_from_slice(packets.next().expect("a film has packets"));
        }
        chunk.extend_from_slice(&HEADER[..3]);
        chunk.push(HEADER[3] | (number % 16) as u8);
        chunk.extend_from_slice(MARK);
        thread::sleep(next.saturating_duration_since(Instant::now()));
        chunk.extend_from_slice(&now().to_be_bytes());
        chunk.resize(PACKET * PACKETS, 0xff);
        if to.write_all(&chunk).is_err() {
            return;
        }
        next += INTERVAL;
    }
}

/// Finds the times in a stream that comes in pieces.
#[derive(Default)]
pub(super) struct Times {
    /// The end of what was seen, where a mark may have begun.
    rest: Vec<u8>,
}

impl Times {
    /// Returns the times at which what is in these bytes was written. One that is torn by a chunk size of
    /// HTTP is not found.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Vec<u64> {
        self.rest.extend_from_slice(bytes);
        let mut times = Vec::new();
        let mut at = 0;
        while let Some(found) = self.rest[at..]
            .windows(MARK.len())
            .position(|it| it == MARK)
        {
            let from = at + found + MARK.len();
            let Some(time) = self.rest.get(from..from + TIME) else {
                at += found;
                break;
            };
            times.push(u64::from_be_bytes(time.try_into().expect("eight bytes")));
            at = from + TIME;
        }
        let whole = MARK.len() + TIME;
        at = at.max(self.rest.len().saturating_sub(whole - 1));
        self.rest.drain(..at);
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_however_they_are_cut() {
        let mut bytes = Vec::new();
        for time in 1..=3_u64 {
            bytes.extend_from_slice(&[7; 30]);
            bytes.extend_from_slice(MARK);
            bytes.extend_from_slice(&time.to_be_bytes());
        }
        for cut in 1..bytes.len() {
            let mut times = Times::default();
            let found: Vec<u64> = bytes.chunks(cut).flat_map(|it| times.find(it)).collect();
            assert_eq!(found, [1, 2, 3], "cut at {cut}");
        }
    }
}
