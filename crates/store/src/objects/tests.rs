use std::{fs, sync::Arc};

use object_store::memory::InMemory;

use super::*;

/// One store of each kind, and a folder for both.
struct Bench {
    folder: tempfile::TempDir,
    stores: Vec<Shared>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bucket = S3::over(Arc::new(InMemory::new()), "films", "work/").unwrap();
        Self {
            stores: vec![
                Arc::new(Folder::new(folder.path().join("store"))),
                Arc::new(bucket),
            ],
            folder,
        }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn create() -> Options<'static> {
    Options {
        mode: Mode::Create,
        ..Options::default()
    }
}

fn update(tag: &Tag) -> Options<'_> {
    Options {
        mode: Mode::Update(tag),
        ..Options::default()
    }
}

fn keys(entries: &[Entry]) -> Vec<(&str, u64)> {
    entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.bytes))
        .collect()
}

#[test]
fn objects_are_written_read_listed_and_removed() {
    for store in Bench::new().stores {
        let place = store.place();
        assert!(store.get("a").unwrap_err().is_missing(), "{place}");
        assert_eq!(store.head("a").unwrap(), None);
        assert_eq!(store.list("").unwrap(), []);
        store
            .put("a/b", Content::Bytes(b"01234"), Options::default())
            .unwrap();
        store
            .put("a/c/d", Content::Bytes(b"x"), Options::default())
            .unwrap();
        store
            .put("ab", Content::Bytes(b""), Options::default())
            .unwrap();
        assert_eq!(store.get("a/b").unwrap(), b"01234");
        assert_eq!(store.get_range("a/b", 1..3).unwrap(), b"12");
        assert_eq!(store.get_range("a/b", 3..u64::MAX).unwrap(), b"34");
        assert_eq!(store.get_range("a/b", 2..2).unwrap(), b"", "{place}");
        assert!(store.get("a").unwrap_err().is_missing(), "{place}");
        assert_eq!(store.head("a").unwrap(), None, "a folder is no object");
        assert_eq!(
            keys(&store.list("").unwrap()),
            [("a/b", 5), ("a/c/d", 1), ("ab", 0)]
        );
        assert_eq!(keys(&store.list("a").unwrap()), [("a/b", 5), ("a/c/d", 1)]);
        assert_eq!(store.list("none").unwrap(), []);
        assert_eq!(store.folders("").unwrap(), ["a"]);
        assert_eq!(store.folders("a").unwrap(), ["c"]);
        store.delete("a/b").unwrap();
        store.delete("a/b").unwrap();
        assert_eq!(store.delete_below("a").unwrap(), 1);
        assert_eq!(keys(&store.list("").unwrap()), [("ab", 0)]);
        assert_eq!(store.folders("").unwrap(), Vec::<String>::new(), "{place}");
        assert!(store.delete_below("").is_err());
        assert!(store.get("../x").is_err() && store.get("").is_err());
    }
}

#[test]
fn conditions_hold() {
    for store in Bench::new().stores {
        assert_ne!(
            store.put("r", Content::Bytes(b"one"), create()).unwrap(),
            Put::Refused
        );
        assert_eq!(
            store.put("r", Content::Bytes(b"two"), create()).unwrap(),
            Put::Refused
        );
        assert_eq!(store.get("r").unwrap(), b"one");

        let tag = store
            .head("r")
            .unwrap()
            .and_then(|entry| entry.tag)
            .unwrap();
        assert_ne!(
            store
                .put("r", Content::Bytes(b"2nd"), update(&tag))
                .unwrap(),
            Put::Refused
        );
        assert_eq!(
            store
                .put("r", Content::Bytes(b"3rd"), update(&tag))
                .unwrap(),
            Put::Refused
        );
        let stale = store
            .read("r", None, Some(&tag), &mut |_| Ok(()))
            .unwrap_err();
        assert!(matches!(stale.problem, Problem::Replaced), "{stale}");
        assert_eq!(store.get("r").unwrap(), b"2nd");
        let refused = store
            .put("gone", Content::Bytes(b""), update(&tag))
            .unwrap();
        assert_eq!(refused, Put::Refused);
        assert_eq!(
            selftest::run(store.as_ref(), "1").unwrap(),
            selftest::Abilities {
                create: true,
                update: true,
            }
        );
        assert_eq!(keys(&store.list("").unwrap()), [("r", 3)]);
        if let Some(folder) = store.local_path(".headend") {
            assert!(!folder.try_exists().unwrap(), "something is left behind");
        }
    }
}

