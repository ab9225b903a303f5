//! Objects by URI, without media: local files, mappings of them, files written all or nothing,
//! objects in a folder or an S3 bucket, local mirrors of what lies in a bucket, and clients of HTTP.
#![deny(unsafe_code)]

pub mod atomic;
pub mod backoff;
pub mod digest;
pub mod guard;
pub mod http;
pub mod mapped;
pub mod mirror;
pub mod objects;
mod s3;
pub mod uri;

pub use s3::Fault;
