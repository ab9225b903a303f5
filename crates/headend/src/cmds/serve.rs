//! `headend serve`: the server, with everything the configuration names.

use std::path::PathBuf;

use crate::{
    config::{self, Flags, Overlay, Root, Settings},
    exit::Exit,
    logging,
    server::{self, Job},
};

/// Runs the server: everything the configuration names
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration file, YAML or JSON [default: headend.yaml, if there is one]
    #[arg(short, long, env = "HEADEND_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folders of content or s3://bucket/prefix, in place of those of the file
    #[arg(
        long,
        env = "HEADEND_ASSETS",
        value_name = "DIR",
        value_delimiter = ',',
        value_parser = Root::parser()
    )]
    assets: Option<Vec<Root>>,
    /// Where channels keep what lets them go on over a restart [default: the user's state folder]
    #[arg(long, env = "HEADEND_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

impl Args {
    /// Returns the settings that hold.
    pub(crate) fn settings(self, logging: logging::Args) -> Result<Settings, config::Error> {
        let file = config::file(self.config);
        let overlay = Overlay {
            state_dir: self.state_dir,
            ..Overlay::of_flags(self.flags, self.assets, logging)
        };
        Settings::load(file.as_deref(), overlay)
    }
}

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    let (again, logging_again) = (args.clone(), logging.clone());
    let settings = args.settings(logging)?;
    logging::start(&settings.log, settings.log_format)?;
    let channels = config::channels::of_environment(&settings)?;
    server::run(Job {
        channels,
        reload: Some(Box::new(move || {
            again.clone().settings(logging_again.clone())
        })),
        ..Job::of(settings)
    })
}
