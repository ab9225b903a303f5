//! Objects in a bucket, through a runtime of their own so that callers may block.

use std::{
    fs::File,
    future::Future,
    io::{self, Read as _},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _,
    PutMode, PutMultipartOptions, PutOptions, UpdateVersion, path::Path as Key,
};
use tokio::runtime::{self, Runtime};

use super::{Content, Entry, Error, Mode, Objects, Options, Problem, Put, Sink, Tag, key};
use crate::s3::{self, Access, Fault};

/// Objects longer than this are written in parts of this size, in bytes.
const PART: usize = 16 << 20;
/// Parts that are under way at one time.
const PARTS: usize = 4;
/// How often a `Create` is asked anew when the store says that another one is under way.
const CONFLICTS: u32 = 5;
/// How long to wait then.
const CONFLICT_DELAY: Duration = Duration::from_millis(200);

/// A store below a prefix of a bucket.
pub struct S3 {
    store: Arc<dyn ObjectStore>,
    bucket: String,
    prefix: Key,
    /// Only none while it is dropped.
    runtime: Option<Runtime>,
}

impl S3 {
    /// Prepares a store; nothing is asked of it yet.
    pub(super) fn open(bucket: &str, prefix: &str, access: Option<&Access>) -> Result<Self, Error> {
        let connected = s3::connect(bucket, access).map_err(|fault| Error {
            place: format!("s3://{bucket}/{prefix}"),
            problem: Problem::Store(fault),
        })?;
        Self::over(Arc::new(connected.store), bucket, prefix)
    }

    /// Makes a store of any other; `bucket` is for messages only.
    pub(super) fn over(
        store: Arc<dyn ObjectStore>,
        bucket: &str,
        prefix: &str,
    ) -> Result<Self, Error> {
        let failed = |problem| Error {
            place: format!("s3://{bucket}/{prefix}"),
            problem,
        };
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("s3")
            .enable_all()
            .build()
            .map_err(|error| failed(Problem::Io(error)))?;
        let prefix = Key::parse(prefix)
            .map_err(|error| failed(Problem::Store(Fault::BadKey(error.to_string()))))?;
        Ok(Self {
            store,
            bucket: bucket.to_owned(),
            prefix,
            runtime: Some(runtime),
        })
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let runtime = self.runtime.as_ref();
        runtime.expect("it is there until the drop").block_on(work)
    }

    fn key(&self, key: &str) -> Result<Key, Error> {
        key::check(key).map_err(|reason| Error::key(self.place(), key, reason))?;
        self.join(key)
    }

    fn join(&self, below: &str) -> Result<Key, Error> {
        let whole = if self.prefix.as_ref().is_empty() {
            below.to_owned()
        } else {
            format!("{}/{below}", self.prefix)
        };
        Key::parse(whole)
            .map_err(|error| self.error(below)(Problem::Store(Fault::BadKey(error.to_string()))))
    }

    /// Returns the key of a prefix.
    fn below(&self, prefix: &str) -> Result<Key, Error> {
        match prefix.trim_end_matches('/') {
            "" => Ok(self.prefix.clone()),
            prefix => self.key(prefix),
        }
    }

    fn entry(&self, meta: ObjectMeta) -> Entry {
        let whole = meta.location.as_ref();
        let below = whole.strip_prefix(self.prefix.as_ref()).unwrap_or(whole);
        Entry {
            key: below.trim_start_matches('/').to_owned(),
            bytes: meta.size,
            modified_ms: meta.last_modified.timestamp_millis(),
            tag: meta.e_tag.map(Tag),
        }
    }

    /// Makes a function that names an object in an error.
    fn error(&self, key: &str) -> impl Fn(Problem) -> Error {
        let place = format!("{}/{key}", self.place());
        move |problem| Error {
            place: place.clone(),
            problem,
        }
    }

