//! Objects over the real protocol of S3, against a server that misbehaves on request.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod objects;
mod server;
