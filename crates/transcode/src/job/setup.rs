//! What jobs are made with, and what they may be told.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use process::Ffmpeg;
use serde::{Deserialize, Serialize};
use store::objects::Shared as Store;

use crate::{
    commit::Step,
    engine::{Clock, Engine},
    events::Sink,
    fetch,
};

/// How long a step may be without progress, unless it is set.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What jobs are made with.
pub struct Setup {
    /// Who does what next.
    pub engine: Arc<dyn Engine>,
    /// Where jobs keep what they have done.
    pub work: Store,
    /// Below what prefix they do so.
    pub prefix: String,
    /// The store that assets are put into.
    pub target: Store,
    /// A local folder for files in the making and for what is downloaded.
    pub local: PathBuf,
    /// The programs.
    pub ffmpeg: Ffmpeg,
    /// How sources are asked for, and which are allowed.
    pub fetch: fetch::Options,
    /// Where key files of jobs may lie; only files are read.
    pub keys: fetch::Policy,
    /// Who looks after these jobs.
    pub keeper: Keeper,
    /// Name of this worker in records.
    pub worker: String,
    /// How many threads may work at once; as many as we may use unless it is given.
    pub threads: Option<u32>,
    /// How long a step may be without progress until it is ended and tried again.
    pub patience: Duration,
    /// A wall clock.
    pub clock: Clock,
    /// Takes events.
    pub sink: Sink,
}

/// Who looks after jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeper {
    /// A server: it takes up its jobs when it starts.
    Server,
    /// A command: its jobs rest when it is over, until they are asked for again.
    Command,
}

impl fmt::Display for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Command => "command line",
        })
    }
}

/// What may be asked of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Hold it back; what runs goes on to its end.
    Pause,
    /// Go on.
    Resume,
    /// Give it up, and remove what it has made.
    Cancel,
    /// Try what failed again.
    Retry,
    /// Do these steps again, whether or not they are done, and what depends on them.
    Redo(Vec<Step>),
    /// Do whatever a track is made of again.
    RedoTrack(String),
    /// Move it to another class.
    Priority(i32),
    /// Forget a job that is over, with what it has made; what is published stays.
    Remove,
}
