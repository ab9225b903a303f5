//! What goes together: every fault of a form is found, not only the first.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Command, Config, Fault, Feed, Origin, Parameters, Rules, ShotRules, Span, Stream, Treatment,
    What,
    expand::{self, Bound, Entry},
    form::{FeedForm, Form, Kind, OneOrMany, Sharing, StreamForm, Switch},
    guard::dangerous,
};
use crate::{
    sniff::Format,
    words::{self, Line, Placeholder},
};

/// First components of paths that are not for streams.
const RESERVED: [&str; 22] = [
    "",
    "admin",
    "api",
    "config",
    "favicon.ico",
    "healthz",
    "ingest",
    "live",
    "livesim",
    "livesim-chunked",
    "livesim2",
    "metrics",
    "play",
    "readyz",
    "stat",
    "stat.json",
    "static",
    "stream",
    "streams.m3u",
    "streams.xspf",
    "time",
    "vod",
];

const START_TIMEOUT: Duration = Duration::from_secs(10);
const WINDOW: Duration = Duration::from_secs(5);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const MOST_COALESCE: Duration = Duration::from_millis(20);
const SHOT_TIMEOUT: Duration = Duration::from_secs(15);
const SHOT_BYTES: u64 = 32 << 20;
const SHOT_INSTANCES: u32 = 4;
const EXCLUSIVE_INSTANCES: u32 = 64;

/// Makes what a form comes to, or lists what is wrong with it.
pub(super) fn config(form: &Form) -> Result<Config, Vec<Fault>> {
    let mut check = Check {
        form,
        faults: Vec::new(),
    };
    let feeds = check.expanded("feeds", &form.feeds);
    let streams = check.expanded("streams", &form.streams);
    let names: BTreeSet<&str> = feeds.iter().map(|it| it.name.as_str()).collect();
    let feeds: Vec<(String, Option<Feed>)> = feeds
        .iter()
        .map(|entry| (entry.key.clone(), check.feed(entry, &names)))
        .collect();
    let streams: Vec<(String, Option<Stream>)> = streams
        .iter()
        .map(|entry| (entry.key.clone(), check.stream(entry, &names)))
        .collect();
    check.cycles(&feeds);
    check.urls(&streams);
    check.templates();
    if !check.faults.is_empty() {
        return Err(check.faults);
    }
    let streams = streams.into_iter().filter_map(|(_, stream)| stream);
    let streams: Vec<Stream> = streams.collect();
    let feeds = feeds.into_iter().filter_map(|(_, feed)| feed);
    let feeds = feeds.map(|feed| widened(feed, &streams));
    Ok(Config {
        logdir: form.logdir.clone(),
        pages: form.pages.unwrap_or_default(),
        limits: form.relay.unwrap_or_default(),
        feeds: feeds.map(|it| (it.name.clone(), Arc::new(it))).collect(),
        streams: streams
            .into_iter()
            .map(|it| (it.name.clone(), Arc::new(it)))
            .collect(),
    })
}

/// Makes the window of a feed as wide as streams need it that are sent as the feed is.
fn widened(feed: Feed, streams: &[Stream]) -> Feed {
    let mut feed = feed;
    for stream in streams {
        if matches!(&stream.what, What::PassThrough(name) if *name == feed.name) {
            feed.rules.window = feed.rules.window.max(stream.rules.window);
        }
    }
    feed
}

/// An entry on its own, with the key that it stands under.
struct Expanded<E> {
    key: String,
    name: String,
    form: E,
    bound: Bound,
}

struct Check<'a> {
    form: &'a Form,
    faults: Vec<Fault>,
}

