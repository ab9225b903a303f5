//! A server on a free port and a client that sees every byte.

use std::{sync::Arc, time::Duration};

use serve::{Handler, Limits, Server, Shutdown, Summary, Tls};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time,
};

/// Nothing here takes long; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub(crate) struct Running {
    pub(crate) address: String,
    pub(crate) shutdown: Shutdown,
    pub(crate) counters: Arc<serve::Counters>,
    task: JoinHandle<Summary>,
}

impl Running {
    pub(crate) async fn start(limits: Limits, handler: impl Handler) -> Self {
        Self::start_with(limits, None, handler).await
    }

    pub(crate) async fn start_with(
        limits: Limits,
        tls: Option<Arc<Tls>>,
        handler: impl Handler,
    ) -> Self {
        let mut server = Server::new(limits);
        let address = server.bind("127.0.0.1:0", tls).await.unwrap().to_string();
        let shutdown = Shutdown::new();
        let counters = server.counters();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(server.run(handler, shutdown.clone()));
        let task = tokio::runtime::Handle::current()
            .spawn(async move { tasks.join_next().await.unwrap().unwrap() });
        Self {
            address,
            shutdown,
            counters,
            task,
        }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::new(TcpStream::connect(&self.address).await.unwrap())
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn get(&self, request: &str) -> Answer {
        self.connect().await.ask(request).await
    }

    pub(crate) async fn stop(self) -> Summary {
        self.shutdown.trigger();
        self.ended().await
    }

    pub(crate) async fn ended(self) -> Summary {
        time::timeout(PATIENCE, self.task)
            .await
            .expect("the server ends")
            .unwrap()
    }
}

/// One connection.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    read: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            read: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Sends a request, given as its lines without the end of the header.
    pub(crate) async fn ask(&mut self, lines: &str) -> Answer {
        let head = lines.lines().collect::<Vec<_>>().join("\r\n");
        self.send(&format!("{head}\r\nHost: test\r\n\r\n")).await;
        let has_body = !lines.starts_with("HEAD");
        self.answer(has_body).await.expect("an answer")
    }

    /// Reads one answer; `None` when the connection closes before it.
    pub(crate) async fn answer(&mut self, has_body: bool) -> Option<Answer> {
        let end = loop {
            if let Some(at) = find(&self.read, b"\r\n\r\n") {
                break at + 4;
            }
            if self.more().await == 0 {
                return None;
            }
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let mut answer = Answer {
            status: head[9..12].parse().unwrap(),
            head,
            body: String::new(),
        };
        let len = answer
            .header("content-length")
            .map_or(0, |len| len.parse::<usize>().unwrap());
        if has_body && answer.status != 304 {
            while self.read.len() < len {
                assert!(self.more().await > 0, "the body is cut");
            }
            answer.body = String::from_utf8(self.read.drain(..len).collect()).unwrap();
        }
        Some(answer)
    }

    /// Waits until the server closes, and returns what came before.
    pub(crate) async fn closed(&mut self) -> String {
        while self.more().await > 0 {}
        String::from_utf8(std::mem::take(&mut self.read)).unwrap()
    }

    async fn more(&mut self) -> usize {
        let read = self.stream.read_buf(&mut self.read);
        // A reset is a way to close too.
        time::timeout(PATIENCE, read)
            .await
            .expect("the server does something")
            .unwrap_or(0)
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
