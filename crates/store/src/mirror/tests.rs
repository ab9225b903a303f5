use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex as StdMutex,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use futures_util::{StreamExt as _, stream, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    memory::InMemory,
};

use super::*;

/// A store in memory that can misbehave.
#[derive(Debug, Default)]
struct Store {
    inner: InMemory,
    /// Ends the next answer with an error after so many bytes.
    cut_after: StdMutex<Option<usize>>,
    /// Replaces an object by this before the next answer.
    replace: StdMutex<Option<&'static [u8]>>,
    /// First byte of each answer.
    asked: StdMutex<Vec<u64>>,
    gets: AtomicU64,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

type Answer<T> = object_store::Result<T>;

#[async_trait::async_trait]
impl ObjectStore for Store {
    async fn put_opts(&self, to: &Key, bytes: PutPayload, how: PutOptions) -> Answer<PutResult> {
        self.inner.put_opts(to, bytes, how).await
    }

    async fn put_multipart_opts(
        &self,
        to: &Key,
        how: PutMultipartOptions,
    ) -> Answer<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(to, how).await
    }

    async fn get_opts(&self, key: &Key, options: GetOptions) -> Answer<GetResult> {
        if !options.head {
            let first = match options.range {
                Some(GetRange::Offset(first)) => first,
                _ => 0,
            };
            self.asked.lock().unwrap().push(first);
            self.gets.fetch_add(1, Ordering::Relaxed);
            let replace = self.replace.lock().unwrap().take();
            if let Some(bytes) = replace {
                self.inner.put(key, bytes.into()).await?;
            }
        }
        let mut result = self.inner.get_opts(key, options).await?;
        let cut_after = self.cut_after.lock().unwrap().take();
        if let Some(cut) = cut_after {
            let GetResult { meta, range, .. } = &result;
            let (meta, range) = (meta.clone(), range.clone());
            let attributes = result.attributes.clone();
            let some = result.bytes().await?.slice(..cut);
            let broken = Err(object_store::Error::Generic {
                store: "test",
                source: "cable cut".into(),
            });
            result = GetResult {
                payload: GetResultPayload::Stream(stream::iter([Ok(some), broken]).boxed()),
                meta,
                range,
                attributes,
                extensions: object_store::Extensions::default(),
            };
        }
        Ok(result)
    }

