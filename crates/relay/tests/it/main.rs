//! The relay with real programs: what ffmpeg's muxers write and what its demuxers say of it.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod containers;
mod joining;
