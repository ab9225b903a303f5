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

/// The pipes of one run. Dropping it removes the folder.
#[derive(Debug)]
pub(super) struct Pipes {
    folder: PathBuf,
}

impl Pipes {
    /// Makes `folder`, which must not be there, or be a leftover of ours in a folder of ours.
    pub(super) fn make(folder: &Path) -> io::Result<Self> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent)?;
        }
        // Fails when somebody else was quicker.
        fs::DirBuilder::new().mode(0o700).create(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
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
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "pipes are left behind");
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
        let folder = parent.path().join("a/pipes");
        for _ in 0..2 {
            let pipes = Pipes::make(&folder).unwrap();
            let path = folder.join("v.mp4");
            let end = Pipes::reading(&path).unwrap();
            assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
            let mode = fs::metadata(&folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
            assert!(rustix::pipe::fcntl_getpipe_size(&end).unwrap() >= 4096);
            // The folder of a killed predecessor is in nobody's way.
            std::mem::forget(pipes);
        }
        drop(Pipes {
            folder: folder.clone(),
        });
        assert!(fs::metadata(&folder).is_err());
    }
}
