//! What a store can do, found out by trying (decision 0016).
//!
//! There are servers that take a condition and overlook it, and mounted buckets that take a link and
//! copy. The test writes a few small objects below a prefix of its own and removes them.

use super::{Content, Error, Mode, Objects, Options, Problem, Put, Tag};

/// What was found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Abilities {
    /// An object that is there is not created again. Without it two workers may both hold
    /// themselves for the first; what they wrote is still found whole or not at all.
    pub create: bool,
    /// A stale version does not replace a newer one. Without it the last of two that publish at
    /// one time wins.
    pub update: bool,
}

/// Content of the trials: bytes that show where a range begins.
const TEXT: &[u8] = b"0123456789abcdef";

/// Tries a store. `nonce` tells this trial from others at the same time. An error means that the
/// store cannot be used at all: it cannot be written, or it loses or mixes up what was written.
pub fn run(store: &dyn Objects, nonce: &str) -> Result<Abilities, Error> {
    let prefix = format!(".headend/selftest-{nonce}");
    let found = trial(store, &prefix);
    let cleaned = store.delete_below(&prefix);
    // Conditions in a folder are locks, files that are no objects.
    if let Some(folder) = store.local_path(&prefix) {
        let _ = std::fs::remove_dir_all(&folder);
        // The one above may hold work.
        let _ = folder.parent().map(std::fs::remove_dir);
    }
    let found = found?;
    cleaned?;
    if !found.create || !found.update {
        tracing::warn!(
            place = store.place(),
            create = found.create,
            update = found.update,
            "the store overlooks conditions; results stay right, but work may be done twice"
        );
    }
    Ok(found)
}

fn trial(store: &dyn Objects, prefix: &str) -> Result<Abilities, Error> {
    let key = |name: &str| format!("{prefix}/{name}");
    let refuse = |key: &str, what| Error {
        place: format!("{}/{key}", store.place()),
        problem: Problem::Unable(what),
    };
    let once = key("once");
    let create = |bytes| {
        let options = Options {
            mode: Mode::Create,
            ..Options::default()
        };
        store.put(&once, Content::Bytes(bytes), options)
    };
    if create(TEXT)? == Put::Refused {
        return Err(refuse(&once, "create an object that is not there"));
    }
    let created_once = create(b"again")? == Put::Refused && store.get(&once)? == TEXT;

    let pointer = key("pointer");
    let plain = Options::default();
    store.put(&pointer, Content::Bytes(b"one"), plain)?;
    let first = tag_of(store, &pointer)?;
    store.put(&pointer, Content::Bytes(b"two"), plain)?;
    let update = match first {
        None => false,
        Some(stale) => update_works(store, &pointer, &stale)?,
    };
    let now = store.get(&pointer)?;
    if update && now != b"three" {
        return Err(refuse(&pointer, "read what was written last"));
    }

    let ranged = key("deep/ranged");
    store.put(&ranged, Content::Bytes(TEXT), plain)?;
    if store.get_range(&ranged, 3..7)? != b"3456"
        || store.get_range(&ranged, 10..u64::MAX)? != b"abcdef"
    {
        return Err(refuse(&ranged, "read a part of an object"));
    }
    let listed: Vec<(String, u64)> = store
        .list(prefix)?
        .into_iter()
        .map(|entry| (entry.key, entry.bytes))
        .collect();
    if !listed.contains(&(ranged.clone(), TEXT.len() as u64)) || listed.len() != 3 {
        return Err(refuse(prefix, "list what was written"));
    }
    store.delete(&ranged)?;
    if store.head(&ranged)?.is_some() {
        return Err(refuse(&ranged, "remove an object"));
    }
    Ok(Abilities {
        create: created_once,
        update,
    })
}

/// Tells whether a stale version is refused and the present one replaced.
fn update_works(store: &dyn Objects, key: &str, stale: &Tag) -> Result<bool, Error> {
    let update = |tag: &Tag, bytes| {
        let options = Options {
            mode: Mode::Update(tag),
            ..Options::default()
        };
        match store.put(key, Content::Bytes(bytes), options) {
            Ok(put) => Ok(put != Put::Refused),
            // A server may also answer that it knows no such condition.
            Err(Error {
                problem: Problem::Store(_) | Problem::Unable(_),
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    };
    if update(stale, b"stale")? {
        return Ok(false);
    }
    match tag_of(store, key)? {
        Some(now) => update(&now, b"three"),
        None => Ok(false),
    }
}

fn tag_of(store: &dyn Objects, key: &str) -> Result<Option<Tag>, Error> {
    Ok(store.head(key)?.and_then(|entry| entry.tag))
}
