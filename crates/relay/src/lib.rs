//! Endless streams: what any program writes, to any number of HTTP clients.
//!
//! ```text
//! config   feeds and streams as written, and what they come to     words    command lines as lists
//! feed     a source: command, push or pull; started, kept, ended   sniff    where a container can be joined
//! stream   what clients ask for: shared, exclusive, shot           deliver  the body of one client
//! stat     what all of them do, as plain values
//! ```
//!
//! Bytes go one way: a process writes, `sniff` cuts at the borders of the container and marks where
//! one can join, a [`serve`] ring shares the pieces, and every client reads at its own cursor. A
//! client that is slow never slows another. There are no segments here, no assets, no manifests.
#![forbid(unsafe_code)]

pub mod config;
pub mod deliver;
pub mod feed;
mod hub;
pub mod sniff;
pub mod stat;
pub mod stream;
pub mod words;

pub use hub::{Deps, Error, Relay, Table};
