//! Follows live HLS and DASH, tells what it sees, and checks it against the rules (`--strict`).
//!
//! ```text
//! target     what can be followed          run        followers, network and clock together
//! follow     one source, sans I/O          fetch      HTTP, HTTPS and files
//! hls, dash  how each is followed          exchange   requests and replies as values
//! rules      what must hold                report     violations and news
//! media      what fetched media is         snapshot, table   how it looks
//! ```
//!
//! Followers know neither network nor clock: they are fed with replies and `now`, so that every
//! rule can be tried on made-up channels in no time. Not a player: nothing is decoded, and encrypted
//! media is not decrypted.
//!
//! A restart of the encoder is no violation. What RFC 8216bis asks for then is checked like
//! everything else: numbers go on, a discontinuity and dates tell of the outage, or gaps do. Only lateness
//! is forgiven to what comes right behind a discontinuity or a gap.

mod dash;
mod exchange;
mod fetch;
mod follow;
mod hls;
mod media;
mod nanos;
mod options;
mod outbox;
mod report;
pub mod rules;
mod run;
mod snapshot;
pub mod table;
mod target;

pub use exchange::{Answer, Headers, Method, Reply, Request};
pub use fetch::{Fetch, Fetched, HttpFetch};
pub use follow::{End, Follower};
pub use options::{FailAfter, Options};
pub use report::{Event, Violation};
pub use run::{Summary, watch};
pub use snapshot::{Format, Kind, LowLatency, Newest, Row, Snapshot};
pub use target::{TargetError, resolve};

#[cfg(test)]
mod tests;
