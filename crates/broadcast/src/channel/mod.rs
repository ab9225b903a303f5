//! The runtime of a channel: from a job to a window that lives as long as the channel does, whatever
//! becomes of its encoders.
//!
//! ```text
//! handle     start and stop          registry  all channels of a server
//! encoder    what supervision runs   rules     what it is told
//! blueprint  from a plan to tracks   shared    what the tasks have in common
//! pipes      between ffmpeg and us   reader    the one thread that reads them
//! tape       packager -> window      guard     is the output right, is there room
//! place      files of the channel    status    how it is
//! past       what was left before a restart
//! ```
//!
//! ```text
//! ffmpeg -> pipe a track -> reader -> packager -> window -> origin
//!                           (one thread, memory only)  \-> queues: disk, recording, publishing
//! ```
//!
//! What is planned at the first start stays: a player cannot follow a ladder that changes. A run
//! that fails is followed by another on the same timeline, behind a discontinuity.
//!
//! One thread reads all tracks of a channel instead of one each: what is done with the bytes takes
//! microseconds, and the packager wants all of them in one place.

mod blueprint;
mod clock;
mod encoder;
mod guard;
mod handle;
mod past;
mod pipes;
mod place;
mod reader;
mod registry;
mod rules;
mod shared;
mod status;
mod tape;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verify;

pub use clock::Clock;
pub use handle::{Channel, Handle, StartError};
pub use registry::Channels;
pub use shared::Deps;
pub use status::{MediaStatus, Status, WindowStatus};
