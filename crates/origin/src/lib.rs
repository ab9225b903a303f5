//! Presents any [`media::supply::Supplier`] over HTTP: DASH and HLS manifests, init and media
//! segments, with availability, conditional requests, ranges and caching. It has no store and no
//! clock: an answer is a pure function of URL, supplier and `now`.
//!
//! | URL below the presentation | what |
//! |---|---|
//! | the name of a manifest, such as `Manifest.mpd` | that MPD |
//! | `manifest.mpd` | the first MPD |
//! | `master.m3u8` | the multivariant playlist of the first manifest |
//! | `Manifest.m3u8` | the multivariant playlist of `Manifest.mpd` |
//! | `{track id}/playlist.m3u8` | the media playlist of a track |
//! | what a track's templates spell | its init segment, its media segments |
//!
//! [`answer`] does it all; [`resolve`] only finds out what a URL means; [`refusal::response`] turns
//! a [`media::supply::Refusal`] into an answer, also for those who find suppliers by URL.
#![forbid(unsafe_code)]

mod answer;
pub mod caching;
pub mod refusal;
mod resource;

pub use answer::{Ask, answer};
pub use resource::{Resource, resolve};
