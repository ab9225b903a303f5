//! Objects by URI, without media: local files, and mappings of them.
#![deny(unsafe_code)]

pub mod mapped;
