//! A web server that misbehaves on request.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// What it has and how it gives it out.
#[derive(Clone, Default)]
pub(crate) struct Manner {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tag: Option<String>,
    pub(crate) modified: Option<String>,
    /// Ranges are answered.
    pub(crate) ranges: bool,
    /// No length is told: the body is chunked.
    pub(crate) chunked: bool,
    /// Each answer is cut off after so many bytes.
    pub(crate) cut: Option<usize>,
    /// Nothing of the content is ever sent from here on.
    pub(crate) lost_from: Option<usize>,
    /// Nothing of the content is sent from here on until it is let go.
    pub(crate) held: Option<(usize, Arc<AtomicBool>)>,
    /// Bytes sent at one time, and the pause before.
    pub(crate) slow: Option<(usize, Duration)>,
    /// Statuses of the next answers, before it behaves.
    pub(crate) statuses: VecDeque<u16>,
    /// `Location` of all answers.
    pub(crate) redirect: Option<String>,
    /// Further headers of all answers.
    pub(crate) headers: String,
    /// The content that takes the place of this one after the next cut.
    pub(crate) then: Option<Box<Manner>>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) head: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let is_it = |line: &&str| {
            line.split_once(':')
                .is_some_and(|(other, _)| other.eq_ignore_ascii_case(name))
        };
        let line = self.head.lines().find(is_it)?;
        line.split_once(':').map(|(_, value)| value.trim())
    }
}

#[derive(Default)]
struct State {
    manner: Manner,
    asked: Vec<Asked>,
    sent: u64,
}

/// A running server. Its thread ends with the process.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Web {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            manner,
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || {
                    // A client that goes away is no failure.
                    let _ = serve(&stream, &state);
                });
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.lock().manner);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.lock().asked.clone()
    }

    /// Bytes of content that were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.lock().sent
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let asked = Asked { path, head };
        let manner = {
            let mut state = state.lock().unwrap();
            state.asked.push(asked.clone());
            let manner = state.manner.clone();
            state.manner.statuses.pop_front();
            manner
        };
        if !answer(stream, &asked, manner, state)? {
            return Ok(());
        }
    }
}

/// Answers; tells whether the connection stays.
fn answer(
    mut stream: &TcpStream,
    asked: &Asked,
    manner: Manner,
    state: &Mutex<State>,
) -> std::io::Result<bool> {
    if let Some(status) = manner.statuses.front() {
        let headers = &manner.headers;
        write!(
            stream,
            "HTTP/1.1 {status} No\r\ncontent-length: 0\r\n{headers}\r\n"
        )?;
        return Ok(true);
    }
    if let Some(location) = &manner.redirect {
        write!(
            stream,
            "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        )?;
        return Ok(true);
    }
    let whole = manner.bytes.len();
    let condition = asked.header("if-range");
    let holds = condition.is_none_or(|condition| {
        [&manner.tag, &manner.modified]
            .into_iter()
            .flatten()
            .any(|known| known == condition)
    });
    let range = asked.header("range").filter(|_| manner.ranges && holds);
    let first = range.and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .split('-')
            .next()?
            .parse::<usize>()
            .ok()
    });
    let last = range
        .and_then(|range| range.rsplit('-').next()?.parse::<usize>().ok())
        .map_or(whole, |last| (last + 1).min(whole));
    let mut head = String::new();
    match first {
        Some(first) if first >= whole => {
            write!(
                stream,
                "HTTP/1.1 416 No\r\ncontent-range: bytes */{whole}\r\ncontent-length: 0\r\n\r\n"
            )?;
            return Ok(true);
        }
        Some(first) => head.push_str(&format!(
            "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {first}-{}/{whole}\r\n",
            last - 1
        )),
        None => head.push_str("HTTP/1.1 200 OK\r\n"),
    }
    let body = &manner.bytes[first.unwrap_or(0)..last];
    if manner.chunked {
        head.push_str("transfer-encoding: chunked\r\n");
    } else {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    for (name, value) in [("etag", &manner.tag), ("last-modified", &manner.modified)] {
        if let Some(value) = value {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    write!(stream, "{head}{}\r\n", manner.headers)?;
    let lost = manner
        .lost_from
        .map(|lost| lost.saturating_sub(first.unwrap_or(0)));
    let end = [manner.cut, lost]
        .into_iter()
        .flatten()
        .fold(body.len(), usize::min);
    let (step, pause) = manner.slow.unwrap_or((64 << 10, Duration::ZERO));
    let mut at = first.unwrap_or(0);
    for piece in body[..end].chunks(step) {
        thread::sleep(pause);
        at += piece.len();
        if let Some((_, go)) = manner.held.as_ref().filter(|(from, _)| at > *from) {
            while !go.load(Ordering::Acquire) {
                thread::sleep(Duration::from_millis(5));
            }
        }
        if manner.chunked {
            write!(stream, "{:x}\r\n", piece.len())?;
        }
        stream.write_all(piece)?;
        if manner.chunked {
            write!(stream, "\r\n")?;
        }
        state.lock().unwrap().sent += piece.len() as u64;
    }
    if end < body.len() {
        if let Some(then) = manner.then {
            state.lock().unwrap().manner = *then;
        }
        return Ok(false);
    }
    if manner.chunked {
        write!(stream, "0\r\n\r\n")?;
    }
    Ok(true)
}
