//! What goes on over a restart: `state.json`, small, replaced as a whole.
//!
//! It lists every segment in run-length form. Whether a segment is there is not written: its file
//! says so.

use std::path::Path;

use media::{
    presentation::{Run, Timeline},
    time::{Round, Time, Timescale},
};
use serde::{Deserialize, Serialize};

use super::{inner::Inner, stretch::Shown};

/// Name of the file.
pub(super) const FILE: &str = "state.json";
/// What other versions wrote is not read.
const VERSION: u32 = 1;

/// What is known of a channel from before a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// Epoch of the channel, Unix ms: the one thing that may never change.
    pub epoch_ms: i64,
    /// Whether everything that was announced is in it.
    pub(super) clean: bool,
    pub(super) next_number: u64,
    pub(super) next_stretch: u64,
    pub(super) end: Instant,
    pub(super) stretches: Vec<StretchState>,
}

/// A time since the epoch: ticks and ticks per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Instant(i64, u32);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StretchState {
    pub(super) number: u64,
    pub(super) first_number: u64,
    pub(super) start: Instant,
    pub(super) end: Option<Instant>,
    pub(super) tracks: Vec<TrackState>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TrackState {
    pub(super) id: String,
    /// File name of its init segment.
    pub(super) init: Option<String>,
    pub(super) first_number: u64,
    /// Start, duration and count.
    pub(super) runs: Vec<(u64, u64, u32)>,
    pub(super) gaps: Vec<u64>,
    /// Where the hole begins that is behind it.
    #[serde(default)]
    pub(super) hole: Option<u64>,
}

/// A state that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct StateError {
    /// The file.
    pub path: std::path::PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl State {
    /// Reads the state of a channel from its folder; nothing when there is none.
    ///
    /// # Errors
    /// It is there but cannot be read or was written by another version.
    pub fn load(folder: &Path) -> Result<Option<Self>, StateError> {
        let path = folder.join(FILE);
        let fail = |reason: String| StateError {
            path: path.clone(),
            reason,
        };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(error.to_string())),
        };
        let state: Self =
            serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
        if state.version != VERSION {
            let found = state.version;
            return Err(fail(format!("has version {found}, not {VERSION}")));
        }
        Ok(Some(state))
    }

    /// Tells whether nothing is in it that could be shown.
    pub fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    /// Writes it out.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Instant {
    pub(super) fn time(self) -> Time {
        Time::new(self.0, Timescale::new(self.1).unwrap_or(Timescale::MS))
    }
}

impl From<Time> for Instant {
    fn from(time: Time) -> Self {
        Self(time.ticks, time.scale.get())
    }
}

impl TrackState {
    /// Returns what is listed, in a stretch that starts at a time.
    pub(super) fn timeline(&self, start: Time, scale: Timescale) -> Timeline {
        let offset = start.ticks_in(scale, Round::Nearest);
        Timeline {
            presentation_time_offset: u64::try_from(offset).unwrap_or(0),
            first_number: self.first_number,
            runs: self
                .runs
                .iter()
                .filter(|(_, _, count)| *count > 0)
                .map(|&(start, duration, count)| Run {
                    start,
                    duration,
                    count,
                })
                .collect(),
            gaps: self.gaps.clone(),
            hole: self.hole,
            ..Timeline::default()
        }
    }
}

/// Takes down what a window lists.
pub(super) fn of(inner: &Inner) -> State {
    let newest = inner.stretches.back();
    let ended = newest.is_none_or(|shown| shown.end.is_some());
    let tracks = |shown: &Shown| {
        let ids = inner.settings.tracks().map(|(_, track)| track.id.clone());
        let each = ids.zip(&shown.inits).zip(&shown.timelines);
        each.map(|((id, init), timeline)| TrackState {
            id,
            init: init.as_ref().map(|init| init.name.clone()),
            first_number: timeline.first_number,
            runs: timeline
                .runs
                .iter()
                .map(|run| (run.start, run.duration, run.count))
                .collect(),
            gaps: timeline.gaps.clone(),
            hole: timeline.hole,
        })
        .collect()
    };
    State {
        version: VERSION,
        epoch_ms: inner.settings.epoch_ms,
        clean: ended,
        next_number: inner.resume.next_number,
        next_stretch: inner.resume.next_stretch,
        end: inner.resume.end.into(),
        stretches: inner
            .stretches
            .iter()
            .filter(|shown| !shown.is_empty())
            .map(|shown| StretchState {
                number: shown.stretch.number,
                first_number: shown.stretch.first_number,
                start: shown.stretch.start.into(),
                end: shown.end.map(Instant::from),
                tracks: tracks(shown),
            })
            .collect(),
    }
}
