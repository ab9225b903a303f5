//! The folder of a channel: segments, init segments and state, written by one task.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use store::{
    atomic,
    mapped::{MediaFile, modified_ns},
};

use super::{Queue, Window, state, unfinished::Unfinished};
use crate::{events::What, packager::Init};

/// How many parts and segments may wait to be written, of all tracks.
pub const QUEUE: usize = 128;

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
    /// A part of the segment in progress.
    Part {
        track: usize,
        number: u64,
        index: u32,
        bytes: Bytes,
    },
    /// A part will be missing of the segment in progress.
    Forget {
        track: usize,
    },
    Remove(PathBuf),
    State,
}

/// Keeps a window on disk.
pub struct Keeper {
    window: Arc<Window>,
    folder: PathBuf,
    jobs: Arc<Queue<Job>>,
    /// The segment in progress of each track.
    unfinished: Mutex<Vec<Option<Unfinished>>>,
}

impl Keeper {
    pub(super) fn new(window: Arc<Window>, folder: &Path, jobs: Arc<Queue<Job>>) -> Self {
        let tracks = window.settings().tracks();
        Self {
            unfinished: Mutex::new(tracks.map(|_| None).collect()),
            folder: folder.to_path_buf(),
            window,
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
                if !self.finish(*track, *number, slices, &path) {
                    atomic::write_with(&path, |file| {
                        slices.iter().try_for_each(|slice| file.write_all(slice))
                    })?;
                }
                if let Some(file) = find(&path) {
                    self.window.written(*track, *number, file);
                }
                Ok(())
            }
            Job::Part {
                track,
                number,
                index,
                bytes,
            } => {
                let added = self.add(*track, *number, *index, bytes);
                added.map_err(|source| atomic::WriteError {
                    path: self.of_track(*track),
                    source,
                })
            }
            Job::Forget { track } => {
                self.forget(*track);
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

    /// Appends a part to the segment in progress.
    fn add(&self, track: usize, number: u64, index: u32, part: &Bytes) -> io::Result<()> {
        let mut all = self.lock();
        let Some(place) = all.get_mut(track) else {
            return Ok(());
        };
        if index == 0 && !place.as_ref().is_some_and(|it| it.expects(number, 0)) {
            place.take().inspect(Unfinished::drop_file);
            *place = Some(Unfinished::begin(&self.of_track(track), number)?);
        }
        let Some(mut open) = place.take() else {
            return Ok(());
        };
        if !open.expects(number, index) {
            open.drop_file();
            return Ok(());
        }
        match open.add(part) {
            Ok(()) => *place = Some(open),
            Err(error) => {
                open.drop_file();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Makes the segment in progress one that is whole, and begins the next; tells whether all of it was
    /// there.
    fn finish(&self, track: usize, number: u64, slices: &[Bytes], to: &Path) -> bool {
        let len = slices.iter().map(|slice| slice.len() as u64).sum();
        let open = self.lock().get_mut(track).and_then(Option::take);
        let done = open.is_some_and(|open| match open.finish(number, len, to) {
            Ok(done) => done,
            Err(error) => {
                tracing::debug!("{}: {error}", to.display());
                false
            }
        });
        if done && let Some(place) = self.lock().get_mut(track) {
            *place = Unfinished::begin(&self.of_track(track), number + 1).ok();
        }
        done
    }

    fn forget(&self, track: usize) {
        let open = self.lock().get_mut(track).and_then(Option::take);
        open.inspect(Unfinished::drop_file);
    }

    /// A file that grew by halves is dropped by whoever finds it.
    fn lock(&self) -> MutexGuard<'_, Vec<Option<Unfinished>>> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
