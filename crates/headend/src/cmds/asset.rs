//! `headend asset`: looks at content without serving it.

use std::path::PathBuf;

use clap::Subcommand;

use crate::{exit::Exit, logging};

/// Checks, lists and imports content
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says of every asset whether it can be served, with a table of its representations
    Check(Target),
    /// Lists the assets by name, duration and codecs
    List(Target),
    /// Brings media files to CMAF in the cache folder, so that serving them starts at once
    Import(Target),
}

#[derive(Debug, clap::Args)]
struct Target {
    /// Folders of content, or media files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where imported media and indexes are kept [default: the user's cache folder]
    #[arg(long, env = "HEADEND_CACHE_DIR", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long, env = "HEADEND_JSON")]
    json: bool,
}

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    logging::start_plain(logging)?;
    let _ = args;
    Ok(Exit::Done)
}
