//! Objects as files in a folder.
//!
//! A key is a path below it. Files being written have hidden names of their own and are never
//! listed. The folder may lie on a network: `Create` needs no more than that a file can be created
//! exclusively. `Update` is exact among processes that share the locks of the file system, and
//! elsewhere compares and replaces without a lock.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Content, Entry, Error, Mode, Objects, Options, Problem, Put, Sink, Tag, key};
use crate::{atomic, mapped::modified_ns};

/// Bytes that are read at one time.
const PIECE: usize = 256 << 10;
/// Folders deeper than this below the root hold no objects; keys are not that long.
const MAX_DEPTH: usize = 64;

/// A store in a folder, made when the first object is.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// Whether something was written that is not flushed. Held while it is flushed, so that nobody
    /// takes for flushed what is being flushed.
    is_unflushed: Mutex<bool>,
}

impl Folder {
    /// Makes a store of a folder.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            is_unflushed: Mutex::new(false),
        }
    }

    fn unflushed(&self) -> MutexGuard<'_, bool> {
        self.is_unflushed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Flushes the file system if there is something to flush.
    fn flush(&self) -> Result<(), Error> {
        let mut unflushed = self.unflushed();
        if *unflushed {
            let failed = failed(&self.root);
            let root = File::open(&self.root).map_err(&failed)?;
            rustix::fs::syncfs(&root).map_err(|error| failed(error.into()))?;
            *unflushed = false;
        }
        Ok(())
    }

    fn path(&self, key: &str) -> Result<PathBuf, Error> {
        match key::check(key) {
            Ok(()) => Ok(self.root.join(key)),
            Err(reason) => Err(Error::key(self.place(), key, reason)),
        }
    }

    /// Returns the folder of a prefix; the empty one is the root.
    fn below(&self, prefix: &str) -> Result<PathBuf, Error> {
        match prefix.trim_end_matches('/') {
            "" => Ok(self.root.clone()),
            prefix => self.path(prefix),
        }
    }
}

impl Objects for Folder {
    fn place(&self) -> String {
        self.root.display().to_string()
    }

    fn read(
        &self,
        key: &str,
        range: Option<Range<u64>>,
        expected: Option<&Tag>,
        sink: &mut Sink<'_>,
    ) -> Result<Entry, Error> {
        let path = self.path(key)?;
        let failed = failed(&path);
        let mut file = File::open(&path).map_err(&failed)?;
        let metadata = file.metadata().map_err(&failed)?;
        if !metadata.is_file() {
            return Err(failed(io::ErrorKind::NotFound.into()));
        }
        if expected.is_some_and(|expected| *expected != tag(&metadata)) {
            return Err(Error {
                place: path.display().to_string(),
                problem: Problem::Replaced,
            });
        }
        let range = range.unwrap_or(0..u64::MAX);
        file.seek(SeekFrom::Start(range.start)).map_err(&failed)?;
        let mut rest = file.take(range.end.saturating_sub(range.start));
        let mut piece = vec![0; PIECE];
        loop {
            match rest.read(&mut piece) {
                Ok(0) => return Ok(describe(key.to_owned(), &metadata)),
                Ok(n) => sink(&piece[..n]).map_err(&failed)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn put(&self, key: &str, content: Content<'_>, options: Options<'_>) -> Result<Put, Error> {
        let path = self.path(key)?;
        if !options.lazy {
            self.flush()?;
        }
        let done = twice(|| match options.mode {
            Mode::Overwrite => replace(&path, content, options.lazy).map(|()| true),
            Mode::Create => {
                atomic::create_with(&path, |file| fill(file, content)).map_err(unwritten)
            }
            Mode::Update(expected) => update(&path, content, expected),
        })?;
        *self.unflushed() |= options.lazy;
        if !done {
            return Ok(Put::Refused);
        }
        let metadata = fs::metadata(&path).map_err(failed(&path))?;
        Ok(Put::Done(Some(tag(&metadata))))
    }

    fn head(&self, key: &str) -> Result<Option<Entry>, Error> {
        let path = self.path(key)?;
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(describe(key.to_owned(), &metadata))),
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failed(&path)(error)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        let folder = self.below(prefix)?;
        let mut found = Vec::new();
        match walk(&folder, prefix.trim_end_matches('/'), 0, &mut found) {
            Err(error) if error.is_missing() => {}
            other => other?,
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    fn folders(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let folder = self.below(prefix)?;
        let entries = match read_dir(&folder) {
            Err(error) if error.is_missing() => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed(&folder))?;
            let is_folder = fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir());
            if is_folder {
                names.extend(entry.file_name().into_string().ok());
            }
        }
        names.sort();
        Ok(names)
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        let path = self.path(key)?;
        match fs::remove_file(&path) {
            Err(error) if !is_absent(&error) => return Err(failed(&path)(error)),
            _ => {}
        }
        // Folders are there for their objects; this ends at the first that has any.
        for folder in path.ancestors().skip(1) {
            if folder == self.root || fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), Error> {
        let (from, to) = (self.path(from)?, self.path(to)?);
        twice(|| link(&from, &to))?;
        *self.unflushed() = true;
        Ok(())
    }

    fn local_path(&self, key: &str) -> Option<PathBuf> {
        self.path(key).ok()
    }
}

/// Does something again that found a folder gone: who removes the last object of a folder removes
/// the folder, perhaps just before another object is put into it.
fn twice<T>(act: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    act().or_else(|error| match &error.problem {
        Problem::Missing => act(),
        Problem::Io(source) if source.kind() == io::ErrorKind::NotFound => act(),
        _ => Err(error),
    })
}

fn link(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(failed(from)(error)),
        // It is there, or the file system has no links.
        Err(_) => replace(to, Content::File(from), true),
    }
}

/// Adds the objects of a folder whose key begins with `prefix`.
fn walk(folder: &Path, prefix: &str, depth: usize, into: &mut Vec<Entry>) -> Result<(), Error> {
    for entry in read_dir(folder)? {
        let entry = entry.map_err(failed(folder))?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !is_own(name)) else {
            continue;
        };
        let path = entry.path();
        // What is removed meanwhile is not listed.
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(&path)(error)),
        };
        let key = join(prefix, name);
        if metadata.is_file() {
            into.push(describe(key, &metadata));
        } else if metadata.is_dir() && depth < MAX_DEPTH {
            walk(&path, &key, depth + 1, into)?;
        }
    }
    Ok(())
}

