//! Files that are there whole or not at all: written beside their place, flushed to the disk, then
//! renamed over it. For the index cache, the import cache and manifests, which readers may open at
//! any instant and which must survive a crash of the machine.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot write: {source}")]
pub struct WriteError {
    /// The place that was to be written.
    pub path: PathBuf,
    /// Why it was not.
    pub source: io::Error,
}

/// Names temporary files of this process apart; uniqueness is all it carries.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Replaces the content of `path` by `bytes`. Readers see the old content or the new one.
///
/// Missing folders are made. Any failure leaves the old content and no temporary file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    write_with(path, |file| file.write_all(bytes))
}

/// As [`write()`], with the content written by `fill`, whose failure leaves the old content.
pub fn write_with(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), WriteError> {
    place_with(path, true, fill, |temporary, path| {
        fs::rename(temporary, path)
    })
}

/// As [`write_with()`], but flushes nothing: after a crash of the machine the file may be gone, empty,
/// or the old one.
pub(crate) fn write_lazily(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), WriteError> {
    place_with(path, false, fill, |temporary, path| {
        fs::rename(temporary, path)
    })
}

/// As [`write_with()`], but leaves a file that is there as it is; tells whether it was written. Of
/// several that write at one time, one does.
///
/// Where the file system has no hard links the content is written in place, and a reader may see a
/// part of it.
pub fn create_with(
    path: &Path,
    fill: impl Fn(&mut File) -> io::Result<()>,
) -> Result<bool, WriteError> {
    let mut created = true;
    let place = |temporary: &Path, path: &Path| {
        match fs::hard_link(temporary, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => created = false,
            Err(error) if has_no_links(&error) => created = create_in_place(path, &fill)?,
            other => other?,
        }
        // Its other name is the one that stays.
        fs::remove_file(temporary)
    };
    place_with(path, true, &fill, place)?;
    Ok(created)
}

/// Tells whether a link was refused because the file system has none.
fn has_no_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::Unsupported
            | io::ErrorKind::TooManyLinks
            | io::ErrorKind::InvalidInput
    )
}

fn create_in_place(path: &Path, fill: impl Fn(&mut File) -> io::Result<()>) -> io::Result<bool> {
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    };
    fill(&mut file)?;
    file.sync_all()?;
    Ok(true)
}

/// Fills a temporary file beside `path`, flushes it if so wanted, and lets `place` bring it to its name.
fn place_with(
    path: &Path,
    flush: bool,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
    place: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> Result<(), WriteError> {
    let fail = |source| WriteError {
        path: path.to_path_buf(),
        source,
    };
    let name = path.file_name().ok_or_else(|| {
        fail(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a file name",
        ))
    })?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(fail)?;

    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(
        ".{}.{}.tmp",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    ));
    let temporary = folder.join(hidden);

    let written = fill_file(&temporary, flush, fill).and_then(|()| place(&temporary, path));
    if written.is_err() {
        // The first failure is the one worth telling; a left-over is hidden and harmless.
        let _ = fs::remove_file(&temporary);
    }
    written
        .and_then(|()| if flush { sync_folder(folder) } else { Ok(()) })
        .map_err(fail)
}

fn fill_file(
    temporary: &Path,
    flush: bool,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(temporary)?;
    fill(&mut file)?;
    if flush { file.sync_all() } else { Ok(()) }
}

/// Makes renames and creations in `folder` durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/index.json");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_fill_leaves_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.json");
        write(&path, b"old").unwrap();
        let error = write_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert!(error.to_string().ends_with("cannot write: disk full"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_of_many_creates() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/record.json");
        let created: usize = std::thread::scope(|scope| {
            let create = |n: u8| {
                let path = &path;
                scope.spawn(move || create_with(path, |file| file.write_all(&[n; 9])).unwrap())
            };
            let threads: Vec<_> = (0..8).map(create).collect();
            threads
                .into_iter()
                .map(|t| usize::from(t.join().unwrap()))
                .sum()
        });
        assert_eq!(created, 1);
        let content = fs::read(&path).unwrap();
        assert!(content.len() == 9 && content.iter().all(|n| *n == content[0]));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

        let in_place = folder.path().join("in place");
        assert!(create_in_place(&in_place, |file| file.write_all(b"one")).unwrap());
        assert!(!create_in_place(&in_place, |file| file.write_all(b"two")).unwrap());
        assert_eq!(fs::read(&in_place).unwrap(), b"one");
    }

    #[test]
    fn a_path_without_a_file_name_is_refused() {
        assert!(write(Path::new("/"), b"").is_err());
        assert!(write(Path::new(".."), b"").is_err());
    }
}
