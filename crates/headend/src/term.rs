//! What a command prints: results on stdout, errors and progress on stderr.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::LazyLock,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
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

/// What is drawn below the lines of stderr, where that is a terminal: progress bars and the status line
/// of a channel. All of it has to be drawn by one hand, and a process has one stderr: hence a global.
static BARS: LazyLock<Option<MultiProgress>> = LazyLock::new(|| {
    let is_terminal = io::stderr().is_terminal();
    is_terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
});

/// Adds a bar below those that are drawn; `None` where there is no terminal to draw on.
pub(crate) fn add_bar(bar: impl FnOnce() -> ProgressBar) -> Option<ProgressBar> {
    BARS.as_ref().map(|bars| bars.add(bar()))
}

/// Writes to stderr, with the bars out of the way meanwhile.
pub(crate) fn above_bars<T>(write: impl FnOnce(&mut io::StderrLock<'static>) -> T) -> T {
    let write = || write(&mut io::stderr().lock());
    match BARS.as_ref() {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// Says something on stderr. Nothing can be done when that fails.
pub(crate) fn say(text: &str) {
    let _ = above_bars(|out| writeln!(out, "{text}"));
}

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
