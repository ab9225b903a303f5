use std::{
    fs,
    sync::{Arc, Mutex},
};

use asset::versions::{Keep, State};
use serde_json::json;
use store::objects::Folder;

use super::*;
use crate::commit::{Key, Ledger, Made, Step};

struct Bench {
    folder: tempfile::TempDir,
    store: Shared,
    shelf: Shelf,
    ledger: Ledger,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: Shared = Arc::new(Folder::new(folder.path().to_path_buf()));
        Self {
            shelf: Shelf::new(store.clone(), "film").unwrap(),
            ledger: Ledger::open(store.clone(), ".headend/jobs/1").unwrap(),
            store,
            folder,
        }
    }

    /// Makes a result of two segments and a playlist.
    fn pieces(&self, text: &str) -> Vec<Piece> {
        let key = Key::of(Step::Chunk(0)).parameters(&json!(text)).finish();
        let mut staging = self.ledger.stage(Step::Chunk(0), &key, 1);
        staging.put_bytes("v0/1.m4s", text.as_bytes()).unwrap();
        staging.put_bytes("v0/2.m4s", text.as_bytes()).unwrap();
        let record = staging.commit(Made::default()).unwrap().into_record();
        let playlist = Piece {
            name: "master.m3u8".to_owned(),
            source: Source::Bytes(b"#EXTM3U\n".to_vec()),
        };
        let segments = record.objects.into_iter().map(|object| Piece {
            name: object.name.clone(),
            source: Source::Object(object),
        });
        std::iter::once(playlist).chain(segments).collect()
    }

    fn publish(&self, pieces: Vec<Piece>) -> Result<Published, Error> {
        self.publish_from(&self.store, pieces, &|| false, &|_| ())
    }

    fn publish_from(
        &self,
        work: &Shared,
        pieces: Vec<Piece>,
        stop: &(dyn Fn() -> bool + Sync),
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Published, Error> {
        let publication = Publication {
            shelf: &self.shelf,
            work,
            job: "1",
            pieces,
        };
        publish(publication, 1000, stop, progress)
    }

    fn read(&self, version: &str, name: &str) -> Vec<u8> {
        self.store.get(&self.shelf.key(version, name)).unwrap()
    }
}

#[test]
fn a_result_becomes_a_version() {
    let bench = Bench::new();
    let told = Mutex::new(Vec::new());
    let published = bench
        .publish_from(&bench.store, bench.pieces("one"), &|| false, &|now| {
            told.lock().unwrap().push(now);
        })
        .unwrap();
    assert_eq!((published.files, published.bytes), (3, 14));
    assert_eq!(bench.read(&published.version, "v0/2.m4s"), b"one");
    let last = Progress {
        files: 3,
        of_files: 3,
    };
    assert!(told.into_inner().unwrap().contains(&last));
    let sealed = bench.shelf.version(&published.version).unwrap().unwrap();
    assert_eq!(
        sealed.files.last().unwrap().name,
        "master.m3u8",
        "manifests last"
    );

    // The same again is nothing new; another result takes its place, and the old one is kept.
    let same = bench.publish(bench.pieces("one")).unwrap();
    assert_eq!((&same.version, same.before), (&published.version, None));
    let other = bench.publish(bench.pieces("two")).unwrap();
    assert_eq!(other.before, Some(published.version.clone()));
    assert_eq!(bench.read(&published.version, "v0/1.m4s"), b"one");
    let listed = bench.shelf.versions().unwrap();
    let states: Vec<State> = listed.iter().map(|version| version.state).collect();
    assert_eq!(states, [State::Current, State::Kept]);

    // What the job kept for itself can go: the version has its own.
    bench.ledger.purge().unwrap();
    assert_eq!(bench.read(&other.version, "v0/1.m4s"), b"two");
    let keep = Keep {
        past_ms: 0,
        ..Keep::default()
    };
    let collected = bench.shelf.collect(keep, 10_000_000, false).unwrap();
    assert_eq!(collected.removed.len(), 1);
    assert_eq!(bench.read(&other.version, "v0/1.m4s"), b"two");
}

#[test]
fn what_is_interrupted_shows_nothing_and_goes_on() {
    let bench = Bench::new();
    let before = bench.publish(bench.pieces("old")).unwrap();
    for after in 0..3 {
        let asked = AtomicUsize::new(0);
        let stop = || asked.fetch_add(1, Ordering::Relaxed) >= after;
        let stopped = bench.publish_from(&bench.store, bench.pieces("new"), &stop, &|_| ());
        assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
        let pointer = bench.shelf.pointer().unwrap().unwrap();
        assert_eq!(pointer.version, before.version);
    }
    let published = bench.publish(bench.pieces("new")).unwrap();
    assert_eq!(published.before, Some(before.version));
    assert_eq!(bench.read(&published.version, "v0/1.m4s"), b"new");
}

#[test]
fn an_object_that_is_gone_or_cut_is_not_published() {
    let bench = Bench::new();
    let pieces = bench.pieces("media");
    let Source::Object(object) = &pieces[1].source else {
        panic!("the second piece is a segment");
    };
    let path = bench.folder.path().join(&object.place);
    fs::write(&path, "med").unwrap();
    let error = bench.publish(pieces.clone()).unwrap_err();
    assert!(error.to_string().contains("has 3 bytes, 5"), "{error}");
    fs::remove_file(&path).unwrap();
    bench.store.delete_below("film").unwrap();
    let error = bench.publish(pieces).unwrap_err();
    assert!(
        matches!(&error, Error::Store(e) if e.is_missing()),
        "{error}"
    );
    assert_eq!(bench.shelf.pointer().unwrap(), None);
}

#[test]
fn results_may_lie_in_another_store() {
    let bench = Bench::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let store: Shared = Arc::new(Folder::new(elsewhere.path().to_path_buf()));
    let shelf = Shelf::new(store.clone(), "film").unwrap();
    let bench = Bench {
        shelf,
        store: store.clone(),
        ..bench
    };
    let pieces = bench.pieces("far");
    let published = bench
        .publish_from(bench.ledger.store(), pieces, &|| false, &|_| ())
        .unwrap();
    assert_eq!(bench.read(&published.version, "v0/1.m4s"), b"far");
}
