//! The importer of the catalogue, made of ffmpeg and a cache folder.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use process::Ffmpeg;

use super::{Error, cache::Place};
use crate::importer::{ImportError, Importer, Watcher};

/// Imports with ffmpeg into a cache folder.
#[derive(Clone, Debug)]
pub struct FfmpegImporter {
    ffmpeg: Ffmpeg,
    cache: PathBuf,
}

impl FfmpegImporter {
    /// Makes an importer that keeps what it makes below `cache`.
    pub fn new(ffmpeg: Ffmpeg, cache: PathBuf) -> Self {
        Self { ffmpeg, cache }
    }
}

impl Importer for FfmpegImporter {
    fn imported(&self, source: &Path) -> Option<PathBuf> {
        let place = Place::of(source, &self.cache).ok()?;
        place.is_complete().then(|| place.found().folder)
    }

    fn import(&self, source: &Path, watcher: &dyn Watcher) -> Result<PathBuf, ImportError> {
        let mut on_progress = |progress| {
            watcher.progress(progress);
            if watcher.stopped() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        match super::import(source, &self.cache, &self.ffmpeg, &mut on_progress) {
            Ok(imported) => {
                for note in &imported.notes {
                    tracing::info!(file = %source.display(), "{note}");
                }
                Ok(imported.folder)
            }
            Err(error) => Err(ImportError {
                stopped: matches!(error, Error::Stopped),
                reason: match error {
                    // The caller names the source.
                    Error::Unreadable { reason, .. } => reason,
                    Error::NoMedia { .. } => "neither video nor audio in it".to_owned(),
                    other => other.to_string(),
                },
            }),
        }
    }
}
