use std::{fs, sync::Arc};

use store::objects::{Content, Folder, Options};

use super::*;

const A: &str = "v-00000000000a";
const B: &str = "v-00000000000b";
const C: &str = "v-00000000000c";
const HOUR_MS: i64 = 60 * 60 * 1000;

struct Bench {
    folder: tempfile::TempDir,
    shelf: Shelf,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Folder::new(folder.path().to_path_buf()));
        Self {
            shelf: Shelf::new(store, "films/one").unwrap(),
            folder,
        }
    }

    fn write(&self, version: &str) -> Version {
        self.shelf.begin(version).unwrap();
        let names = ["v0/1.m4s", "master.m3u8"];
        for name in names {
            let key = self.shelf.key(version, name);
            let bytes = Content::Bytes(version.as_bytes());
            self.shelf
                .store()
                .put(&key, bytes, Options::default())
                .unwrap();
        }
        let file = |name: &str| File {
            name: name.to_owned(),
            bytes: version.len() as u64,
            hash: store::digest::of_bytes(version.as_bytes()),
        };
        Version::new(version, "job", 1, names.map(file).into())
    }

    fn publish(&self, version: &str, now_ms: i64) -> Flip {
        self.shelf.seal(&self.write(version)).unwrap();
        self.shelf.flip(version, now_ms).unwrap()
    }

    fn states(&self) -> Vec<(String, State)> {
        let listed = self.shelf.versions().unwrap();
        listed.into_iter().map(|v| (v.version, v.state)).collect()
    }

    fn collect(&self, keep: Keep, now_ms: i64) -> Vec<String> {
        let collected = self.shelf.collect(keep, now_ms, false).unwrap();
        collected.removed.into_iter().map(|r| r.version).collect()
    }
}

fn keep(past_ms: i64, at_least: usize) -> Keep {
    Keep {
        past_ms,
        at_least,
        ..Keep::default()
    }
}

/// Later than any file was written by the clock of the file system.
fn much_later() -> i64 {
    i64::MAX / 2
}

#[test]
fn a_version_is_shown_when_it_is_whole() {
    let bench = Bench::new();
    assert_eq!(bench.shelf.pointer().unwrap(), None);
    let version = bench.write(A);
    assert_eq!(bench.states(), [(A.to_owned(), State::Incomplete)]);
    let error = bench.shelf.flip(A, 5).unwrap_err();
    assert!(matches!(error, Error::NoVersion { .. }), "{error}");
    bench.shelf.seal(&version).unwrap();
    assert_eq!(bench.shelf.flip(A, 5).unwrap(), Flip::Done { before: None });
    assert_eq!(bench.shelf.flip(A, 6).unwrap(), Flip::Already);
    assert_eq!(bench.shelf.version(A).unwrap(), Some(version));

    let before = Some(A.to_owned());
    assert_eq!(bench.publish(B, 7), Flip::Done { before });
    let pointer = bench.shelf.pointer().unwrap().unwrap();
    assert_eq!((pointer.version.as_str(), pointer.since_ms), (B, 7));
    let shown = [(B.to_owned(), State::Current), (A.to_owned(), State::Kept)];
    assert_eq!(bench.states(), shown);
    let names: Vec<String> = shelves(bench.shelf.store())
        .unwrap()
        .iter()
        .map(|shelf| shelf.name().to_owned())
        .collect();
    assert_eq!(names, ["films/one"]);
}

#[test]
fn a_version_that_lacks_something_is_not_sealed() {
    let bench = Bench::new();
    let version = bench.write(A);
    let path = bench
        .folder
        .path()
        .join("films/one")
        .join(A)
        .join("v0/1.m4s");
    fs::write(&path, "cut").unwrap();
    let error = bench.shelf.seal(&version).unwrap_err();
    assert!(
        error.to_string().contains("`v0/1.m4s` has 3 bytes, 14"),
        "{error}"
    );
    fs::remove_file(&path).unwrap();
    assert!(bench.shelf.seal(&version).is_err());
    assert!(bench.shelf.flip(A, 1).is_err());
}