/// Replaces a file if it has the version.
fn update(path: &Path, content: Content<'_>, expected: &Tag) -> Result<bool, Error> {
    let _lock = lock(path)?;
    let now = match fs::metadata(path) {
        Ok(metadata) => tag(&metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(path)(error)),
    };
    if now != *expected {
        return Ok(false);
    }
    replace(path, content, false)?;
    Ok(true)
}

/// Replaces a file. One that may be taken is moved when that is possible.
fn replace(path: &Path, content: Content<'_>, lazy: bool) -> Result<(), Error> {
    if let Content::Take(from) = content
        && let Some(folder) = path.parent()
    {
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let moved = || {
            if lazy {
                return fs::rename(from, path);
            }
            File::open(from)?.sync_all()?;
            fs::rename(from, path)?;
            atomic::sync_folder(folder)
        };
        match moved() {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
            Err(error) => return Err(failed(from)(error)),
        }
    }
    let fill = |file: &mut File| fill(file, content);
    if lazy {
        atomic::write_lazily(path, fill)
    } else {
        atomic::write_with(path, fill)
    }
    .map_err(unwritten)
}

fn fill(file: &mut File, content: Content<'_>) -> io::Result<()> {
    match content {
        Content::Bytes(bytes) => io::Write::write_all(file, bytes),
        Content::File(from) | Content::Take(from) => {
            let mut from = File::open(from)?;
            io::copy(&mut from, file).map(|_| ())
        }
    }
}

/// Locks a file against others that update it, until the result is dropped; none where there are no
/// locks.
fn lock(path: &Path) -> Result<Option<File>, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.lock"));
    let file = match File::create(&beside) {
        Ok(file) => file,
        // There is no folder, so there is nothing to update.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&beside)(error)),
    };
    match file.lock() {
        Ok(()) => Ok(Some(file)),
        Err(error) => {
            tracing::debug!(path = %beside.display(), %error, "no locks here");
            Ok(None)
        }
    }
}

fn describe(key: String, metadata: &fs::Metadata) -> Entry {
    Entry {
        key,
        bytes: metadata.len(),
        modified_ms: modified_ns(metadata) / 1_000_000,
        tag: Some(tag(metadata)),
    }
}

fn tag(metadata: &fs::Metadata) -> Tag {
    Tag(format!(
        "{:x}-{:x}-{:x}",
        metadata.len(),
        modified_ns(metadata),
        metadata.ino()
    ))
}

/// Tells names of files that are being written, and of locks.
fn is_own(name: &str) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default();
    name.starts_with('.') && (extension == "tmp" || extension == "lock")
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}/{name}")
    }
}

fn read_dir(folder: &Path) -> Result<fs::ReadDir, Error> {
    fs::read_dir(folder).map_err(failed(folder))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Makes a function that names a file in an error.
fn failed(path: &Path) -> impl Fn(io::Error) -> Error {
    let place = path.display().to_string();
    move |source| Error {
        place: place.clone(),
        problem: if is_absent(&source) {
            Problem::Missing
        } else {
            Problem::Io(source)
        },
    }
}

fn unwritten(error: atomic::WriteError) -> Error {
    Error {
        place: error.path.display().to_string(),
        problem: Problem::Io(error.source),
    }
}
