//! The file that a source is stored in while it arrives, and its checkpoint.
//!
//! | in the folder | what |
//! |---|---|
//! | `source.EXT` | the bytes, from the beginning on; behind them a hole up to its length |
//! | `checkpoint.json` | how many of them are on the disk for sure, their digest, what they belong to |
//! | `lock` | held by the process that writes |
//!
//! Every 8 MiB the file is flushed and the checkpoint replaced. A process that comes after one that
//! was killed trusts what the checkpoint vouches for, compares its digest, and cuts off the rest.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use store::{
    atomic,
    digest::{self, Digest},
    mapped::modified_ns,
};

use super::{Error, Identity, Input};

/// Bytes between two checkpoints.
pub(super) const STEP: u64 = 8 << 20;
/// Bytes that are read at one time to be compared or digested.
const PIECE: usize = 256 << 10;
/// How often a lock is asked for that another process holds.
const LOCK_EVERY: Duration = Duration::from_millis(100);
const FORMAT: u32 = 1;
const CHECKPOINT: &str = "checkpoint.json";

/// What is known to be on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Checkpoint {
    format: u32,
    /// Digest of the place of the source, which may hold secrets.
    place: String,
    identity: Identity,
    /// Bytes from the beginning on.
    durable: u64,
    /// Their SHA-256.
    sha256: String,
    /// Only of a file that is complete.
    complete: Option<Complete>,
}

/// A complete file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Complete {
    /// What it is known by.
    pub(super) content_id: String,
    /// Modification time in nanoseconds, by which it is seen that nobody touched it since.
    modified_ns: i64,
}

/// The file and how far it is.
pub(super) struct Spool {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    _lock: File,
    place: String,
    len: u64,
    digest: Digest,
    checkpointed: u64,
    identity: Option<Identity>,
    complete: Option<Complete>,
    /// Digest and content id of a complete file that is being read again.
    before: Option<(String, String)>,
}

impl Spool {
    /// Opens a folder, with what an earlier process has stored for the same source. Waits while
    /// another process writes to it; `None` when it is stopped meanwhile.
    pub(super) fn open(
        folder: &Path,
        input: &Input,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Self>, Error> {
        fs::create_dir_all(folder).map_err(Error::spool(folder))?;
        let Some(lock) = lock(&folder.join("lock"), stop)? else {
            return Ok(None);
        };
        let path = folder.join(format!("source{}", extension(input)));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::spool(&path))?;
        let mut spool = Self {
            folder: folder.to_path_buf(),
            path,
            file,
            _lock: lock,
            place: digest::of_bytes(place_of(input).as_bytes()),
            len: 0,
            digest: Digest::default(),
            checkpointed: 0,
            identity: None,
            complete: None,
            before: None,
        };
        spool.restore()?;
        Ok(Some(spool))
    }

    /// Takes up what the checkpoint vouches for.
    fn restore(&mut self) -> Result<(), Error> {
        let checkpoint = self.read_checkpoint();
        let metadata = self.file.metadata().map_err(Error::spool(&self.path))?;
        if let Some(checkpoint) = checkpoint {
            let untouched = checkpoint.complete.as_ref().is_some_and(|complete| {
                metadata.len() == checkpoint.durable
                    && modified_ns(&metadata) == complete.modified_ns
            });
            if untouched {
                self.len = checkpoint.durable;
                self.before = checkpoint
                    .complete
                    .as_ref()
                    .map(|complete| (checkpoint.sha256.clone(), complete.content_id.clone()));
                self.complete = checkpoint.complete;
            } else if metadata.len() >= checkpoint.durable {
                let digest = self.digest_of(checkpoint.durable)?;
                if digest.clone().hex() == checkpoint.sha256 {
                    self.len = checkpoint.durable;
                    self.digest = digest;
                }
            }
            if self.len > 0 {
                self.checkpointed = self.len;
                self.identity = Some(checkpoint.identity);
            }
        }
        if metadata.len() == self.len {
            // Setting it would change the time by which an untouched file is known.
            return Ok(());
        }
        self.file
            .set_len(self.len)
            .map_err(Error::spool(&self.path))
    }

    fn read_checkpoint(&self) -> Option<Checkpoint> {
        let bytes = fs::read(self.folder.join(CHECKPOINT)).ok()?;
        let checkpoint: Checkpoint = serde_json::from_slice(&bytes).ok()?;
        (checkpoint.format == FORMAT && checkpoint.place == self.place).then_some(checkpoint)
    }

