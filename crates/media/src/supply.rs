//! The seam between those who make a presentation (static, looped, recorded) and the origin that
//! shows it over HTTP. Everything here is a pure function of its arguments: `now` is a parameter.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::{presentation::Presentation, presentation::Shape, template::Key};

/// The media bytes of an answer: ordered slices, sent as they are.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The slices in order. A rewritten segment is a patched header and untouched parts of the
    /// mapped file.
    pub slices: Vec<Bytes>,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Identity of the bytes: equal values mean equal bytes for the same URL.
    pub version: u64,
}

impl Payload {
    /// Returns the length in bytes.
    pub fn len(&self) -> u64 {
        self.slices.iter().map(|slice| slice.len() as u64).sum()
    }

    /// Tells whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why there is no answer. The text says what and when; the origin maps the kind to a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not there yet: it will be at `at_ms` (Unix ms), `wait_ms` from now. HTTP 425.
    TooEarly {
        /// What was asked for, such as `segment 12 of V300`.
        what: String,
        /// Milliseconds until it is there.
        wait_ms: i64,
        /// When it is there, Unix ms.
        at_ms: i64,
    },
    /// No longer there since `since_ms` (Unix ms). HTTP 410.
    Gone {
        /// What was asked for.
        what: String,
        /// When it left the window, Unix ms.
        since_ms: i64,
        /// How long ago, ms.
        ago_ms: i64,
    },
    /// There is no such thing, a whole sentence. HTTP 404.
    NotFound(String),
    /// The request cannot be understood, a whole sentence. HTTP 400.
    Bad(String),
    /// Our fault, a whole sentence. HTTP 500.
    Internal(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooEarly {
                what,
                wait_ms,
                at_ms,
            } => {
                write!(
                    f,
                    "{what} is too early by {wait_ms} ms: available at {at_ms} ms since the Unix epoch"
                )
            }
            Self::Gone {
                what,
                since_ms,
                ago_ms,
            } => {
                write!(
                    f,
                    "{what} is gone: it left the window {ago_ms} ms ago, at {since_ms} ms since the Unix epoch"
                )
            }
            Self::NotFound(text) | Self::Bad(text) | Self::Internal(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Refusal {}

/// One of the presentations of a supplier (an asset may have several MPDs over the same tracks).
#[derive(Clone, Debug)]
pub struct Manifest {
    /// File name of the MPD below the asset, such as `Manifest.mpd`.
    pub name: String,
    /// What it shows.
    pub shape: Arc<Shape>,
}

/// Makes a presentation. `manifest` is a position in [`Supplier::manifests`]; `track` a track
/// number of that manifest's shape ([`Shape::tracks`]). All times are Unix ms.
pub trait Supplier: Send + Sync {
    /// Lists the manifests. The first is what `master.m3u8` and `manifest.mpd` show.
    fn manifests(&self) -> &[Manifest];

    /// Returns the snapshot that manifests are written from.
    fn presentation(&self, manifest: usize, now: i64) -> Result<Presentation, Refusal>;

    /// Returns the init segment of a track.
    fn init(&self, manifest: usize, track: usize, now: i64) -> Result<Payload, Refusal>;

    /// Returns a media segment.
    fn segment(
        &self,
        manifest: usize,
        track: usize,
        key: Key,
        now: i64,
    ) -> Result<Payload, Refusal>;
}
