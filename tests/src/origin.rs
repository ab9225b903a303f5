//! A web server with one file, from which downloads are slow, break, or never come to their end.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// Bytes that are sent at one time.
const PIECE: usize = 256 << 10;

/// How the file is given out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Pause before each quarter of a mebibyte.
    pub pause: Duration,
    /// Each connection is dropped after so many bytes.
    pub cut: Option<usize>,
    /// No byte from here on is ever sent, although the length is told.
    pub lost_from: Option<usize>,
}

/// A running server; it ends with the process.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    bytes: Arc<Vec<u8>>,
    manner: Manner,
    asked: Vec<usize>,
    sent: usize,
}

impl Origin {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// When there is no loopback interface.
    pub fn start(bytes: Vec<u8>, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let origin = Self {
            address: listener.local_addr().expect("address"),
            state: Arc::new(Mutex::new(State {
                bytes: Arc::new(bytes),
                manner,
                asked: Vec::new(),
                sent: 0,
            })),
        };
        let state = Arc::clone(&origin.state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                // A client that goes away is no failure.
                thread::spawn(move || answer(&stream, &state));
            }
        });
        origin
    }

    /// Returns the URL of the file by a name of the caller's choice.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Changes how the file is given out from the next request on.
    pub fn set(&self, manner: Manner) {
        lock(&self.state).manner = manner;
    }

    /// Returns the first byte that each request asked for, and forgets them.
    pub fn asked(&self) -> Vec<usize> {
        std::mem::take(&mut lock(&self.state).asked)
    }

    /// Returns how many bytes of the file were sent since this was asked last.
    pub fn sent(&self) -> usize {
        std::mem::take(&mut lock(&self.state).sent)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing in it is half done when a thread panics.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one request and hangs up.
fn answer(mut stream: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut range = None;
    for line in BufReader::new(stream).lines() {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(wanted) = line.strip_prefix("range: bytes=") {
            range = wanted.split_once('-').map(|(first, last)| {
                let number = |text: &str| text.trim().parse::<usize>().ok();
                (number(first).unwrap_or(0), number(last))
            });
        }
    }
    let (bytes, manner) = {
        let mut state = lock(state);
        state.asked.push(range.map_or(0, |(first, _)| first));
        (Arc::clone(&state.bytes), state.manner)
    };
    let whole = bytes.len();
    let (first, last) = range.unwrap_or((0, None));
    let end = last.map_or(whole, |last| (last + 1).min(whole));
    if first >= whole {
        return write!(
            stream,
            "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{whole}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let status = match range {
        Some(_) => format!(
            "206 Partial Content\r\nContent-Range: bytes {first}-{}/{whole}",
            end - 1
        ),
        None => "200 OK".to_owned(),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"film\"\r\nAccept-Ranges: bytes\r\n\
         Connection: close\r\n\r\n",
        end - first
    )?;
    let cut = manner.cut.map_or(end, |cut| end.min(first + cut));
    let until = manner
        .lost_from
        .map_or(cut, |lost| cut.min(lost).max(first));
    for piece in bytes[first..until].chunks(PIECE) {
        thread::sleep(manner.pause);
        stream.write_all(piece)?;
        lock(state).sent += piece.len();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;

    #[test]
    fn ranges_are_answered_and_connections_dropped() {
        let bytes: Vec<u8> = (0..=255).collect();
        let origin = Origin::start(bytes.clone(), Manner::default());
        let url = origin.url("film.mp4");
        assert_eq!(http::get(&url).send().expect(200).body, bytes);
        let part = http::get(&url).header("range", "bytes=100-").send();
        assert_eq!(part.expect(206).body, bytes[100..]);
        http::get(&url)
            .header("range", "bytes=256-")
            .send()
            .expect(416);
        assert_eq!(origin.asked(), [0, 100, 256]);
        assert_eq!(origin.sent(), 256 + 156);
        origin.set(Manner {
            lost_from: Some(50),
            ..Manner::default()
        });
        assert!(http::get(&url).try_send().is_err());
        assert_eq!(origin.sent(), 50);
    }
}
