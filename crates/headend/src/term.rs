//! What a command prints: results on stdout, errors and progress on stderr.

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;

/// Prints a result on stdout. A reader that has gone away is no error: it wanted no more.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Prints a result as indented JSON on stdout.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(print(&text)?)
}

/// Says something on stderr. Nothing can be done when that fails.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Draws over the last line of stderr, which is a terminal, without ending it.
pub(crate) fn draw_line(text: &str) {
    // Not so long that it would wrap, since then it could not be drawn over.
    let width = ratatui::crossterm::terminal::size().map_or(80, |(width, _)| usize::from(width));
    let text: String = text.chars().take(width.saturating_sub(1)).collect();
    let mut out = io::stderr().lock();
    let _ = write!(out, "{ERASE}{text}").and_then(|()| out.flush());
}

/// Goes to the begin of the line and erases it.
pub(crate) const ERASE: &str = "\r\x1b[K";

/// Prints an error and what caused it on stderr.
pub(crate) fn print_error(error: &anyhow::Error) {
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("\n  caused by: {cause}"));
    }
    say(&text);
}

/// Tells whether stdout is a terminal that is to have colours, <https://no-color.org>.
pub(crate) fn has_colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
