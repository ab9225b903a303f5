//! The catalogue: finds DASH, HLS and plain media content below a root, indexes it once, keeps the
//! index, and follows changes. No HTTP here.
//!
//! ```text
//! scan       folders and files -> candidates with names
//! dash, hls  manifests         -> plan: where the media of each track lies
//! segments   plan              -> every segment's file, offset, time and size
//! load       all of that       -> Asset, checked to fit together (fit) and described (describe)
//! index      Asset             <-> one small file in the cache, valid while sizes and times hold
//! catalogue  kept current; readers take snapshots without a lock
//! vod        Asset             -> a static presentation for the origin
//! check      Asset or problem  -> a report
//! versions   publish, list and remove versions of an asset
//! ```
#![forbid(unsafe_code)]

mod boxes;
pub mod catalogue;
pub mod check;
mod dash;
mod describe;
mod error;
mod exact;
mod fit;
mod hls;
pub mod import;
pub mod importer;
mod index;
mod load;
mod locate;
pub mod model;
mod plan;
pub mod scan;
mod segments;
mod single;
mod stamp;
#[cfg(test)]
mod testing;
mod version;
pub mod versions;
pub mod vod;

pub use catalogue::{Catalogue, Options, Problem};
pub use error::Error;
pub use model::Asset;
