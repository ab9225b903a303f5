//! `headend broadcast`: one supervised live channel in the foreground.

use std::{fs, io::IsTerminal as _, io::Write as _};

use broadcast::{encode, job::Job};

use crate::{
    channels::{JobArgs, Prepared, Toolbox},
    config::{Error, Flags, Issue, Overlay, Settings},
    exit::Exit,
    logging,
    server::{self, Dashboard},
    term,
};

/// Runs one supervised live channel in the foreground and serves it at `/live/NAME/`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    job: JobArgs,
    /// How the channel is shown: `auto` draws a line on a terminal and writes one now and then
    /// elsewhere, `on` is the screen of `top`, `off` says nothing [default: auto]
    #[arg(long, env = "HEADEND_DASHBOARD", value_name = "HOW")]
    dashboard: Option<Shown>,
    /// Print the commands that would be started, and start nothing but a look into the inputs
    #[arg(long, env = "HEADEND_DRY_RUN")]
    dry_run: bool,
    /// How `--dry-run` writes commands [default: shell]
    #[arg(
        long,
        env = "HEADEND_FORMAT",
        value_name = "FORMAT",
        requires = "dry_run"
    )]
    format: Option<Format>,
    /// Let `--dry-run` write secrets, too
    #[arg(long, env = "HEADEND_SHOW_SECRETS", requires = "dry_run")]
    show_secrets: bool,
    #[command(flatten)]
    flags: Flags,
}

/// How the channel is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shown {
    /// A line.
    Auto,
    /// The screen of `top`.
    On,
    /// Nothing.
    Off,
}

/// How commands are written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// An argument a line.
    Argv,
    /// Lines for a POSIX shell.
    Shell,
    /// A list of objects with `role` and `argv`.
    Json,
}

/// Where Kubernetes looks for the last words of a container.
const TERMINATION_LOG: &str = "/dev/termination-log";

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    if args.dry_run {
        logging::start_plain(logging)?;
        return dry_run(args);
    }
    let settings = Settings::load(None, Overlay::of_flags(args.flags, None, logging))?;
    let dashboard = dashboard(args.dashboard.unwrap_or(Shown::Auto))?;
    if dashboard == Dashboard::Screen {
        // The screen shows what the encoder says; other lines would run across it.
        logging::start("off", settings.log_format)?;
    } else {
        logging::start(&settings.log, settings.log_format)?;
    }
    let job = args.job.job()?;
    let ended = serve(settings, job, dashboard);
    if let Err(error) = &ended {
        leave_word(&format!("{error:#}"));
    }
    ended
}

fn serve(settings: Settings, job: Job, dashboard: Dashboard) -> anyhow::Result<Exit> {
    server::run(server::Job {
        channels: vec![job],
        foreground: Some(dashboard),
        ..server::Job::of(settings)
    })
}

/// Decides how the channel is shown. A screen that cannot be is an error of the command line.
fn dashboard(shown: Shown) -> Result<Dashboard, Error> {
    let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    match shown {
        Shown::Off => Ok(Dashboard::Off),
        Shown::On if terminal => Ok(Dashboard::Screen),
        Shown::On => {
            let reason = "there is no terminal to draw on".to_owned();
            let issue = Issue::at_key("dashboard", reason);
            Err(Error::new("command line", vec![issue]))
        }
        Shown::Auto => {
            if !std::io::stderr().is_terminal() {
                term::say("no terminal: a line every 10 s says how the channel is");
            }
            Ok(Dashboard::Line)
        }
    }
}

/// Writes why the process ends where an orchestrator may look for it, if it does.
fn leave_word(reason: &str) {
    if let Ok(mut file) = fs::File::options().write(true).open(TERMINATION_LOG) {
        // Said on stderr in any case.
        let _ = writeln!(file, "{reason}");
    }
}

fn dry_run(args: Args) -> anyhow::Result<Exit> {
    let job = args.job.job()?;
    let tools = Toolbox::find()?;
    let format = match args.format {
        Some(Format::Argv) => encode::Format::Argv,
        Some(Format::Json) => encode::Format::Json,
        Some(Format::Shell) | None => encode::Format::Shell,
    };
    let secrets = if args.show_secrets {
        encode::Secrets::Shown
    } else {
        encode::Secrets::Masked
    };
    let prepared = Prepared::of(job, &tools)?;
    let commands = prepared.invocation(&tools).render(format, secrets);
    term::print(&commands)?;
    Ok(Exit::Done)
}
