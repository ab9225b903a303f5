//! The source of a job: on the local disk, whole, and known by its content, before ffmpeg or anything
//! else relies on it.
//!
//! ```text
//! input     the text that names a source -> path, URL or object
//! policy    what may be read, and how much of it
//! http, ftp, bucket   ways to ask for bytes from an offset on
//! download  the loop: ask, store, compare, wait, ask again
//! spool     the file that grows, and its checkpoint
//! content   what a source is known by
//! ```
//!
//! A file is used where it lies. Everything else is downloaded by us and not by ffmpeg, which takes
//! a dropped connection for the end of the film: the length is known beforehand and held against
//! what came, a broken download goes on where it broke, and what was stored is compared and never
//! thrown away unless the source has become another one. ffmpeg only ever reads local files.
//!
//! While it grows, the file can be read up to [`Growth::available`]; [`is_indexed`] and [`Reach`] tell what of
//! it can be worked on.

mod bucket;
mod content;
mod download;
mod early;
mod error;
mod ftp;
mod growth;
mod http;
mod input;
mod local;
mod policy;
mod remote;
mod spool;
mod throttle;

#[cfg(test)]
pub(crate) mod tests;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

pub use content::Identity;
pub use early::{Reach, is_indexed};
pub use error::Error;
pub use growth::{Begun, Growth};
pub use input::{Input, Protocol};
pub use local::content_id as file_content_id;
pub use policy::{Limits, Policy};

/// How a source is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Headers of requests over HTTP, in order; they go to the host of the URL only, not to where
    /// it redirects.
    pub headers: Vec<(String, String)>,
    /// URL of a proxy for HTTP; none for what the environment says, or none at all when hosts are
    /// guarded.
    pub proxy: Option<String>,
    /// Certificates to trust besides the bundled ones, as a PEM file.
    pub extra_roots: Option<PathBuf>,
    /// Whether the server of FTP opens the data connections (active mode).
    pub ftp_active: bool,
    /// SHA-256 that the source must have, lower-case hexadecimal digits.
    pub checksum: Option<String>,
    /// Bytes a second at most.
    pub rate: Option<u64>,
    /// How long a connection may take to come up.
    pub connect_timeout: Duration,
    /// How long nothing may arrive.
    pub read_timeout: Duration,
    /// How often in a row it is asked anew without getting any further.
    pub attempts: u32,
    /// How long to wait behind the first failure; doubles with each one up to
    /// [`Options::longest_delay`].
    pub first_delay: Duration,
    /// How long to wait at most.
    pub longest_delay: Duration,
    /// What may be read, and how much of it.
    pub policy: Policy,
    /// How large and how slow it may be.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            headers: Vec::new(),
            proxy: None,
            extra_roots: None,
            ftp_active: false,
            checksum: None,
            rate: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            attempts: 8,
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(30),
            policy: Policy::open(),
            limits: Limits::default(),
        }
    }
}

/// A source on the local disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// What it is known by: equal ids mean equal content.
    pub content_id: String,
    /// SHA-256 of its bytes; none for a file that was used where it lies, unless it was asked for.
    pub sha256: Option<String>,
    /// Bytes that were read over the network, those that were read twice counted twice.
    pub transferred: u64,
    /// Whether what had been stored before was used although the source could not be asked whether
    /// it is still the same.
    pub unconfirmed: bool,
}

/// How far a download is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are stored.
    pub bytes: u64,
    /// Bytes of the whole, where the source tells.
    pub of_bytes: Option<u64>,
    /// Why it waits before it is asked again.
    pub waiting: Option<String>,
}

/// What a download needs while it runs.
pub struct Context<'a> {
    /// Is asked all the time; true ends the download with [`Error::Stopped`]. What is stored stays.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Hears of progress, at most a few times a second.
    pub progress: &'a mut dyn FnMut(Progress),
    /// Where those who read the file while it grows see how far it is.
    pub growth: Option<&'a Growth>,
}

/// Brings a source to the local disk. `spool` is a folder for this source alone; it holds what was
/// downloaded, also by an earlier process. A file is not copied.
pub fn fetch(
    input: &Input,
    options: &Options,
    spool: &Path,
    context: Context<'_>,
) -> Result<Fetched, Error> {
    let growth = context.growth;
    let fetched = begin(input, options, spool, context);
    if let Some(growth) = growth {
        growth.end();
    }
    fetched
}

fn begin(
    input: &Input,
    options: &Options,
    spool: &Path,
    context: Context<'_>,
) -> Result<Fetched, Error> {
    options.policy.check(input)?;
    let mut remote: Box<dyn remote::Remote> = match input {
        Input::File(path) => return local::fetch(path, options, context),
        Input::Http(url) => Box::new(http::Http::new(url, options)?),
        Input::Ftp(url) => Box::new(ftp::Ftp::new(url, options)?),
        Input::S3 { bucket, key } => Box::new(bucket::Bucket::new(bucket, key)?),
    };
    download::run(remote.as_mut(), input, options, spool, context)
}
