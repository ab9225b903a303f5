//! All records of a job.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use store::{digest::Digest, objects::Shared};

use super::{Error, Key, Record, Staging, Step};

/// The records of one job in a store.
#[derive(Clone)]
pub struct Ledger {
    store: Shared,
    prefix: String,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Swept {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Ledger {
    /// Opens the records below a prefix, such as `jobs/NAME`. Nothing is asked of the store yet.
    pub fn open(store: Shared, prefix: &str) -> Result<Self, Error> {
        store::objects::check_key(prefix).map_err(|reason| {
            let problem = store::objects::Problem::Key(reason);
            store::objects::Error {
                place: format!("{}: `{prefix}`", store.place()),
                problem,
            }
        })?;
        Ok(Self {
            store,
            prefix: prefix.to_owned(),
        })
    }

    /// Returns the store that it lies in.
    pub fn store(&self) -> &Shared {
        &self.store
    }

    /// Returns the prefix of the job.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Finds a record whose objects are there with their sizes. What is wrong with it is logged.
    pub fn find(&self, step: Step, key: &Key) -> Result<Option<Record>, Error> {
        match self.load(step, key)? {
            Some(record) if self.is_sound(&record)? => Ok(Some(record)),
            _ => Ok(None),
        }
    }

    /// As [`Ledger::find`], but reads all objects and compares their digests.
    pub fn find_deep(&self, step: Step, key: &Key) -> Result<Option<Record>, Error> {
        let Some(record) = self.find(step, key)? else {
            return Ok(None);
        };
        for object in &record.objects {
            let mut digest = Digest::default();
            let read = self.store.read(&object.place, None, None, &mut |piece| {
                digest.update(piece);
                Ok(())
            });
            match read {
                Ok(_) if digest.hex() == object.hash => {}
                Err(error) if !error.is_missing() => return Err(error.into()),
                _ => {
                    tracing::warn!(%step, place = object.place, "an object is damaged");
                    return Ok(None);
                }
            }
        }
        Ok(Some(record))
    }

    /// Returns all records that parse, whether or not their objects are there, by step and key.
    pub fn records(&self) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        for entry in self.store.list(&self.below("steps"))? {
            let bytes = match self.store.get(&entry.key) {
                Ok(bytes) => bytes,
                Err(error) if error.is_missing() => continue,
                Err(error) => return Err(error.into()),
            };
            if let Ok(record) = Record::parse(&bytes)
                && entry.key == self.place(record.step, &record.key)
            {
                records.push(record);
            }
        }
        records.sort_by(|a, b| (a.step, &a.key).cmp(&(b.step, &b.key)));
        Ok(records)
    }

    /// Begins to write the result of a step.
    pub fn stage(&self, step: Step, key: &Key, attempt: u32) -> Staging<'_> {
        Staging::new(self, step, key, attempt)
    }

    /// Removes a record and everything that was made under its key, so that the step runs again.
    pub fn forget(&self, step: Step, key: &Key) -> Result<(), Error> {
        self.store.delete(&self.place(step, key))?;
        self.store.delete_below(&self.data(key))?;
        Ok(())
    }

    /// Returns the local file of a key of the store, where there are local files.
    pub fn local_path(&self, place: &str) -> Option<PathBuf> {
        self.store.local_path(place)
    }

    /// Removes what attempts left that no record names, if it was not touched since `before_ms`
    /// (Unix time), so that attempts under way keep theirs.
    pub fn sweep(&self, before_ms: i64) -> Result<Swept, Error> {
        // Listed first: what a record names that is committed meanwhile is then either named
        // below or too young.
        let listed = self.store.list(&self.below("data"))?;
        let records = self.records()?;
        let named: BTreeSet<&str> = records
            .iter()
            .flat_map(|record| &record.objects)
            .map(|object| object.place.as_str())
            .collect();
        let mut swept = Swept::default();
        for entry in &listed {
            if !named.contains(entry.key.as_str()) && entry.modified_ms < before_ms {
                self.store.delete(&entry.key)?;
                swept.objects += 1;
                swept.bytes += entry.bytes;
            }
        }
        Ok(swept)
    }

    /// Removes everything of the job.
    pub fn purge(&self) -> Result<Swept, Error> {
        let listed = self.store.list(&self.prefix)?;
        // The records go first, so that none ever names what is gone.
        let steps = self.below("steps");
        let (records, rest): (Vec<_>, Vec<_>) = listed
            .iter()
            .partition(|entry| entry.key.starts_with(&steps));
        let mut swept = Swept::default();
        for entry in records.into_iter().chain(rest) {
            self.store.delete(&entry.key)?;
            swept.objects += 1;
            swept.bytes += entry.bytes;
        }
        Ok(swept)
    }

    pub(super) fn place(&self, step: Step, key: &Key) -> String {
        self.below(&format!("steps/{step}-{key}.json"))
    }

    pub(super) fn data(&self, key: &Key) -> String {
        self.below(&format!("data/{key}"))
    }

    fn below(&self, path: &str) -> String {
        format!("{}/{path}", self.prefix)
    }

    /// Reads a record without looking at its objects; none if it is not the one asked for.
    pub(super) fn load(&self, step: Step, key: &Key) -> Result<Option<Record>, Error> {
        let place = self.place(step, key);
        let bytes = match self.store.get(&place) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match Record::parse(&bytes) {
            Ok(record) if record.step == step && record.key == *key => Ok(Some(record)),
            Ok(_) => {
                tracing::warn!(%step, place, "a record is another one's");
                Ok(None)
            }
            Err(reason) => {
                tracing::warn!(%step, place, reason, "a record is damaged");
                Ok(None)
            }
        }
    }

    /// Tells whether all objects of a record are there with their sizes.
    pub(super) fn is_sound(&self, record: &Record) -> Result<bool, Error> {
        if record.objects.is_empty() {
            return Ok(true);
        }
        let listed: BTreeMap<String, u64> = self
            .store
            .list(&self.data(&record.key))?
            .into_iter()
            .map(|entry| (entry.key, entry.bytes))
            .collect();
        for object in &record.objects {
            let found = listed.get(&object.place).copied();
            if found != Some(object.bytes) {
                tracing::warn!(
                    step = %record.step,
                    place = object.place,
                    expected = object.bytes,
                    found,
                    "an object is not what its record says"
                );
                return Ok(false);
            }
        }
        Ok(true)
    }
}
