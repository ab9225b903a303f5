//! `headend config`: looks at the configuration without starting anything.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::{
    cmds::serve,
    config::{self, DEFAULT_FILE},
    exit::Exit,
    logging, term,
};

/// Checks and shows the configuration
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads a configuration file and names everything that is wrong with it
    Check {
        /// The file, YAML or JSON
        #[arg(env = "HEADEND_CONFIG", default_value = DEFAULT_FILE)]
        file: PathBuf,
        /// Print the verdict as JSON
        #[arg(long, env = "HEADEND_JSON")]
        json: bool,
    },
    /// Prints the settings that hold, after defaults, file, environment and flags
    Show {
        /// Print JSON instead of YAML
        #[arg(long, env = "HEADEND_JSON")]
        json: bool,
        #[command(flatten)]
        serve: Box<serve::Args>,
    },
    /// Prints the JSON schema of the configuration file
    Schema,
}

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Check { file, json } => return check(&file, json),
        Command::Show { serve, json } => {
            let settings = serve.settings(logging)?;
            if json {
                term::print_json(&settings)?;
            } else {
                term::print(&config::to_yaml(&settings)?)?;
            }
        }
        Command::Schema => term::print_json(&config::schema())?,
    }
    Ok(Exit::Done)
}

fn check(file: &Path, json: bool) -> anyhow::Result<Exit> {
    let issues = match config::read(file) {
        Ok(_) => Vec::new(),
        Err(error) if json => error.issues,
        Err(error) => return Err(error.into()),
    };
    let good = issues.is_empty();
    if json {
        term::print_json(&json!({ "file": file, "good": good, "issues": issues }))?;
    } else {
        term::print(&format!("{}: good\n", file.display()))?;
    }
    Ok(if good { Exit::Done } else { Exit::Usage })
}
