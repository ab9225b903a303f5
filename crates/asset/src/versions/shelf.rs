//! All versions of one asset.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::objects::{Content, Entry, Mode, Options, Put, Shared, Tag};

use super::{BEGUN, Error, POINTER, Pointer, SEAL, is_version_name};

/// How often the pointer is tried to be replaced.
const TRIES: usize = 16;
/// Folders deeper than this are not searched for assets.
const MAX_DEPTH: usize = 8;
/// Version of the seal's format.
const FORMAT: u32 = 1;

/// An asset's place in a store: all of its versions.
#[derive(Clone)]
pub struct Shelf {
    pub(super) store: Shared,
    name: String,
}

/// Content of `version.json`: what belongs to a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    format: u32,
    /// Its folder.
    pub version: String,
    /// Which job made it.
    pub job: String,
    /// When it was made whole, in milliseconds since the Unix epoch.
    pub made_ms: i64,
    /// Its files.
    pub files: Vec<File>,
}

/// A file of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Path below the folder of the version.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub hash: String,
}

/// What a version is at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is shown.
    Current,
    /// It was shown, or is whole and was not shown yet.
    Kept,
    /// It is being written, or its writer came to an end.
    Incomplete,
}

/// A version in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its folder.
    pub version: String,
    /// What it is.
    pub state: State,
    /// Files that are there.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the last of them was written, in milliseconds since the Unix epoch.
    pub written_ms: i64,
    /// When another version took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
}

/// What became of the pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flip {
    /// It names the version now, and named the other one before.
    Done {
        /// The version that was shown before.
        before: Option<String>,
    },
    /// It named the version already.
    Already,
}

/// A pointer, or what is wrong with it, and its tag where the store has tags.
type TaggedPointer = (Result<Pointer, String>, Option<Tag>);

impl Version {
    /// Describes a version that is complete.
    pub fn new(version: &str, job: &str, made_ms: i64, files: Vec<File>) -> Self {
        Self {
            format: FORMAT,
            version: version.to_owned(),
            job: job.to_owned(),
            made_ms,
            files,
        }
    }

    /// Returns the length of all files in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl Shelf {
    /// Opens the place of an asset in a store; `name` may have several parts. Nothing is asked of
    /// the store yet.
    pub fn new(store: Shared, name: &str) -> Result<Self, Error> {
        let dotted = name.split('/').any(|part| part.starts_with('.'));
        let reason = match store::objects::check_key(name) {
            Err(reason) => Some(reason),
            Ok(()) => dotted.then_some("it has a part that begins with a dot"),
        };
        if let Some(reason) = reason {
            return Err(Error::Damaged {
                place: store.place(),
                reason: format!("`{name}` cannot be the name of an asset: {reason}"),
            });
        }
        Ok(Self {
            store,
            name: name.to_owned(),
        })
    }

    /// Returns the name of the asset.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the store.
    pub fn store(&self) -> &Shared {
        &self.store
    }

    /// Returns the key of a file of a version.
    pub fn key(&self, version: &str, file: &str) -> String {
        format!("{}/{version}/{file}", self.name)
    }

    /// Returns the prefix of a version's files.
    pub(super) fn prefix(&self, version: &str) -> String {
        format!("{}/{version}", self.name)
    }

    /// Reads the pointer; none if nothing was published.
    pub fn pointer(&self) -> Result<Option<Pointer>, Error> {
        match self.tagged_pointer()? {
            None => Ok(None),
            Some((Ok(pointer), _)) => Ok(Some(pointer)),
            Some((Err(reason), _)) => Err(self.damaged(&self.pointer_key(), reason)),
        }
    }

