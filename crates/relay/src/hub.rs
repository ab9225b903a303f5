//! Everything that a relay does, by name: made from a configuration, changed by another one, ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use process::{
    Spawner,
    supervise::{LogFile, LogLimits, file_name},
};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    config::{self, Config, Origin, Surroundings, What},
    feed::{Plan, Role, Setup, Source},
    stream::{Admission, Kind, Stream, Undertaker},
};

/// What a relay needs of its process.
#[derive(Clone)]
pub struct Deps {
    /// Starts all children.
    pub spawner: Spawner,
    /// Values of placeholders.
    pub surroundings: Arc<Surroundings>,
    /// Returns the time of day, for lines of logs.
    pub stamp: Arc<dyn Fn() -> String + Send + Sync>,
    /// The command line that writes an HTTP resource to its stdout; the address follows.
    pub fetch: Vec<String>,
    /// Where the jitter of delays begins.
    pub seed: u64,
}

/// Why a relay cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Logs cannot be written.
    #[error("`logdir`: {}: {reason}", path.display())]
    Logs {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// All feeds and streams of one configuration.
pub struct Table {
    /// What it was made from.
    pub config: Config,
    /// Feeds by name.
    pub feeds: BTreeMap<String, Source>,
    /// Streams by name.
    pub streams: BTreeMap<String, Arc<Stream>>,
    /// Names of streams by their paths, without the leading `/`.
    urls: BTreeMap<String, String>,
}

impl Table {
    /// Finds the stream of a path, without the leading `/`.
    pub fn by_path(&self, path: &str) -> Option<&Arc<Stream>> {
        let name = match path.strip_prefix("stream/") {
            Some(name) => name,
            None => self.urls.get(path)?,
        };
        self.streams.get(name)
    }
}

/// A relay that runs.
pub struct Relay {
    pub(crate) deps: Deps,
    table: ArcSwap<Table>,
    /// What keeps the sources; held during a reload, so that they come one after the other.
    tasks: Mutex<JoinSet<()>>,
    pub(crate) admission: Admission,
    pub(crate) undertaker: Undertaker,
}

impl Relay {
    /// Makes a relay and starts what is to run from the beginning.
    ///
    /// # Errors
    /// When logs are wanted and cannot be written.
    ///
    /// # Panics
    /// When called outside of a tokio runtime.
    pub fn new(config: Config, deps: Deps) -> Result<Self, Error> {
        let relay = Self {
            deps,
            table: ArcSwap::from_pointee(Table {
                config: Config::default(),
                feeds: BTreeMap::new(),
                streams: BTreeMap::new(),
                urls: BTreeMap::new(),
            }),
            tasks: Mutex::default(),
            admission: Admission::default(),
            undertaker: Undertaker::default(),
        };
        relay.reload(config)?;
        Ok(relay)
    }

    /// Returns what is there now.
    pub fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// Returns who counts clients.
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Changes what is there to what another configuration says. Feeds and streams that are the same,
    /// and made of the same, are not touched.
    ///
    /// # Errors
    /// When logs are wanted and cannot be written; then nothing has changed.
    ///
    /// # Panics
    /// When called outside of a tokio runtime.
    pub fn reload(&self, config: Config) -> Result<(), Error> {
        if let Some(folder) = &config.logdir {
            check_writable(folder)?;
        }
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        let old = self.table.load_full();
        let mut builder = Builder {
            deps: &self.deps,
            config: &config,
            old: &old,
            tasks: &mut tasks,
            feeds: BTreeMap::new(),
            kept: BTreeSet::new(),
        };
        for name in config.feeds.keys() {
            builder.feed(name)?;
        }
        let mut streams = BTreeMap::new();
        for name in config.streams.keys() {
            if let Some(stream) = builder.stream(name)? {
                streams.insert(name.clone(), stream);
            }
        }
        let (feeds, kept) = (builder.feeds, builder.kept);
        let urls = streams
            .iter()
            .flat_map(|(name, stream): (&String, &Arc<Stream>)| {
                let urls = stream.config.urls.iter();
                urls.map(|url| (url.clone(), name.clone()))
            })
            .collect();
        self.admission.limit(config.limits);
        let table = Table {
            config,
            feeds,
            streams,
            urls,
        };
        let is_kept = |stream: &Arc<Stream>| {
            let same = table.streams.get(&stream.config.name);
            same.is_some_and(|it| Arc::ptr_eq(it, stream))
        };
        let gone = old.streams.values().filter(|stream| !is_kept(stream));
        let gone: Vec<Source> = gone
            .filter_map(|stream| stream.source().cloned())
            .filter(|source| source.role() == Role::Stream)
            .chain(
                old.feeds
                    .iter()
                    .filter(|(name, _)| !kept.contains(*name))
                    .map(|(_, source)| source.clone()),
            )
            .collect();
        self.table.store(Arc::new(table));
        gone.iter().for_each(Source::close);
        Ok(())
    }

    /// Ends all answers and all processes; those that have not ended within `grace` are killed.
    pub async fn shutdown(&self, grace: Duration) {
        let sources = self.sources();
        sources.iter().for_each(Source::close);
        self.undertaker.end_all();
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        let ended = async {
            while tasks.join_next().await.is_some() {}
            self.undertaker.rest().await;
        };
        if timeout(grace, ended).await.is_err() {
            tracing::warn!("feeds that did not end in time are killed");
            sources.iter().for_each(Source::kill);
            self.undertaker.kill_all();
            while tasks.join_next().await.is_some() {}
        }
    }

    /// Returns all feeds and all commands that are shared.
    pub fn sources(&self) -> Vec<Source> {
        let table = self.table.load();
        let feeds = table.feeds.values().cloned();
        let streams = table.streams.values();
        let shared = streams.filter_map(|stream| stream.source().cloned());
        let shared = shared.filter(|source| source.role() == Role::Stream);
        feeds.chain(shared).collect()
    }
}

/// Makes a table, of the parts of another one where they are the same.
struct Builder<'a> {
    deps: &'a Deps,
    config: &'a Config,
    old: &'a Table,
    tasks: &'a mut JoinSet<()>,
    feeds: BTreeMap<String, Source>,
    /// Feeds that were taken over.
    kept: BTreeSet<String>,
}

