//! Runs a program on a terminal of its own (`script`), and reads what is on the screen then.

use std::{
    io::{Read as _, Write as _},
    process::{ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use crate::launch::{self, Guard};

/// A program on a terminal.
#[derive(Debug)]
pub struct Terminal {
    /// The program that holds the terminal; it ends with the code of the other.
    pub guard: Guard,
    keys: ChildStdin,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts a command.
    ///
    /// # Panics
    /// When there is no `script`.
    pub fn start(of: &Command) -> Self {
        let words = [of.get_program()].into_iter().chain(of.get_args());
        let words: Vec<String> = words.map(|word| quoted(&word.to_string_lossy())).collect();
        let sized = format!("stty rows 24 cols 100; exec {}", words.join(" "));
        let mut command = launch::command("script");
        command
            .args(["--quiet", "--return", "--command", &sized])
            .arg("/dev/null")
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for (name, value) in of.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut guard = Guard::spawn(&mut command);
        let keys = guard.take_input().expect("stdin");
        let (stdout, _) = guard.take_output();
        let mut stdout = stdout.expect("stdout");
        let written: Arc<Mutex<Vec<u8>>> = Arc::default();
        let into = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut bytes) {
                let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
                into.extend_from_slice(&bytes[..count]);
            }
        });
        Self {
            guard,
            keys,
            written,
        }
    }

    /// Types something.
    ///
    /// # Panics
    /// When the program has gone.
    pub fn type_keys(&mut self, keys: &[u8]) {
        let typed = self.keys.write_all(keys).and_then(|()| self.keys.flush());
        typed.expect("a terminal");
    }

    /// Returns all that was written, as it was.
    pub fn written(&self) -> String {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&written).into_owned()
    }

    /// Returns the lines that are on the screen, and those that have left it above.
    pub fn screen(&self) -> Vec<String> {
        screen(&self.written())
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What a terminal without an end shows of a text: carriage returns, line feeds, colours, and what
/// progress bars use of movement and erasing.
fn screen(text: &str) -> Vec<String> {
    let mut rows: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0_usize, 0_usize);
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        match char {
            '\r' => column = 0,
            '\n' => row += 1,
            '\u{1b}' => {
                let sequence = sequence(&mut rest);
                let sequence = sequence.trim_start_matches('[');
                let (parameters, kind) = sequence.split_at(sequence.len().saturating_sub(1));
                let count = parameters.parse().unwrap_or(1_usize);
                match kind {
                    "A" => row = row.saturating_sub(count),
                    "B" => row += count,
                    "G" => column = count.saturating_sub(1),
                    "C" => column += count,
                    "D" => column = column.saturating_sub(count),
                    "K" if parameters == "2" => rows[row].clear(),
                    "K" => rows[row].truncate(column),
                    "J" => {
                        rows[row].truncate(column);
                        rows.truncate(row + 1);
                    }
                    // Colours, and whether the cursor is seen.
                    _ => {}
                }
            }
            char => {
                let line = &mut rows[row];
                while line.len() <= column {
                    line.push(' ');
                }
                line[column] = char;
                column += 1;
            }
        }
        while rows.len() <= row {
            rows.push(Vec::new());
        }
    }
    let lines = rows.into_iter().map(String::from_iter);
    lines
        .map(|line: String| line.trim_end().to_owned())
        .collect()
}

/// Takes an escape sequence off a text, up to and with its first letter.
fn sequence(rest: &mut impl Iterator<Item = char>) -> String {
    let mut sequence = String::new();
    for char in rest {
        sequence.push(char);
        if char.is_ascii_alphabetic() {
            break;
        }
    }
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_over_is_gone() {
        let text = "one\r\ntwo\r\x1b[2K\x1b[31mlog\x1b[0m\r\nbar 1\r\nbar 2\x1b[1A\r\x1b[Jbar";
        assert_eq!(screen(text), ["one", "log", "bar"]);
        assert_eq!(screen("abc\rX\x1b[K"), ["X"]);
        assert_eq!(screen("ab\x1b[1Bc"), ["ab", "  c"]);
    }
}
