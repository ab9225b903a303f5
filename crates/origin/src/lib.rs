//! Presents any [`media::supply::Supplier`] over HTTP: DASH and HLS manifests, init and media
//! segments and their parts, with availability, conditional requests, ranges and caching. It has no
//! store and no clock: an answer is a function of URL, supplier and `now`.
//!
//! | URL below the presentation | what |
//! |---|---|
//! | the name of a manifest, such as `Manifest.mpd` | that MPD |
//! | `manifest.mpd` | the first MPD |
//! | `master.m3u8` | the multivariant playlist of the first manifest |
//! | `Manifest.m3u8` | the multivariant playlist of `Manifest.mpd` |
//! | `{track id}/playlist.m3u8` | the media playlist of a track |
//! | what a track's templates spell | its init segment, its media segments |
//! | a media segment with `.part3` before its extension | a part of it |
//!
//! Two doors lead in. [`answer`] never waits: what is not there yet is refused. A [`WaitingRoom`]
//! gives the same answers, and lets requests of low latency wait for what is being made.
//!
//! | request | until it is there |
//! |---|---|
//! | media playlist with `_HLS_msn` and `_HLS_part` | waits, for at most three target durations |
//! | the part that a playlist hints at | waits, then is sent at line speed; later parts are 404 |
//! | a segment in progress (DASH) | is answered at once, and grows part by part |
//!
//! [`resolve`] only finds out what a URL means; [`refusal::response`] turns a
//! [`media::supply::Refusal`] into an answer, also for those who find suppliers by URL.
#![forbid(unsafe_code)]

mod answer;
pub mod caching;
mod directives;
mod growing;
pub mod refusal;
mod reload;
mod resource;
mod turn;
mod waiting;

pub use answer::{Ask, answer};
pub use resource::{Resource, resolve};
pub use waiting::{Clock, Sleep, WaitingRoom};
