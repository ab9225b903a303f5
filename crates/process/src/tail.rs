//! Reading a child's stderr: lines without control characters, the last of them kept.
//!
//! ffmpeg rewrites its status line with carriage returns; only what stood last is a line. A line
//! is cut at 4 KiB, so that a child that never ends one costs no memory.

use std::{
    collections::VecDeque,
    io::Read,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{command::OnLine, mask};

/// Longest line kept, in bytes.
const LONGEST: usize = 4096;

/// The last lines of a stream, shared between its reader and whoever asks.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    lines: Arc<Mutex<VecDeque<String>>>,
    most: usize,
}

impl Tail {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            lines: Arc::default(),
            most,
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        // Lines are pushed whole, so a panic elsewhere leaves nothing half done.
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }

    fn push(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if self.most == 0 {
            return;
        }
        while lines.len() >= self.most {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// Reads `stream` to its end.
pub(crate) fn follow(mut stream: impl Read, tail: &Tail, mut on_line: Option<OnLine>) {
    let mut take = |line: &[u8]| {
        let line = mask::text(&clean(line));
        if let Some(callback) = &mut on_line {
            callback(&line);
        }
        tail.push(line);
    };
    let mut lines = Lines::default();
    let mut buffer = vec![0; 8192];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => lines.feed(&buffer[..n], &mut take),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    lines.finish(&mut take);
}

/// Cuts a byte stream into lines, folding what carriage returns overwrite.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    line: Vec<u8>,
    /// A carriage return was seen; what follows, unless a line feed, overwrites the line.
    returned: bool,
}

impl Lines {
    pub(crate) fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) {
        for byte in bytes {
            match byte {
                b'\n' => {
                    take(&self.line);
                    self.line.clear();
                    self.returned = false;
                }
                b'\r' => self.returned = true,
                byte => {
                    if std::mem::take(&mut self.returned) {
                        self.line.clear();
                    }
                    if self.line.len() < LONGEST {
                        self.line.push(*byte);
                    }
                }
            }
        }
    }

    pub(crate) fn finish(self, mut take: impl FnMut(&[u8])) {
        if !self.line.is_empty() {
            take(&self.line);
        }
    }
}

/// Makes text of a line; control characters, which could forge log lines, are written out.
fn clean(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\t' {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(chunks: &[&[u8]]) -> Vec<String> {
        let mut out = Vec::new();
        let mut lines = Lines::default();
        let mut take = |line: &[u8]| out.push(clean(line));
        for chunk in chunks {
            lines.feed(chunk, &mut take);
        }
        lines.finish(&mut take);
        out
    }

    #[test]
    fn lines_are_cut_and_status_lines_folded() {
        for (chunks, expected) in [
            (&[&b"a\nb\r\nc"[..]][..], &["a", "b", "c"][..]),
            (
                &[b"frame=1\rframe", b"=2\r", b"frame=3\nend\n"],
                &["frame=3", "end"],
            ),
            (&[b"half", b" line\n\nx\n"], &["half line", "", "x"]),
            (&[b"\x1b[31mred\x07\n"], &["\\u{1b}[31mred\\u{7}"]),
            (&[], &[]),
        ] {
            assert_eq!(lines_of(chunks), expected);
        }
        assert_eq!(lines_of(&[&[b'x'; 9000]])[0].len(), LONGEST);
    }

    #[test]
    fn the_last_lines_are_kept_and_masked() {
        let tail = Tail::new(2);
        let text: &[u8] = b"one\ntwo\nhttp://u:p@h/\n";
        follow(text, &tail, None);
        assert_eq!(tail.lines(), ["two", "http://***@h/"]);
    }
}
