//! Live channels: a source is probed, encoded to a ladder by one ffmpeg, packaged here into parts
//! and segments, and kept in a window that the origin shows. No HTTP server of its own.
#![forbid(unsafe_code)]

pub mod channel;
pub mod document;
pub mod encode;
pub mod events;
pub mod hooks;
pub mod input;
pub mod job;
pub mod ladder;
pub mod metrics;
pub mod packager;
pub mod probe;
pub mod publish;
pub mod record;
mod room;
pub mod units;
pub mod watch;
pub mod window;
