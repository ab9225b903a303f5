//! A made-up supplier behind the origin's one door.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod fake;
mod growing;
mod low;
mod manifests;
mod names;
mod parts;
mod reload;
mod room;
mod segments;
