//! The seam between those who make a presentation (static, looped, recorded) and the origin that
//! shows it over HTTP. Everything here is a pure function of its arguments: `now` is a parameter.

use std::{fmt, pin::Pin, sync::Arc};

use bytes::Bytes;

use crate::{
    presentation::{Presentation, Shape, Timeline},
    template::Key,
};

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
///
/// Suppliers without low latency need none of the methods that have a default.
pub trait Supplier: Send + Sync {
    /// Lists the manifests. The first is what `master.m3u8` and `manifest.mpd` show.
    fn manifests(&self) -> &[Manifest];

    /// Returns the snapshot that manifests are written from.
    fn presentation(&self, manifest: usize, now: i64) -> Result<Presentation, Refusal>;

    /// Returns the init segment of a track.
    fn init(&self, manifest: usize, track: usize, now: i64) -> Result<Payload, Refusal>;

    /// Returns an init segment by its path below the presentation. Asked when no template of
    /// [`Supplier::manifests`] has it: a recorded presentation names init segments by content, and
    /// those of earlier periods stay.
    fn init_at(&self, _path: &str, _now: i64) -> Option<Payload> {
        None
    }

    /// Returns a media segment when it is whole.
    fn segment(
        &self,
        manifest: usize,
        track: usize,
        key: Key,
        now: i64,
    ) -> Result<Payload, Refusal>;

    /// Tells how a media segment is to be answered: whole, or growing part by part. A segment that
    /// may not be asked for yet is refused.
    fn delivery(
        &self,
        manifest: usize,
        track: usize,
        key: Key,
        now: i64,
    ) -> Result<Delivery, Refusal> {
        let whole = self.segment(manifest, track, key, now)?;
        Ok(Delivery::Whole(whole))
    }

    /// Returns a part of a segment, once it is whole. The parts of a segment in order are its
    /// bytes, so this also feeds answers that grow with their segment.
    ///
    /// A part to come is [`Refusal::TooEarly`], and [`Supplier::when`] tells about it; a part behind
    /// the last one of a segment that has ended is [`Refusal::NotFound`].
    fn part(
        &self,
        _manifest: usize,
        _track: usize,
        _key: Key,
        _index: u32,
        _now: i64,
    ) -> Result<PartPayload, Refusal> {
        Err(Refusal::NotFound(
            "This presentation has no parts.".to_owned(),
        ))
    }

    /// Returns the number of the segment that a URL means, whether it exists or not.
    fn number(&self, _manifest: usize, _track: usize, key: Key) -> Result<u64, Refusal> {
        match key {
            Key::Number(number) => Ok(number),
            Key::Time(time) => Err(Refusal::NotFound(format!(
                "No segment is known that starts at time {time}."
            ))),
        }
    }

    /// Returns how far a track has come: what is listed, unless the supplier knows more.
    fn edge(&self, manifest: usize, track: usize, now: i64) -> Result<Edge, Refusal> {
        let presentation = self.presentation(manifest, now)?;
        let last = presentation.periods.last();
        let timeline = last.and_then(|period| period.timelines.get(track));
        Ok(timeline.map_or(Edge::default(), Edge::of))
    }

    /// Returns when a track will be at least as far as `edge`; asked again after each change.
    /// Without a supplier's own word, what is not there now never will be.
    fn when(&self, manifest: usize, track: usize, edge: Edge, now: i64) -> When {
        match self.edge(manifest, track, now) {
            Ok(reached) if reached >= edge => When::Now,
            _ => When::Never,
        }
    }
}

/// How a media segment is to be answered.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// In one piece, of which the length is known.
    Whole(Payload),
    /// As [`Supplier::part`] after part, each as soon as it is there. Also for segments that are
    /// whole already where an answer is to look the same at any time.
    Growing {
        /// `Content-Type`.
        content_type: &'static str,
    },
}

/// One part of a segment.
#[derive(Clone, Debug)]
pub struct PartPayload {
    /// Its bytes.
    pub payload: Payload,
    /// Whether the segment is known to end with it.
    pub last: bool,
}

/// How far a track has come: all segments before `segment` are whole, and of that one `parts` parts
/// are there. The last part of a segment and its end come together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Number of the segment in progress.
    pub segment: u64,
    /// Number of its parts that are whole.
    pub parts: u32,
}

impl Edge {
    /// Returns the edge that a timeline shows.
    pub fn of(timeline: &Timeline) -> Self {
        let segment = timeline.next_number();
        Self {
            segment,
            parts: timeline.parts_of(segment).len() as u32,
        }
    }
}

/// When something will be there.
pub enum When {
    /// It is there.
    Now,
    /// At this time, Unix ms: known beforehand, since it is computed.
    At(i64),
    /// Perhaps at the next change, which this waits for: it is being made. It costs nothing while
    /// it waits, and wakes at any change of the presentation since [`Supplier::when`] was asked, or
    /// at its end.
    Change(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// Never: the presentation has ended before it.
    Never,
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("Now"),
            Self::At(at_ms) => write!(f, "At({at_ms})"),
            Self::Change(_) => f.write_str("Change"),
            Self::Never => f.write_str("Never"),
        }
    }
}
