//! Relays to many clients, beside Icecast and voyandz under the same load in the same run.
//!
//! The feed is the same everywhere: a transport stream made beforehand ([`source`]). The clients are one
//! process that counts the bytes of each of them and throws them away in the kernel ([`crowd`]), so that it
//! takes little of what is measured.
//!
//! | measurement | question |
//! |---|---|
//! | [`cost`] | what 200 and 1,000 clients cost |
//! | [`hop`] | how long a byte takes from the feed to a client |
//! | [`join`] | how long a client waits for a picture, in each container |
//! | [`many`] | whether 5,000 clients are borne |
//! | [`slow`] | what slow and stuck clients do to memory and to the others |

pub(crate) mod cost;
pub(crate) mod crowd;
pub(crate) mod hop;
pub(crate) mod join;
pub(crate) mod many;
pub(crate) mod pulse;
mod servers;
pub(crate) mod slow;
mod source;

/// A client is at full rate with this share of what the feed has.
const FULL: f64 = 0.95;

/// Clients that are not at the full rate of a feed.
fn behind(rates: &[f64], rate: f64) -> usize {
    rates.iter().filter(|it| **it < FULL * rate).count()
}
