//! A file played as if it were live.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::argument::{Argument, plain};
use crate::document::Fault;

/// Options of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileSource {
    /// Path. May hold `${NAME}`.
    pub path: String,
    /// Whether it starts over at its end.
    #[serde(rename = "loop")]
    pub looped: bool,
    /// Whether it plays at its own speed; otherwise as fast as can be.
    pub realtime: bool,
}

impl Default for FileSource {
    fn default() -> Self {
        Self {
            path: String::new(),
            looped: true,
            realtime: true,
        }
    }
}

impl FileSource {
    pub(super) fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.path.is_empty() {
            faults.push(Fault::new("/path", "a file needs a path"));
        }
        if self.looped && !self.realtime {
            faults.push(Fault::new(
                "/realtime",
                "a file that is looped must play at its own speed",
            ));
        }
        faults
    }

    pub(super) fn expandable(&mut self) -> Vec<(String, &mut String)> {
        vec![("/path".to_owned(), &mut self.path)]
    }

    pub(super) fn arguments(&self) -> Vec<Argument> {
        let mut arguments = Vec::new();
        if self.realtime {
            arguments.push("-re".into());
        }
        if self.looped {
            arguments.extend(plain(["-stream_loop", "-1"]));
        }
        arguments.extend(self.probe_arguments());
        arguments
    }

    pub(super) fn probe_arguments(&self) -> Vec<Argument> {
        // The prefix keeps names with a colon or a leading dash from being taken for anything else.
        plain(["-i".to_owned(), format!("file:{}", self.path)])
    }
}
