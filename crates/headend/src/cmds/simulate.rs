//! `headend simulate`: files and folders as simulated live, at once.

use crate::{
    config::{Flags, Overlay, Root, Settings},
    exit::Exit,
    logging,
    server::{self, Job},
};

/// Serves files or folders as simulated live channels, and on demand
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders of content, media files that ffmpeg can read, or s3://bucket/prefix
    #[arg(required = true, value_name = "PATH", value_parser = Root::parser())]
    paths: Vec<Root>,
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
