//! VoD jobs: a source is planned on the output's frame grid, encoded chunk by chunk into CMAF
//! segments, joined by manifests alone and published as an asset. No HTTP server of its own.
//!
//! ```text
//! source   what the input is            preset   which renditions are wanted
//! plan     the exact tables of a job    fetch    the input, stored once
//! encode   a chunk, all renditions      audio    a track in one uninterrupted encode
//! text     subtitles                    thumbs   pictures to seek by
//! commit   what is done, provably       package  manifests from what is done
//! publish  versions of an asset         verify   whether a published one is right
//! title    a ladder for one film
//! job      state of a job               engine   who does what next
//! worker   runs tasks                   events   what happens, as plain values
//! ```
//!
//! Everything blocks; a caller gives it threads.
#![forbid(unsafe_code)]

pub mod audio;
pub mod commit;
pub mod encode;
pub mod engine;
pub mod events;
pub mod fetch;
pub mod job;
pub mod package;
pub mod plan;
pub mod preset;
pub mod publish;
pub mod source;
pub mod text;
pub mod thumbs;
pub mod title;
pub mod verify;
pub mod worker;

#[cfg(test)]
mod testing;
