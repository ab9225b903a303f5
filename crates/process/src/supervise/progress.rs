//! Reading the `-progress` reports of a child from its stdout, without a thread.

use std::{collections::VecDeque, future, io, process::ChildStdout};

use tokio::net::unix::pipe;

use crate::{
    ffmpeg::{Parser, Progress},
    tail::Lines,
};

/// The reports of one child.
#[derive(Debug, Default)]
pub(super) struct Reports {
    pipe: Option<pipe::Receiver>,
    lines: Lines,
    parser: Parser,
    ready: VecDeque<Progress>,
}

impl Reports {
    /// Reads from the stdout of a child.
    pub(super) fn new(stdout: ChildStdout) -> io::Result<Self> {
        Ok(Self {
            pipe: Some(pipe::Receiver::from_owned_fd(stdout.into())?),
            ..Self::default()
        })
    }

    /// Waits for the next report; for ever once the pipe is closed. Safe to cancel.
    pub(super) async fn next(&mut self) -> Progress {
        let mut buffer = [0; 4096];
        loop {
            if let Some(report) = self.ready.pop_front() {
                return report;
            }
            let Some(pipe) = &self.pipe else {
                return future::pending().await;
            };
            if pipe.readable().await.is_err() {
                self.pipe = None;
                continue;
            }
            match pipe.try_read(&mut buffer) {
                Ok(n) if n > 0 => self.feed(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => self.pipe = None,
            }
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let (parser, ready) = (&mut self.parser, &mut self.ready);
        self.lines.feed(bytes, |line| {
            ready.extend(parser.line(&String::from_utf8_lossy(line)));
        });
    }
}
