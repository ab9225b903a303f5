//! HTTP without media: accepting connections, requests, answers made of shared slices, byte ranges
//! and conditional requests, limits and shutdown. It knows nothing of manifests or segments.
//!
//! | need | module |
//! |---|---|
//! | run a server, limit and stop it | [`Server`], [`Tls`], [`Limits`], [`Shutdown`], [`Counters`] |
//! | what a handler gets | [`Request`] |
//! | what a handler gives | [`Response`], [`Body`], [`reply`] |
//! | answers that come over time | [`Pace`], [`ring`] |
//! | ranges, entity tags, 304 and 412 | [`entity`] |
//! | pages of other hosts, `OPTIONS`, `405` | [`cors`] |
//!
//! A handler is any `Fn(Request) -> impl Future<Output = Response>`. Nothing on the way of a `GET`
//! is boxed or locked, and no byte of a body is copied before the kernel does it: the head and the
//! slices of an answer leave in one `writev`.
#![forbid(unsafe_code)]

mod body;
pub mod cors;
mod counters;
pub mod entity;
mod handler;
mod host;
mod limits;
mod pace;
mod path;
pub mod reply;
mod request;
pub mod ring;
mod secret;
mod server;
mod shutdown;
mod tls;

pub use body::{Body, BoxError};
pub use counters::{Counters, Counts};
pub use entity::{ETag, Entity};
pub use handler::Handler;
pub use limits::Limits;
pub use pace::Pace;
pub use reply::Response;
pub use request::{BodyError, Request};
pub use secret::same_secret;
pub use server::{Error, Server, Summary, listen_early};
pub use shutdown::Shutdown;
pub use tls::{Tls, TlsError, TlsFile};