    fn delete_stream(
        &self,
        keys: BoxStream<'static, Answer<Key>>,
    ) -> BoxStream<'static, Answer<Key>> {
        self.inner.delete_stream(keys)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Answer<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Answer<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Answer<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A store, and a folder for mirrors of it.
struct Bench {
    store: Arc<Store>,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn with(objects: &[(&str, &'static str)]) -> Self {
        let bench = Self {
            store: Arc::default(),
            folder: tempfile::tempdir().unwrap(),
        };
        for (key, text) in objects {
            bench.put(key, text).await;
        }
        bench
    }

    async fn put(&self, key: &str, text: &'static str) {
        let key = Key::parse(key).unwrap();
        self.store.put(&key, text.into()).await.unwrap();
    }

    async fn delete(&self, key: &str) {
        self.store.delete(&Key::parse(key).unwrap()).await.unwrap();
    }

    fn mirror(&self, prefix: &str) -> Mirror {
        let store: Arc<dyn ObjectStore> = Arc::clone(&self.store) as _;
        Mirror::over(store, "films", prefix, self.folder.path().join("mirror")).unwrap()
    }
}

async fn sync(mirror: &Mirror) -> Summary {
    mirror.sync(&|_| ()).await.unwrap()
}

/// Returns the copy as paths with their texts.
fn copy(mirror: &Mirror) -> BTreeMap<String, String> {
    fn walk(folder: &Path, below: &str, into: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = format!("{below}/{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), &path, into);
            } else {
                into.insert(path, fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&mirror.content(), "", &mut found);
    found
}

fn texts(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    expected
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

fn time(mirror: &Mirror, path: &str) -> SystemTime {
    let path = mirror.content().join(path);
    fs::metadata(path).unwrap().modified().unwrap()
}

#[tokio::test]
async fn a_copy_follows_its_prefix() {
    let bench = Bench::with(&[
        ("vod/a/manifest.mpd", "m1"),
        ("vod/a/1.m4s", "one"),
        ("other/x", "x"),
        ("vodka", "no"),
    ])
    .await;
    let mirror = bench.mirror("vod/");
    assert!(!mirror.is_filled());
    let summary = sync(&mirror).await;
    assert_eq!((summary.objects, summary.bytes, summary.fetched), (2, 5, 2));
    assert!(mirror.is_filled() && mirror.root().ends_with("content/vod"));
    let first = time(&mirror, "vod/a/1.m4s");

    assert!(!sync(&mirror).await.changed());
    assert_eq!(bench.store.gets.load(Ordering::Relaxed), 2);

    bench.put("vod/a/1.m4s", "two").await;
    bench.put("vod/b/2.m4s", "new").await;
    bench.delete("vod/a/manifest.mpd").await;
    let summary = sync(&mirror).await;
    assert_eq!((summary.fetched, summary.removed), (2, 1));
    let expected = [("/vod/a/1.m4s", "two"), ("/vod/b/2.m4s", "new")];
    assert_eq!(copy(&mirror), texts(&expected));
    // Of the same length and the same second, and yet seen to be another.
    assert_ne!(time(&mirror, "vod/a/1.m4s"), first);

    bench.delete("vod/a/1.m4s").await;
    bench.delete("vod/b/2.m4s").await;
    assert_eq!(sync(&mirror).await.removed, 2);
    assert_eq!(fs::read_dir(mirror.root()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_copy_made_anew_looks_the_same() {
    let bench = Bench::with(&[("vod/1.m4s", "one")]).await;
    let mirror = bench.mirror("vod");
    sync(&mirror).await;
    let before = time(&mirror, "vod/1.m4s");
    fs::remove_dir_all(&mirror.folder).unwrap();
    let again = bench.mirror("vod");
    sync(&again).await;
    assert_eq!(time(&again, "vod/1.m4s"), before);
}

#[tokio::test]
async fn a_partial_download_goes_on_where_it_ended() {
    let bench = Bench::with(&[("vod/1.m4s", "0123456789")]).await;
    *bench.store.cut_after.lock().unwrap() = Some(4);
    let mirror = bench.mirror("vod");
    let error = mirror.sync(&|_| ()).await.unwrap_err();
    assert_eq!(error.uri, "s3://films/vod/1.m4s");
    assert!(error.to_string().contains("cable cut"), "{error}");
    assert!(!mirror.is_filled() && copy(&mirror).is_empty());

    let seen = StdMutex::new(Progress::default());
    mirror
        .sync(&|now| *seen.lock().unwrap() = now)
        .await
        .unwrap();
    assert_eq!(copy(&mirror), texts(&[("/vod/1.m4s", "0123456789")]));
    assert_eq!(*bench.store.asked.lock().unwrap(), [0, 4]);
    let all = Progress {
        listed: 1,
        objects: 1,
        of_objects: 1,
        bytes: 10,
        of_bytes: 10,
    };
    assert_eq!(*seen.lock().unwrap(), all);
}

#[tokio::test]
async fn a_partial_download_of_another_version_is_dropped() {
    let bench = Bench::with(&[("vod/1.m4s", "0123456789")]).await;
    *bench.store.cut_after.lock().unwrap() = Some(4);
    let mirror = bench.mirror("vod");
    mirror.sync(&|_| ()).await.unwrap_err();
    bench.put("vod/1.m4s", "abcdefghij").await;
    sync(&mirror).await;
    assert_eq!(copy(&mirror), texts(&[("/vod/1.m4s", "abcdefghij")]));
    assert_eq!(*bench.store.asked.lock().unwrap(), [0, 0]);
    // Only the folders of the copy are left.
    let left: Vec<_> = fs::read_dir(&mirror.folder).unwrap().flatten().collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[tokio::test]
async fn an_object_replaced_while_listed_is_listed_again() {
    let bench = Bench::with(&[("vod/1.m4s", "one")]).await;
    *bench.store.replace.lock().unwrap() = Some(b"other");
    let mirror = bench.mirror("vod");
    sync(&mirror).await;
    assert_eq!(copy(&mirror), texts(&[("/vod/1.m4s", "other")]));
}

#[tokio::test]
async fn files_become_folders_and_back() {
    let bench = Bench::with(&[("vod/a", "file"), ("vod/b/c", "inner")]).await;
    let mirror = bench.mirror("vod");
    sync(&mirror).await;
    bench.delete("vod/a").await;
    bench.put("vod/a/x/y", "deep").await;
    bench.delete("vod/b/c").await;
    bench.put("vod/b", "flat").await;
    sync(&mirror).await;
    let expected = [("/vod/a/x/y", "deep"), ("/vod/b", "flat")];
    assert_eq!(copy(&mirror), texts(&expected));
    // A marker of a folder is no file.
    bench.put("vod/a", "").await;
    assert!(!sync(&mirror).await.changed());
}

#[tokio::test]
async fn a_prefix_may_be_one_object() {
    let bench = Bench::with(&[("films/a.mkv", "film"), ("films/m.mpd", "mpd")]).await;
    let mirror = bench.mirror("films/a.mkv");
    sync(&mirror).await;
    assert_eq!(fs::read_to_string(mirror.root()).unwrap(), "film");
    bench.delete("films/a.mkv").await;
    sync(&mirror).await;
    assert!(fs::metadata(mirror.root()).unwrap().is_dir());
    bench.put("films/a.mkv", "again").await;
    sync(&mirror).await;
    assert_eq!(fs::read_to_string(mirror.root()).unwrap(), "again");

    let error = bench.mirror("films/m.mpd").sync(&|_| ()).await.unwrap_err();
    assert!(error.to_string().contains("name the folder"), "{error}");
}

#[tokio::test]
async fn what_another_process_or_a_crash_left_is_found_out() {
    let bench = Bench::with(&[("vod/1", "one"), ("vod/2", "two")]).await;
    let first = bench.mirror("vod");
    sync(&first).await;
    let second = bench.mirror("vod");
    assert!(!sync(&second).await.changed());
    bench.put("vod/3", "three").await;
    assert_eq!(sync(&second).await.fetched, 1);
    assert!(!sync(&first).await.changed(), "the record was read again");

    fs::remove_file(first.root().join("1")).unwrap();
    fs::write(first.root().join("2"), "damaged").unwrap();
    fs::create_dir(first.root().join("left")).unwrap();
    fs::write(first.root().join("left/over"), "stray").unwrap();
    let third = bench.mirror("vod");
    assert_eq!(sync(&third).await.fetched, 2);
    let expected = [("/vod/1", "one"), ("/vod/2", "two"), ("/vod/3", "three")];
    assert_eq!(copy(&third), texts(&expected));
}

#[tokio::test]
async fn syncs_of_one_folder_wait_for_each_other() {
    let bench = Bench::with(&[("vod/1", "one")]).await;
    let (first, second) = (bench.mirror("vod"), bench.mirror("vod"));
    let (one, two) = tokio::join!(sync(&first), sync(&second));
    assert_eq!(one.fetched + two.fetched, 1);
}

#[test]
fn only_stores_are_mirrored() {
    let folder = Path::new("/nowhere");
    for text in ["/srv", "http://h/x", "nats://h/x"] {
        let error = Mirror::new(&Uri::parse(text).unwrap(), folder)
            .err()
            .unwrap();
        assert!(error.to_string().contains("s3://bucket/prefix"), "{error}");
    }
}
