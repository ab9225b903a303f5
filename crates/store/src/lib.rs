//! Objects by URI, without media: local files, mappings of them, files written all or nothing, and
//! local mirrors of what lies in an S3 bucket.
#![deny(unsafe_code)]

pub mod atomic;
pub mod mapped;
pub mod mirror;
mod s3;
pub mod uri;

pub use s3::Fault;
