//! The command line: what it looks like, and how a command ends.

use clap::{Parser, Subcommand};

use crate::{cmds, exit::Exit, logging, term};

/// Takes any media in and streams it out: on demand and as simulated live, over DASH and HLS
#[derive(Debug, Parser)]
#[command(
    name = "headend",
    version,
    max_term_width = 100,
    propagate_version = false
)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: logging::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(cmds::demo::Args),
    Simulate(cmds::simulate::Args),
    Serve(cmds::serve::Args),
    Broadcast(Box<cmds::broadcast::Args>),
    Transcode(Box<cmds::transcode::Args>),
    Watch(cmds::watch::Args),
    Top(cmds::top::Args),
    Probe(cmds::probe::Args),
    Ladder(cmds::ladder::Args),
    Asset(cmds::asset::Args),
    Verify(cmds::verify::Args),
    Info(cmds::info::Args),
    Config(cmds::config::Args),
}

/// Reads the command line and does what it says.
pub(crate) fn run() -> Exit {
    let cli = Cli::parse();
    match cli.run() {
        Ok(exit) => exit,
        Err(error) => {
            term::print_error(&error);
            Exit::of(&error)
        }
    }
}

impl Cli {
    fn run(self) -> anyhow::Result<Exit> {
        let logging = self.logging;
        match self.command {
            Command::Demo(args) => cmds::demo::run(args, logging),
            Command::Simulate(args) => cmds::simulate::run(args, logging),
            Command::Serve(args) => cmds::serve::run(args, logging),
            Command::Broadcast(args) => cmds::broadcast::run(*args, logging),
            Command::Transcode(args) => cmds::transcode::run(*args, logging),
            Command::Watch(args) => cmds::watch::run(args, logging),
            Command::Top(args) => cmds::top::run(args, logging),
            Command::Probe(args) => cmds::probe::run(args, logging),
            Command::Ladder(args) => cmds::ladder::run(args, logging),
            Command::Asset(args) => cmds::asset::run(args, logging),
            Command::Verify(args) => cmds::verify::run(args, logging),
            Command::Info(args) => cmds::info::run(args, logging),
            Command::Config(args) => cmds::config::run(args, logging),
        }
    }
}

#[cfg(test)]
mod tests;
