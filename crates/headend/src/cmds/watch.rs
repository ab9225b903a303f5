//! `headend watch`: follows live HLS and DASH, reports and checks it.

use std::{io::IsTerminal as _, path::PathBuf, time::Duration};

use anyhow::Context as _;
use broadcast::{
    units::Seconds,
    watch::{
        self, End, Event, FailAfter, HttpFetch, Options, Snapshot, Summary,
        rules::{self, Rule},
        table::{self, Style},
    },
};
use ratatui::crossterm::terminal;
use tokio::runtime;

use crate::{
    clock::Clock,
    exit::{Exit, Unreadable},
    logging,
    signals::Signals,
    table as columns, term,
};

/// Follows HLS and DASH: a table of what is there, and what is wrong with it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Multivariant playlists and MPDs: http(s) or file URLs, files, or folders that hold some
    #[arg(required_unless_present = "list_rules", value_name = "URL|DIR")]
    sources: Vec<String>,
    /// Look at everything once, print it and end
    #[arg(long, env = "HEADEND_ONCE")]
    once: bool,
    /// Print events as lines of JSON
    #[arg(long, env = "HEADEND_JSON", conflicts_with = "tail")]
    json: bool,
    /// Print a line for each newest segment instead of the table
    #[arg(long, env = "HEADEND_TAIL")]
    tail: bool,
    /// Check every rule: fetch all new media, try delivery directives; exit code 5 when one is broken
    #[arg(long, env = "HEADEND_STRICT")]
    strict: bool,
    /// How often to ask where the server does not hold answers back
    #[arg(
        long,
        env = "HEADEND_INTERVAL",
        value_name = "TIME",
        default_value = "1s"
    )]
    interval: Seconds,
    /// Give up, with exit code 5, when nothing has changed for so long: `3xTD` (target durations),
    /// `10s` [default: never]
    #[arg(long, env = "HEADEND_FAIL_AFTER", value_name = "LIMIT")]
    fail_after: Option<FailAfter>,
    /// End after so long, with exit code 0 if nothing was wrong [default: never]
    #[arg(long, env = "HEADEND_FOR", value_name = "TIME")]
    r#for: Option<Seconds>,
    /// List the rules that `--strict` checks, and end
    #[arg(long, env = "HEADEND_LIST_RULES")]
    list_rules: bool,
}

/// Without a terminal the table is printed so often.
const TABLE_EVERY_MS: i64 = 10_000;

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    logging::start_plain(logging)?;
    if args.list_rules {
        list_rules(args.json)?;
        return Ok(Exit::Done);
    }
    let mut sources = Vec::new();
    for given in &args.sources {
        sources.extend(watch::resolve(given).map_err(|error| refused(given, error))?);
    }
    let options = Options {
        interval: args.interval.0,
        strict: args.strict,
        once: args.once,
        fail_after: args.fail_after.unwrap_or_default(),
        ..Options::default()
    };
    let fetch = HttpFetch::new(std::env::var_os("SSL_CERT_FILE").map(PathBuf::from))?;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let mut printer = Printer::new(&args);
    let limit = args.r#for.map(|limit| limit.0);
    let summary = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let stop = async {
            match limit {
                Some(limit) => tokio::select! {
                    () = signals.next() => {}
                    () = tokio::time::sleep(limit) => {}
                },
                None => signals.next().await,
            }
        };
        let now = || Clock::SYSTEM.now_ms();
        let sink = |event| printer.event(&event);
        anyhow::Ok(watch::watch(sources, &options, fetch, now, stop, sink).await)
    })?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    printer.end(&summary)?;
    Ok(if summary.is_good() {
        Exit::Done
    } else {
        Exit::CheckFailed
    })
}

/// Names what cannot be read with the exit code of its kind.
fn refused(given: &str, error: watch::TargetError) -> anyhow::Error {
    match error {
        watch::TargetError::Io { path, source } => Unreadable { path, source }.into(),
        error => anyhow::Error::new(error).context(format!("cannot follow `{given}`")),
    }
}

