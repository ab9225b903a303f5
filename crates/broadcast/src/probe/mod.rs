//! What is in a source, before anything is started on it.

mod summary;

pub use summary::{AudioStream, Summary, VideoStream};
