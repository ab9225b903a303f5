//! Plain media files, whatever ffmpeg reads, brought to CMAF in a cache.
//!
//! ```text
//! plan       what is in the file -> for each track: copy or encode, and why
//! arguments  plan                -> one run of ffmpeg, one fragmented file a track
//! timing     times as ffmpeg has them -> times on the track's own grid, from zero
//! pack       such a file         -> segments that begin with key frames, with an index
//! manifest   tracks              -> manifest.mpd, one file a track (SegmentBase)
//! cache      source and its state -> folder; a lock, and a rename as the last step
//! ```
//!
//! Rules. A track is copied when players know its codec and nothing has to be altered; otherwise
//! pictures become H.264 with a key frame every two seconds, and sound AAC. The first picture
//! shown is time zero, and sound keeps its distance to it: what comes before is cut off, and sound
//! that starts late, ends early or has holes is encoded again with silence in their place, so that
//! an endless loop has none. Pictures of a constant rate get exact times even where the container
//! has milliseconds. Subtitles and cover pictures are left out, with a note.

mod arguments;
mod cache;
mod importer;
mod manifest;
mod pack;
mod plan;
mod timing;

use std::{
    ffi::OsString,
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use media::time::Time;
use process::{Ffmpeg, probe};

use crate::importer::Progress;
use cache::Place;
pub use importer::FfmpegImporter;
use pack::Packed;
use plan::{Plan, Treatment};

/// Part of the name of every import: a new number makes all of them anew.
const FORMAT: u32 = 1;

/// What an import gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The folder with `manifest.mpd` and one file per track.
    pub folder: PathBuf,
    /// Whether an earlier import was still valid.
    pub from_cache: bool,
    /// What was altered or left out, a sentence each; empty when from the cache.
    pub notes: Vec<String>,
}

