//! Where a channel keeps its files, and that nobody else does.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use process::supervise::file_name;
use rustix::{fs::FlockOperation, io::Errno};

use super::{StartError, pipes::PipeFolder};

/// The files of a channel.
#[derive(Debug)]
pub(super) struct Place {
    /// Its folder; without one it lives in memory.
    pub(super) folder: Option<PathBuf>,
    /// The folder of its pipes.
    pub(super) pipes: PipeFolder,
    /// Held while the channel is there.
    _lock: Option<fs::File>,
}

impl Place {
    /// Takes the folder of the channel `name` below `parent`. Fails when another process has it.
    pub(super) fn take(parent: Option<&Path>, name: &str, seed: u64) -> Result<Self, StartError> {
        let Some(parent) = parent else {
            let own = format!(
                "headend-{}-{}-{seed:016x}",
                file_name(name),
                std::process::id()
            );
            let path = env::temp_dir().join(own);
            let pipes = PipeFolder::make(&path);
            return Ok(Self {
                folder: None,
                pipes: pipes.map_err(|source| StartError::Folder { path, source })?,
                _lock: None,
            });
        };
        let folder = parent.join(file_name(name));
        let fail = |source: io::Error| StartError::Folder {
            path: folder.clone(),
            source,
        };
        fs::create_dir_all(&folder).map_err(fail)?;
        let lock = fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .map_err(fail)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(StartError::InUse { path: folder }),
            Err(error) => return Err(fail(error.into())),
        }
        Ok(Self {
            pipes: PipeFolder::make(&folder.join("pipes")).map_err(fail)?,
            folder: Some(folder),
            _lock: Some(lock),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_channel_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let taken = Place::take(Some(parent.path()), "a/b", 1).unwrap();
        assert_eq!(taken.folder.as_deref(), Some(&*parent.path().join("a%2Fb")));
        let again = Place::take(Some(parent.path()), "a/b", 1);
        assert!(matches!(again, Err(StartError::InUse { .. })), "{again:?}");
        drop(taken);
        Place::take(Some(parent.path()), "a/b", 1).unwrap();
        let free = Place::take(None, "a", 1).unwrap();
        assert!(free.folder.is_none() && free.pipes.path().starts_with(env::temp_dir()));
    }
}