    async fn put_bytes(
        &self,
        to: &Key,
        bytes: Vec<u8>,
        options: Options<'_>,
    ) -> Result<Put, Problem> {
        let bytes = bytes::Bytes::from(bytes);
        let mode = match options.mode {
            Mode::Overwrite => PutMode::Overwrite,
            Mode::Create => PutMode::Create,
            Mode::Update(tag) => PutMode::Update(UpdateVersion {
                e_tag: Some(tag.0.clone()),
                version: None,
            }),
        };
        for attempt in 0.. {
            let how = PutOptions {
                mode: mode.clone(),
                attributes: attributes(options),
                ..PutOptions::default()
            };
            match self.store.put_opts(to, bytes.clone().into(), how).await {
                Ok(done) => return Ok(Put::Done(done.e_tag.map(Tag))),
                Err(object_store::Error::AlreadyExists { .. }) => {
                    // Also said while somebody else's create is under way, which may yet fail
                    // (409, S3: "Conditional writes").
                    if attempt >= CONFLICTS || self.store.head(to).await.is_ok() {
                        return Ok(Put::Refused);
                    }
                    tokio::time::sleep(CONFLICT_DELAY).await;
                }
                Err(object_store::Error::Precondition { .. }) => return Ok(Put::Refused),
                Err(error) => return Err(problem(error)),
            }
        }
        Ok(Put::Refused)
    }

    /// Writes a file in parts, a few at one time. What was sent is dropped when a part fails.
    async fn put_parts(
        &self,
        to: &Key,
        mut file: File,
        options: Options<'_>,
    ) -> Result<Put, Problem> {
        let how = PutMultipartOptions {
            attributes: attributes(options),
            ..PutMultipartOptions::default()
        };
        let mut upload = self
            .store
            .put_multipart_opts(to, how)
            .await
            .map_err(problem)?;
        let mut under_way = stream::FuturesUnordered::new();
        let sent: Result<(), Problem> = async {
            loop {
                let mut part = Vec::new();
                let read = io::Read::by_ref(&mut file)
                    .take(PART as u64)
                    .read_to_end(&mut part)?;
                if read == 0 {
                    break;
                }
                under_way.push(upload.put_part(part.into()));
                if under_way.len() >= PARTS
                    && let Some(done) = under_way.next().await
                {
                    done.map_err(problem)?;
                }
            }
            while let Some(done) = under_way.next().await {
                done.map_err(problem)?;
            }
            Ok(())
        }
        .await;
        drop(under_way);
        let completed = match sent {
            Ok(()) => upload.complete().await.map_err(problem),
            Err(problem) => Err(problem),
        };
        match completed {
            Ok(done) => Ok(Put::Done(done.e_tag.map(Tag))),
            Err(problem) => {
                // What cannot be dropped now is for the bucket's own rule on stale uploads.
                let _ = upload.abort().await;
                Err(problem)
            }
        }
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Nothing is under way: requests are made while callers wait.
            runtime.shutdown_background();
        }
    }
}

impl Objects for S3 {
    fn place(&self) -> String {
        if self.prefix.as_ref().is_empty() {
            format!("s3://{}", self.bucket)
        } else {
            format!("s3://{}/{}", self.bucket, self.prefix)
        }
    }

    fn read(
        &self,
        key: &str,
        range: Option<Range<u64>>,
        expected: Option<&Tag>,
        sink: &mut Sink<'_>,
    ) -> Result<Entry, Error> {
        let from = self.key(key)?;
        let error = self.error(key);
        let empty = range.as_ref().is_some_and(|range| range.start >= range.end);
        let options = GetOptions {
            if_match: expected.map(|tag| tag.0.clone()),
            range: range.filter(|_| !empty).map(|range| {
                if range.end == u64::MAX {
                    GetRange::Offset(range.start)
                } else {
                    GetRange::Bounded(range)
                }
            }),
            head: empty,
            ..GetOptions::default()
        };
        self.wait(async {
            let answer = match self.store.get_opts(&from, options).await {
                Ok(answer) => answer,
                Err(refused) if is_range_refused(&refused) => {
                    // It begins behind the end, where files have no bytes and no fault either.
                    let meta = self.store.head(&from).await.map_err(problem)?;
                    return Ok(self.entry(meta));
                }
                Err(error) => return Err(problem(error)),
            };
            let entry = self.entry(answer.meta.clone());
            if empty {
                return Ok(entry);
            }
            let expected = answer.range.end - answer.range.start;
            let mut got = 0;
            let mut pieces = answer.into_stream();
            while let Some(piece) = pieces.try_next().await.map_err(problem)? {
                got += piece.len() as u64;
                sink(&piece)?;
            }
            if got == expected {
                Ok(entry)
            } else {
                Err(Problem::Short { got, expected })
            }
        })
        .map_err(error)
    }