/// What is wrong with a key of an entry, or with the entry.
type Wrong = (&'static str, String);

impl Check<'_> {
    fn fault(&mut self, path: [&str; 3], reason: impl Into<String>) {
        // The last may be left out, for the entry as a whole.
        let [section, entry, part] = path;
        let part = Some(part).filter(|part| !part.is_empty());
        self.faults.push(Fault {
            path: [section, entry]
                .into_iter()
                .chain(part)
                .map(str::to_owned)
                .collect(),
            reason: reason.into(),
            missing: None,
        });
    }

    fn missing(&mut self, section: &str, key: &str, missing: &'static str, reason: &str) {
        self.faults.push(Fault {
            path: vec![section.to_owned(), key.to_owned()],
            reason: reason.to_owned(),
            missing: Some(missing),
        });
    }

    /// Makes all entries of a section, each with a name that is its own.
    fn expanded<E: Entry>(
        &mut self,
        section: &'static str,
        entries: &BTreeMap<String, E>,
    ) -> Vec<Expanded<E>> {
        let mut all = Vec::new();
        let mut names = BTreeSet::new();
        for (key, entry) in entries {
            let made = match expand::expand(key, entry, &self.form.templates) {
                Ok(made) => made,
                Err((part, reason)) => {
                    self.fault([section, key, part], reason);
                    continue;
                }
            };
            for (name, form, bound) in made {
                if let Some(reason) = bad_name(section, &name) {
                    self.fault([section, key, ""], reason);
                }
                if !names.insert(name.clone()) {
                    self.fault([section, key, ""], format!("`{name}` is there twice"));
                }
                all.push(Expanded {
                    key: key.clone(),
                    name,
                    form,
                    bound,
                });
            }
        }
        all
    }

    fn feed(&mut self, entry: &Expanded<FeedForm>, feeds: &BTreeSet<&str>) -> Option<Feed> {
        const SECTION: &str = "feeds";
        let Expanded {
            key,
            name,
            form,
            bound,
        } = entry;
        let before = self.faults.len();
        let format = self.format([SECTION, key, "format"], form.format.as_deref());
        let origin = match (&form.command, &form.source) {
            (Some(text), None) => {
                let parts = Parts {
                    feed: form.feed.as_deref(),
                    feeds: form.feeds.as_deref().unwrap_or_default(),
                    query: &Parameters::default(),
                };
                let line = self.line([SECTION, key], text, bound, &parts);
                self.parents([SECTION, key], &parts, feeds);
                line.map(|line| {
                    let treatment = Treatment::from(form);
                    let command = treatment.command(line, form.feed.clone(), form.feeds.clone());
                    Origin::Command(command)
                })
            }
            (None, Some(source)) => {
                for (is_set, part) in [
                    (form.feed.is_some(), "feed"),
                    (form.feeds.is_some(), "feeds"),
                    (form.env.is_some(), "env"),
                ] {
                    if is_set {
                        self.fault(
                            [SECTION, key, part],
                            "this is for a command, not for a source",
                        );
                    }
                }
                match origin(source, form) {
                    Ok(origin) => {
                        let is_command = matches!(origin, Origin::Command(_));
                        for part in limits_of_commands(form).filter(|_| !is_command) {
                            let reason = "this is for a command, not for a source";
                            self.fault([SECTION, key, part], reason);
                        }
                        Some(origin)
                    }
                    Err(reason) => {
                        self.fault([SECTION, key, "source"], reason);
                        None
                    }
                }
            }
            (Some(_), Some(_)) => {
                let reason = "a feed has a command or a source, not both";
                self.fault([SECTION, key, "source"], reason);
                None
            }
            (None, None) => {
                self.missing(
                    SECTION,
                    key,
                    "command",
                    "a feed needs a `command` or a `source`",
                );
                None
            }
        };
        if let Some((part, reason)) = Treatment::from(form).wrong() {
            self.fault([SECTION, key, part], reason);
        }
        if form.auth.is_some() && form.source.as_deref() != Some("push") {
            self.fault(
                [SECTION, key, "auth"],
                "only a feed with `source: push` has publishers",
            );
        }
        let line = match &origin {
            Some(Origin::Command(command)) => Some(command.line.to_string()),
            _ => None,
        };
        let rules = Rules {
            format,
            resurrect: form.resurrect.unwrap_or_default(),
            start_timeout: or(form.start_timeout, START_TIMEOUT),
            stall_timeout: unless_zero(form.stall_timeout),
            window: or(form.window, WINDOW),
        };
        let origin = origin.filter(|_| self.faults.len() == before)?;
        Some(Feed {
            name: name.clone(),
            origin,
            mode: form.mode.unwrap_or_default(),
            rules,
            form: FeedForm {
                command: line,
                ..form.clone()
            },
        })
    }

    fn stream(&mut self, entry: &Expanded<StreamForm>, feeds: &BTreeSet<&str>) -> Option<Stream> {
        const SECTION: &str = "streams";
        let Expanded {
            key, name, form, ..
        } = entry;
        let before = self.faults.len();
        let format = self.format([SECTION, key, "format"], form.format.as_deref());
        let mut faults = Vec::new();
        let forms = form.query.clone().unwrap_or_default();
        let query = Parameters::read(&forms, |name, reason| {
            faults.push((name.to_owned(), reason));
        });
        for (name, reason) in faults {
            self.faults.push(Fault {
                path: [SECTION, key, "query", &name].map(str::to_owned).to_vec(),
                reason,
                missing: None,
            });
        }
        let treatment = Treatment::from(form);
        for (part, reason) in texts(form).into_iter().chain(treatment.wrong()) {
            self.fault([SECTION, key, part], reason);
        }
        let what = self.what(entry, feeds, &query);
        if let Some(reason) = wrong_coalesce(form) {
            self.fault([SECTION, key, "coalesce"], reason);
        }
        let line = match &what {
            Some(What::Shared(it) | What::Exclusive(it) | What::Shot(it, _)) => {
                Some(it.line.to_string())
            }
            _ => None,
        };
        let instances = match &what {
            Some(What::Shot(..)) => SHOT_INSTANCES,
            _ => EXCLUSIVE_INSTANCES,
        };
        let rules = Rules {
            format,
            resurrect: form.resurrect.unwrap_or_default(),
            start_timeout: or(form.start_timeout, START_TIMEOUT),
            stall_timeout: unless_zero(form.stall_timeout),
            // Who begins a burst behind is not late by that.
            window: or(form.window, WINDOW) + or(form.burst, Duration::ZERO),
        };
        let what = what.filter(|_| self.faults.len() == before)?;
        Some(Stream {
            name: name.clone(),
            what,
            mimetype: form.mimetype.clone(),
            urls: urls(form),
            start: form.start.unwrap_or_default(),
            burst: form.burst.map(Span::duration),
            on_slow: form.on_slow,
            write_timeout: or(form.write_timeout, WRITE_TIMEOUT),
            coalesce: or(form.coalesce, Duration::ZERO),
            max_clients: form.max_clients.unwrap_or(0),
            max_instances: form.max_instances.unwrap_or(instances),
            auth: form.auth.clone(),
            expose_errors: form.expose_errors.map(|Switch(is_on)| is_on),
            query,
            rules,
            form: StreamForm {
                command: line,
                ..form.clone()
            },
        })
    }

    /// Finds out what a stream gives.
    fn what(
        &mut self,
        entry: &Expanded<StreamForm>,
        feeds: &BTreeSet<&str>,
        query: &Parameters,
    ) -> Option<What> {
        const SECTION: &str = "streams";
        let Expanded {
            key, form, bound, ..
        } = entry;
        let shot = ShotRules {
            timeout: or(form.timeout, SHOT_TIMEOUT),
            max_bytes: form.max_bytes.unwrap_or(SHOT_BYTES),
            cache: or(form.cache, Duration::ZERO),
        };
        let parts = Parts {
            feed: form.feed.as_deref(),
            feeds: form.feeds.as_deref().unwrap_or_default(),
            query,
        };
        self.parents([SECTION, key], &parts, feeds);
        let Some(text) = &form.command else {
            let Some(feed) = form.feed.clone() else {
                self.missing(
                    SECTION,
                    key,
                    "command",
                    "a stream needs a `command` or a `feed`",
                );
                return None;
            };
            if form.client == Some(Sharing::Exclusive) {
                let reason = "without a command there is nothing to have for oneself";
                self.fault([SECTION, key, "client"], reason);
            }
            if !query.is_empty() {
                self.fault(
                    [SECTION, key, "query"],
                    "there is no command to put a parameter into",
                );
            }
            return Some(match form.kind.unwrap_or_default() {
                Kind::Stream => What::PassThrough(feed),
                Kind::Shot => What::Newest(feed, shot),
            });
        };
        if form.kind.is_none() {
            self.missing(
                SECTION,
                key,
                "type",
                "the `type` is missing: `stream` or `shot`",
            );
        }
        if form.mimetype.is_none() {
            self.missing(SECTION, key, "mimetype", "the `mimetype` is missing");
        }
        let line = self.line([SECTION, key], text, bound, &parts)?;
        let command = Treatment::from(form).command(line, form.feed.clone(), form.feeds.clone());
        let is_shot = form.kind == Some(Kind::Shot);
        Some(match form.client.unwrap_or_default() {
            _ if is_shot => What::Shot(command, shot),
            Sharing::Exclusive => What::Exclusive(command),
            Sharing::Shared => {
                if !query.is_empty() {
                    let reason = "only an exclusive stream or a shot can differ by request";
                    self.fault([SECTION, key, "query"], reason);
                }
                What::Shared(command)
            }
        })
    }

    /// Reads a command and looks at its placeholders.
    fn line(
        &mut self,
        [section, key]: [&str; 2],
        text: &str,
        bound: &Bound,
        parts: &Parts<'_>,
    ) -> Option<Line> {
        let words = match words::split(text) {
            Ok(words) => words,
            Err(error) => {
                self.fault([section, key, "command"], error.to_string());
                return None;
            }
        };
        let line = Line::read(&words, bound);
        let written = line.words();
        let mut is_good = true;
        for found in line.places() {
            let wrong = match found.place {
                Placeholder::Feed(name) if !parts.feeds.contains(name) => {
                    Some(format!("`{}` is not among `feeds`", found.place))
                }
                Placeholder::Query(name) if !parts.query.contains(name) => Some(format!(
                    "`{}` is not among the parameters in `query`",
                    found.place
                )),
                Placeholder::Query(_) => dangerous(&written, found.word),
                _ => None,
            };
            if let Some(reason) = wrong {
                self.fault([section, key, "command"], reason);
                is_good = false;
            }
        }
        let read: BTreeSet<&str> = line
            .places()
            .filter_map(|found| match found.place {
                Placeholder::Feed(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        for name in parts.feeds {
            if !read.contains(name.as_str()) {
                let reason = format!("the command does not read `{{feed:{name}}}`");
                self.fault([section, key, "feeds"], reason);
                is_good = false;
            }
        }
        is_good.then_some(line)
    }

    fn parents(&mut self, [section, key]: [&str; 2], parts: &Parts<'_>, feeds: &BTreeSet<&str>) {
        let one = parts.feed.map(|name| ("feed", name));
        let many = parts.feeds.iter().map(|name| ("feeds", name.as_str()));
        for (part, name) in one.into_iter().chain(many) {
            if !feeds.contains(name) {
                self.fault([section, key, part], format!("there is no feed `{name}`"));
            }
        }
    }

    fn format(&mut self, path: [&str; 3], name: Option<&str>) -> Option<Format> {
        let name = name.filter(|name| *name != "auto")?;
        if let Ok(format) = name.parse() {
            return Some(format);
        }
        let names: Vec<&str> = Format::ALL.iter().map(|it| it.as_str()).collect();
        let reason = format!(
            "`{name}` is no format; there are auto, {}",
            names.join(", ")
        );
        self.fault(path, reason);
        None
    }

    /// Looks for feeds that wait for themselves.
    fn cycles(&mut self, feeds: &[(String, Option<Feed>)]) {
        let parents: BTreeMap<&str, Vec<&str>> = feeds
            .iter()
            .filter_map(|(_, feed)| feed.as_ref())
            .map(|feed| {
                let parents = match &feed.origin {
                    Origin::Command(command) => command.parents().collect(),
                    Origin::Push { .. } | Origin::Pull(_) => Vec::new(),
                };
                (feed.name.as_str(), parents)
            })
            .collect();
        for (key, feed) in feeds {
            let Some(feed) = feed else { continue };
            let mut seen = BTreeSet::new();
            let mut next = vec![feed.name.as_str()];
            while let Some(name) = next.pop() {
                for parent in parents.get(name).into_iter().flatten() {
                    if *parent == feed.name {
                        let reason =
                            format!("`{}` is made of itself, by way of `{name}`", feed.name);
                        self.fault(["feeds", key, "feed"], reason);
                        next.clear();
                        break;
                    }
                    if seen.insert(*parent) {
                        next.push(parent);
                    }
                }
            }
        }
    }

    /// Looks for paths that are of others.
    fn urls(&mut self, streams: &[(String, Option<Stream>)]) {
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for (key, stream) in streams {
            let Some(stream) = stream else { continue };
            for url in &stream.urls {
                let first = url.split('/').next().unwrap_or_default();
                if RESERVED.contains(&first) {
                    let reason = format!("`/{url}` is kept for the server itself");
                    self.fault(["streams", key, "url"], reason);
                } else if let Some(owner) = owners.insert(url, &stream.name) {
                    let reason = format!("`/{url}` is the path of the stream `{owner}` already");
                    self.fault(["streams", key, "url"], reason);
                }
            }
        }
    }

    fn templates(&mut self) {
        let form = self.form;
        for (name, template) in &form.templates {
            let Some(text) = &template.command else {
                self.missing("templates", name, "command", "a template needs a `command`");
                continue;
            };
            if let Err(error) = words::split(text) {
                self.fault(["templates", name, "command"], error.to_string());
            }
        }
    }
}

/// Returns a span, or what holds where none is set.
fn or(span: Option<Span>, unset: Duration) -> Duration {
    span.map_or(unset, Span::duration)
}

fn unless_zero(span: Option<Span>) -> Option<Duration> {
    span.map(Span::duration).filter(|it| !it.is_zero())
}

/// What the placeholders of a command may name.
struct Parts<'a> {
    feed: Option<&'a str>,
    feeds: &'a [String],
    query: &'a Parameters,
}

fn bad_name(section: &str, name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("a name has at least one character")
    } else if name.chars().any(char::is_control) {
        Some("a name has no control characters")
    } else if section == "streams" && name.contains('/') {
        Some("the name of a stream has no `/`; give it a `url`")
    } else {
        None
    }
}

fn origin(source: &str, form: &FeedForm) -> Result<Origin, String> {
    if source == "push" {
        return Ok(Origin::Push {
            replace: form.replace.is_some_and(|Switch(is_on)| is_on),
            auth: form.auth.clone(),
        });
    }
    let is_http = source.starts_with("http://") || source.starts_with("https://");
    if is_http
        && source
            .parse::<http::Uri>()
            .is_ok_and(|uri| uri.host().is_some())
    {
        return Ok(Origin::Pull(source.to_owned()));
    }
    for (prefix, path) in [("channel:", "live"), ("asset:", "vod")] {
        if let Some(name) = source.strip_prefix(prefix).filter(|name| !name.is_empty()) {
            return Ok(Origin::Command(of_our_own(path, name, form)));
        }
    }
    Err(format!(
        "`{source}` is no source; write `push`, an http:// or https:// address, `channel:NAME` or \
         `asset:NAME`"
    ))
}

/// Makes the command that reads a channel or an asset of this server as MPEG-TS.
fn of_our_own(path: &str, name: &str, form: &FeedForm) -> Command {
    let mut url = format!("{{server}}/{path}/");
    // Encoded, no placeholder begins in a name.
    media::url::push_path(&mut url, name);
    url.push_str("/master.m3u8");
    let words = [
        "ffmpeg",
        "-nostdin",
        "-hide_banner",
        "-loglevel",
        "warning",
        "-re",
        "-i",
        &url,
        "-map",
        "0:v:0?",
        "-map",
        "0:a:0?",
        "-c",
        "copy",
        "-f",
        "mpegts",
        "pipe:1",
    ];
    let paced = path == "vod";
    let words = words.into_iter().filter(|word| paced || *word != "-re");
    let words: Vec<String> = words.map(str::to_owned).collect();
    let treatment = Treatment {
        folder: "/".into(),
        ..Treatment::from(form)
    };
    treatment.command(Line::read(&words, &Bound::new()), None, None)
}

/// Lists the keys that are set and mean nothing where no command is run.
fn limits_of_commands(form: &FeedForm) -> impl Iterator<Item = &'static str> {
    [
        ("stop_signal", form.stop_signal.is_some()),
        ("rlimits", form.rlimits.is_some()),
        ("max_rss", form.max_rss.is_some()),
    ]
    .into_iter()
    .filter_map(|(part, is_set)| is_set.then_some(part))
}

