//! The result of a step while it is being written.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    path::Path,
};

use media::content_type;
use store::{
    digest,
    objects::{Content, Mode, Options, Put},
};

use super::{Error, Key, Ledger, Made, ObjectRef, Record, Step, record::FORMAT};

/// `Cache-Control` of media: its name never means other bytes.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// A result that is being written, to a place that no other attempt has. Unless it is committed,
/// what was written is garbage that [`Ledger::sweep`] removes.
#[must_use = "nothing is done before it is committed"]
pub struct Staging<'l> {
    ledger: &'l Ledger,
    step: Step,
    key: Key,
    attempt: u32,
    /// Prefix of the objects.
    place: String,
    objects: Vec<ObjectRef>,
}

/// Whose record it is that says the step is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// The one just written.
    First(Record),
    /// That of somebody who was sooner; what was staged is dropped.
    Theirs(Record),
}

impl Committed {
    /// Returns the record.
    pub fn into_record(self) -> Record {
        match self {
            Self::First(record) | Self::Theirs(record) => record,
        }
    }
}

impl<'l> Staging<'l> {
    pub(super) fn new(ledger: &'l Ledger, step: Step, key: &Key, attempt: u32) -> Self {
        // The seed of a hash map is random, which is all that is needed here.
        let chance = RandomState::new().build_hasher().finish();
        Self {
            place: format!("{}/{attempt}-{chance:016x}", ledger.data(key)),
            ledger,
            step,
            key: key.clone(),
            attempt,
            objects: Vec::new(),
        }
    }

    /// Adds a file under a name such as `v0/12.m4s`. The store may take the file away.
    pub fn put_file(&mut self, name: &str, path: &Path) -> Result<&ObjectRef, Error> {
        let (bytes, hash) = digest::of_file(path).map_err(|source| Error::File {
            path: path.to_path_buf(),
            source,
        })?;
        self.put(name, Content::Take(path), bytes, hash)
    }

    /// Adds bytes under a name.
    pub fn put_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<&ObjectRef, Error> {
        let hash = digest::of_bytes(bytes);
        self.put(name, Content::Bytes(bytes), bytes.len() as u64, hash)
    }

    fn put(
        &mut self,
        name: &str,
        content: Content<'_>,
        bytes: u64,
        hash: String,
    ) -> Result<&ObjectRef, Error> {
        let place = format!("{}/{name}", self.place);
        let options = Options {
            content_type: Some(content_type::of(name)),
            // A copy made by the store keeps what it says of the object.
            cache_control: Some(IMMUTABLE),
            // The record flushes them all.
            lazy: true,
            ..Options::default()
        };
        self.ledger.store().put(&place, content, options)?;
        self.objects.push(ObjectRef {
            name: name.to_owned(),
            place,
            bytes,
            hash,
        });
        let last = self.objects.len() - 1;
        Ok(&self.objects[last])
    }

    /// Writes the record, after a look at whether the store has kept the objects. The attempt of
    /// `made` is set to that of the staging.
    pub fn commit(self, made: Made) -> Result<Committed, Error> {
        self.check()?;
        let record = Record {
            format: FORMAT,
            step: self.step,
            key: self.key.clone(),
            objects: self.objects.clone(),
            made: Made {
                attempt: self.attempt,
                ..made
            },
        };
        let bytes = record.to_json();
        let place = self.ledger.place(self.step, &self.key);
        let store = self.ledger.store();
        let write = |mode| {
            let options = Options {
                mode,
                content_type: Some("application/json"),
                ..Options::default()
            };
            store.put(&place, Content::Bytes(&bytes), options)
        };
        if write(Mode::Create)? != Put::Refused {
            return Ok(Committed::First(record));
        }
        let tag = store.head(&place)?.and_then(|entry| entry.tag);
        let theirs = self.ledger.load(self.step, &self.key)?;
        match theirs {
            // The answer to an earlier request was lost on its way.
            Some(own) if own == record => return Ok(Committed::First(own)),
            Some(theirs) if self.ledger.is_sound(&theirs)? => {
                self.discard()?;
                return Ok(Committed::Theirs(theirs));
            }
            _ => {}
        }
        // It is damaged, or what it names is. Whoever replaces it first has it.
        let replaced = match &tag {
            Some(tag) => write(Mode::Update(tag))?,
            None => write(Mode::Overwrite)?,
        };
        if replaced != Put::Refused {
            return Ok(Committed::First(record));
        }
        match self.ledger.find(self.step, &self.key)? {
            Some(theirs) => {
                self.discard()?;
                Ok(Committed::Theirs(theirs))
            }
            None => Err(Error::Lost {
                place,
                bytes: bytes.len() as u64,
                found: 0,
            }),
        }
    }

    /// Drops what was written.
    pub fn discard(self) -> Result<(), Error> {
        for object in &self.objects {
            self.ledger.store().delete(&object.place)?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Error> {
        if self.objects.is_empty() {
            return Ok(());
        }
        let listed: BTreeMap<String, u64> = self
            .ledger
            .store()
            .list(&self.place)?
            .into_iter()
            .map(|entry| (entry.key, entry.bytes))
            .collect();
        for object in &self.objects {
            let found = listed.get(&object.place).copied().unwrap_or(0);
            if found != object.bytes {
                return Err(Error::Lost {
                    place: object.place.clone(),
                    bytes: object.bytes,
                    found,
                });
            }
        }
        Ok(())
    }
}