/// An import that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source cannot be read, or is no media.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The source.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The source has neither pictures nor sound.
    #[error("{}: neither video nor audio in it", path.display())]
    NoMedia {
        /// The source.
        path: PathBuf,
    },
    /// ffmpeg or ffprobe is missing or failed.
    #[error(transparent)]
    Tool(#[from] process::Error),
    /// What ffmpeg wrote cannot be understood.
    #[error("{}: {reason}", path.display())]
    Broken {
        /// The file that ffmpeg wrote.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The cache cannot be written.
    #[error("{}: {source}", path.display())]
    Cache {
        /// File or folder of the cache.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The caller wished it to stop.
    #[error("the import was stopped")]
    Stopped,
}

/// Told how far an import is; a `Break` stops it.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Brings `source` to CMAF in a folder below `cache`, unless an earlier import of the same file in
/// the same state is there. Blocks for as long as it takes.
pub fn import(
    source: &Path,
    cache: &Path,
    ffmpeg: &Ffmpeg,
    on_progress: OnProgress<'_>,
) -> Result<Imported, Error> {
    let place = Place::of(source, cache)?;
    if place.is_complete() {
        return Ok(place.found());
    }
    let _lock = place.lock(on_progress)?;
    // Another process may have done the work while this one waited.
    if place.is_complete() {
        return Ok(place.found());
    }
    let work = place.begin()?;
    let plan = make_plan(place.source(), ffmpeg, on_progress)?;
    convert(&plan, place.source(), work.folder(), ffmpeg, on_progress)?;
    let tracks = pack_all(&plan, work.folder(), on_progress)?;
    let manifest = work.folder().join(cache::MANIFEST);
    store::atomic::write(&manifest, manifest::write(&tracks).as_bytes()).map_err(|error| {
        Error::Cache {
            path: error.path,
            source: error.source,
        }
    })?;
    Ok(Imported {
        folder: work.publish()?,
        from_cache: false,
        notes: plan.notes,
    })
}

/// Looks at the streams and at every packet.
fn make_plan(source: &Path, ffmpeg: &Ffmpeg, on_progress: OnProgress<'_>) -> Result<Plan, Error> {
    let unreadable = |error| match error {
        process::Error::Failed { failure } => Error::Unreadable {
            path: source.to_path_buf(),
            reason: failure.last_line().map_or_else(
                || "not a media file".to_owned(),
                |line| reason_in(line, source),
            ),
        },
        process::Error::Stopped { .. } => Error::Stopped,
        other => Error::Tool(other),
    };
    let input = cache::as_input(source);
    let found = probe::probe(ffmpeg, &input).map_err(unreadable)?;
    let mut count = 0_u32;
    let packets = probe::packets(ffmpeg, &input, |packet| {
        count = count.wrapping_add(1);
        if !count.is_multiple_of(4096) {
            return ControlFlow::Continue(());
        }
        let share = plan::share_read(&found, packet);
        on_progress(progress("reading", share, 0..100))
    })
    .map_err(unreadable)?;
    plan::make(&found, &packets).ok_or_else(|| Error::NoMedia {
        path: source.to_path_buf(),
    })
}

/// ffmpeg begins its line with the name of the input, which the error has already.
fn reason_in(line: &str, source: &Path) -> String {
    let name = source.to_string_lossy();
    line.split_once(name.as_ref())
        .and_then(|(_, rest)| rest.strip_prefix(": "))
        .unwrap_or(line)
        .to_owned()
}

fn convert(
    plan: &Plan,
    source: &Path,
    folder: &Path,
    ffmpeg: &Ffmpeg,
    on_progress: OnProgress<'_>,
) -> Result<(), Error> {
    let encodes = plan
        .tracks
        .iter()
        .any(|track| matches!(track.treatment, Treatment::Encode(_)));
    let stage = if encodes { "encoding" } else { "copying" };
    let arguments: Vec<OsString> = arguments::conversion(plan, &cache::as_input(source), folder);
    let done = ffmpeg.convert(arguments, |report| {
        let stage = match report.speed_permille {
            Some(speed) if encodes => {
                format!("{stage} at {}.{}x", speed / 1000, speed % 1000 / 100)
            }
            _ => stage.to_owned(),
        };
        let share = report.out_time_us.and_then(|out| plan.share_written(out));
        on_progress(progress(&stage, share, 100..900))
    });
    done.map_err(|error| match error {
        process::Error::Stopped { .. } => Error::Stopped,
        other => Error::Tool(other),
    })
}

/// Packs the pictures first, since they say where sound is cut and where it ends.
fn pack_all(plan: &Plan, folder: &Path, on_progress: OnProgress<'_>) -> Result<Vec<Packed>, Error> {
    let mut packed: Vec<Packed> = Vec::with_capacity(plan.tracks.len());
    for (i, track) in plan.tracks.iter().enumerate() {
        let share = i as u64 * 1000 / plan.tracks.len() as u64;
        if on_progress(progress("packing", Some(share), 900..1000)).is_break() {
            return Err(Error::Stopped);
        }
        let picture = packed
            .iter()
            .find(|other| other.source.is_video())
            .map(|video| pack::Frame {
                cuts: video.cuts.clone(),
                end: video.duration,
            });
        let raw = folder.join(track.raw_name());
        packed.push(pack::pack(
            track,
            &raw,
            &folder.join(track.name()),
            picture,
        )?);
        std::fs::remove_file(&raw).map_err(|source| Error::Cache { path: raw, source })?;
    }
    // What is empty after cutting (sound that begins behind the last picture) is left out.
    packed.retain(|track| track.duration > Time::ZERO);
    Ok(packed)
}

/// Maps a share of a stage, in thousandths, to its part of the whole.
fn progress(stage: &str, share: Option<u64>, part: std::ops::Range<u64>) -> Progress {
    let permille = share.map(|share| part.start + share.min(1000) * (part.end - part.start) / 1000);
    Progress {
        permille: permille.and_then(|it| u16::try_from(it).ok()),
        stage: stage.to_owned(),
    }
}

#[cfg(test)]
mod tests;
