//! Downloads into a folder beside the copy, where they wait until all of them are there.

use std::{
    cell::Cell,
    fs::{self, File, FileTimes, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{GetOptions, GetRange, ObjectStore};

use super::{
    Progress,
    plan::{Object, Plan},
    record::{Entry, digest},
};
use crate::s3::Fault;

/// Downloads at one time.
const PARALLEL: usize = 8;
/// Changes with each start of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const PREFIX: &str = "staging-";

/// The folder of downloads. Its files are not flushed to the disk, so they are trusted only until
/// the machine starts anew, which is why its name is that of the boot.
pub(super) struct Staging {
    folder: PathBuf,
}

impl Staging {
    /// Makes the folder and removes those of earlier boots.
    pub(super) fn open(mirror: &Path) -> Result<Self, Fault> {
        let boot = fs::read_to_string(BOOT_ID).map_err(Fault::local(BOOT_ID))?;
        let name = format!("{PREFIX}{}", boot.trim());
        for entry in fs::read_dir(mirror)
            .map_err(Fault::local(mirror))?
            .flatten()
        {
            let old = entry
                .file_name()
                .to_str()
                .is_some_and(|other| other.starts_with(PREFIX) && other != name);
            if old {
                fs::remove_dir_all(entry.path()).map_err(Fault::local(entry.path()))?;
            }
        }
        let folder = mirror.join(name);
        fs::create_dir_all(&folder).map_err(Fault::local(&folder))?;
        Ok(Self { folder })
    }

    /// Returns where an object is when it has arrived whole. The name changes with its version.
    pub(super) fn whole(&self, object: &Object) -> PathBuf {
        let Entry { size, version, .. } = &object.entry;
        let name = digest(&[&object.path, version, &size.to_string()]);
        self.folder.join(format!("{name:016x}"))
    }

    /// Removes what is left of downloads that nobody wants any more.
    pub(super) fn clear(&self) {
        // What cannot be removed now is removed another time.
        let _ = fs::remove_dir_all(&self.folder);
    }

    /// Downloads what is not there yet, a few objects at one time. Returns whether all of it is
    /// there: false when an object was replaced or removed since it was listed.
    pub(super) async fn fetch(
        &self,
        store: &dyn ObjectStore,
        plan: &Plan,
        progress: &dyn Fn(Progress),
    ) -> Result<bool, (String, Fault)> {
        let counter = Counter {
            now: Cell::new(Progress {
                listed: plan.listed as u64,
                of_objects: plan.fetch.len() as u64,
                of_bytes: plan.fetch.iter().map(|object| object.entry.size).sum(),
                ..Progress::default()
            }),
            tell: progress,
        };
        stream::iter(&plan.fetch)
            .map(|object| async {
                let there = self.fetch_one(store, object, &counter).await;
                there.map_err(|fault| (object.key.to_string(), fault))
            })
            .buffer_unordered(PARALLEL)
            .try_fold(true, |all, there| async move { Ok(all && there) })
            .await
    }

    async fn fetch_one(
        &self,
        store: &dyn ObjectStore,
        object: &Object,
        counter: &Counter<'_>,
    ) -> Result<bool, Fault> {
        let whole = self.whole(object);
        let size = object.entry.size;
        if length(&whole) == Some(size) {
            counter.add(size, true);
            return Ok(true);
        }
        let partial = whole.with_extension("part");
        // Without a tag nothing says that the rest is of the same version.
        let have = length(&partial)
            .filter(|have| *have < size && object.e_tag.is_some())
            .unwrap_or(0);
        let options = GetOptions {
            if_match: object.e_tag.clone(),
            range: (have > 0).then_some(GetRange::Offset(have)),
            ..GetOptions::default()
        };
        let answer = match store.get_opts(&object.key, options).await {
            Ok(answer) => answer,
            Err(
                object_store::Error::NotFound { .. } | object_store::Error::Precondition { .. },
            ) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if answer.meta.size != size || answer.range.start != have {
            return Ok(false);
        }
        counter.add(have, false);
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&partial)
            .and_then(|file| file.set_len(have).map(|()| file))
            .map_err(Fault::local(&partial))?;
        let mut pieces = answer.into_stream();
        while let Some(piece) = pieces.try_next().await? {
            file.write_all(&piece).map_err(Fault::local(&partial))?;
            counter.add(piece.len() as u64, false);
        }
        finish(&file, object, &partial, &whole)?;
        counter.add(0, true);
        Ok(true)
    }
}

/// Checks the length, sets the time, and gives the file the name of a whole one.
fn finish(file: &File, object: &Object, partial: &Path, whole: &Path) -> Result<(), Fault> {
    if length(partial) != Some(object.entry.size) {
        return Err(Fault::Other("the answer ended too early".to_owned()));
    }
    let since_epoch = Duration::from_nanos(u64::try_from(object.entry.modified_ns).unwrap_or(0));
    let time = SystemTime::UNIX_EPOCH + since_epoch;
    file.set_times(FileTimes::new().set_modified(time))
        .and_then(|()| fs::rename(partial, whole))
        .map_err(Fault::local(partial))
}

fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.len())
}

/// Adds up what arrives and tells of it.
struct Counter<'a> {
    now: Cell<Progress>,
    tell: &'a dyn Fn(Progress),
}

impl Counter<'_> {
    fn add(&self, bytes: u64, object: bool) {
        let mut now = self.now.get();
        now.bytes += bytes;
        now.objects += u64::from(object);
        self.now.set(now);
        (self.tell)(now);
    }
}
