//! Objects over the real protocol of S3, against a server that misbehaves on request.

mod objects;
mod server;
