//! `headend top`: a running server on a screen of the terminal.

use std::{io::IsTerminal as _, time::Duration};

use anyhow::Context as _;
use tokio::runtime;

use crate::{
    exit::Exit,
    logging, term,
    top::{self, Address, Remote},
};

/// Shows a running server: host, channels and their processes, ladder, playlists, log
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server
    #[arg(
        long,
        env = "HEADEND_CONNECT",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080"
    )]
    connect: Address,
    /// Print one snapshot as plain text, as without a terminal
    #[arg(long, env = "HEADEND_ONCE")]
    once: bool,
}

/// Between the two looks of a snapshot, so that there are rates.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    logging::start_plain(logging)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let remote = Remote::new(args.connect)?;
    let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if args.once || !terminal {
        let snapshot = runtime.block_on(async {
            let before = remote.sample().await?;
            tokio::time::sleep(LOOK).await;
            let now = remote.sample().await?;
            anyhow::Ok(top::text(&remote.address().to_string(), &before, &now))
        })?;
        term::print(&snapshot)?;
    } else {
        runtime.block_on(top::run(&remote, term::has_colours()))?;
    }
    Ok(Exit::Done)
}
