//! `headend broadcast`: one supervised live channel in the foreground.

use broadcast::encode;

use crate::{
    channels::{JobArgs, Prepared, Toolbox},
    exit::Exit,
    logging, term,
};

/// Runs one supervised live channel in the foreground
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    job: JobArgs,
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

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    logging::start_plain(logging)?;
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
