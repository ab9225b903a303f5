//! The commands as text, for a dry run.

use serde_json::json;

use super::Invocation;
use crate::input::{Argument, shell_quoted};

/// How commands are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// An argument a line, an empty line between commands.
    Argv,
    /// Lines for a POSIX shell. They run as they are: tracks become files in the folder.
    #[default]
    Shell,
    /// A list of objects with `role` and `argv`.
    Json,
}

/// Whether secrets are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrets {
    /// As `***`.
    #[default]
    Masked,
    /// As they are.
    Shown,
}

impl Invocation {
    /// Writes all commands in the order in which they are started.
    pub fn render(&self, format: Format, secrets: Secrets) -> String {
        let words = |program: &str, arguments: &[Argument]| -> Vec<String> {
            let shown = arguments.iter().map(|argument| match secrets {
                Secrets::Masked => argument.masked(),
                Secrets::Shown => argument.value.clone(),
            });
            std::iter::once(program.to_owned()).chain(shown).collect()
        };
        let mut commands: Vec<(&str, Vec<String>)> = self
            .feeders
            .iter()
            .map(|(_, feeder)| ("feeder", words(&feeder.program, &feeder.arguments)))
            .collect();
        let program = self.program.to_string_lossy();
        commands.push(("encoder", words(&program, &self.arguments)));
        match format {
            Format::Argv => {
                let blocks: Vec<String> =
                    commands.iter().map(|(_, words)| words.join("\n")).collect();
                blocks.join("\n\n") + "\n"
            }
            Format::Shell => self.shell(&commands),
            Format::Json => {
                let list: Vec<serde_json::Value> = commands
                    .iter()
                    .map(|(role, words)| json!({ "role": role, "argv": words }))
                    .collect();
                format!("{:#}\n", serde_json::Value::Array(list))
            }
        }
    }

    fn shell(&self, commands: &[(&str, Vec<String>)]) -> String {
        let mut out = format!(
            "mkdir -p {}\n",
            shell_quoted(&self.folder.to_string_lossy())
        );
        for (pipe, _) in &self.feeders {
            out.push_str(&format!(
                "mkfifo {}\n",
                shell_quoted(&pipe.to_string_lossy())
            ));
        }
        for (role, words) in commands {
            let quoted: Vec<String> = words.iter().map(|word| shell_quoted(word)).collect();
            out.push_str(&quoted.join(" "));
            out.push_str(if *role == "feeder" { " &\n" } else { "\n" });
        }
        out
    }
}
