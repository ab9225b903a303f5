//! The catalogue: finds DASH, HLS and plain media content below a root, indexes it once, keeps the
//! index, and follows changes. No HTTP here.
#![forbid(unsafe_code)]

pub mod model;
