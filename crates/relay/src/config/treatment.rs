//! How a command is treated: the keys that feeds and streams have alike for it.

use std::{borrow::Cow, collections::BTreeMap, path::PathBuf, time::Duration};

use rustix::process::{Resource, Signal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Command, FeedForm, Span, StreamForm};
use crate::words::Line;

/// How long a command may take to end, unless it is set.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Fewer files, and no program starts.
const LEAST_FILES: u64 = 16;

/// The signal that tells a command to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopSignal {
    /// What most programs expect.
    #[default]
    #[serde(alias = "SIGTERM")]
    Term,
    /// As Ctrl-C on a terminal.
    #[serde(alias = "SIGINT")]
    Int,
    /// As Ctrl-\ on a terminal.
    #[serde(alias = "SIGQUIT")]
    Quit,
    /// As the end of a terminal.
    #[serde(alias = "SIGHUP")]
    Hup,
    /// For what a program makes of it.
    #[serde(alias = "SIGUSR1")]
    Usr1,
    /// For what a program makes of it.
    #[serde(alias = "SIGUSR2")]
    Usr2,
}

impl StopSignal {
    /// Returns it as the kernel knows it.
    pub fn signal(self) -> Signal {
        match self {
            Self::Term => Signal::TERM,
            Self::Int => Signal::INT,
            Self::Quit => Signal::QUIT,
            Self::Hup => Signal::HUP,
            Self::Usr1 => Signal::USR1,
            Self::Usr2 => Signal::USR2,
        }
    }
}

/// Bytes: a number, or a text such as `512M`, `2G` (in steps of 1024).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "SizeForm", into = "u64")]
pub struct Size(pub u64);

#[derive(Deserialize)]
#[serde(untagged, expecting = "bytes, as a number or as 512K, 512M, 2G")]
enum SizeForm {
    Number(u64),
    Text(String),
}

impl TryFrom<SizeForm> for Size {
    type Error = String;

    fn try_from(form: SizeForm) -> Result<Self, String> {
        let text = match form {
            SizeForm::Number(bytes) => return Ok(Self(bytes)),
            SizeForm::Text(text) => text,
        };
        let wrong = || format!("`{text}` is no size; write bytes, or 512K, 512M, 2G");
        let end = text.find(|c: char| !c.is_ascii_digit());
        let (number, unit) = text.split_at(end.unwrap_or(text.len()));
        let shift = match unit.trim() {
            "" | "B" => 0,
            "K" | "KiB" => 10,
            "M" | "MiB" => 20,
            "G" | "GiB" => 30,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let bytes = number.checked_mul(1 << shift).ok_or_else(wrong)?;
        Ok(Self(bytes))
    }
}

impl From<Size> for u64 {
    fn from(size: Size) -> Self {
        size.0
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Bytes: a number, or a text such as 512M or 2G.",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9]+ *([KMG]|[KMG]iB|B)?$" }
            ]
        })
    }
}

/// What the kernel grants each process of a command, as `ulimit` has it; never more than the server has
/// itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RlimitsForm {
    /// Addresses.
    #[serde(rename = "as")]
    pub address_space: Option<Size>,
    /// A file with what was in memory when it crashed; 0 for none.
    pub core: Option<Size>,
    /// Processor time.
    pub cpu: Option<Span>,
    /// Memory for data.
    pub data: Option<Size>,
    /// A file that it writes.
    pub fsize: Option<Size>,
    /// Open files.
    pub nofile: Option<u64>,
    /// Processes and threads of the user, all commands together.
    pub nproc: Option<u64>,
}

impl RlimitsForm {
    /// Lists what is set.
    fn list(self) -> Vec<(Resource, u64)> {
        let seconds = |span: Span| span.duration().as_secs_f64().ceil() as u64;
        [
            (Resource::As, self.address_space.map(u64::from)),
            (Resource::Core, self.core.map(u64::from)),
            (Resource::Cpu, self.cpu.map(seconds)),
            (Resource::Data, self.data.map(u64::from)),
            (Resource::Fsize, self.fsize.map(u64::from)),
            (Resource::Nofile, self.nofile),
            (Resource::Nproc, self.nproc),
        ]
        .into_iter()
        .filter_map(|(resource, value)| Some((resource, value?)))
        .collect()
    }
}

