//! The block `runtime`: where and how the channel runs.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Webhook;
use crate::{
    document::{OneOrMany, TextOrMap, one_or_many, text_or_map},
    encode::Threads,
    units::{Bytes, Percent, Seconds, written},
};

/// Where and how a channel runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Runtime {
    /// Folders or HTTP places that everything is written to as well.
    #[serde(
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(with = "OneOrMany<Target>")]
    pub targets: Vec<Target>,
    /// Addresses that are told of what happens to the channel.
    #[serde(
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(with = "OneOrMany<Webhook>")]
    pub webhooks: Vec<Webhook>,
    /// When the encoder is started again.
    pub restart: Restart,
    /// What the playlists become when the channel fails for good.
    pub on_fail: OnFail,
    /// Priorities and limits of the child processes.
    pub resources: Resources,
    /// Threads of the encoders; by what the control group grants unless set.
    pub threads: Threads,
    /// Whether sources are looked into before the start.
    pub probe: ProbeMode,
    /// Time limit of looking.
    pub probe_timeout: Seconds,
    /// Whether the output is checked after the start.
    pub verify: Verify,
    /// Time that the output may take to be right.
    pub verify_timeout: Seconds,
    /// How long a track may stand still before the encoder is taken for stuck.
    pub stall: Seconds,
    /// First port for listening inputs that have none; the next get the ports behind it. 0 is any
    /// free port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_port: Option<u16>,
    /// Where the state is kept that lets a channel go on over a restart of headend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<PathBuf>,
}

impl Default for Runtime {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            webhooks: Vec::new(),
            restart: Restart::default(),
            on_fail: OnFail::default(),
            resources: Resources::default(),
            threads: Threads::default(),
            probe: ProbeMode::default(),
            probe_timeout: Seconds::whole(10),
            verify: Verify::default(),
            verify_timeout: Seconds::whole(30),
            stall: Seconds::whole(5),
            base_port: None,
            state_dir: None,
        }
    }
}

/// A place that everything is written to as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, remote = "Self")]
pub struct Target {
    /// Path, `file://`, `http://` or `https://`. May hold `${NAME}`.
    pub uri: String,
    /// Headers of the requests. Values may hold `${NAME}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How many objects may wait; beyond, the oldest are given up.
    pub queue: u32,
    /// How often an object is tried.
    pub tries: u32,
    /// Age at which an object that waits is given up; the DVR window unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Seconds>,
}

impl Default for Target {
    fn default() -> Self {
        Self {
            uri: String::new(),
            headers: BTreeMap::new(),
            queue: 256,
            tries: 5,
            max_age: None,
        }
    }
}

impl TextOrMap for Target {
    const EXPECTED: &'static str = "the URI of a target, or a target as an object";

    fn of_text(text: &str) -> Self {
        Self {
            uri: text.to_owned(),
            ..Self::default()
        }
    }

    fn of_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_map(deserializer)
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// Whether a child that ended is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Not at all.
    Never,
    /// When it failed. The end of a live source is a failure, too.
    #[default]
    OnFailure,
    /// Always.
    Always,
}

/// When a child is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Restart {
    /// Whether at all.
    pub policy: RestartPolicy,
    /// Wait before the first time.
    pub delay: Seconds,
    /// Greatest wait.
    pub max_delay: Seconds,
    /// How much longer each wait is than the one before.
    pub factor: u32,
    /// How much a wait varies, so that many channels do not start at once.
    pub jitter: Percent,
    /// After how many times in a row it is given up; 0 is never.
    pub max_restarts: u32,
    /// Healthy time after which waits and counts begin anew.
    pub reset_after: Seconds,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            policy: RestartPolicy::OnFailure,
            delay: Seconds::whole(2),
            max_delay: Seconds::whole(60),
            factor: 2,
            jitter: Percent(10),
            max_restarts: 0,
            reset_after: Seconds::whole(60),
        }
    }
}

/// What playlists become when the channel fails for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFail {
    /// They are finished.
    #[default]
    End,
    /// They stay open, for somebody who takes over.
    Hold,
}

/// Whether sources are looked into before the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProbeMode {
    /// Those that can be; of the others it is assumed what they have.
    #[default]
    Auto,
    /// None: of all it is assumed what they have.
    Off,
    /// All; inputs that cannot be looked into are refused.
    Require,
}

/// Whether the output is checked after the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// No.
    Off,
    /// Yes; what is wrong is told.
    #[default]
    Alarm,
    /// Yes; what is wrong ends the channel.
    Require,
}

/// Priorities and limits of the child processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Niceness, -20 to 19.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nice: Option<i32>,
    /// Priority of reading and writing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ionice: Option<IoPriority>,
    /// Processors to run on; all unless set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cpu_affinity: Vec<u32>,
    /// How gladly the kernel kills it when memory is short, -1000 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_score_adj: Option<i32>,
    /// Greatest processor time; 100 % is one processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<Percent>,
    /// Greatest memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_limit: Option<Bytes>,
    /// How long a limit may be exceeded before the child is killed.
    pub wait: Seconds,
    /// Whether a priority that is not permitted ends the start, rather than being left out.
    pub strict: bool,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            nice: None,
            ionice: None,
            cpu_affinity: Vec::new(),
            oom_score_adj: None,
            cpu_limit: None,
            mem_limit: None,
            wait: Seconds::whole(5),
            strict: false,
        }
    }
}

/// Priority of reading and writing (`ioprio_set(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IoPriority {
    /// Only when nobody else does.
    Idle,
    /// As others, 0 first and 7 last.
    BestEffort(u8),
}

impl FromStr for IoPriority {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let level = match text {
            "idle" => return Ok(Self::Idle),
            "best-effort" => Some(4),
            _ => text
                .strip_prefix("best-effort:")
                .and_then(|level| level.parse().ok())
                .filter(|level| *level <= 7),
        };
        level
            .map(Self::BestEffort)
            .ok_or_else(|| format!("`{text}` is not idle or best-effort:0 to best-effort:7"))
    }
}

impl fmt::Display for IoPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("idle"),
            Self::BestEffort(level) => write!(f, "best-effort:{level}"),
        }
    }
}

written!(
    IoPriority,
    "an I/O priority, such as \"idle\" or \"best-effort:7\"",
    "string",
    "^(idle|best-effort(:[0-7])?)$"
);