fn list_rules(json: bool) -> anyhow::Result<()> {
    let rules = rules::all();
    if json {
        return term::print_json(&rules);
    }
    let row = |rule: &Rule| {
        let when = if rule.always { "always" } else { "strict" };
        [
            rule.id.to_owned(),
            when.to_owned(),
            rule.about.to_owned(),
            rule.clause.to_owned(),
        ]
    };
    let rows: Vec<[String; 4]> = rules.iter().map(row).collect();
    let table = columns::render(["rule", "checked", "demands", "by"], [false; 4], &rows);
    Ok(term::print(&table)?)
}

/// How events are shown.
enum Look {
    /// As lines of JSON.
    Json,
    /// As a line for each newest segment.
    Tail,
    /// As a table that is drawn over.
    Screen,
    /// As a table now and then.
    Tables,
}

/// Prints events on stdout.
struct Printer {
    look: Look,
    once: bool,
    /// Lines of the last table, which the next one is drawn over.
    drawn: usize,
    /// When the last table was printed, Unix ms.
    printed_at: Option<i64>,
    /// The newest table.
    last: Vec<Snapshot>,
    /// What could not be printed: the reader has gone, so nothing else matters.
    failed: Option<std::io::Error>,
}

impl Printer {
    fn new(args: &Args) -> Self {
        let look = if args.json {
            Look::Json
        } else if args.tail {
            Look::Tail
        } else if std::io::stdout().is_terminal() && !args.once {
            Look::Screen
        } else {
            Look::Tables
        };
        Self {
            look,
            once: args.once,
            drawn: 0,
            printed_at: None,
            last: Vec::new(),
            failed: None,
        }
    }

    fn event(&mut self, event: &Event) {
        let text = match (&self.look, event) {
            (Look::Json, event) => match serde_json::to_string(event) {
                Ok(line) => line + "\n",
                Err(error) => {
                    tracing::error!(%error, "an event cannot be written as JSON");
                    return;
                }
            },
            (Look::Tail, Event::Changed { rendition, .. }) => table::tail(rendition),
            (Look::Screen, Event::Status { sources }) => self.redrawn(sources),
            (Look::Tables, Event::Status { sources }) => {
                let due = self.is_due(sources);
                self.last.clone_from(sources);
                if !due {
                    return;
                }
                table::render(sources, style()) + "\n"
            }
            (_, event) => {
                let Some(line) = table::line(event) else {
                    return;
                };
                // The table begins anew below what is said.
                let above = self.erased();
                self.drawn = 0;
                above + &line
            }
        };
        if let Err(error) = term::print(&text) {
            self.failed.get_or_insert(error);
        }
    }

    /// Tells whether a table is to be printed now, where there is no terminal.
    fn is_due(&mut self, sources: &[Snapshot]) -> bool {
        let Some(at) = sources.first().map(|source| source.at) else {
            return false;
        };
        let shown = sources.iter().any(|source| !source.renditions.is_empty());
        let due = !self.once
            && shown
            && self
                .printed_at
                .is_none_or(|printed| at.saturating_sub(printed) >= TABLE_EVERY_MS);
        if due {
            self.printed_at = Some(at);
        }
        due
    }

    /// Returns a table that is drawn over the last one.
    fn redrawn(&mut self, sources: &[Snapshot]) -> String {
        let text = table::render(sources, style());
        let out = self.erased() + &text;
        self.drawn = text.lines().count();
        out
    }

    /// Returns what takes the last table off the screen.
    fn erased(&self) -> String {
        match self.drawn {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\x1b[J"),
        }
    }

    fn end(self, summary: &Summary) -> anyhow::Result<()> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        if matches!(self.look, Look::Tables) {
            term::print(&table::render(&self.last, style()))?;
        }
        if summary.violations > 0 {
            term::say(&format!("{} violations", summary.violations));
        }
        if let Some(End::Failed { source, reason }) = &summary.end {
            term::say(&format!("{source}: {reason}"));
        }
        Ok(())
    }
}

fn style() -> Style {
    let colour = term::has_colours();
    if std::io::stdout().is_terminal()
        && let Ok((width, _)) = terminal::size()
    {
        let width = usize::from(width);
        return Style { width, colour };
    }
    Style {
        colour,
        ..Style::default()
    }
}
