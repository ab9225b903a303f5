//! Running a child to its end: output captured, or handed over line by line.

use std::{
    io::{ErrorKind, Read},
    ops::ControlFlow,
    process::ChildStdout,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use crate::{Child, Command, Error, Spawner, Stream, tail::Lines};

/// What [`Spawner::run`] captures at most.
const MOST_OUTPUT: usize = 256 << 20;

/// A wait without a time limit is cut into pieces of this length.
const LONG: Duration = Duration::from_hours(1);

impl Spawner {
    /// Runs a command to its end and returns what it wrote to stdout (at most 256 MiB).
    ///
    /// Fails when it ends with another code than 0, by a signal, or not within its time limit.
    pub fn run(&self, command: Command) -> Result<Vec<u8>, Error> {
        let mut output = Vec::new();
        self.run_chunks(command, |chunk, name| {
            if output.len() + chunk.len() > MOST_OUTPUT {
                return Err(Error::Output {
                    program: name.to_owned(),
                    reason: format!("more than {MOST_OUTPUT} bytes"),
                });
            }
            output.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(output)
    }

    /// Runs a command to its end and hands every line of its stdout, without the line feed, to
    /// `on_line`. A `Break` stops the command; the result is then [`Error::Stopped`].
    pub fn run_lines(
        &self,
        command: Command,
        mut on_line: impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut lines = Lines::default();
        let mut flow = ControlFlow::Continue(());
        let mut take = |line: &[u8]| {
            if flow.is_continue() {
                flow = on_line(&String::from_utf8_lossy(line));
            }
            flow
        };
        self.run_chunks(command, |chunk, name| {
            let mut after = ControlFlow::Continue(());
            lines.feed(chunk, |line| after = take(line));
            match after {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Error::Stopped {
                    program: name.to_owned(),
                }),
            }
        })?;
        lines.finish(|line| {
            // A `Break` at the last line stops nothing any more.
            let _ = take(line);
        });
        Ok(())
    }

    /// Runs a command and hands over its stdout as it comes. An error of `take` stops it.
    fn run_chunks(
        &self,
        command: Command,
        mut take: impl FnMut(&[u8], &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let limit = command.timeout;
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut child = self.spawn(command.stdout(Stream::Piped))?;
        let Some(stdout) = child.take_stdout() else {
            return child.finish();
        };
        let chunks = read_aside(stdout).map_err(|source| Error::Pipe {
            program: child.name().to_owned(),
            source,
        })?;
        loop {
            let left = time_left(deadline);
            match chunks.recv_timeout(left) {
                Ok(Ok(chunk)) => {
                    if let Err(error) = take(&chunk, child.name()) {
                        child.stop();
                        return Err(error);
                    }
                }
                Ok(Err(source)) => {
                    child.stop();
                    return Err(Error::Pipe {
                        program: child.name().to_owned(),
                        source,
                    });
                }
                Err(RecvTimeoutError::Timeout) if deadline.is_some() => {
                    return Err(timed_out(&child, limit));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        while child.wait_timeout(time_left(deadline)).is_none() {
            if deadline.is_some() {
                return Err(timed_out(&child, limit));
            }
        }
        child.finish()
    }
}

fn time_left(deadline: Option<Instant>) -> Duration {
    deadline.map_or(LONG, |it| it.saturating_duration_since(Instant::now()))
}

fn timed_out(child: &Child, limit: Option<Duration>) -> Error {
    child.stop();
    Error::Timeout {
        failure: Box::new(child.failure(None)),
        limit: limit.unwrap_or_default(),
    }
}

/// Reads a pipe on a thread of its own, so that a time limit can be kept. The thread ends with the
/// pipe, or when nobody takes what it reads.
fn read_aside(mut stdout: ChildStdout) -> std::io::Result<Receiver<std::io::Result<Vec<u8>>>> {
    let (sender, receiver) = mpsc::sync_channel(16);
    thread::Builder::new()
        .name("stdout".to_owned())
        .spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let message = match stdout.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(n) => Ok(buffer[..n].to_vec()),
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let failed = message.is_err();
                if sender.send(message).is_err() || failed {
                    break;
                }
            }
        })?;
    Ok(receiver)
}
