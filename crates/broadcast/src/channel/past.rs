//! What a channel left before a restart: shown until its source is known again, so that viewers can go
//! on with what they have while it is not.
//!
//! Beside the state of the window the folder keeps what was found in the source (`source.json`); from that
//! and the job follows how the window was presented.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use store::atomic;

use super::{blueprint::Blueprint, encoder::window_folder, shared::Shared};
use crate::{
    probe::Summary,
    window::{State, Window},
};

/// The window as it was left.
pub(super) struct Past {
    /// To be looked at only.
    pub(super) window: Arc<Window>,
    /// What the channel goes on from.
    pub(super) state: State,
    /// When it was read, Unix ms: how much is listed as lost follows from it.
    pub(super) now_ms: i64,
}

/// Finds what the channel left, if anything can be shown of it. Blocks on the disk.
pub(super) fn recall(shared: &Shared) -> Option<Past> {
    let folder = shared.lasting_folder()?;
    let window = window_folder(folder);
    let state = State::load(&window).ok()?.filter(|it| !it.is_empty())?;
    let summary: Summary = serde_json::from_slice(&std::fs::read(file(folder)).ok()?).ok()?;
    let planned = shared.job.plan(&summary).ok()?;
    let utc_timing = shared.deps.utc_timing.clone();
    let blueprint = Blueprint::new(&shared.job, &planned, state.epoch_ms, utc_timing, true);
    let now_ms = shared.now_ms();
    Some(Past {
        window: Window::look_back(blueprint.window, &window, &state, now_ms),
        state,
        now_ms,
    })
}

/// Keeps what was found in the source. Blocks on the disk.
pub(super) fn remember(shared: &Shared, summary: &Summary) {
    let Some(folder) = shared.lasting_folder() else {
        return;
    };
    // Plain values in plain structs: there is nothing that could fail.
    let bytes = serde_json::to_vec(summary).unwrap_or_default();
    if let Err(error) = atomic::write(&file(folder), &bytes) {
        tracing::debug!("a restart will show nothing before its source is known: {error}");
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("source.json")
}
