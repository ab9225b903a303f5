//! Names of many files in little memory: the folder and what surrounds the number are shared.
//!
//! `video/seg-00042.m4s` is the stem `video/seg-` … `.m4s` of width 5 and the number 42. A name
//! without a number, or with one that does not come back the same, is a stem of its own.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak, atomic::AtomicU64, atomic::Ordering},
};

use super::MapBudget;

/// What names have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Pattern {
    /// Everything before the number, folders included.
    before: Box<[u8]>,
    /// Digits to pad to; `None` when there is no number.
    width: Option<u8>,
    /// Everything after the number.
    after: Box<[u8]>,
}

/// A shared part of names, with the table that their files are mapped into.
#[derive(Debug)]
pub(super) struct Stem {
    pattern: Pattern,
    /// Tells stems of one table apart for as long as the table lives.
    pub(super) id: u64,
    hash: u64,
    pub(super) budget: Arc<MapBudget>,
}

impl Stem {
    /// Puts the name together again.
    pub(super) fn path(&self, number: u64) -> PathBuf {
        let mut bytes = self.pattern.before.to_vec();
        if let Some(width) = self.pattern.width {
            bytes.extend_from_slice(format!("{number:0width$}", width = width.into()).as_bytes());
        }
        bytes.extend_from_slice(&self.pattern.after);
        PathBuf::from(OsString::from_vec(bytes))
    }
}

impl Drop for Stem {
    fn drop(&mut self) {
        let mut known = self.budget.stems.lock();
        if known
            .get(&self.hash)
            .is_some_and(|stem| stem.strong_count() == 0)
        {
            known.remove(&self.hash);
        }
    }
}

/// The stems of one table that are in use.
#[derive(Debug, Default)]
pub(super) struct Stems {
    /// By hash of the pattern; of two patterns with one hash only the first is shared.
    known: Mutex<HashMap<u64, Weak<Stem>>>,
    next_id: AtomicU64,
}

impl Stems {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Weak<Stem>>> {
        // The map is whole between any two statements that hold the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a path apart into a stem, shared with the names like it, and a number.
pub(super) fn intern(budget: &Arc<MapBudget>, path: &Path) -> (Arc<Stem>, u64) {
    let (pattern, number) = split(path.as_os_str());
    let mut hasher = DefaultHasher::new();
    pattern.hash(&mut hasher);
    let hash = hasher.finish();

    let mut known = budget.stems.lock();
    let shared = known.get(&hash).and_then(Weak::upgrade);
    if let Some(stem) = shared {
        if stem.pattern == pattern {
            return (stem, number);
        }
        // Released before `stem`, whose drop takes the lock.
        drop(known);
        return (make(budget, pattern, hash), number);
    }
    let stem = make(budget, pattern, hash);
    known.insert(hash, Arc::downgrade(&stem));
    (stem, number)
}

fn make(budget: &Arc<MapBudget>, pattern: Pattern, hash: u64) -> Arc<Stem> {
    Arc::new(Stem {
        pattern,
        id: budget.stems.next_id.fetch_add(1, Ordering::Relaxed),
        hash,
        budget: Arc::clone(budget),
    })
}

/// Splits at the last run of digits before the extension.
fn split(path: &OsStr) -> (Pattern, u64) {
    let bytes = path.as_bytes();
    let name_at = bytes
        .iter()
        .rposition(|b| *b == b'/')
        .map_or(0, |at| at + 1);
    let (folder, name) = bytes.split_at(name_at);
    let dot = name.iter().rposition(|b| *b == b'.').unwrap_or(name.len());
    let end = name[..dot]
        .iter()
        .rposition(u8::is_ascii_digit)
        .map_or(0, |at| at + 1);
    let start = name[..end]
        .iter()
        .rposition(|b| !b.is_ascii_digit())
        .map_or(0, |at| at + 1);

    let digits = &name[start..end];
    let number = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse::<u64>().ok())
        .zip(u8::try_from(digits.len()).ok());
    if let Some((number, len)) = number {
        let padded = len > 1 && digits.first() == Some(&b'0');
        let pattern = Pattern {
            before: [folder, &name[..start]].concat().into(),
            width: Some(if padded { len } else { 0 }),
            after: name[end..].into(),
        };
        (pattern, number)
    } else {
        let pattern = Pattern {
            before: bytes.into(),
            width: None,
            after: Box::default(),
        };
        (pattern, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_were() {
        let budget = MapBudget::new(4);
        for name in [
            "/a/b/seg-00042.m4s",
            "/a/b/42.m4s",
            "/a/b/0.m4s",
            "/a/b/00.m4s",
            "/a/v300_7.m4s",
            "/a/1/init.mp4",
            "/a/99999999999999999999.m4s",
            "plain",
            "7",
            ".hidden9",
            "/a.1/",
        ] {
            let (stem, number) = intern(&budget, Path::new(name));
            assert_eq!(stem.path(number), Path::new(name));
        }
        let odd = OsStr::from_bytes(b"/a/\xff\xfe-3.ts");
        let (stem, number) = intern(&budget, Path::new(odd));
        assert_eq!(stem.path(number), Path::new(odd));
    }

    #[test]
    fn numbered_names_share_one_stem_until_the_last_is_gone() {
        let budget = MapBudget::new(4);
        let (one, _) = intern(&budget, Path::new("/v300/1.m4s"));
        let (two, _) = intern(&budget, Path::new("/v300/250.m4s"));
        let (other, _) = intern(&budget, Path::new("/v600/1.m4s"));
        assert!(Arc::ptr_eq(&one, &two));
        assert!(!Arc::ptr_eq(&one, &other));
        assert_eq!(budget.stems.lock().len(), 2);
        drop((one, two));
        assert_eq!(budget.stems.lock().len(), 1);
    }
}