/// Says why pieces cannot be gathered as a stream wishes.
fn wrong_coalesce(form: &StreamForm) -> Option<&'static str> {
    let span = form.coalesce?;
    let is_shared = form.kind != Some(Kind::Shot) && form.client != Some(Sharing::Exclusive);
    if span.duration() > MOST_COALESCE {
        Some("pieces are gathered for 20ms at most")
    } else if !is_shared {
        Some("only a stream that its clients share has pieces to gather")
    } else {
        None
    }
}

/// Looks at texts that become headers or paths.
fn texts(form: &StreamForm) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    if let Some(text) = &form.mimetype
        && (text.is_empty() || http::HeaderValue::from_str(text).is_err())
    {
        wrong.push((
            "mimetype",
            format!("`{}` is no content type", text.escape_debug()),
        ));
    }
    for url in urls(form) {
        let odd = |c: char| c.is_control() || matches!(c, '?' | '#');
        if url.chars().any(odd) || url.split('/').any(|part| matches!(part, "." | "..")) {
            wrong.push(("url", format!("`{}` is no path", url.escape_debug())));
        }
    }
    wrong
}

fn urls(form: &StreamForm) -> Vec<String> {
    let written = match &form.url {
        None => &[][..],
        Some(OneOrMany::One(url)) => std::slice::from_ref(url),
        Some(OneOrMany::Many(urls)) => urls,
    };
    let bare = |url: &String| url.strip_prefix('/').unwrap_or(url).to_owned();
    written.iter().map(bare).collect()
}
