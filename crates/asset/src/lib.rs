//! The catalogue: finds DASH, HLS and plain media content below a root, indexes it once, keeps the
//! index, and follows changes. No HTTP here.
//!
//! ```text
//! scan     folders and files -> candidates with names
//! load     one candidate     -> Asset, with every segment's file, offset, time and size
//! index    Asset             <-> one small file in the cache, valid while sizes and mtimes hold
//! catalogue  all of that, kept current; readers take snapshots without a lock
//! vod      Asset             -> a static presentation for the origin
//! check    Asset or problem  -> a report
//! ```
#![forbid(unsafe_code)]

pub mod catalogue;
pub mod check;
mod error;
pub mod importer;
pub mod model;
pub mod vod;

pub use catalogue::{Catalogue, Options, Problem};
pub use error::Error;
pub use model::Asset;
