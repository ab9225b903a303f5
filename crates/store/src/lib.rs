//! Objects by URI, without media: local files, mappings of them, and files written all or nothing.
#![deny(unsafe_code)]

pub mod atomic;
pub mod mapped;
pub mod uri;
