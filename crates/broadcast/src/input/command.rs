//! A command whose output is the source. It writes to a named pipe that ffmpeg reads.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::argument::{Argument, plain};
use crate::document::Fault;

/// Options of a command: `argv` or, declared as such, a `shell` line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CommandSource {
    /// Program and arguments; no shell sees them. Each may hold `${NAME}`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// A line for `/bin/sh`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// What it writes to its standard output.
    pub format: Format,
}

/// Containers that can be read while they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// MPEG-2 transport stream.
    #[default]
    Mpegts,
    /// Matroska or WebM.
    Matroska,
    /// FLV.
    Flv,
}

/// What runs beside ffmpeg: a program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feeder {
    /// The program.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<Argument>,
}

impl Format {
    fn as_str(self) -> &'static str {
        match self {
            Self::Mpegts => "mpegts",
            Self::Matroska => "matroska",
            Self::Flv => "flv",
        }
    }
}

impl CommandSource {
    pub(super) fn check(&self) -> Vec<Fault> {
        let empty = |text: &String| text.trim().is_empty();
        match (&self.shell, self.argv.first()) {
            (Some(_), Some(_)) => vec![Fault::new("", "a command is `argv` or `shell`, not both")],
            (None, None) => vec![Fault::new("/argv", "a command needs a program")],
            (Some(line), None) if empty(line) => {
                vec![Fault::new("/shell", "the line is empty")]
            }
            (None, Some(program)) if empty(program) => {
                vec![Fault::new("/argv/0", "a command needs a program")]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn expandable(&mut self) -> Vec<(String, &mut String)> {
        // Not the shell line: the shell expands its variables itself.
        self.argv
            .iter_mut()
            .enumerate()
            .map(|(index, text)| (format!("/argv/{index}"), text))
            .collect()
    }

    pub(super) fn arguments(&self, feed: &Path) -> Vec<Argument> {
        plain([
            "-f".to_owned(),
            self.format.as_str().to_owned(),
            "-i".to_owned(),
            feed.to_string_lossy().into_owned(),
        ])
    }

    /// The shell only opens the pipe. What the user wrote reaches it as an argument, never as text.
    pub(super) fn feeder(&self, pipe: &Path) -> Feeder {
        let pipe = pipe.to_string_lossy().into_owned();
        let arguments = if let Some(line) = &self.shell {
            plain(["-c", r#"exec >"$0"; eval "$1""#, &pipe, line])
        } else {
            let opener = plain(["-c", r#"exec "$@" >"$0""#, &pipe]);
            opener.into_iter().chain(plain(&self.argv)).collect()
        };
        Feeder {
            program: "/bin/sh".to_owned(),
            arguments,
        }
    }

    pub(super) fn title(&self) -> String {
        let line = match &self.shell {
            Some(line) => line.clone(),
            None => self.argv.join(" "),
        };
        process::mask::text(&line)
    }
}
