//! The screens of `headend top`: what a running server says of itself, drawn in a terminal or as
//! plain text.
//!
//! ```text
//! remote   asks a server over HTTP      sample   one answer, and rates since the one before
//! screen   what is shown and chosen     draw     a screen as a frame of a terminal
//! plain    a sample as text             session  the loop: terminal, keys, signals
//! ```
//!
//! It only reads: leaving it, or any number of others, changes nothing on the server.

mod draw;
mod plain;
mod remote;
mod sample;
mod screen;
mod session;

pub(crate) use plain::text;
pub(crate) use remote::{Address, Remote};
pub(crate) use sample::Sample;
pub(crate) use session::run;

#[cfg(test)]
mod tests;
