//! Commits to a store that fails, loses answers, cuts what it is given and overlooks conditions.

use std::{
    io,
    ops::Range,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use store::objects::{
    Content, Entry, Error as StoreError, Folder, Mode, Objects, Options, Problem, Put, Sink, Tag,
};

use super::{super::*, key, made};

/// What happens to one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing is written.
    Fails,
    /// It is written, and the answer is lost.
    Lost,
    /// Half of it is written.
    Cut,
}

/// A folder, and the write that goes wrong.
struct Faulty {
    inner: Folder,
    fault: Mutex<Option<(usize, Fault)>>,
    writes: AtomicUsize,
    overlooks_conditions: bool,
}

impl Objects for Faulty {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn read(
        &self,
        key: &str,
        range: Option<Range<u64>>,
        expected: Option<&Tag>,
        sink: &mut Sink<'_>,
    ) -> Result<Entry, StoreError> {
        self.inner.read(key, range, expected, sink)
    }

    fn put(
        &self,
        key: &str,
        content: Content<'_>,
        mut options: Options<'_>,
    ) -> Result<Put, StoreError> {
        if self.overlooks_conditions {
            options.mode = Mode::Overwrite;
        }
        let write = self.writes.fetch_add(1, Ordering::Relaxed);
        let fault = *self.fault.lock().unwrap();
        let failed = || StoreError {
            place: key.to_owned(),
            problem: Problem::Io(io::Error::other("planned")),
        };
        match fault.filter(|(at, _)| *at == write) {
            None => self.inner.put(key, content, options),
            Some((_, Fault::Fails)) => Err(failed()),
            Some((_, Fault::Lost)) => {
                self.inner.put(key, content, options)?;
                Err(failed())
            }
            Some((_, Fault::Cut)) => {
                let bytes = match content {
                    Content::Bytes(bytes) => bytes.to_vec(),
                    Content::File(path) | Content::Take(path) => std::fs::read(path).unwrap(),
                };
                let half = Content::Bytes(&bytes[..bytes.len() / 2]);
                self.inner.put(key, half, options)
            }
        }
    }

    fn head(&self, key: &str) -> Result<Option<Entry>, StoreError> {
        self.inner.head(key)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        self.inner.list(prefix)
    }

    fn folders(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.inner.folders(prefix)
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key)
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), StoreError> {
        self.inner.copy(from, to)
    }

    fn local_path(&self, key: &str) -> Option<PathBuf> {
        self.inner.local_path(key)
    }
}

struct Bench {
    _folder: tempfile::TempDir,
    store: Arc<Faulty>,
    ledger: Ledger,
}

impl Bench {
    fn new(overlooks_conditions: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Faulty {
            inner: Folder::new(folder.path().to_path_buf()),
            fault: Mutex::default(),
            writes: AtomicUsize::new(0),
            overlooks_conditions,
        });
        Self {
            ledger: Ledger::open(store.clone(), "jobs/1").unwrap(),
            store,
            _folder: folder,
        }
    }

    /// Runs a step once: two objects and the record.
    fn attempt(&self, number: u32) -> Result<Committed, Error> {
        let mut staging = self.ledger.stage(Step::Chunk(0), &Self::key(), number);
        staging.put_bytes("v0/init.mp4", b"init")?;
        staging.put_bytes("v0/1.m4s", b"media")?;
        staging.commit(made())
    }

    fn key() -> Key {
        key(Step::Chunk(0))
    }

    fn found(&self) -> Option<Record> {
        self.ledger.find_deep(Step::Chunk(0), &Self::key()).unwrap()
    }
}

#[test]
fn whichever_write_goes_wrong_a_step_is_done_or_not() {
    for overlooks in [false, true] {
        for write in 0..3 {
            for fault in [Fault::Fails, Fault::Lost, Fault::Cut] {
                let bench = Bench::new(overlooks);
                *bench.store.fault.lock().unwrap() = Some((write, fault));
                let what = format!("write {write} {fault:?}, conditions overlooked: {overlooks}");
                match bench.attempt(1) {
                    Ok(committed) if write < 2 || fault != Fault::Cut => {
                        assert_eq!(bench.found(), Some(committed.into_record()), "{what}");
                    }
                    // Nothing looks at the record once it is written; but it is not trusted either.
                    Ok(_) => assert_eq!(bench.found(), None, "{what}"),
                    Err(error) => {
                        assert!(error.may_pass(), "{what}: {error}");
                        let is_done = write == 2 && fault == Fault::Lost;
                        assert_eq!(bench.found().is_some(), is_done, "{what}");
                    }
                }
                // The next attempt puts it right, whatever was left.
                let record = bench.attempt(2).unwrap().into_record();
                assert_eq!(bench.found(), Some(record), "{what}");
                bench.ledger.sweep(i64::MAX).unwrap();
                assert!(bench.found().is_some(), "{what}");
                assert_eq!(bench.store.list("jobs/1/data").unwrap().len(), 2, "{what}");
            }
        }
    }
}

#[test]
fn two_winners_on_a_weak_store_harm_nothing() {
    let bench = Bench::new(true);
    let staged = |number| {
        let mut staging = bench.ledger.stage(Step::Chunk(0), &Bench::key(), number);
        staging.put_bytes("v0/1.m4s", b"media").unwrap();
        staging
    };
    let (one, two) = (staged(1), staged(2));
    assert!(matches!(one.commit(made()).unwrap(), Committed::First(_)));
    assert!(matches!(two.commit(made()).unwrap(), Committed::First(_)));
    let found = bench.found().unwrap();
    assert_eq!(found.made.attempt, 2, "the last one");
    assert_eq!(bench.ledger.sweep(i64::MAX).unwrap().objects, 1);
    assert_eq!(bench.found(), Some(found));
}