    fn digest_of(&self, bytes: u64) -> Result<Digest, Error> {
        let mut digest = Digest::default();
        let mut file = File::open(&self.path).map_err(Error::spool(&self.path))?;
        let mut rest = bytes;
        let mut piece = vec![0; PIECE];
        while rest > 0 {
            let most = rest.min(PIECE as u64) as usize;
            let read = match file.read(&mut piece[..most]) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::spool(&self.path)(error)),
            };
            digest.update(&piece[..read]);
            rest -= read as u64;
        }
        Ok(digest)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns how many bytes are stored.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Returns what the stored bytes belong to; none when there are none.
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Returns the SHA-256 and the content id, when the file is complete.
    pub(super) fn complete(&self) -> Option<(&str, &str)> {
        let (sha256, content_id) = self.before.as_ref()?;
        self.complete.as_ref()?;
        Some((sha256, content_id))
    }

    /// Tells whether a complete file was here before, whose content id is kept if the bytes turn out to
    /// be the same.
    pub(super) fn is_known(&self) -> bool {
        self.before.is_some()
    }

    /// Notes what the bytes belong to that are stored, and will be. A file whose length is known has
    /// it from now on; where nothing has come yet is a hole.
    pub(super) fn identify(&mut self, identity: Identity) -> Result<(), Error> {
        if let Some(bytes) = identity.bytes.filter(|bytes| *bytes > self.len) {
            self.file.set_len(bytes).map_err(Error::spool(&self.path))?;
        }
        self.identity = Some(identity);
        Ok(())
    }

    /// Throws away what is stored: the source has become another one.
    pub(super) fn clear(&mut self) -> Result<(), Error> {
        // The checkpoint goes first: it must not vouch for what is written next.
        match fs::remove_file(self.folder.join(CHECKPOINT)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::spool(self.folder.join(CHECKPOINT))(error));
            }
            _ => {}
        }
        self.file.set_len(0).map_err(Error::spool(&self.path))?;
        self.len = 0;
        self.checkpointed = 0;
        self.digest = Digest::default();
        self.identity = None;
        self.complete = None;
        Ok(())
    }

    /// Tells whether the stored bytes at an offset are these.
    pub(super) fn has(&self, at: u64, bytes: &[u8]) -> Result<bool, Error> {
        let mut stored = vec![0; bytes.len()];
        self.file
            .read_exact_at(&mut stored, at)
            .map_err(Error::spool(&self.path))?;
        Ok(stored == bytes)
    }

    /// Adds bytes; makes a checkpoint when it is time.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file
            .write_all_at(bytes, self.len)
            .map_err(Error::spool(&self.path))?;
        self.digest.update(bytes);
        self.len += bytes.len() as u64;
        if self.len - self.checkpointed >= STEP {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Makes what is stored durable.
    pub(super) fn checkpoint(&mut self) -> Result<(), Error> {
        if self.complete.is_some() || self.checkpointed == self.len {
            return Ok(());
        }
        let sha256 = self.digest.clone().hex();
        self.write_checkpoint(sha256, None)?;
        self.checkpointed = self.len;
        Ok(())
    }

    /// Declares the file complete; returns its SHA-256 and its content id. Equal bytes keep their id
    /// whatever the server says of them.
    pub(super) fn finish(&mut self) -> Result<(String, String), Error> {
        let sha256 = self.digest.clone().hex();
        let kept = self.before.take().filter(|(before, _)| *before == sha256);
        let content_id = kept
            .map(|(_, id)| id)
            .or_else(|| self.identity.as_ref().and_then(Identity::content_id))
            .unwrap_or_else(|| sha256.clone());
        self.file.sync_all().map_err(Error::spool(&self.path))?;
        let metadata = self.file.metadata().map_err(Error::spool(&self.path))?;
        let complete = Complete {
            content_id: content_id.clone(),
            modified_ns: modified_ns(&metadata),
        };
        self.write_checkpoint(sha256.clone(), Some(complete.clone()))?;
        self.checkpointed = self.len;
        self.complete = Some(complete);
        self.before = Some((sha256.clone(), content_id.clone()));
        Ok((sha256, content_id))
    }

    fn write_checkpoint(&self, sha256: String, complete: Option<Complete>) -> Result<(), Error> {
        self.file.sync_data().map_err(Error::spool(&self.path))?;
        let checkpoint = Checkpoint {
            format: FORMAT,
            place: self.place.clone(),
            identity: self.identity.clone().unwrap_or_default(),
            durable: self.len,
            sha256,
            complete,
        };
        // Texts and integers: there is nothing in it that JSON has no form for.
        let bytes = serde_json::to_vec_pretty(&checkpoint).expect("a checkpoint is JSON");
        atomic::write(&self.folder.join(CHECKPOINT), &bytes).map_err(|error| Error::Spool {
            path: error.path,
            source: error.source,
        })
    }
}

fn lock(path: &Path, stop: &dyn Fn() -> bool) -> Result<Option<File>, Error> {
    let file = File::create(path).map_err(Error::spool(path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(Error::spool(path)(error)),
            Err(TryLockError::WouldBlock) if stop() => return Ok(None),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_EVERY),
        }
    }
}

/// Returns the whole place, by which a source is the same one.
fn place_of(input: &Input) -> String {
    match input {
        Input::Http(url) | Input::Ftp(url) => url.to_string(),
        Input::File(_) | Input::S3 { .. } => input.to_string(),
    }
}

/// Returns the extension of the source with its dot: some demuxers are chosen by it.
fn extension(input: &Input) -> String {
    let name = match input {
        Input::Http(url) | Input::Ftp(url) => url.path().to_owned(),
        Input::File(path) => path.to_string_lossy().into_owned(),
        Input::S3 { key, .. } => key.clone(),
    };
    let name = name.rsplit('/').next().unwrap_or_default();
    let plain = |text: &&str| {
        (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    name.rsplit_once('.')
        .map(|(_, extension)| extension)
        .filter(plain)
        .map_or_else(String::new, |extension| format!(".{extension}"))
}
