//! `headend verify`: whether a transcoded result is right.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use asset::versions::{self, Pointer};
use process::{Ffmpeg, Spawner, supervise::Priority};
use serde_json::json;
use transcode::{
    encode::{self, StopFlag},
    package::protect::Key,
    plan::Plan,
    verify::{self, Bucket, Quality, Report, Severity, TrackReport},
};

use crate::{
    content::OWN_BINARY,
    exit::{Exit, Unreadable},
    logging,
    progress::Progress,
    table, term,
};

/// An encoder that compares pictures for so long without a word is stuck.
const STALL: Duration = Duration::from_mins(2);

/// Checks transcoded results down to every sample: frames, times, sound against pictures, gaps, the
/// decoder's buffer, playlists
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders of results: of an asset, or of one of its versions
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Compare the pictures with this file, which they were made from: PSNR, SSIM and, where ffmpeg
    /// has it, VMAF
    #[arg(long, env = "HEADEND_SOURCE", value_name = "FILE")]
    source: Option<PathBuf>,
    /// File with the key of results whose segments are encrypted as a whole
    #[arg(long, env = "HEADEND_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long, env = "HEADEND_JSON")]
    json: bool,
}

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    logging::start_plain(logging)?;
    let key = args.key_file.as_deref().map(key).transpose()?;
    let mut reports = Vec::with_capacity(args.folders.len());
    for given in &args.folders {
        let folder = shown_version(given)?;
        let mut report = verify::folder_with_key(&folder, key.as_ref());
        if let Some(source) = &args.source {
            report.quality = compare(&folder, source)?;
        }
        reports.push((given.display().to_string(), report));
    }
    if args.json {
        let list: Vec<_> = reports
            .iter()
            .map(|(name, report)| json!({ "folder": name, "report": report }))
            .collect();
        term::print_json(&list)?;
    } else {
        let texts: Vec<String> = reports
            .iter()
            .map(|(name, report)| text(name, report))
            .collect();
        term::print(&texts.join("\n"))?;
    }
    if reports.iter().all(|(_, report)| report.is_right()) {
        Ok(Exit::Done)
    } else {
        Ok(Exit::CheckFailed)
    }
}

/// Reads a key file.
fn key(path: &Path) -> anyhow::Result<Key> {
    let content = fs::read(path).map_err(|source| Unreadable {
        path: path.to_path_buf(),
        source,
    })?;
    Key::read(&content).with_context(|| format!("`{}` holds no key", path.display()))
}

/// Returns the folder of the version that an asset shows, or the folder itself when it is a version.
fn shown_version(folder: &Path) -> anyhow::Result<PathBuf> {
    let unreadable = |source| Unreadable {
        path: folder.to_path_buf(),
        source,
    };
    fs::read_dir(folder).map_err(unreadable)?;
    let path = folder.join(versions::POINTER);
    let Ok(bytes) = fs::read(&path) else {
        return Ok(folder.to_path_buf());
    };
    let pointer = Pointer::parse(&bytes)
        .map_err(|reason| anyhow::anyhow!("`{}`: {reason}", path.display()))?;
    Ok(folder.join(pointer.version))
}

/// Measures every rendition against the source.
fn compare(folder: &Path, source: &Path) -> anyhow::Result<Vec<Quality>> {
    let path = folder.join(verify::PLAN);
    let text = fs::read(&path)
        .with_context(|| format!("comparing needs the plan, `{}`", path.display()))?;
    let plan: Plan = serde_json::from_slice(&text)
        .with_context(|| format!("cannot understand `{}`", path.display()))?;
    let ffmpeg = Ffmpeg::locate(Spawner::with_shim(OWN_BINARY)?)?;
    let scratch = Scratch::new()?;
    let stop = StopFlag::default();
    let mut shown = Progress::default();
    let mut found = Vec::with_capacity(plan.videos.len());
    for video in &plan.videos {
        let id = &video.id;
        let mut report = |now: encode::Progress| {
            let permille = u16::try_from(now.done * 1000 / now.total.max(1)).ok();
            shown.update(id, "comparing", permille);
        };
        let mut context = encode::Context {
            ffmpeg: &ffmpeg,
            scratch: &scratch.0,
            priority: Priority::default(),
            stop: &stop,
            stall: STALL,
            progress: &mut report,
        };
        let measured = verify::measure(&mut context, &plan, source, folder, video);
        found.push(measured.with_context(|| format!("cannot compare `{id}`"))?);
        shown.finish(id, "compared");
    }
    Ok(found)
}

