//! `headend simulate`: files and folders as simulated live, at once.

use std::path::PathBuf;

use crate::{
    config::{Flags, Overlay, Settings},
    exit::Exit,
    logging,
    server::{self, Job},
};

/// Serves files or folders as simulated live channels, and on demand
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders of content, or media files that ffmpeg can read
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    let settings = Settings::load(
        None,
        Overlay::of_flags(args.flags, Some(args.paths), logging),
    )?;
    logging::start(&settings.log, settings.log_format)?;
    server::run(Job::of(settings))
}
