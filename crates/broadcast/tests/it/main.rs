//! Sources and plans on a real ffmpeg with libx264, which these tests need.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod bench;
mod encode;
mod inputs;
mod packaging;
mod servers;
