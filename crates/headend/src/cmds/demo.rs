//! `headend demo`: sample content, served every way there is.

use std::{fs, path::PathBuf};

use process::{Ffmpeg, Spawner};

use crate::{
    config::{Flags, Overlay, Root, Settings},
    content::OWN_BINARY,
    exit::Exit,
    logging,
    progress::Progress,
    sample,
    server::{self, Job},
};

/// Makes sample content and serves it on demand and as simulated live
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the sample is kept for the next time [default: `demo` in the cache folder]
    #[arg(long, env = "HEADEND_DEMO_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    let mut settings = Settings::load(None, Overlay::of_flags(args.flags, None, logging))?;
    logging::start(&settings.log, settings.log_format)?;
    let root = args.dir.unwrap_or_else(|| settings.cache_dir.join("demo"));
    fs::create_dir_all(&root)
        .map_err(|error| anyhow::anyhow!("cannot create `{}`: {error}", root.display()))?;
    let ffmpeg = Ffmpeg::locate(Spawner::with_shim(OWN_BINARY)?)?;
    let mut progress = Progress::new();
    let mut begun = false;
    let folder = sample::ensure(&ffmpeg, &root, |permille| {
        begun = true;
        progress.update("sample", "encoding", Some(permille));
    })?;
    if begun {
        progress.finish("sample", &format!("made in {}", folder.display()));
    }
    settings.assets = vec![Root::Path(root)];
    let greeting = Some("open this address in a browser; stop with Ctrl-C");
    server::run(Job {
        greeting,
        ..Job::of(settings)
    })
}
