//! Takes any media in and streams it out: the `headend` program.
//!
//! This crate holds the command line, the settings, the wiring of the HTTP server and its pages;
//! the work itself is done by the rooms below it (`docs/design/house.md`).

#![forbid(unsafe_code)]

mod channels;
mod cli;
mod clock;
mod cmds;
mod config;
mod content;
mod exit;
mod logging;
mod metrics;
mod mirrors;
mod pages;
mod progress;
mod report;
mod sample;
mod server;
mod service;
mod signals;
mod table;
mod term;
mod text;
mod top;
mod transcoding;
mod url;

use std::process::ExitCode;

fn main() -> ExitCode {
    // A start as stepping stone of a child process comes before everything else.
    match process::shim::run_if_shim(std::env::args_os()) {
        Some(code) => code,
        None => start().into(),
    }
}

fn start() -> exit::Exit {
    // The one choice of who does TLS; it fails only if it was made before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cmds::fetch::run_if_fetch(std::env::args_os()) {
        Some(exit) => exit,
        None => cli::run(),
    }
}