    fn put(&self, key: &str, content: Content<'_>, options: Options<'_>) -> Result<Put, Error> {
        let to = self.key(key)?;
        let error = self.error(key);
        let (bytes, path) = match content {
            Content::Bytes(bytes) => (bytes.to_vec(), None),
            Content::File(path) | Content::Take(path) => {
                let of_file = |error: io::Error| Error {
                    place: path.display().to_string(),
                    problem: Problem::Io(error),
                };
                let mut file = File::open(path).map_err(of_file)?;
                let length = file.metadata().map_err(of_file)?.len();
                if length > PART as u64 {
                    if options.mode != Mode::Overwrite {
                        let what = "write an object of this size on a condition";
                        return Err(error(Problem::Unable(what)));
                    }
                    let put = self.wait(self.put_parts(&to, file, options));
                    return taken(content, put.map_err(error)?);
                }
                let mut bytes = Vec::with_capacity(length as usize);
                file.read_to_end(&mut bytes).map_err(of_file)?;
                (bytes, Some(path))
            }
        };
        let put = self.wait(self.put_bytes(&to, bytes, options));
        let put = put.map_err(error)?;
        if path.is_some() && put != Put::Refused {
            return taken(content, put);
        }
        Ok(put)
    }

    fn head(&self, key: &str) -> Result<Option<Entry>, Error> {
        let from = self.key(key)?;
        match self.wait(self.store.head(&from)) {
            Ok(meta) => Ok(Some(self.entry(meta))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error(key)(problem(error))),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        let below = self.below(prefix)?;
        let listed: Result<Vec<ObjectMeta>, _> =
            self.wait(self.store.list(Some(&below)).try_collect());
        let listed = listed.map_err(|error| self.error(prefix)(problem(error)))?;
        let mut found: Vec<Entry> = listed.into_iter().map(|meta| self.entry(meta)).collect();
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    fn folders(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let below = self.below(prefix)?;
        let listed = self
            .wait(self.store.list_with_delimiter(Some(&below)))
            .map_err(|error| self.error(prefix)(problem(error)))?;
        let mut names: Vec<String> = listed
            .common_prefixes
            .iter()
            .filter_map(|folder| folder.filename().map(str::to_owned))
            .collect();
        names.sort();
        Ok(names)
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        let at = self.key(key)?;
        match self.wait(self.store.delete(&at)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error(key)(problem(error))),
        }
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), Error> {
        let (source, target) = (self.key(from)?, self.key(to)?);
        self.wait(self.store.copy(&source, &target))
            .map_err(|error| self.error(from)(problem(error)))
    }

    fn local_path(&self, _key: &str) -> Option<PathBuf> {
        None
    }
}

/// Removes a file whose content the store has, if it may be taken.
fn taken(content: Content<'_>, put: Put) -> Result<Put, Error> {
    if let Content::Take(path) = content {
        remove(path)?;
    }
    Ok(put)
}

fn remove(path: &Path) -> Result<(), Error> {
    std::fs::remove_file(path).map_err(|error| Error {
        place: path.display().to_string(),
        problem: Problem::Io(error),
    })
}

fn attributes(options: Options<'_>) -> Attributes {
    let mut attributes = Attributes::new();
    for (attribute, value) in [
        (Attribute::ContentType, options.content_type),
        (Attribute::CacheControl, options.cache_control),
    ] {
        if let Some(value) = value {
            attributes.insert(attribute, value.to_owned().into());
        }
    }
    attributes
}

fn problem(error: object_store::Error) -> Problem {
    match error {
        object_store::Error::NotFound { .. } if !is_bucket_missing(&error) => Problem::Missing,
        object_store::Error::Precondition { .. } | object_store::Error::NotModified { .. } => {
            Problem::Replaced
        }
        other => Problem::Store(other.into()),
    }
}

fn is_bucket_missing(error: &object_store::Error) -> bool {
    error.to_string().contains("<Code>NoSuchBucket</Code>")
}

/// Tells whether a range was refused because it begins behind the end of the object (416).
fn is_range_refused(error: &object_store::Error) -> bool {
    let text = error.to_string();
    text.contains("416") || text.contains("InvalidRange")
}