/// A folder for logs that is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let name = format!("headend-verify-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left lies in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(name: &str, report: &Report) -> String {
    let verdict = match report.worst {
        None => "right",
        Some(Severity::Warning) => "right, with warnings",
        Some(Severity::Error) => "WRONG",
    };
    let mut out = format!("{name}: {verdict}\n");
    let head = [
        "track", "codec", "segments", "frames", "start", "end", "kb/s", "peak", "buffer",
    ];
    let right = [false, false, true, true, true, true, true, true, true];
    let rows: Vec<[String; 9]> = report.tracks.iter().map(row).collect();
    out.push_str(&table::render(head, right, &rows));
    if let Some(skew) = report.skew_us {
        let _ = writeln!(out, "  sound against pictures: {skew} µs");
    }
    for one in &report.quality {
        let _ = write!(out, "  {}: ", one.track);
        match one.psnr_mdb {
            Some(psnr) => {
                let _ = write!(out, "PSNR {}.{:02} dB", psnr / 1000, psnr % 1000 / 10);
            }
            None => out.push_str("identical"),
        }
        let ssim = one.ssim_millionths;
        let _ = write!(
            out,
            ", SSIM {}.{:04}",
            ssim / 1_000_000,
            ssim % 1_000_000 / 100
        );
        if let Some(vmaf) = one.vmaf_thousandths {
            let _ = write!(out, ", VMAF {}.{:02}", vmaf / 1000, vmaf % 1000 / 10);
        }
        let _ = writeln!(out, " over {} frames", one.frames);
    }
    for one in &report.findings {
        let mark = match one.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let _ = writeln!(out, "  {mark} {}: {}: {}", one.rule, one.place, one.text);
    }
    out
}

fn row(track: &TrackReport) -> [String; 9] {
    let seconds = |us: i64| format!("{}.{:03}", us / 1_000_000, us % 1_000_000 / 1000);
    let buffer = |bucket: &Bucket| format!("{} %", bucket.least_permille / 10);
    [
        track.playlist.trim_end_matches("/playlist.m3u8").to_owned(),
        track.codecs.clone(),
        track.segments.to_string(),
        track.frames.to_string(),
        seconds(track.start_us),
        seconds(track.end_us),
        (track.average / 1000).to_string(),
        (track.peak / 1000).to_string(),
        track.bucket.as_ref().map_or_else(String::new, buffer),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_leads_to_the_version_it_shows() {
        let place = tempfile::tempdir().unwrap();
        let film = place.path();
        assert_eq!(shown_version(film).unwrap(), film);
        let point_to = |version: &str| {
            let pointer = json!({ "format": 1, "version": version, "since_ms": 0 });
            fs::write(film.join(versions::POINTER), pointer.to_string()).unwrap();
        };
        point_to("v-0123456789ab");
        assert_eq!(shown_version(film).unwrap(), film.join("v-0123456789ab"));
        point_to("../x");
        assert!(shown_version(film).is_err());
        let error = shown_version(&film.join("none")).unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Unreadable);
    }

    #[test]
    fn nothing_to_play_is_wrong() {
        let place = tempfile::tempdir().unwrap();
        let report = verify::folder(place.path());
        assert!(!report.is_right());
        let text = text("film", &report);
        assert!(text.starts_with("film: WRONG\n"), "{text}");
        assert!(text.contains("error missing: master.m3u8:"), "{text}");
    }
}
