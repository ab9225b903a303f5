//! VoD jobs as this program runs them: where they keep their work, and how they are shown.
//!
//! Work lies beside the results, in `.headend` below the folder or bucket that assets are put into,
//! unless it is told otherwise; so a result is a link, not a copy, of what was made.

pub(crate) mod display;
mod error;
mod place;
pub(crate) mod presets;
mod service;

pub(crate) use error::Error;
pub(crate) use place::Place;
pub(crate) use service::Service;

/// Names this process in records: host and process number.
pub(crate) fn worker_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), std::process::id())
}
