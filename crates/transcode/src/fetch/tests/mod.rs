mod early;
mod files;
mod ftp;
mod http;
pub(crate) mod web;

use std::{
    fs,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::*;

/// Bytes that differ everywhere.
fn content(length: usize) -> Vec<u8> {
    (0..length as u32)
        .flat_map(|n| (n / 4).wrapping_mul(2_654_435_761).to_le_bytes())
        .step_by(4)
        .take(length)
        .collect()
}

/// A folder to download into, and options that do not wait long.
struct Bench {
    folder: tempfile::TempDir,
    options: Options,
    growth: Growth,
    told: Mutex<Vec<Progress>>,
    stop: AtomicBool,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            options: Options {
                first_delay: Duration::from_millis(1),
                longest_delay: Duration::from_millis(5),
                attempts: 3,
                read_timeout: Duration::from_secs(20),
                limits: Limits {
                    free: 0,
                    ..Limits::default()
                },
                ..Options::default()
            },
            growth: Growth::default(),
            told: Mutex::default(),
            stop: AtomicBool::new(false),
        }
    }

    fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    fn fetch(&self, text: &str) -> Result<Fetched, Error> {
        let input = Input::parse(text).unwrap();
        self.with(|context| fetch(&input, &self.options, &self.spool(), context))
    }

    fn with<T>(&self, run: impl FnOnce(Context<'_>) -> T) -> T {
        let stop = || self.stop.load(Ordering::Relaxed);
        let mut progress = |now| self.told.lock().unwrap().push(now);
        run(Context {
            stop: &stop,
            progress: &mut progress,
            growth: Some(&self.growth),
        })
    }

    /// Fetches, and makes sure that the file is what it should be.
    fn whole(&self, text: &str, expected: &[u8]) -> Fetched {
        let fetched = self.fetch(text).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            fs::read(&fetched.path).unwrap() == expected,
            "another content"
        );
        assert_eq!(fetched.bytes, expected.len() as u64);
        assert_eq!(fetched.sha256, Some(store::digest::of_bytes(expected)));
        fetched
    }
}

#[test]
fn a_file_is_used_where_it_lies() {
    let bench = Bench::new();
    let path = bench.folder.path().join("film.mkv");
    fs::write(&path, content(100_000)).unwrap();
    let fetched = bench.fetch(path.to_str().unwrap()).unwrap();
    assert_eq!(fetched.path, path.canonicalize().unwrap());
    assert_eq!((fetched.bytes, fetched.transferred), (100_000, 0));
    assert_eq!(bench.growth.available(), 100_000);
    assert!(bench.growth.is_ended() && !bench.spool().try_exists().unwrap());
    assert_eq!(
        bench.fetch(path.to_str().unwrap()).unwrap().content_id,
        fetched.content_id
    );

    for wrong in ["/nowhere/film.mkv", bench.folder.path().to_str().unwrap()] {
        let error = bench.fetch(wrong).unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    }
}

#[test]
fn an_object_is_read_and_goes_on() {
    use store::objects::{Content, Folder, Objects as _, Options as Put};

    let bench = Bench::new();
    let store = std::sync::Arc::new(Folder::new(bench.folder.path().join("bucket")));
    let bytes = content(20 << 20);
    let put = |bytes: &[u8]| {
        store
            .put("in/film", Content::Bytes(bytes), Put::default())
            .unwrap()
    };
    put(&bytes);
    let input = Input::parse("s3://bucket/in/film").unwrap();
    let run = |stop_after: u64| {
        let mut remote = bucket::Bucket::over(store.clone(), "in/film");
        let stop = || bench.growth.available() >= stop_after;
        download::run(
            &mut remote,
            &input,
            &bench.options,
            &bench.spool(),
            Context {
                stop: &stop,
                progress: &mut |_| (),
                growth: Some(&bench.growth),
            },
        )
    };
    assert!(matches!(run(10 << 20), Err(Error::Stopped)));
    let fetched = run(u64::MAX).unwrap();
    assert!(fs::read(&fetched.path).unwrap() == bytes);
    // What is behind the last checkpoint is read again, at most.
    assert!(fetched.transferred <= 12 << 20, "{}", fetched.transferred);
    let again = run(u64::MAX).unwrap();
    assert_eq!(
        (again.transferred, again.content_id),
        (0, fetched.content_id.clone())
    );

    put(&content(1 << 20));
    let other = run(u64::MAX).unwrap();
    assert_eq!(other.bytes, 1 << 20);
    assert_ne!(other.content_id, fetched.content_id);
    store.delete("in/film").unwrap();
    assert!(
        run(u64::MAX).unwrap().unconfirmed,
        "it was downloaded before"
    );
}
