//! Logs: always on stderr, as lines for people or as JSON for machines.

use std::io::{self, IsTerminal};

use serde::{Deserialize, Serialize};
use tracing_subscriber::{
    EnvFilter,
    fmt::{format::Writer, time::FormatTime},
};

use crate::{
    clock::Clock,
    config::{Error, Issue},
    term,
};

/// How a log line looks.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    clap::ValueEnum,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The flags that every command takes.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Logging")]
pub(crate) struct Args {
    /// What to log: `error`, `warn`, `info`, `debug` or `trace`, or `component=LEVEL,…`
    #[arg(long, global = true, env = "HEADEND_LOG", value_name = "LEVEL")]
    pub(crate) log: Option<String>,
    /// How a log line looks
    #[arg(long, global = true, env = "HEADEND_LOG_FORMAT", value_name = "FORMAT")]
    pub(crate) log_format: Option<Format>,
}

/// Starts logging for a command without settings: warnings only, unless the flags say otherwise.
pub(crate) fn start_plain(args: Args) -> Result<(), Error> {
    start(
        args.log.as_deref().unwrap_or("warn"),
        args.log_format.unwrap_or_default(),
    )
}

/// Writes lines on stderr, above what may be drawn there.
struct Stderr;

impl io::Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        term::above_bars(|out| out.write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Writes the time before a line: `2026-01-31 23:59:59.123`, UTC.
struct Time;

impl FormatTime for Time {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        writer.write_str(&stamp(Clock::SYSTEM.now_ms()))
    }
}

/// Writes Unix milliseconds as a line of a log begins with them, UTC.
pub(crate) fn stamp(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(
        |_| ms.to_string(),
        |instant| instant.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string(),
    )
}

/// Starts logging for the whole process. A filter that cannot be understood is a configuration
/// error.
pub(crate) fn start(filter: &str, format: Format) -> Result<(), Error> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        let reason = format!("`{filter}` is not a level or a list of component=level: {error}");
        Error::new("settings", vec![Issue::at_key("log", reason)])
    })?;
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Stderr)
        .with_timer(Time)
        // When nobody reads stderr any more, a line is lost; saying so on stderr would panic.
        .log_internal_errors(false)
        .with_ansi(colours);
    let started = match format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Error::new("settings", vec![Issue::at_key("log", error.to_string())]))
}
