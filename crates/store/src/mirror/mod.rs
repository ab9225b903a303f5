//! Local copies of what lies below a prefix in an S3 bucket, so that it can be mapped like any file.
//!
//! A [`Mirror`] has a folder of its own:
//!
//! | path | what |
//! |---|---|
//! | `content/NAME` | the copy, called as the last part of the prefix, or as the bucket |
//! | `record.json` | size, version and time of each file of the copy |
//! | `staging-BOOT/` | downloads, whole and partial |
//! | `lock` | held by the process that is bringing the copy up to date |
//!
//! [`Mirror::sync`] lists the objects, downloads what is new into the staging folder, and only when
//! all of it is there renames it into place: first what manifests name, then the manifests, then it
//! removes what is gone. So a reader sees the old content or the new content but for some
//! milliseconds, and an interrupted download harms nothing: the next one goes on from what is in the
//! staging folder. Modification times come from the store and the version, so that a copy made
//! anew looks the same and indexes of it stay valid.

mod download;
mod place;
mod plan;
mod record;

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use object_store::{ObjectStore, path::Path as Key};
use tokio::sync::Mutex;

use crate::{s3, s3::Fault, uri::Uri};
use plan::Plan;
use record::Known;

/// How often the lock of another process is asked for.
const LOCK_EVERY: Duration = Duration::from_millis(200);
/// How often listing and downloading begin anew when objects change meanwhile.
const ROUNDS: usize = 3;

/// A place in a bucket and its local copy.
pub struct Mirror {
    uri: String,
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    /// Last part of the prefix, or the bucket.
    name: String,
    folder: PathBuf,
    known: Mutex<Known>,
}

/// A mirror that cannot be brought up to date; its copy is as it was.
#[derive(Debug, thiserror::Error)]
#[error("{uri}: {fault}")]
pub struct Error {
    /// The place, as far as the fault concerns it: `s3://bucket/key`.
    pub uri: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// How far a sync is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Objects that are known to be there; grows until the downloads begin.
    pub listed: u64,
    /// Objects that have arrived.
    pub objects: u64,
    /// Objects to fetch; 0 while they are being listed.
    pub of_objects: u64,
    /// Bytes that have arrived.
    pub bytes: u64,
    /// Bytes to fetch.
    pub of_bytes: u64,
}

/// What a sync did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files of the copy.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that are new or replaced.
    pub fetched: u64,
    /// Files that were removed.
    pub removed: u64,
}

impl Mirror {
    /// Prepares a mirror of `s3://bucket/prefix` below `cache_dir`, with credentials, region and
    /// endpoint from the `AWS_*` variables. Nothing is asked of the store yet.
    pub fn new(uri: &Uri, cache_dir: &Path) -> Result<Self, Error> {
        let fail = |fault| Error {
            uri: uri.to_string(),
            fault,
        };
        let Uri::S3 { bucket, prefix } = uri else {
            return Err(fail(Fault::NotAStore));
        };
        let access = s3::connect(bucket, None).map_err(fail)?;
        let folder = format!(
            "{:016x}",
            record::digest(&[&access.endpoint, bucket, prefix])
        );
        let store = Arc::new(access.store);
        Self::over(store, bucket, prefix, cache_dir.join(folder))
    }

    /// Makes a mirror of any store; `bucket` is for names only.
    fn over(
        store: Arc<dyn ObjectStore>,
        bucket: &str,
        prefix: &str,
        folder: PathBuf,
    ) -> Result<Self, Error> {
        let prefix = Key::parse(prefix).map_err(|error| Error {
            uri: format!("s3://{bucket}/{prefix}"),
            fault: Fault::BadKey(error.to_string()),
        })?;
        let name = prefix.filename().unwrap_or(bucket).to_owned();
        Ok(Self {
            uri: format!("s3://{bucket}"),
            store,
            prefix,
            name,
            folder,
            known: Mutex::default(),
        })
    }

    /// Returns the copy: a folder, or a file if the prefix is the key of an object. It is there
    /// after the first sync.
    pub fn root(&self) -> PathBuf {
        self.content().join(&self.name)
    }

    /// Tells whether there is a copy, be it an old one.
    pub fn is_filled(&self) -> bool {
        fs::metadata(self.folder.join(record::FILE)).is_ok() && fs::metadata(self.root()).is_ok()
    }

    /// Brings the copy up to date. `progress` hears of each piece that arrives.
    ///
    /// Can be dropped at any time. Writes to the disk in between, so let a thread of its own
    /// `block_on` this; do not make it a task among others. Waits while another process does the
    /// same.
    pub async fn sync(&self, progress: &dyn Fn(Progress)) -> Result<Summary, Error> {
        let mut known = self.known.lock().await;
        let _lock = self.lock().await?;
        let staging = download::Staging::open(&self.folder).map_err(|fault| self.error(fault))?;
        for _ in 0..ROUNDS {
            let objects = plan::list(self.store.as_ref(), &self.prefix, &self.name, progress)
                .await
                .map_err(|fault| self.error(fault))?;
            known
                .refresh(&self.folder, &self.content())
                .map_err(|fault| self.error(fault))?;
            let plan = Plan::new(objects, known.record());
            let all_there = staging
                .fetch(self.store.as_ref(), &plan, progress)
                .await
                .map_err(|(key, fault)| Error {
                    uri: format!("{}/{key}", self.uri),
                    fault,
                })?;
            if all_there {
                return self
                    .put_in_place(&staging, &plan, &mut known)
                    .map_err(|fault| self.error(fault));
            }
        }
        Err(self.error(Fault::Changing))
    }

    fn put_in_place(
        &self,
        staging: &download::Staging,
        plan: &Plan,
        known: &mut Known,
    ) -> Result<Summary, Fault> {
        let content = self.content();
        if !plan.is_empty() {
            place::apply(plan, staging, &content)?;
            known.save(plan, &self.folder)?;
        }
        if plan.is_empty_listing() {
            // So that a scan finds a folder without content, and not nothing.
            let root = self.root();
            fs::create_dir_all(&root).map_err(Fault::local(root))?;
        }
        staging.clear();
        Ok(Summary {
            fetched: plan.fetch.len() as u64,
            removed: (plan.remove_first.len() + plan.remove.len()) as u64,
            ..known.record().totals()
        })
    }

    async fn lock(&self) -> Result<File, Error> {
        let path = self.folder.join("lock");
        let fail = |source| self.error(Fault::local(&path)(source));
        fs::create_dir_all(&self.folder).map_err(fail)?;
        let file = File::create(&path).map_err(fail)?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(fail(error)),
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        tracing::info!(uri = self.uri, "waiting for another process to fetch it");
                        told = true;
                    }
                    tokio::time::sleep(LOCK_EVERY).await;
                }
            }
        }
    }

    fn content(&self) -> PathBuf {
        self.folder.join("content")
    }

    fn error(&self, fault: Fault) -> Error {
        let uri = if matches!(fault, Fault::NoSuchBucket) {
            self.uri.clone()
        } else {
            format!("{}/{}", self.uri, self.prefix)
        };
        Error { uri, fault }
    }
}

impl Summary {
    /// Tells whether the copy is another than before.
    pub fn changed(&self) -> bool {
        self.fetched > 0 || self.removed > 0
    }
}
