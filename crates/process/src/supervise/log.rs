//! A log file of bounded size, written by a thread of its own: whoever has a line to log never
//! waits for the disk.
//!
//! When the file is full it becomes `NAME.1`, that one `NAME.2`, and so on. More lines than a
//! second may have, and lines that the disk is too slow for, are counted instead of written.

use std::{
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// Lines that may wait for the disk.
const QUEUE: usize = 1024;

/// How much a log may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// Size of one file in bytes.
    pub size: u64,
    /// Number of files.
    pub files: u32,
    /// Lines a second.
    pub lines_per_second: u32,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            size: 10 << 20,
            files: 3,
            lines_per_second: 200,
        }
    }
}

/// A log file. Clones write to the same one; it is closed when the last is dropped.
#[derive(Clone)]
pub struct LogFile {
    lines: mpsc::SyncSender<String>,
    lost: Arc<AtomicU64>,
    stamp: Arc<dyn Fn() -> String + Send + Sync>,
}

impl LogFile {
    /// Opens or begins the file at `path`. Every line begins with what `stamp` returns when the line
    /// is added, the time of day, say.
    pub fn open(
        path: impl Into<PathBuf>,
        limits: LogLimits,
        stamp: impl Fn() -> String + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let mut file = Rotated::open(path.into(), limits)?;
        let (lines, inbox) = mpsc::sync_channel::<String>(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&lost);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                let mut flow = Flow::new(limits.lines_per_second);
                for line in inbox {
                    let late = counter.swap(0, Ordering::Relaxed);
                    if late > 0 {
                        file.line(&format!("({late} lines lost: the disk is too slow)"));
                    }
                    let (written, suppressed) = flow.take(Instant::now());
                    if suppressed > 0 {
                        file.line(&format!("({suppressed} lines suppressed)"));
                    }
                    if written {
                        file.line(&line);
                    }
                }
                let suppressed = flow.suppressed;
                if suppressed > 0 {
                    file.line(&format!("({suppressed} lines suppressed)"));
                }
            })?;
        Ok(Self {
            lines,
            lost,
            stamp: Arc::new(stamp),
        })
    }

    /// Adds a line, without a line feed. Never waits.
    pub fn line(&self, line: &str) {
        let line = format!("{} {line}", (self.stamp)());
        if self.lines.try_send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for LogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFile").finish_non_exhaustive()
    }
}

/// Returns a file name for any name: letters, digits, `.`, `_` and `-` stay, all else is written as
/// `%XX`; a leading dot too.
pub fn file_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (place, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if plain && !(place == 0 && byte == b'.') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Counts lines a second and what is above.
#[derive(Debug)]
struct Flow {
    most: u32,
    since: Option<Instant>,
    count: u32,
    suppressed: u64,
}

impl Flow {
    fn new(most: u32) -> Self {
        Self {
            most,
            since: None,
            count: 0,
            suppressed: 0,
        }
    }

    /// Takes a line; returns whether it is written, and how many before it were not.
    fn take(&mut self, now: Instant) -> (bool, u64) {
        let fresh = self
            .since
            .is_none_or(|since| now.saturating_duration_since(since) >= Duration::from_secs(1));
        let mut told = 0;
        if fresh {
            self.since = Some(now);
            self.count = 0;
            told = std::mem::take(&mut self.suppressed);
        }
        if self.count >= self.most {
            self.suppressed += 1;
            return (false, told);
        }
        self.count += 1;
        (true, told)
    }
}

/// A file that moves out of the way when it is full.
#[derive(Debug)]
struct Rotated {
    path: PathBuf,
    limits: LogLimits,
    file: fs::File,
    size: u64,
}

impl Rotated {
    fn open(path: PathBuf, limits: LogLimits) -> io::Result<Self> {
        let file = append(&path)?;
        let size = file.metadata()?.len();
        Ok(Self {
            path,
            limits,
            file,
            size,
        })
    }

    /// Writes a line. A log that cannot be written must not stop what it tells of.
    fn line(&mut self, line: &str) {
        if self.size > 0 && self.size + line.len() as u64 + 1 > self.limits.size {
            self.rotate();
        }
        if self.file.write_all(format!("{line}\n").as_bytes()).is_ok() {
            self.size += line.len() as u64 + 1;
        }
    }

    fn rotate(&mut self) {
        for number in (1..self.limits.files).rev() {
            let from = self.numbered(number - 1);
            // A number that was never reached is not there.
            let _ = fs::rename(from, self.numbered(number));
        }
        if self.limits.files <= 1 {
            let _ = fs::remove_file(&self.path);
        }
        if let Ok(file) = append(&self.path) {
            self.size = file.metadata().map_or(0, |it| it.len());
            self.file = file;
        }
    }

    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn append(path: &Path) -> io::Result<fs::File> {
    fs::File::options().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_moves_out_of_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let limits = LogLimits {
            size: 20,
            files: 3,
            ..LogLimits::default()
        };
        let mut file = Rotated::open(path.clone(), limits).unwrap();
        for number in 0..12 {
            file.line(&format!("line {number:02}"));
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("log"), "line 10\nline 11\n");
        assert_eq!(read("log.1"), "line 08\nline 09\n");
        assert_eq!(read("log.2"), "line 06\nline 07\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        // Opened again, it goes on where it was.
        let mut file = Rotated::open(path, limits).unwrap();
        file.line("line 12");
        assert_eq!(read("log"), "line 12\n");
    }

    #[test]
    fn too_many_lines_are_counted_instead() {
        let start = Instant::now();
        let mut flow = Flow::new(2);
        let taken: Vec<(bool, u64)> = [0, 10, 20, 30, 1000, 1001]
            .into_iter()
            .map(|ms| flow.take(start + Duration::from_millis(ms)))
            .collect();
        assert_eq!(
            taken,
            [
                (true, 0),
                (true, 0),
                (false, 0),
                (false, 0),
                (true, 2),
                (true, 0)
            ]
        );
    }

    #[test]
    fn lines_reach_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file_name("a/b"));
        let log = LogFile::open(&path, LogLimits::default(), || "t".to_owned()).unwrap();
        log.line("one");
        log.line("two");
        let start = Instant::now();
        while fs::read_to_string(&path).unwrap() != "t one\nt two\n" {
            assert!(start.elapsed() < Duration::from_secs(30));
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn names_become_safe() {
        for (name, expected) in [
            ("cam-1.log", "cam-1.log"),
            ("../etc/passwd", "%2E.%2Fetc%2Fpasswd"),
            ("blå", "bl%C3%A5"),
            ("", ""),
        ] {
            assert_eq!(file_name(name), expected);
        }
    }
}
