//! The keys of a configuration, as they are written. Everything may be left out here; what must be
//! there, and what goes together, is said by the check.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Mode, RlimitsForm, Size, Span, StopSignal};

/// The keys that a relay has in a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Where the stderr of commands is kept.
    pub logdir: Option<PathBuf>,
    /// Which pages there are.
    pub pages: Option<PagesForm>,
    /// Limits of all streams together.
    pub relay: Option<RelayForm>,
    /// Commands with parameters.
    pub templates: BTreeMap<String, TemplateForm>,
    /// Sources.
    pub feeds: BTreeMap<String, FeedForm>,
    /// What clients may ask for.
    pub streams: BTreeMap<String, StreamForm>,
}

/// Which pages there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PagesForm {
    /// The list at `/`; on unless set.
    pub home: Option<Switch>,
    /// `/stat` and `/stat.json`; on unless set.
    pub stat: Option<Switch>,
    /// `/config`; unless set it is on, but off where there are feeds or streams.
    pub config: Option<Switch>,
    /// Whether `/stat` and `/stat.json` list clients with their addresses; off unless set.
    pub clients: Option<Switch>,
}

/// Limits of all streams together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelayForm {
    /// Clients of all streams at one time; 0, and the default, for no limit of its own.
    pub max_clients: Option<u32>,
    /// Clients from one address at one time; 0 for no limit; none from this machine.
    pub max_clients_per_address: Option<u32>,
    /// Kilobits a second to all clients together: who would be too much for that is not let in. 0, and the
    /// default, for no limit.
    pub max_kbps: Option<u64>,
}

/// On or off: `true`, `yes`, `on`, or their opposites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Switch(pub bool);

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Bool(bool),
            Text(String),
        }
        let written = Written::deserialize(deserializer).ok();
        let is_on = match &written {
            Some(Written::Bool(value)) => Some(*value),
            Some(Written::Text(text)) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Some(true),
                "false" | "no" | "off" => Some(false),
                _ => None,
            },
            None => None,
        };
        let wrong = || serde::de::Error::custom("write `yes` or `no`");
        is_on.map(Self).ok_or_else(wrong)
    }
}

/// A value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "a text, a whole number, or `true` or `false`")]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any text; other numbers are quoted.
    Text(String),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// One of a kind, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "a text or a list of texts")]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// A list.
    Many(Vec<T>),
}

/// Several entries from one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "names with lists of values, or a list of names with values"
)]
pub enum ForEach {
    /// One entry for each set of values.
    Sets(Vec<BTreeMap<String, Scalar>>),
    /// One entry for each combination of the values of each name.
    Grid(BTreeMap<String, Vec<Scalar>>),
}

/// A command with parameters, for feeds and streams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateForm {
    /// Parameters by name, each with its default; without one, it has to be given.
    #[serde(default)]
    pub parameters: BTreeMap<String, Option<Scalar>>,
    /// The command, in which `{name}` stands for a parameter.
    pub command: Option<String>,
    /// As for streams.
    #[serde(rename = "type")]
    pub kind: Option<Kind>,
    /// As for streams.
    pub mimetype: Option<String>,
    /// As for streams.
    pub client: Option<Sharing>,
}

/// What goes on after a command has ended by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resurrect {
    /// It is not started again.
    No,
    /// It is started again, unless it ended well and nobody keeps it running for ever.
    #[default]
    Yes,
    /// It is started again, however it ended.
    Always,
}

impl<'de> Deserialize<'de> for Resurrect {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || serde::de::Error::custom("write `yes`, `no` or `always`");
        match Scalar::deserialize(deserializer) {
            Ok(Scalar::Bool(is_on)) => Ok(if is_on { Self::Yes } else { Self::No }),
            Ok(Scalar::Text(text)) => match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "true" => Ok(Self::Yes),
                "no" | "off" | "false" => Ok(Self::No),
                "always" => Ok(Self::Always),
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }
}

impl Serialize for Resurrect {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::Always => "always",
        })
    }
}

impl JsonSchema for Resurrect {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Resurrect".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Whether a command is started again after it has ended by itself.",
            "enum": [true, false, "yes", "no", "always"]
        })
    }
}

/// What a stream gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Bytes without an end.
    #[default]
    Stream,
    /// One picture.
    Shot,
}

/// Who gets the output of a stream's command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// All clients.
    #[default]
    Shared,
    /// One client; each has a process of its own.
    Exclusive,
}

/// What happens to a client that is slower than the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnSlow {
    /// It goes on at the newest place where one can join.
    Skip,
    /// It is disconnected.
    Drop,
}

/// Where a client begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// At the newest place where one can join, which is at once.
    #[default]
    Keyframe,
    /// At the next place where one can join, which is nearest to now.
    Live,
}

/// Who publishes into a feed that is pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthForm {
    /// Passwords by the name of the user (HTTP basic).
    #[serde(default)]
    pub users: BTreeMap<String, Secret>,
    /// A token: `?token=…`, or `Authorization: Bearer …`.
    pub token: Option<Secret>,
}

/// A text that is compared and never shown.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// What a parameter of a request may be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryForm {
    /// A whole number from the first to the second.
    pub int: Option<[i64; 2]>,
    /// One of these texts.
    pub one_of: Option<Vec<String>>,
    /// A text that a regular expression matches as a whole.
    pub pattern: Option<String>,
    /// Its value when the request does not name it; without one, it has to.
    pub default: Option<Scalar>,
}