#[test]
fn files_are_copied_or_taken() {
    let bench = Bench::new();
    for store in &bench.stores {
        let kept = bench.file("kept", b"kept");
        let given = bench.file("given", b"given");
        store
            .put("k", Content::File(&kept), Options::default())
            .unwrap();
        store
            .put("g", Content::Take(&given), Options::default())
            .unwrap();
        assert_eq!(store.get("k").unwrap(), b"kept");
        assert_eq!(store.get("g").unwrap(), b"given");
        assert!(kept.try_exists().unwrap() && !given.try_exists().unwrap());

        store.copy("k", "copy/of/k").unwrap();
        store
            .put("k", Content::Bytes(b"new"), Options::default())
            .unwrap();
        assert_eq!(store.get("copy/of/k").unwrap(), b"kept");
        store.copy("k", "copy/of/k").unwrap();
        assert_eq!(store.get("copy/of/k").unwrap(), b"new");
        assert!(store.copy("none", "x").unwrap_err().is_missing());
        let missing = bench.folder.path().join("none");
        let error = store
            .put("m", Content::File(&missing), Options::default())
            .unwrap_err();
        assert!(!error.is_missing(), "{error}");
        assert_eq!(store.head("m").unwrap(), None);
    }
}

#[test]
fn big_files_go_in_parts() {
    let bench = Bench::new();
    let bytes: Vec<u8> = (0..40_000_000_u32).map(|n| (n >> 7) as u8).collect();
    let file = bench.file("big", &bytes);
    for store in &bench.stores {
        store
            .put("big", Content::File(&file), Options::default())
            .unwrap();
        assert_eq!(store.head("big").unwrap().unwrap().bytes, 40_000_000);
        assert!(store.get("big").unwrap() == bytes);
    }
    let refused = bench.stores[1]
        .put("b", Content::File(&file), create())
        .unwrap_err();
    assert!(matches!(refused.problem, Problem::Unable(_)), "{refused}");
}

#[test]
fn an_error_of_the_receiver_ends_the_reading() {
    for store in Bench::new().stores {
        store
            .put("a", Content::Bytes(b"123"), Options::default())
            .unwrap();
        let error = store
            .read("a", None, None, &mut |_| Err(io::Error::other("disk full")))
            .unwrap_err();
        assert!(error.to_string().contains("disk full"), "{error}");
    }
}

#[test]
fn one_of_many_is_first() {
    for store in Bench::new().stores {
        let won: usize = std::thread::scope(|scope| {
            let race = |n: u8| {
                let store = &store;
                scope.spawn(move || store.put("once", Content::Bytes(&[n]), create()).unwrap())
            };
            let threads: Vec<_> = (0..8).map(race).collect();
            let ends = threads.into_iter().map(|thread| thread.join().unwrap());
            ends.filter(|put| *put != Put::Refused).count()
        });
        assert_eq!(won, 1);
    }
}

#[test]
fn files_that_are_being_written_are_no_objects() {
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::new(folder.path().to_path_buf());
    store
        .put("a", Content::Bytes(b"1"), Options::default())
        .unwrap();
    let tag = store.head("a").unwrap().unwrap().tag.unwrap();
    store.put("a", Content::Bytes(b"2"), update(&tag)).unwrap();
    fs::write(folder.path().join(".a.1.2.tmp"), b"half").unwrap();
    assert_eq!(keys(&store.list("").unwrap()), [("a", 1)]);
    store
        .put(".headend/job", Content::Bytes(b""), Options::default())
        .unwrap();
    assert_eq!(
        keys(&store.list("").unwrap()),
        [(".headend/job", 0), ("a", 1)]
    );
}

#[test]
fn only_folders_and_buckets_are_stores() {
    let open = |text: &str| open(&crate::uri::Uri::parse(text).unwrap());
    assert!(open("/somewhere").is_ok());
    for text in ["http://h/x", "nats://h/x"] {
        let error = open(text).err().unwrap();
        assert!(error.to_string().contains("s3://bucket/prefix"), "{error}");
    }
}
