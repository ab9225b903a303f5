//! One chunk of the grid into every rendition: the source is decoded once, each rendition becomes
//! finished CMAF segments, and nothing is handed on that was not checked.
//!
//! ```text
//! graph      plan, chunk        -> the filter graph: exactly these frames, one output a rendition
//! codec      rendition          -> arguments of its encoder
//! arguments  all of it          -> one run of ffmpeg, one raw file a rendition
//! task       arguments          -> run to the end, stopped on request, ended when it stalls
//! raw        raw file           -> init segment and samples with their times
//! gate       samples, grid      -> the frames that the plan wants, each at its place, groups closed
//! cut        samples            -> segments with their final times, a fragment for each group
//! ```
//!
//! The times that ffmpeg writes are not used but checked: frame `n` of the grid has to come out with
//! number `n`, and is written with `n` frame durations. So joining chunks needs no second pass.

mod arguments;
mod chunk;
mod codec;
mod cut;
mod gate;
mod graph;
mod raw;
mod task;
#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use process::{Ffmpeg, supervise::Priority};
use serde::{Deserialize, Serialize};

pub(crate) use arguments::as_input;
pub use chunk::run;
pub(crate) use cut::{BRANDS, Group, Writer, write_file};
pub(crate) use graph::reference_graph;
pub(crate) use raw::Raw;
pub use task::Damage;
pub(crate) use task::{List, bearable, finish_mp4, run_ffmpeg, run_over};

/// A wish to stop, shared by those who wish and those who work.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Wishes all holders to stop. It cannot be taken back.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Tells whether stopping was wished for.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// How far a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is done, of `total`: frames of a chunk, codec frames of audio.
    pub done: u64,
    /// All there is to do.
    pub total: u64,
    /// Speed in thousandths of real time.
    pub speed_permille: Option<u64>,
    /// Bytes written so far.
    pub bytes: Option<u64>,
}

/// What a task works with.
pub struct Context<'a> {
    /// The programs.
    pub ffmpeg: &'a Ffmpeg,
    /// An empty folder that is the task's own; results lie in it, and the caller removes it.
    pub scratch: &'a Path,
    /// What the encoder is worth to the machine.
    pub priority: Priority,
    /// Ends the task.
    pub stop: &'a StopFlag,
    /// How long an encoder may show no progress before it is ended.
    pub stall: Duration,
    /// Told how far the task is, about twice a second.
    pub progress: &'a mut dyn FnMut(Progress),
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("scratch", &self.scratch)
            .finish_non_exhaustive()
    }
}

/// What a task made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// A track for each rendition, in the order of the plan.
    pub tracks: Vec<TrackOutput>,
    /// What the programs said that did not keep them from being right, a line each.
    pub notes: Vec<String>,
    /// Frames of the source that could not be decoded, or not all of them. They were concealed, or the
    /// frame before or silence stands for them.
    pub damaged: u64,
}

/// What a task made of one track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackOutput {
    /// Its id in the plan.
    pub id: String,
    /// The init segment; absent for text and pictures that need none.
    pub init: Option<PathBuf>,
    /// The segments in order.
    pub segments: Vec<SegmentOutput>,
}

impl TrackOutput {
    /// Returns what a record keeps of it.
    pub fn facts(&self) -> TrackFacts {
        TrackFacts {
            id: self.id.clone(),
            segments: self.segments.iter().map(|one| one.facts.clone()).collect(),
        }
    }
}

/// A finished segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentOutput {
    /// The file.
    pub path: PathBuf,
    /// What is in it.
    pub facts: SegmentFacts,
}

/// What manifests need to know of a track, or of the part of it that a task made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackFacts {
    /// Its id in the plan.
    pub id: String,
    /// The segments in order.
    pub segments: Vec<SegmentFacts>,
}

/// What manifests need to know of a segment. Times are ticks of the track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentFacts {
    /// Number in the whole output, from 1.
    pub number: u64,
    /// Where it begins: decode time of its first sample, which is also shown first.
    pub start: u64,
    /// How long it lasts.
    pub duration: u64,
    /// Number of frames.
    pub frames: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// Its key frames, for I-frame playlists; none in tracks that are not video.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyFrame>,
}

/// A key frame that can be fetched by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFrame {
    /// Offset of its `moof` in the segment.
    pub offset: u64,
    /// Bytes from there to the end of the picture.
    pub bytes: u64,
    /// Ticks from here to the next key frame.
    pub duration: u64,
}

/// Whether trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It may: the program died, stalled, or the machine had no room.
    Transient,
    /// It will not: the source or what is wanted of it cannot be done here.
    Permanent,
    /// It was stopped on request.
    Stopped,
}

/// A task that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// Whether trying again may help.
    pub class: Class,
    /// What went wrong, a sentence.
    pub reason: String,
    /// Last lines of the program, oldest first.
    pub stderr: Vec<String>,
}

impl Failure {
    pub(crate) fn new(class: Class, reason: impl Into<String>) -> Self {
        Self {
            class,
            reason: reason.into(),
            stderr: Vec::new(),
        }
    }

    /// A file of the task that cannot be written or read.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::new(Class::Transient, format!("{}: {error}", path.display()))
    }

    /// A result that is not what was planned.
    pub(crate) fn wrong(what: &str, reason: impl fmt::Display) -> Self {
        Self::new(Class::Transient, format!("{what}: {reason}"))
    }
}
