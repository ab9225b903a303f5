//! The folder of a channel: segments, init segments and state, written by one task.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use store::{
    atomic,
    mapped::{MediaFile, modified_ns},
};

use super::{Queue, Window, state};
use crate::{events::What, packager::Init};

/// How many segments may wait to be written, of all tracks.
pub const QUEUE: usize = 64;

/// The folder of a channel that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct DiskError {
    /// Where.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Something to be written or removed.
#[derive(Debug)]
pub(super) enum Job {
    Init {
        track: usize,
        init: Arc<Init>,
    },
    Segment {
        track: usize,
        number: u64,
        slices: Vec<Bytes>,
    },
    Remove(PathBuf),
    State,
}

/// Keeps a window on disk.
pub struct Keeper {
    window: Arc<Window>,
    folder: PathBuf,
    jobs: Arc<Queue<Job>>,
}

impl Keeper {
    pub(super) fn new(window: Arc<Window>, folder: &Path, jobs: Arc<Queue<Job>>) -> Self {
        Self {
            window,
            folder: folder.to_path_buf(),
            jobs,
        }
    }

    /// Writes what there is to write until the window ends or is suspended ([`Window::suspend`]), and
    /// the state last. Failures cost the segment its place on disk, no more; the first and the end of
    /// them are told.
    pub async fn run(self, tell: impl Fn(What)) {
        let keeper = Arc::new(self);
        let mut failing = false;
        while let Some(job) = keeper.jobs.next().await {
            let removes = matches!(job, Job::Remove(_));
            let of = Arc::clone(&keeper);
            let done = tokio::task::spawn_blocking(move || of.write(&job)).await;
            let path = || keeper.folder.display().to_string();
            match done {
                Ok(Ok(())) if failing && !removes => {
                    failing = false;
                    tell(What::WriteRecovered { path: path() });
                }
                Ok(Ok(())) => {}
                Ok(Err(error)) if !failing => {
                    failing = true;
                    let text = error.source.to_string();
                    tell(What::WriteFailing { path: path(), text });
                }
                Ok(Err(error)) => tracing::debug!("{error}"),
                Err(error) => tracing::error!("writing the window of a channel: {error}"),
            }
        }
    }

    fn write(&self, job: &Job) -> Result<(), atomic::WriteError> {
        match job {
            Job::Init { track, init } => {
                let path = self.of_track(*track).join(&init.name);
                atomic::write(&path, &init.bytes)
            }
            Job::Segment {
                track,
                number,
                slices,
            } => {
                let path = self.of_track(*track).join(segment_name(*number));
                atomic::write_with(&path, |file| {
                    slices.iter().try_for_each(|slice| file.write_all(slice))
                })?;
                if let Some(file) = find(&path) {
                    self.window.written(*track, *number, file);
                }
                Ok(())
            }
            Job::Remove(path) => {
                remove(path);
                Ok(())
            }
            Job::State => {
                let state = self.window.state().to_json();
                atomic::write(&self.folder.join(state::FILE), &state)
            }
        }
    }

    fn of_track(&self, track: usize) -> PathBuf {
        let settings = self.window.settings();
        let id = settings.tracks().nth(track).map(|(_, of)| of.id.as_str());
        self.folder.join(folder_name(id.unwrap_or_default()))
    }
}

impl Window {
    /// Writes no more segments, or writes again: what comes meanwhile stays in memory as long as there
    /// is room, and is not written later. The small state is still written.
    pub fn pause(&self, paused: bool) {
        self.lock().paused = paused;
    }

    /// Lets the keeper write what is left and end, because the process stops. The channel goes on
    /// with [`Window::open`].
    pub fn suspend(&self) {
        if let Some(jobs) = &self.lock().jobs {
            jobs.insist(Job::State);
            jobs.close();
        }
    }

    /// Takes down that a segment is on disk.
    fn written(&self, track: usize, number: u64, file: MediaFile) {
        let mut inner = self.lock();
        let reel = inner.reels.get_mut(track);
        match reel.and_then(|reel| reel.get_mut(number)) {
            Some(stored) => stored.file = Some(file),
            None => {
                if let Some(jobs) = &inner.jobs {
                    jobs.insist(Job::Remove(file.path()));
                }
            }
        }
    }
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("{}: cannot be removed: {error}", path.display());
    }
}

/// Returns a file as it is now, if it is there.
pub(super) fn find(path: &Path) -> Option<MediaFile> {
    let metadata = std::fs::metadata(path).ok()?;
    let len = metadata.len();
    (metadata.is_file() && len > 0).then(|| MediaFile::new(path, len, modified_ns(&metadata)))
}

pub(super) fn segment_name(number: u64) -> String {
    format!("{number}.m4s")
}

/// Names the folder of a track: its id with everything unusual in a file name written as `_` and
/// its code.
pub(super) fn folder_name(id: &str) -> String {
    let mut out = String::from("t-");
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("_{byte:02x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_leads_out_of_the_folder() {
        for (id, name) in [
            ("720p-30", "t-720p-30"),
            ("../x", "t-_2e_2e_2fx"),
            ("", "t-"),
            ("a_b", "t-a_5fb"),
        ] {
            assert_eq!(folder_name(id), name);
        }
    }
}
