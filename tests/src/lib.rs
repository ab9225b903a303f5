//! Test harness: starts the binary, makes content, talks HTTP and WebDriver, and reads manifests and
//! segments with readers that are not the product's own.
//!
//! Everything panics on trouble, which is how a scenario fails.
#![forbid(unsafe_code)]

pub mod boxes;
pub mod clips;
pub mod http;
pub mod launch;
pub mod ledger;
pub mod manifests;
pub mod origin;
pub mod playback;
pub mod players;
pub mod put;
pub mod s3;
pub mod terminal;
pub mod webdriver;
