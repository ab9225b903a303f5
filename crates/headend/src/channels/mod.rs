//! Live channels on the side of the binary: how a command line or a configuration names them, and
//! what can be told before anything is started. The channels themselves are `broadcast`'s.
//!
//! ```text
//! flags    the command line of a job       prepare  looked into and planned, nothing started
//! error    what is wrong, and its exit code
//! ```

mod error;
mod flags;
mod prepare;

pub(crate) use error::Error;
pub(crate) use flags::{JobArgs, WhatArgs};
pub(crate) use prepare::{Prepared, Toolbox, input_of};
