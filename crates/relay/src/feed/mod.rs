//! Feeds: one source of media each, started when somebody needs it or kept running, brought back
//! when it dies or falls silent, and ended when nobody needs it any more.
//!
//! ```text
//! source    who needs it, and the ring that its bytes go to     keeper   when it is started and ended
//! runner    what a supervisor runs for it                       outlet   from bytes to pieces in the ring
//! launch    a command line made ready, with its pipes           push     bytes that clients send us
//! ```
//!
//! The command of a shared stream is a source as well: it has a feed on its stdin and all clients
//! behind it.

mod keeper;
mod launch;
mod outlet;
mod push;
mod runner;
mod source;

pub(crate) use launch::{Intake, Plan};
pub use push::{Publishing, PushRefused};
pub use source::{Lease, Role, Source};
pub(crate) use source::{Setup, now};
