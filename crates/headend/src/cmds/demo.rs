//! `headend demo`: sample content, made by a VoD job and served every way there is, and a live
//! channel.

use std::{fs, path::PathBuf};

use broadcast::job;
use process::{Ffmpeg, Spawner};
use transcode::preset::Preset;

use crate::{
    channels,
    config::{Flags, Overlay, Root, Settings, Transcode, from_yaml},
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

/// What the job makes of the sample: three sizes, chunks of eight seconds so that there are some to
/// be seen.
const PRESET: &str = "
name: testcard
gop_ms: 2000
segment_ms: 2000
chunk_ms: 8000
audio_bitrate: 96000
rungs:
  - { name: 720p, width: 1280, height: 720, maxrate_bps: 3000000, speed: veryfast }
  - { name: 360p, width: 640, height: 360, maxrate_bps: 1100000, speed: veryfast }
  - { name: 180p, width: 320, height: 180, maxrate_bps: 360000, speed: veryfast }
";

fn preset() -> anyhow::Result<Preset> {
    from_yaml(PRESET)
}

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    let mut settings = Settings::load(None, Overlay::of_flags(args.flags, None, logging))?;
    logging::start(&settings.log, settings.log_format)?;
    let root = args.dir.unwrap_or_else(|| settings.cache_dir.join("demo"));
    fs::create_dir_all(&root)
        .map_err(|error| anyhow::anyhow!("cannot create `{}`: {error}", root.display()))?;
    let ffmpeg = Ffmpeg::locate(Spawner::with_shim(OWN_BINARY)?)?;
    let mut progress = Progress::default();
    let mut begun = false;
    let source = sample::ensure(&ffmpeg, &root, |permille| {
        begun = true;
        progress.update("sample", "drawing", Some(permille));
    })?;
    if begun {
        progress.finish("sample", "drawn; a job makes an asset of it");
    }
    settings.state_dir = root.join(".state");
    settings.transcode = Some(Transcode {
        to: Root::Path(root.clone()),
        work: None,
        slots: None,
        inputs: source.parent().map(Into::into).into_iter().collect(),
        keys: Vec::new(),
        presets: [(sample::NAME.to_owned(), preset()?)].into(),
    });
    settings.assets = vec![Root::Path(root)];
    let sample = serde_json::json!({ "input": source, "preset": sample::NAME });
    let channel = job::parse(CHANNEL, "demo").map_err(channels::Error::Job)?;
    let greeting = Some("open this address in a browser; stop with Ctrl-C");
    server::run(Job {
        channels: vec![channel],
        vod: vec![sample.to_string()],
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

    #[test]
    fn the_preset_of_the_demo_is_good() {
        let preset = preset().unwrap();
        assert_eq!(preset.check(), Ok(()));
        assert_eq!(preset.name, sample::NAME);
    }
}