#[test]
fn what_is_shown_or_young_is_never_removed() {
    let bench = Bench::new();
    bench.publish(A, 0);
    assert_eq!(bench.collect(keep(0, 0), much_later()), [""; 0]);
    bench.publish(B, 10 * HOUR_MS);
    // Whatever is asked for, ten minutes are kept.
    let young = 10 * HOUR_MS + 9 * 60_000;
    assert_eq!(bench.collect(keep(0, 0), young), [""; 0]);
    assert_eq!(
        bench.collect(keep(0, 1), 11 * HOUR_MS),
        [""; 0],
        "one is to stay"
    );
    let collected = bench.shelf.collect(keep(0, 0), 11 * HOUR_MS, true).unwrap();
    assert_eq!((collected.removed.len(), collected.kept), (1, 1));
    assert_eq!(bench.states().len(), 2, "it was pretended");
    assert_eq!(bench.collect(keep(0, 0), 11 * HOUR_MS), [A]);
    assert_eq!(bench.states(), [(B.to_owned(), State::Current)]);

    // The asset goes back to a version, and what is shown is another one.
    bench.publish(C, 20 * HOUR_MS);
    bench.shelf.flip(B, 21 * HOUR_MS).unwrap();
    assert_eq!(bench.collect(keep(0, 0), 30 * HOUR_MS), [C]);
}

#[test]
fn what_was_left_behind_goes_when_it_is_old() {
    let bench = Bench::new();
    bench.publish(A, 0);
    bench.write(B);
    let written = bench.shelf.versions().unwrap()[1].written_ms;
    assert_eq!(
        bench.collect(Keep::default(), written + 23 * HOUR_MS),
        [""; 0]
    );
    assert_eq!(bench.collect(Keep::default(), written + 25 * HOUR_MS), [B]);
    assert!(bench.folder.path().join("films/one").join(A).is_dir());
    assert!(
        !bench
            .folder
            .path()
            .join("films/one")
            .join(B)
            .try_exists()
            .unwrap()
    );
}

#[test]
fn the_first_publication_is_not_removed_before_its_pointer() {
    let bench = Bench::new();
    bench.shelf.seal(&bench.write(A)).unwrap();
    assert_eq!(bench.collect(keep(0, 0), much_later()), [""; 0]);
    bench.shelf.flip(A, 1).unwrap();
}

#[test]
fn a_damaged_pointer_stops_the_collector_and_not_the_publisher() {
    let bench = Bench::new();
    bench.publish(A, 0);
    let pointer = bench.folder.path().join("films/one").join(POINTER);
    fs::write(&pointer, b"{\"format\":1").unwrap();
    assert!(
        bench
            .shelf
            .collect(keep(0, 0), much_later(), false)
            .is_err()
    );
    assert_eq!(bench.publish(B, 1), Flip::Done { before: None });
    assert_eq!(bench.shelf.pointer().unwrap().unwrap().version, B);
}

#[test]
fn those_who_publish_at_one_time_all_get_through() {
    let bench = Bench::new();
    let versions: Vec<String> = (0..8).map(|n| format!("v-{n:012x}")).collect();
    std::thread::scope(|scope| {
        for version in &versions {
            scope.spawn(|| bench.publish(version, 1));
        }
    });
    let pointer = bench.shelf.pointer().unwrap().unwrap();
    assert_eq!(pointer.past.len(), 7, "none was lost: {pointer:?}");
}

#[test]
fn names_that_are_hidden_or_lead_elsewhere_are_refused() {
    let bench = Bench::new();
    for name in ["", "../x", "/x", ".hidden", "a/.headend/b", "a//b"] {
        assert!(
            Shelf::new(bench.shelf.store().clone(), name).is_err(),
            "{name}"
        );
    }
    assert!(bench.shelf.begin("../elsewhere").is_err());
}
