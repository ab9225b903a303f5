//! Simulated live: an asset repeated without end, as a pure function of (URL options, asset, now).
//!
//! A request walks down these modules: [`simulator`] reads options and asset out of the URL and
//! keeps the channels it has met; [`looped`] is a channel, a [`media::supply::Supplier`]; `reel` is
//! what all channels over one asset share; `cycle` is the exact arithmetic of the endless loop;
//! `window` says what is available when; `chunks` and `edge` say the same of chunks; `rewrite` makes
//! the bytes, for which `recut` and `text` rewrite what cannot be re-timed by its boxes alone.
//!
//! It does not do HTTP, write manifests or read the clock: `now` is always a parameter.
#![forbid(unsafe_code)]

mod chunks;
mod cycle;
mod edge;
pub mod looped;
pub mod options;
mod query;
mod recut;
mod reel;
mod rewrite;
pub mod simulator;
#[cfg(test)]
mod synthetic;
mod text;
mod window;

pub use options::Options;
pub use simulator::{Resolved, Simulator};
