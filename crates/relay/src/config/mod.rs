//! Feeds and streams as a configuration has them, and what they come to: checked, with defaults,
//! templates expanded and commands split. Knows neither files nor the format they are written in.
//!
//! ```text
//! form    the keys as written           expand   one entry of many by `for_each`, templates
//! span    times                         check    what goes together; everything wrong at once
//! mode    when a feed runs              query    what a request may put into a command
//! values  of the surroundings           guard    where a value of a request may not stand
//! treatment of commands: signals, limits
//! ```
//!
//! [`Config::of`] makes a [`Config`] of a [`Form`], or names everything that is wrong with it.

mod check;
mod expand;
mod form;
mod guard;
mod mode;
mod query;
mod span;
mod treatment;
mod values;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use serde_json::Value;

pub use form::{
    AuthForm, FeedForm, ForEach, Form, Kind, OnSlow, OneOrMany, PagesForm, QueryForm, RelayForm,
    Resurrect, Scalar, Secret, Sharing, Start, StreamForm, Switch, TemplateForm,
};
pub use mode::Mode;
pub use query::{BadQuery, Parameters};
pub use span::Span;
pub use treatment::{RlimitsForm, Size, StopSignal, Treatment};
pub use values::Surroundings;

use crate::{sniff::Format, words::Line};

/// Something that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", path.join("."))]
pub struct Fault {
    /// The keys that lead to it, from the root.
    pub path: Vec<String>,
    /// What is wrong.
    pub reason: String,
    /// The key whose absence it is.
    pub missing: Option<&'static str>,
}

/// What a relay does, ready to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where the stderr of commands is kept.
    pub logdir: Option<PathBuf>,
    /// Which pages there are.
    pub pages: PagesForm,
    /// Limits of all streams together.
    pub limits: RelayForm,
    /// Sources by name.
    pub feeds: BTreeMap<String, Arc<Feed>>,
    /// Streams by name.
    pub streams: BTreeMap<String, Arc<Stream>>,
}

/// A source of media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its name.
    pub name: String,
    /// Where its bytes come from.
    pub origin: Origin,
    /// When it runs.
    pub mode: Mode,
    /// How its runs are treated.
    pub rules: Rules,
    /// The entry that it was made from, on its own.
    pub form: FeedForm,
}

/// Where the bytes of a feed come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The stdout of a program.
    Command(Command),
    /// Whoever sends them by `PUT` or `POST`.
    Push {
        /// Whether a new publisher takes the place of the one before.
        replace: bool,
        /// Who may.
        auth: Option<AuthForm>,
    },
    /// An HTTP resource.
    Pull(String),
}

/// A program to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments.
    pub line: Line,
    /// The feed on its stdin.
    pub stdin: Option<String>,
    /// Feeds that it reads by path.
    pub feeds: Vec<String>,
    /// How it is treated.
    pub treatment: Box<Treatment>,
}

impl Command {
    /// Returns the names of all feeds that it reads.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        let all = self.stdin.iter().chain(&self.feeds);
        all.map(String::as_str)
    }
}

/// How the runs of a source are treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The container, unless it is to be found out.
    pub format: Option<Format>,
    /// Whether a command is started again.
    pub resurrect: Resurrect,
    /// How long clients wait for the first bytes.
    pub start_timeout: Duration,
    /// A silence that ends a run.
    pub stall_timeout: Option<Duration>,
    /// How far behind a client may be.
    pub window: Duration,
}

/// What clients may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// What it gives.
    pub what: What,
    /// Its content type; without one, that of its container.
    pub mimetype: Option<String>,
    /// Its paths besides `/stream/NAME`, without the leading `/`.
    pub urls: Vec<String>,
    /// Where a client begins.
    pub start: Start,
    /// How far back a client begins.
    pub burst: Option<Duration>,
    /// What happens to a slow client, unless the container says.
    pub on_slow: Option<OnSlow>,
    /// How long a client may take no byte while there are some.
    pub write_timeout: Duration,
    /// How long small pieces are gathered before they are sent.
    pub coalesce: Duration,
    /// Clients at one time; 0 for no limit.
    pub max_clients: u32,
    /// Processes at one time; 0 for no limit.
    pub max_instances: u32,
    /// Who may have it.
    pub auth: Option<AuthForm>,
    /// Whether answers tell what a failed command said; `None` for requests from this machine.
    pub expose_errors: Option<bool>,
    /// What requests may put into the command.
    pub query: Parameters,
    /// How runs of its command are treated.
    pub rules: Rules,
    /// The entry that it was made from, on its own.
    pub form: StreamForm,
}

/// What a stream gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The bytes of a feed.
    PassThrough(String),
    /// The output of one command, to all.
    Shared(Command),
    /// The output of a command for each client.
    Exclusive(Command),
    /// The output of a command that ends.
    Shot(Command, ShotRules),
    /// The newest picture of a feed.
    Newest(String, ShotRules),
}

/// The bounds of a shot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShotRules {
    /// How long it may take.
    pub timeout: Duration,
    /// Bytes at most.
    pub max_bytes: u64,
    /// How long it is good for further requests.
    pub cache: Duration,
}

impl Stream {
    /// Returns the feeds that it is made of.
    pub fn parents(&self) -> Vec<&str> {
        match &self.what {
            What::PassThrough(feed) | What::Newest(feed, _) => vec![feed],
            What::Shared(command) | What::Exclusive(command) | What::Shot(command, _) => {
                command.parents().collect()
            }
        }
    }
}

impl Config {
    /// Makes what a form comes to.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of its keys.
    pub fn of(form: &Form) -> Result<Self, Vec<Fault>> {
        check::config(form)
    }

    /// Tells whether there is neither feed nor stream.
    pub fn is_empty(&self) -> bool {
        self.feeds.is_empty() && self.streams.is_empty()
    }

    /// Writes feeds and streams as keys of a configuration that comes to the same, on their own:
    /// without templates. Secrets are masked.
    pub fn resolved(&self) -> Value {
        let feeds = self.feeds.iter();
        let streams = self.streams.iter();
        let feeds = feeds.map(|(name, feed)| (name.clone(), bare(&feed.form)));
        let streams = streams.map(|(name, stream)| (name.clone(), bare(&stream.form)));
        let mut all = serde_json::Map::new();
        for (key, value) in [
            ("logdir", bare(&self.logdir)),
            ("pages", bare(&self.pages)),
            ("relay", bare(&self.limits)),
            ("feeds", Value::Object(feeds.collect())),
            ("streams", Value::Object(streams.collect())),
        ] {
            let is_nothing =
                value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
            if !is_nothing {
                all.insert(key.to_owned(), value);
            }
        }
        Value::Object(all)
    }
}

impl serde::Serialize for Config {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.resolved().serialize(serializer)
    }
}

/// Writes a value as JSON without what is not set, secrets in texts masked.
fn bare(value: &impl serde::Serialize) -> Value {
    // Keys are texts and numbers are finite, so this is always JSON.
    let mut value = serde_json::to_value(value).unwrap_or_default();
    strip(&mut value);
    value
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::String(text) => *text = process::mask::text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;
