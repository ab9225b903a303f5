//! VoD jobs end to end: what comes out, and that nothing short of losing the store loses a job.
//!
//! Results are compared by the name of the published version, which is a digest of all its files.

mod damage;
mod download;
mod failures;
mod harm;
mod job;
mod places;
mod plays;
mod server;
mod shelf;
