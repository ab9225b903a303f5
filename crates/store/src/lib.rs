//! Objects by URI, without media: local files, mappings of them, files written all or nothing,
//! objects in a folder or an S3 bucket, and local mirrors of what lies in a bucket.
#![deny(unsafe_code)]

pub mod atomic;
pub mod digest;
pub mod mapped;
pub mod mirror;
pub mod objects;
mod s3;
pub mod uri;

pub use s3::Fault;