    /// Reads the pointer, or what is wrong with it, and its tag.
    fn tagged_pointer(&self) -> Result<Option<TaggedPointer>, Error> {
        let key = self.pointer_key();
        let mut bytes = Vec::new();
        let read = self.store.read(&key, None, None, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        let entry = match read {
            Ok(entry) => entry,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some((Pointer::parse(&bytes), entry.tag)))
    }

    /// Reads what belongs to a version; none if it is not whole.
    pub fn version(&self, version: &str) -> Result<Option<Version>, Error> {
        let key = self.key(version, SEAL);
        let bytes = match self.store.get(&key) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let sealed: Version = serde_json::from_slice(&bytes)
            .map_err(|error| self.damaged(&key, error.to_string()))?;
        if sealed.format != FORMAT || sealed.version != version {
            return Err(self.damaged(&key, "it is of another version".to_owned()));
        }
        Ok(Some(sealed))
    }

    /// Lists the versions, the one that is shown first, then the youngest.
    pub fn versions(&self) -> Result<Vec<Listed>, Error> {
        let pointer = self.pointer()?;
        let mut listed = Vec::new();
        for name in self.store.folders(&self.name)? {
            if !is_version_name(&name) {
                continue;
            }
            let entries = self.store.list(&self.prefix(&name))?;
            listed.push(self.describe(name, &entries, pointer.as_ref()));
        }
        listed.sort_by_key(|version| {
            let last_ms = version.until_ms.unwrap_or(version.written_ms);
            (
                version.state != State::Current,
                -last_ms,
                version.version.clone(),
            )
        });
        Ok(listed)
    }

    fn describe(&self, version: String, entries: &[Entry], pointer: Option<&Pointer>) -> Listed {
        let seal = self.key(&version, SEAL);
        let state = if pointer.is_some_and(|pointer| pointer.version == version) {
            State::Current
        } else if entries.iter().any(|entry| entry.key == seal) {
            State::Kept
        } else {
            State::Incomplete
        };
        let until_ms = pointer
            .and_then(|pointer| pointer.past.iter().find(|past| past.version == version))
            .map(|past| past.until_ms);
        Listed {
            version,
            state,
            files: entries.len() as u64,
            bytes: entries.iter().map(|entry| entry.bytes).sum(),
            written_ms: entries
                .iter()
                .map(|entry| entry.modified_ms)
                .max()
                .unwrap_or(0),
            until_ms,
        }
    }

    /// Begins to write a version: from now on, for the time that [`super::Keep`] has, it is not taken
    /// for one that nobody will complete.
    pub fn begin(&self, version: &str) -> Result<(), Error> {
        if !is_version_name(version) {
            return Err(self.damaged(version, "it is no name of a version".to_owned()));
        }
        let key = self.key(version, BEGUN);
        self.store
            .put(&key, Content::Bytes(b""), Options::default())?;
        Ok(())
    }

    /// Declares a version whole, if the store lists all of its files with their lengths.
    pub fn seal(&self, version: &Version) -> Result<(), Error> {
        let prefix = self.prefix(&version.version);
        let listed: BTreeMap<String, u64> = self
            .store
            .list(&prefix)?
            .into_iter()
            .map(|entry| (entry.key, entry.bytes))
            .collect();
        for file in &version.files {
            let found = listed.get(&format!("{prefix}/{}", file.name)).copied();
            if found != Some(file.bytes) {
                return Err(Error::Incomplete {
                    place: format!("{}/{prefix}", self.store.place()),
                    name: file.name.clone(),
                    bytes: file.bytes,
                    found: found.unwrap_or(0),
                });
            }
        }
        // Texts and integers: there is nothing in it that JSON has no form for.
        let bytes = serde_json::to_vec(version).expect("a seal is JSON");
        let key = self.key(&version.version, SEAL);
        let options = Options {
            content_type: Some("application/json"),
            ..Options::default()
        };
        self.store.put(&key, Content::Bytes(&bytes), options)?;
        self.store.delete(&self.key(&version.version, BEGUN))?;
        Ok(())
    }

    /// Shows a version that is whole in place of the one that is shown, in one step.
    pub fn flip(&self, version: &str, now_ms: i64) -> Result<Flip, Error> {
        for _ in 0..TRIES {
            if self.version(version)?.is_none() {
                return Err(Error::NoVersion {
                    place: format!("{}/{}", self.store.place(), self.prefix(version)),
                });
            }
            let found = self.tagged_pointer()?;
            let mode = match &found {
                None => Mode::Create,
                Some((_, Some(tag))) => Mode::Update(tag),
                Some((_, None)) => Mode::Overwrite,
            };
            let (next, before) = match &found {
                Some((Ok(pointer), _)) if pointer.version == version => return Ok(Flip::Already),
                Some((Ok(pointer), _)) => {
                    (pointer.next(version, now_ms), Some(pointer.version.clone()))
                }
                // One that cannot be read names nothing.
                Some((Err(_), _)) | None => (Pointer::first(version, now_ms), None),
            };
            let options = Options {
                mode,
                content_type: Some("application/json"),
                cache_control: Some("no-cache"),
                ..Options::default()
            };
            let bytes = next.to_json();
            let key = self.pointer_key();
            if self.store.put(&key, Content::Bytes(&bytes), options)? == Put::Refused {
                continue;
            }
            // Who removes a version takes its seal first and then looks at the pointer; here it is
            // the other way round, so that one of the two sees the other.
            if self.version(version)?.is_some() {
                return Ok(Flip::Done { before });
            }
        }
        Err(Error::Contended {
            place: format!("{}/{}", self.store.place(), self.pointer_key()),
        })
    }

    fn pointer_key(&self) -> String {
        format!("{}/{POINTER}", self.name)
    }

    fn damaged(&self, key: &str, reason: String) -> Error {
        Error::Damaged {
            place: format!("{}/{key}", self.store.place()),
            reason,
        }
    }
}

/// Finds all assets of a store that are published version by version, by ascending name.
pub fn shelves(store: &Shared) -> Result<Vec<Shelf>, Error> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), 0)];
    while let Some((prefix, depth)) = open.pop() {
        for name in store.folders(&prefix)? {
            if name.starts_with('.') {
                continue;
            }
            let path = match prefix.as_str() {
                "" => name,
                prefix => format!("{prefix}/{name}"),
            };
            if store.head(&format!("{path}/{POINTER}"))?.is_some() {
                found.push(Shelf::new(store.clone(), &path)?);
            } else if depth < MAX_DEPTH {
                open.push((path, depth + 1));
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