/// How a command is treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// Variables of its environment.
    pub env: BTreeMap<String, String>,
    /// The folder that it runs in.
    pub folder: PathBuf,
    /// Its niceness.
    pub nice: Option<i8>,
    /// The signal that tells it to end.
    pub stop_signal: StopSignal,
    /// How long it may then take before it is killed.
    pub grace: Duration,
    /// What the kernel grants each of its processes.
    pub rlimits: RlimitsForm,
    /// Memory of all its processes together, in bytes, beyond which it is ended.
    pub max_rss: Option<u64>,
}

impl Default for Treatment {
    fn default() -> Self {
        Self {
            env: BTreeMap::new(),
            folder: "/".into(),
            nice: None,
            stop_signal: StopSignal::default(),
            grace: STOP_TIMEOUT,
            rlimits: RlimitsForm::default(),
            max_rss: None,
        }
    }
}

impl Treatment {
    /// Lists what the kernel grants each process of the command.
    pub fn resources(&self) -> Vec<(Resource, u64)> {
        self.rlimits.list()
    }

    /// Makes a command of a line that reads feeds.
    pub(super) fn command(
        self,
        line: Line,
        stdin: Option<String>,
        feeds: Option<Vec<String>>,
    ) -> Command {
        Command {
            line,
            stdin,
            feeds: feeds.unwrap_or_default(),
            treatment: Box::new(self),
        }
    }

    /// Returns what is wrong with it, and with which key.
    pub(super) fn wrong(&self) -> Option<(&'static str, String)> {
        let RlimitsForm { nofile, cpu, .. } = self.rlimits;
        let reason = if nofile.is_some_and(|files| files < LEAST_FILES) {
            format!("`nofile` below {LEAST_FILES} lets no program start")
        } else if cpu.is_some_and(|span| span.duration().is_zero()) {
            "no `cpu` at all lets no program start".to_owned()
        } else {
            return None;
        };
        Some(("rlimits", reason))
    }
}

/// Takes the keys from the form of a feed or of a stream.
macro_rules! of_form {
    ($form:ty) => {
        impl From<&$form> for Treatment {
            fn from(form: &$form) -> Self {
                let unset = Self::default();
                Self {
                    env: form.env.clone().unwrap_or_default(),
                    folder: form.folder.clone().unwrap_or(unset.folder),
                    nice: form.nice,
                    stop_signal: form.stop_signal.unwrap_or_default(),
                    grace: form.stop_timeout.map_or(unset.grace, Span::duration),
                    rlimits: form.rlimits.unwrap_or_default(),
                    max_rss: form.max_rss.map(u64::from).filter(|most| *most > 0),
                }
            }
        }
    };
}

of_form!(FeedForm);
of_form!(StreamForm);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_numbers_or_texts() {
        for (written, bytes) in [
            (json!(0), Some(0)),
            (json!(70_000), Some(70_000)),
            (json!("70000"), Some(70_000)),
            (json!("512K"), Some(512 << 10)),
            (json!("512 MiB"), Some(512 << 20)),
            (json!("2G"), Some(2 << 30)),
            (json!("2T"), None),
            (json!("G"), None),
            (json!(-1), None),
            (json!("99999999999G"), None),
        ] {
            let read = serde_json::from_value::<Size>(written.clone()).ok();
            assert_eq!(read, bytes.map(Size), "{written}");
        }
    }

    #[test]
    fn signals_have_their_names() {
        for (written, signal) in [
            ("TERM", Some(Signal::TERM)),
            ("INT", Some(Signal::INT)),
            ("SIGINT", Some(Signal::INT)),
            ("USR1", Some(Signal::USR1)),
            ("KILL", None),
            ("term", None),
        ] {
            let read = serde_json::from_value::<StopSignal>(json!(written)).ok();
            assert_eq!(read.map(StopSignal::signal), signal, "{written}");
        }
    }

    #[test]
    fn limits_that_let_nothing_start_are_refused() {
        let treatment = |rlimits| {
            let form = FeedForm {
                rlimits: Some(serde_json::from_value(rlimits).unwrap()),
                ..FeedForm::default()
            };
            Treatment::from(&form)
        };
        let good = treatment(json!({ "as": "1G", "core": 0, "cpu": "90s", "nofile": 64 }));
        assert_eq!(good.wrong(), None);
        assert_eq!(
            good.resources(),
            [
                (Resource::As, 1 << 30),
                (Resource::Core, 0),
                (Resource::Cpu, 90),
                (Resource::Nofile, 64)
            ]
        );
        for wrong in [json!({ "nofile": 3 }), json!({ "cpu": 0 })] {
            assert_eq!(treatment(wrong).wrong().map(|it| it.0), Some("rlimits"));
        }
    }
}
