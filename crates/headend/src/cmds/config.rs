//! `headend config`: looks at the configuration without starting anything.

use std::path::PathBuf;

use clap::Subcommand;

use crate::{
    config::{self, Overlay, Settings},
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
        #[arg(env = "HEADEND_CONFIG", default_value = "headend.yaml")]
        file: PathBuf,
        /// Print the verdict as JSON
        #[arg(long, env = "HEADEND_JSON")]
        json: bool,
    },
    /// Prints the settings that hold, after defaults, file, environment and flags
    Show {
        /// The file, YAML or JSON
        #[arg(short, long, env = "HEADEND_CONFIG", value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print JSON instead of YAML
        #[arg(long, env = "HEADEND_JSON")]
        json: bool,
        #[command(flatten)]
        flags: Box<Overlay>,
    },
    /// Prints the JSON schema of the configuration file
    Schema,
}

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Check { file, json } => return check(&file, json),
        Command::Show {
            config,
            flags,
            json,
        } => {
            let settings = Settings::load(config.as_deref(), flags.with_logging(logging))?;
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

fn check(file: &std::path::Path, json: bool) -> anyhow::Result<Exit> {
    let issues = match config::read(file) {
        Ok(_) => Vec::new(),
        Err(error) if json => error.issues,
        Err(error) => return Err(error.into()),
    };
    if json {
        let verdict =
            serde_json::json!({ "file": file, "good": issues.is_empty(), "issues": issues });
        term::print_json(&verdict)?;
    } else {
        term::print(&format!("{}: good\n", file.display()))?;
    }
    Ok(if issues.is_empty() {
        Exit::Done
    } else {
        Exit::Usage
    })
}
