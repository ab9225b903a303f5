//! The relay with real programs: what ffmpeg's muxers write and what its demuxers say of it.

mod containers;
mod joining;