impl Builder<'_> {
    /// Makes a feed and those that it is made of. There are no cycles: the check has seen to it.
    fn feed(&mut self, name: &str) -> Result<Option<Source>, Error> {
        if let Some(made) = self.feeds.get(name) {
            return Ok(Some(made.clone()));
        }
        let Some(feed) = self.config.feeds.get(name).cloned() else {
            return Ok(None);
        };
        let command = match &feed.origin {
            Origin::Command(command) => Some(command.clone()),
            Origin::Pull(url) => Some(self.fetch(url)),
            Origin::Push { .. } => None,
        };
        let parents = match &command {
            Some(command) => self.parents(command)?,
            None => BTreeMap::new(),
        };
        let is_same = self.old.config.feeds.get(name) == Some(&feed)
            && self.old.config.logdir == self.config.logdir
            && parents.keys().all(|parent| self.kept.contains(parent));
        let source = if let Some(source) = self.old.feeds.get(name).filter(|_| is_same) {
            self.kept.insert(name.to_owned());
            source.clone()
        } else {
            let source = Source::new(Setup {
                role: Role::Feed,
                name: name.to_owned(),
                mode: feed.mode,
                rules: feed.rules.clone(),
                log: self.log("feed", name)?,
            });
            if let Some(command) = command {
                self.supervise(&source, command, parents);
            }
            source
        };
        self.feeds.insert(name.to_owned(), source.clone());
        Ok(Some(source))
    }

    fn stream(&mut self, name: &str) -> Result<Option<Arc<Stream>>, Error> {
        let Some(stream) = self.config.streams.get(name).cloned() else {
            return Ok(None);
        };
        let is_same = self.old.config.streams.get(name) == Some(&stream)
            && self.old.config.logdir == self.config.logdir
            && stream
                .parents()
                .iter()
                .all(|parent| self.kept.contains(*parent));
        if let Some(old) = self.old.streams.get(name).filter(|_| is_same) {
            return Ok(Some(Arc::clone(old)));
        }
        let kind = match &stream.what {
            What::PassThrough(feed) => self.feed(feed)?.map(Kind::Ring),
            What::Newest(feed, _) => self.feed(feed)?.map(Kind::Newest),
            What::Shared(command) => {
                let parents = self.parents(command)?;
                let source = Source::new(Setup {
                    role: Role::Stream,
                    name: name.to_owned(),
                    mode: config::Mode::OnDemand,
                    rules: stream.rules.clone(),
                    log: self.log("stream", name)?,
                });
                self.supervise(&source, command.clone(), parents);
                Some(Kind::Ring(source))
            }
            What::Exclusive(command) => Some(Kind::Exclusive(self.plan(command)?)),
            What::Shot(command, _) => Some(Kind::Shot(self.plan(command)?, Arc::default())),
        };
        let Some(kind) = kind else { return Ok(None) };
        let log = match kind {
            Kind::Exclusive(_) | Kind::Shot(..) => self.log("stream", name)?,
            Kind::Ring(_) | Kind::Newest(_) => None,
        };
        Ok(Some(Arc::new(Stream::new(stream, kind, log))))
    }

    fn plan(&mut self, command: &config::Command) -> Result<Plan, Error> {
        Ok(Plan {
            parents: self.parents(command)?,
            command: Arc::new(command.clone()),
            surroundings: Arc::clone(&self.deps.surroundings),
        })
    }

    fn parents(&mut self, command: &config::Command) -> Result<BTreeMap<String, Source>, Error> {
        let mut parents = BTreeMap::new();
        for name in command.parents() {
            if let Some(source) = self.feed(name)? {
                parents.insert(name.to_owned(), source);
            }
        }
        Ok(parents)
    }

    fn supervise(
        &mut self,
        source: &Source,
        command: config::Command,
        parents: BTreeMap<String, Source>,
    ) {
        let plan = Plan {
            command: Arc::new(command),
            parents,
            surroundings: Arc::clone(&self.deps.surroundings),
        };
        let place = self.feeds.len() as u64 + self.tasks.len() as u64;
        let seed = self.deps.seed.wrapping_add(place);
        let kept = source.supervise(plan, self.deps.spawner.clone(), seed);
        self.tasks.spawn(kept);
    }

    /// Makes the command that reads an HTTP resource.
    fn fetch(&self, url: &str) -> config::Command {
        let mut words = self.deps.fetch.clone();
        words.push(url.to_owned());
        config::Command {
            line: crate::words::Line::read(&words, &BTreeMap::new()),
            stdin: None,
            feeds: Vec::new(),
            treatment: Box::default(),
        }
    }

    /// Opens the log of a command.
    fn log(&self, kind: &str, name: &str) -> Result<Option<LogFile>, Error> {
        let Some(folder) = &self.config.logdir else {
            return Ok(None);
        };
        let path = folder.join(format!("{kind}_{}.log", file_name(name)));
        let stamp = Arc::clone(&self.deps.stamp);
        match LogFile::open(&path, LogLimits::default(), move || stamp()) {
            Ok(log) => {
                log.line("Log opened");
                Ok(Some(log))
            }
            Err(error) => Err(unwritable(&path, &error)),
        }
    }
}

fn check_writable(folder: &Path) -> Result<(), Error> {
    let metadata = fs::metadata(folder).map_err(|error| unwritable(folder, &error))?;
    if !metadata.is_dir() {
        let error = io::Error::from(io::ErrorKind::NotADirectory);
        return Err(unwritable(folder, &error));
    }
    let probe = folder.join(format!(".headend-{}", std::process::id()));
    fs::File::create(&probe)
        .and_then(|_| fs::remove_file(&probe))
        .map_err(|error| unwritable(folder, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::Logs {
        path: path.to_path_buf(),
        reason: error.to_string(),
    }
}

fn lock(tasks: &Mutex<JoinSet<()>>) -> MutexGuard<'_, JoinSet<()>> {
    // A set of tasks is whole between any two calls.
    tasks.lock().unwrap_or_else(PoisonError::into_inner)
}
