//! `headend demo`: sample content, served every way there is, and a live channel.

use std::{fs, path::PathBuf};

use broadcast::job;
use process::{Ffmpeg, Spawner};

use crate::{
    channels,
    config::{Flags, Overlay, Root, Settings},
    content::OWN_BINARY,
    exit::Exit,
    logging,
    progress::Progress,
    sample,
    server::{self, Job},
};

/// Makes sample content, serves it on demand and as simulated live, and runs a live channel
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the sample is kept for the next time [default: `demo` in the cache folder]
    #[arg(long, env = "HEADEND_DEMO_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// The channel: the test source, in sizes that two busy processors encode with ease.
const CHANNEL: &str = "
job:
  name: testcard
  inputs: { testsrc: { size: 640x360, rate: 25 } }
  ladder:
    - { name: 360p, preset: ultrafast }
    - { name: low, width: 320, height: 180, bitrate: 200k, preset: ultrafast }
";

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    let mut settings = Settings::load(None, Overlay::of_flags(args.flags, None, logging))?;
    logging::start(&settings.log, settings.log_format)?;
    let root = args.dir.unwrap_or_else(|| settings.cache_dir.join("demo"));
    fs::create_dir_all(&root)
        .map_err(|error| anyhow::anyhow!("cannot create `{}`: {error}", root.display()))?;
    let ffmpeg = Ffmpeg::locate(Spawner::with_shim(OWN_BINARY)?)?;
    let mut progress = Progress::default();
    let mut begun = false;
    let folder = sample::ensure(&ffmpeg, &root, |permille| {
        begun = true;
        progress.update("sample", "encoding", Some(permille));
    })?;
    if begun {
        progress.finish("sample", &format!("made in {}", folder.display()));
    }
    settings.state_dir = root.join(".state");
    settings.assets = vec![Root::Path(root)];
    let channel = job::parse(CHANNEL, "demo").map_err(channels::Error::Job)?;
    let greeting = Some("open this address in a browser; stop with Ctrl-C");
    server::run(Job {
        channels: vec![channel],
        greeting,
        ..Job::of(settings)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_of_the_demo_is_good() {
        let job = job::parse(CHANNEL, "demo").unwrap();
        assert_eq!(job.what.name, "testcard");
    }
}
