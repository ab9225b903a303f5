//! Child processes: started in their own group, ended with us, always reaped, their last words
//! kept; ffmpeg and ffprobe on top of that. Knows programs and bytes, not presentations.
//!
//! ```text
//! command   what to run             spawner   starts it, from a thread that lives on
//! child     a running process       run       runs to the end, output captured or by lines
//! shim      dies with us            guard     so do those below it, also when we are killed
//! mask      no secrets in logs and errors
//! ffmpeg    where, which, progress  probe     what is in a media file
//! host      processors and memory that we may use
//! supervise a job kept alive: states, restarts, stalls, limits, reports
//! ```
//!
//! Everything but [`supervise`] blocks; an async caller moves to a blocking thread, or takes the
//! pipes of a [`Child`] and reads them its own way.
#![forbid(unsafe_code)]

mod child;
mod command;
mod error;
pub mod ffmpeg;
mod guard;
pub mod host;
mod limits;
pub mod mask;
pub mod probe;
mod run;
pub mod shim;
mod spawner;
pub mod supervise;
mod tail;

pub use child::Child;
pub use command::{Command, Stream};
pub use error::{Error, Exit, Failure};
pub use ffmpeg::Ffmpeg;
pub use spawner::Spawner;

#[cfg(test)]
mod tests;
