//! Streams: what clients ask for. One command for all of them, one for each, one picture, or the
//! bytes of a feed as they are.
//!
//! ```text
//! answer      from a request to an answer, refusals included    admission   how many may come
//! exclusive   a process for one client                          shot        a picture, made once for many
//! access      who may
//! ```

mod access;
mod admission;
mod answer;
mod exclusive;
mod refusal;
mod shot;

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

pub use access::allows;
pub use admission::{Admission, ClientStatus};
pub(crate) use exclusive::Undertaker;
pub use refusal::Refusal;

use process::supervise::LogFile;

use self::shot::Shots;
use crate::{
    config,
    deliver::Title,
    feed::{Plan, Source},
};

/// A stream, and what it takes to answer for it.
pub struct Stream {
    pub(crate) config: Arc<config::Stream>,
    pub(crate) kind: Kind,
    /// Clients that it has had.
    pub(crate) arrivals: AtomicU64,
    /// Bytes that it has sent to all of them.
    pub(crate) sent: Arc<AtomicU64>,
    /// Processes of its own that run now.
    pub(crate) instances: Arc<AtomicU64>,
    /// What plays.
    pub(crate) title: Title,
    /// Where the stderr of these goes.
    pub(crate) log: Option<LogFile>,
}

/// Where the bytes of a stream come from.
pub(crate) enum Kind {
    /// The ring of a feed, or of a command that all clients share.
    Ring(Source),
    /// A process for each client.
    Exclusive(Plan),
    /// A process for each picture.
    Shot(Plan, Arc<Shots>),
    /// The newest picture of a feed.
    Newest(Source),
}

impl Stream {
    pub(crate) fn new(config: Arc<config::Stream>, kind: Kind, log: Option<LogFile>) -> Self {
        Self {
            config,
            kind,
            arrivals: AtomicU64::new(0),
            sent: Arc::default(),
            instances: Arc::default(),
            title: Title::default(),
            log,
        }
    }

    /// Returns what it was made from.
    pub fn config(&self) -> &config::Stream {
        &self.config
    }

    /// Returns the source of its bytes, if its clients share one.
    pub fn source(&self) -> Option<&Source> {
        match &self.kind {
            Kind::Ring(source) | Kind::Newest(source) => Some(source),
            Kind::Exclusive(_) | Kind::Shot(..) => None,
        }
    }

    /// Returns how many bytes a second its clients are sent each, as far as that is known.
    pub fn rate(&self) -> Option<u64> {
        match &self.kind {
            Kind::Ring(source) => source.ring().rate(),
            Kind::Newest(_) | Kind::Exclusive(_) | Kind::Shot(..) => None,
        }
    }

    /// Returns its content type as far as it is known.
    pub fn content_type(&self) -> String {
        if let Some(mimetype) = &self.config.mimetype {
            return mimetype.clone();
        }
        let known = match &self.kind {
            Kind::Newest(_) => Some(Cow::Borrowed("image/jpeg")),
            Kind::Ring(source) => source.content_type(),
            Kind::Exclusive(_) | Kind::Shot(..) => None,
        };
        let unknown = || Cow::Borrowed("application/octet-stream");
        known.unwrap_or_else(unknown).into_owned()
    }

    /// Returns where it is said what plays: of streams that all clients share.
    pub fn title(&self) -> Option<&Title> {
        matches!(self.kind, Kind::Ring(_)).then_some(&self.title)
    }

    /// Returns how many bytes it has sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Returns how many clients it has had.
    pub fn arrivals(&self) -> u64 {
        self.arrivals.load(Relaxed)
    }
}