/// A source of media.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedForm {
    /// A program that writes media to its stdout, with its arguments. No shell reads it.
    pub command: Option<String>,
    /// A feed whose output this command reads on its stdin.
    pub feed: Option<String>,
    /// Further feeds, read from the paths that `{feed:NAME}` stands for.
    pub feeds: Option<Vec<String>>,
    /// In place of a command: `push` for `PUT` or `POST` to `/ingest/NAME`, an `http://` or `https://`
    /// address to read, `channel:NAME`, or `asset:NAME`.
    pub source: Option<String>,
    /// When it is started and ended; `on-demand` unless set.
    pub mode: Option<Mode>,
    /// The container; found out unless set. `raw` for bytes that nobody looks into.
    pub format: Option<String>,
    /// Whether a command is started again after it has ended by itself; `yes` unless set.
    pub resurrect: Option<Resurrect>,
    /// How long clients wait for the first bytes; 10 s unless set.
    pub start_timeout: Option<Span>,
    /// A silence after which the command is killed and started again; none unless set.
    pub stall_timeout: Option<Span>,
    /// How long the command may take to end before it is killed; 3 s unless set.
    pub stop_timeout: Option<Span>,
    /// How far behind a client may be; 5 s unless set.
    pub window: Option<Span>,
    /// Variables of the command's environment.
    pub env: Option<BTreeMap<String, String>>,
    /// The folder that the command runs in; `/` unless set.
    pub folder: Option<PathBuf>,
    /// Niceness of the command.
    pub nice: Option<i8>,
    /// The signal that tells the command to end; `TERM` unless set.
    pub stop_signal: Option<StopSignal>,
    /// What the kernel grants each process of the command.
    pub rlimits: Option<RlimitsForm>,
    /// Memory of all processes of the command together, beyond which it is ended and started again; 0, and the
    /// default, for no limit.
    pub max_rss: Option<Size>,
    /// Who may push.
    pub auth: Option<AuthForm>,
    /// Whether a new publisher takes the place of the one before; otherwise it is refused.
    #[serde(rename = "override")]
    pub replace: Option<Switch>,
    /// A template to take the command from.
    pub template: Option<String>,
    /// Values of the template's parameters.
    pub with: Option<BTreeMap<String, Scalar>>,
    /// Makes several feeds of this one; `{name}` stands for each value.
    pub for_each: Option<ForEach>,
}

/// What clients may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamForm {
    /// A program that reads the feed on its stdin and writes what is sent to its stdout. Without one,
    /// the feed is sent as it is.
    pub command: Option<String>,
    /// `stream` or `shot`.
    #[serde(rename = "type")]
    pub kind: Option<Kind>,
    /// Sent as `Content-Type`. May be left out where the feed is sent as it is.
    pub mimetype: Option<String>,
    /// The feed that it is made of.
    pub feed: Option<String>,
    /// Further feeds, read from the paths that `{feed:NAME}` stands for.
    pub feeds: Option<Vec<String>>,
    /// Whether all clients share one command; `shared` unless set.
    pub client: Option<Sharing>,
    /// Another path, or several, besides `/stream/NAME`.
    pub url: Option<OneOrMany<String>>,
    /// The container; found out unless set. `raw` for bytes that nobody looks into.
    pub format: Option<String>,
    /// Where a client begins; `keyframe` unless set.
    pub start: Option<Start>,
    /// Begins this far back instead, at a place where one can join.
    pub burst: Option<Span>,
    /// What happens to a client that falls out of the window; by the container unless set.
    pub on_slow: Option<OnSlow>,
    /// How far behind a client may be; 5 s unless set.
    pub window: Option<Span>,
    /// How long a client may take no byte while there are some; 10 s unless set.
    pub write_timeout: Option<Span>,
    /// How long small pieces of a feed are gathered before they are sent, up to 20 ms; not at all unless set.
    pub coalesce: Option<Span>,
    /// As for feeds.
    pub resurrect: Option<Resurrect>,
    /// As for feeds.
    pub start_timeout: Option<Span>,
    /// As for feeds.
    pub stall_timeout: Option<Span>,
    /// As for feeds.
    pub stop_timeout: Option<Span>,
    /// As for feeds.
    pub env: Option<BTreeMap<String, String>>,
    /// As for feeds.
    pub folder: Option<PathBuf>,
    /// As for feeds.
    pub nice: Option<i8>,
    /// As for feeds.
    pub stop_signal: Option<StopSignal>,
    /// As for feeds.
    pub rlimits: Option<RlimitsForm>,
    /// As for feeds.
    pub max_rss: Option<Size>,
    /// Clients at one time; 0, and the default, for no limit of its own.
    pub max_clients: Option<u32>,
    /// Processes at one time of an exclusive stream, or of shots; 4 for shots unless set, 0 for no
    /// limit.
    pub max_instances: Option<u32>,
    /// How long a shot may take; 15 s unless set.
    pub timeout: Option<Span>,
    /// Size of a shot at most; 32 MiB unless set.
    pub max_bytes: Option<u64>,
    /// How long a shot is good for further requests; not at all unless set.
    pub cache: Option<Span>,
    /// Parameters of requests that `{query:NAME}` stands for in the command.
    pub query: Option<BTreeMap<String, QueryForm>>,
    /// Who may have it; everybody unless set.
    pub auth: Option<AuthForm>,
    /// Whether answers tell what a failed command said. Unless set, requests from this machine are
    /// told.
    pub expose_errors: Option<Switch>,
    /// A template to take the command from.
    pub template: Option<String>,
    /// Values of the template's parameters.
    pub with: Option<BTreeMap<String, Scalar>>,
    /// Makes several streams of this one; `{name}` stands for each value.
    pub for_each: Option<ForEach>,
}
