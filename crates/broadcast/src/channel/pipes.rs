//! The named pipes between an encoder and its reader, in a folder that only we may enter.

use std::{
    fs, io,
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, Mode, OFlags};

/// Wished size of a pipe's buffer: some hundred milliseconds of the highest bit rates, so that a
/// reader that is held up for a moment does not hold up the encoder.
const SIZE: usize = 1 << 20;

/// The folder of a channel's pipes, there as long as the channel is: a full disk has room for pipes in a
/// folder that it has, but not for a folder. Dropping it removes it.
#[derive(Debug)]
pub(super) struct PipeFolder(PathBuf);

/// The pipes of one run. Dropping it removes them.
#[derive(Debug)]
pub(super) struct Pipes {
    folder: PathBuf,
}

impl PipeFolder {
    /// Makes `folder`, which must not be there, or be a leftover of ours in a folder of ours.
    pub(super) fn make(folder: &Path) -> io::Result<Self> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Fails when somebody else was quicker.
        fs::DirBuilder::new().mode(0o700).create(folder)?;
        Ok(Self(folder.to_owned()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PipeFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "a folder is left behind");
        }
    }
}

impl Pipes {
    /// Begins a run in a folder that is there, and is empty.
    pub(super) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Makes a pipe that two others use.
    pub(super) fn between(path: &Path) -> io::Result<()> {
        rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?;
        Ok(())
    }

    /// Makes a pipe and opens its reading end, which waits for nobody.
    pub(super) fn reading(path: &Path) -> io::Result<OwnedFd> {
        Self::between(path)?;
        let end: OwnedFd = fs::File::options()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)?
            .into();
        // The system may grant less, as to many pipes of one user; then the default has to do.
        let _ = rustix::pipe::fcntl_setpipe_size(&end, SIZE);
        Ok(end)
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        let pipes = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for pipe in pipes {
            if let Err(error) = fs::remove_file(pipe.path()) {
                tracing::warn!(pipe = %pipe.path().display(), %error, "a pipe is left behind");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    use super::*;

    #[test]
    fn pipes_are_private_and_leave_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("pipes");
        for _ in 0..2 {
            let made = PipeFolder::make(&folder).unwrap();
            // The second run finds none of the first.
            for _ in 0..2 {
                let pipes = Pipes::of(made.path());
                Pipes::between(&folder.join("v.mp4")).unwrap();
                drop(pipes);
            }
            let pipes = Pipes::of(made.path());
            let path = folder.join("v.mp4");
            let end = Pipes::reading(&path).unwrap();
            assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
            let mode = fs::metadata(&folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
            assert!(rustix::pipe::fcntl_getpipe_size(&end).unwrap() >= 4096);
            // The folder of a killed predecessor is in nobody's way.
            std::mem::forget((pipes, made));
        }
        drop(PipeFolder::make(&folder).unwrap());
        assert!(fs::metadata(&folder).is_err());
    }
}
