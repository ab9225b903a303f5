//! Live channels on the side of the binary: how a command line or a configuration names them, what can
//! be told before anything is started, and all that run. The channels themselves are `broadcast`'s.
//!
//! ```text
//! flags    the command line of a job       prepare     looked into and planned, nothing started
//! running  the channels of this process    describe    a channel as pages and screens see it
//! outlets  recordings and targets          news        their events as log lines
//! foreground  the line that `broadcast` draws
//! exposition  what is measured of them, for Prometheus
//! error    what is wrong, and its exit code
//! ```

mod describe;
mod error;
mod exposition;
mod flags;
mod foreground;
mod news;
mod outlets;
mod prepare;
mod running;

pub(crate) use describe::describe;
pub(crate) use error::Error;
pub(crate) use exposition::exposition;
pub(crate) use flags::{JobArgs, WhatArgs};
pub(crate) use foreground::{over, show};
pub(crate) use prepare::{Prepared, Toolbox, input_of};
pub(crate) use running::{Folders, Order, Running};
