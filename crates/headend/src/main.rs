//! Takes any media in and streams it out: the `headend` program.
//!
//! This crate holds the command line, the settings, the wiring of the HTTP server and its pages;
//! the work itself is done by the rooms below it (`docs/design/house.md`).

mod cli;
mod clock;
mod cmds;
mod config;
mod exit;
mod logging;
mod pages;
mod report;
mod term;
mod url;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run().into()
}
