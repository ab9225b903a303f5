//! The thread that reads all tracks of a run.
//!
//! It only reads, and hands what it reads to a [`Sink`], which works in memory. It must never wait for
//! anything else: an encoder writes all its pipes from one place, so one pipe that is full stops
//! every track.

use std::{
    io,
    os::fd::OwnedFd,
    thread::{self, JoinHandle},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// Most that is read of one track before the others have their turn.
const TURN: usize = 256 << 10;

/// Read at once.
const BUFFER: usize = 64 << 10;

/// How often the sink is told that time passes.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// Takes what the tracks deliver. Nothing in it may wait, unless the encoder may.
pub(super) trait Sink: Send + 'static {
    /// Takes bytes of a track.
    fn bytes(&mut self, track: usize, bytes: &[u8]);

    /// Time has passed.
    fn tick(&mut self);

    /// All tracks have ended.
    fn end(&mut self);
}

/// A thread that reads.
#[derive(Debug)]
pub(super) struct Reader {
    thread: JoinHandle<()>,
    /// Closed to say that nothing more will be written.
    stop: OwnedFd,
}

impl Reader {
    /// Begins to read `tracks`, by their order.
    pub(super) fn start(name: &str, tracks: Vec<OwnedFd>, sink: impl Sink) -> io::Result<Self> {
        let (stopped, stop) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let thread = thread::Builder::new()
            .name(format!("read {name}"))
            .spawn(move || run(tracks, &stopped, sink))?;
        Ok(Self { thread, stop })
    }

    /// Waits until everything that was written has been read. Those who write must have ended.
    pub(super) fn finish(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the reader of a channel panicked");
        }
    }
}

fn run(tracks: Vec<OwnedFd>, stopped: &OwnedFd, mut sink: impl Sink) {
    let mut open: Vec<Option<OwnedFd>> = tracks.into_iter().map(Some).collect();
    let mut buffer = vec![0; BUFFER];
    while open.iter().any(Option::is_some) {
        let (ready, is_over) = wait(&open, stopped);
        for track in ready {
            if read_turn(&mut open[track], track, &mut buffer, &mut sink) == Turn::Ended {
                open[track] = None;
            }
        }
        if is_over {
            for (track, end) in open.iter_mut().enumerate() {
                while read_turn(end, track, &mut buffer, &mut sink) == Turn::More {}
            }
            break;
        }
        sink.tick();
    }
    sink.end();
}

/// Waits until some tracks can be read. Returns these, and whether nothing more will be written.
fn wait(open: &[Option<OwnedFd>], stopped: &OwnedFd) -> (Vec<usize>, bool) {
    let mut places = Vec::with_capacity(open.len());
    let mut ends = vec![PollFd::new(stopped, PollFlags::empty())];
    for (track, end) in open.iter().enumerate() {
        if let Some(end) = end {
            places.push(track);
            ends.push(PollFd::new(end, PollFlags::IN));
        }
    }
    match poll(&mut ends, Some(&TICK)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => {
            // Nothing sensible is left to do but to read what is there.
            tracing::error!(%error, "waiting for the pipes of a channel");
            return (places, true);
        }
    }
    let is_over = !ends[0].revents().is_empty();
    let ready = places
        .into_iter()
        .zip(&ends[1..])
        .filter(|(_, end)| !end.revents().is_empty())
        .map(|(track, _)| track)
        .collect();
    (ready, is_over)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// There may be more at once.
    More,
    /// Nothing is there now.
    Empty,
    /// Nothing will come.
    Ended,
}

fn read_turn(
    end: &mut Option<OwnedFd>,
    track: usize,
    buffer: &mut [u8],
    sink: &mut impl Sink,
) -> Turn {
    let Some(end) = end else { return Turn::Ended };
    let mut total = 0;
    while total < TURN {
        match rustix::io::read(&*end, &mut *buffer) {
            Ok(0) => return Turn::Ended,
            Ok(n) => {
                sink.bytes(track, &buffer[..n]);
                total += n;
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Turn::Empty,
            Err(error) => {
                tracing::error!(%error, track, "reading a pipe of a channel");
                return Turn::Ended;
            }
        }
    }
    Turn::More
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Write,
        sync::{Arc, Mutex},
        time::{Duration, Instant},
    };

    use super::*;
    use crate::channel::pipes::Pipes;

    #[derive(Default)]
    struct Record {
        tracks: Vec<Vec<u8>>,
        ticks: u32,
        ended: bool,
    }

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Record>>);

    impl Sink for Seen {
        fn bytes(&mut self, track: usize, bytes: &[u8]) {
            let mut seen = self.0.lock().unwrap();
            let needed = track + 1;
            if seen.tracks.len() < needed {
                seen.tracks.resize(needed, Vec::new());
            }
            seen.tracks[track].extend_from_slice(bytes);
        }

        fn tick(&mut self) {
            self.0.lock().unwrap().ticks += 1;
        }

        fn end(&mut self) {
            self.0.lock().unwrap().ended = true;
        }
    }

    #[test]
    fn all_that_is_written_is_read_however_the_writers_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..3).map(|n| folder.path().join(n.to_string())).collect();
        let tracks = paths.iter().map(|path| Pipes::reading(path).unwrap());
        let seen = Seen::default();
        let reader = Reader::start("test", tracks.collect(), seen.clone()).unwrap();

        // Nobody writes yet: that is no end.
        let start = Instant::now();
        while seen.0.lock().unwrap().ticks < 2 {
            assert!(start.elapsed() < Duration::from_secs(30));
            thread::sleep(Duration::from_millis(5));
        }
        // The first two are written, one more than fits into any pipe; the third never is.
        let mut first = fs::File::options().write(true).open(&paths[0]).unwrap();
        let mut second = fs::File::options().write(true).open(&paths[1]).unwrap();
        first.write_all(&vec![7; 3 << 20]).unwrap();
        second.write_all(b"two").unwrap();
        drop(first);
        second.write_all(b" three").unwrap();
        drop(second);
        reader.finish();

        let seen = seen.0.lock().unwrap();
        assert_eq!(seen.tracks[0].len(), 3 << 20);
        assert_eq!(seen.tracks[1], b"two three");
        assert_eq!(seen.tracks.len(), 2);
        assert!(seen.ended, "the end is told");
    }
}
