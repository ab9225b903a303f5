//! What the copy holds, as it was when it was last up to date.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{Summary, plan::Plan};
use crate::{atomic, mapped::modified_ns, s3::Fault};

/// Name of the file in a mirror's folder.
pub(super) const FILE: &str = "record.json";

/// The files of the copy by their paths below the content folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) files: BTreeMap<String, Entry>,
}

/// One file of the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Bytes.
    pub(super) size: u64,
    /// The store's version of it.
    pub(super) version: String,
    /// Modification time that it was given, in nanoseconds since the Unix epoch.
    pub(super) modified_ns: i64,
}

/// The record in memory, and which state of its file it is.
#[derive(Debug, Default)]
pub(super) struct Known {
    record: Record,
    /// Length and modification time; none before the first reading.
    stamp: Option<(u64, i64)>,
}

impl Known {
    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// Reads the record if another process has written it since, or nobody has read it yet. Then
    /// files that are not as recorded are forgotten, and files that are not recorded removed.
    pub(super) fn refresh(&mut self, folder: &Path, content: &Path) -> Result<(), Fault> {
        let path = folder.join(FILE);
        let now = stamp(&path);
        if now.is_some() && self.stamp == now {
            return Ok(());
        }
        fs::create_dir_all(content).map_err(Fault::local(content))?;
        // A record that cannot be read is none: all is fetched anew.
        let mut record: Record = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        record
            .files
            .retain(|path, entry| entry.is_at(&content.join(path)));
        record.sweep(content, "")?;
        self.record = record;
        self.stamp = now;
        Ok(())
    }

    /// Notes what a plan has done. All of it is on the disk before the record says so.
    pub(super) fn save(&mut self, plan: &Plan, folder: &Path) -> Result<(), Fault> {
        for gone in plan.remove_first.iter().chain(&plan.remove) {
            self.record.files.remove(gone);
        }
        for object in &plan.fetch {
            self.record
                .files
                .insert(object.path.clone(), object.entry.clone());
        }
        let path = folder.join(FILE);
        let bytes =
            serde_json::to_vec(&self.record).map_err(|error| Fault::local(&path)(error.into()))?;
        fs::File::open(folder)
            .and_then(|folder| Ok(rustix::fs::syncfs(folder)?))
            .map_err(Fault::local(folder))?;
        atomic::write(&path, &bytes).map_err(|error| Fault::local(error.path)(error.source))?;
        self.stamp = stamp(&path);
        Ok(())
    }
}

impl Record {
    /// Sums up.
    pub(super) fn totals(&self) -> Summary {
        Summary {
            objects: self.files.len() as u64,
            bytes: self.files.values().map(|entry| entry.size).sum(),
            ..Summary::default()
        }
    }

    /// Removes what is not recorded below `path`, a folder of the content.
    fn sweep(&self, content: &Path, path: &str) -> Result<(), Fault> {
        let folder = content.join(path);
        for entry in fs::read_dir(&folder).map_err(Fault::local(&folder))? {
            let entry = entry.map_err(Fault::local(&folder))?;
            let kind = entry.file_type().map_err(Fault::local(entry.path()))?;
            let below = entry.file_name().into_string().ok().map(|name| match path {
                "" => name,
                path => format!("{path}/{name}"),
            });
            match below {
                Some(below) if kind.is_dir() => self.sweep(content, &below)?,
                Some(below) if self.files.contains_key(&below) => {}
                _ => remove(&entry.path(), kind.is_dir())?,
            }
        }
        Ok(())
    }
}

impl Entry {
    /// Makes an entry whose time tells its versions apart even within one second.
    pub(super) fn new(size: u64, version: String, modified_s: i64) -> Self {
        let nanoseconds = digest(&[&version]) % 1_000_000_000;
        Self {
            size,
            modified_ns: modified_s
                .saturating_mul(1_000_000_000)
                .saturating_add(nanoseconds as i64),
            version,
        }
    }

    fn is_at(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|metadata| {
            metadata.is_file()
                && metadata.len() == self.size
                && modified_ns(&metadata) == self.modified_ns
        })
    }
}

fn remove(path: &Path, is_folder: bool) -> Result<(), Fault> {
    if is_folder {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
    .map_err(Fault::local(path))
}

fn stamp(path: &Path) -> Option<(u64, i64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), modified_ns(&metadata)))
}

/// Hashes texts (FNV-1a, 64 bits): the same on every machine and in every build.
pub(super) fn digest(texts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for text in texts {
        // 0xff is no byte of UTF-8, so it parts the texts.
        for byte in text.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}
