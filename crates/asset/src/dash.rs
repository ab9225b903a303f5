//! MPDs: which tracks there are and where their segments lie. Follows ISO/IEC 23009-1, 5.3.9.
//!
//! Only static MPDs of one Period. Side-car text (WebVTT or TTML outside MP4) is left out with a
//! warning; segments in other containers than MP4 are refused.

use std::{
    fs,
    path::{Path, PathBuf},
};

use media::{
    mpd::read::{self as mpd, MpdSource, SourceAddressing, TrackSource, UrlRange},
    presentation::{Addressing, Content, Nominal, Run, Shape, Track},
    template::{Key, Template},
    time::{Time, Timescale},
};

use crate::{
    Error,
    plan::{Declared, Locator, ManifestPlan, Media, Place, TrackPlan},
    stamp::Stamp,
};

/// A larger MPD is not read.
const MAX_MPD_BYTES: u64 = 64 << 20;
/// A track with more segments is refused: 2 s each, these would last 230 days.
const MAX_SEGMENTS: usize = 10_000_000;

/// Reads the MPD `name` of a folder and finds the files of its tracks.
pub(crate) fn read(root: &Path, folder: &Path, name: &str) -> Result<ManifestPlan, Error> {
    let file = folder.join(name);
    let stamp = Stamp::of(&file, || "the MPD is gone".to_owned())?;
    let text = read_text(&file, MAX_MPD_BYTES)?;
    let source = mpd::parse(&text).map_err(|error| Error::Manifest {
        path: file.clone(),
        line: error.line.into(),
        column: error.column.into(),
        reason: format!("{}: {}", error.path, error.reason),
    })?;
    let unsupported = |reason: &str| Error::Unsupported {
        path: file.clone(),
        reason: reason.to_owned(),
    };
    if source.is_dynamic {
        return Err(unsupported(
            "a live MPD (type=\"dynamic\"); only static ones are assets",
        ));
    }
    if source.periods != 1 {
        return Err(unsupported(&format!(
            "{} Periods; only MPDs with exactly one are assets",
            source.periods
        )));
    }
    let mut warnings = source.ignored.clone();
    let (mut shape, sources) = without_sidecars(&source, &mut warnings);
    if sources.is_empty() {
        return Err(unsupported("no video, audio, text or image track"));
    }
    let mut locator = Locator::new(root, folder, &file);
    let mut plans = Vec::with_capacity(sources.len());
    for ((set, track), source_of) in shape.tracks().zip(&sources) {
        check_container(&file, track)?;
        plans.push(plan(
            &mut locator,
            set.content,
            track,
            source_of,
            source.duration,
            &file,
        )?);
    }
    let addressing = addressing(&mut shape, &sources);
    Ok(ManifestPlan {
        name: name.to_owned(),
        sources: vec![(file.clone(), stamp)],
        file,
        shape,
        addressing,
        duration: source.duration,
        tracks: plans,
        warnings,
    })
}

/// Reads a text file of bounded size; bytes that are not UTF-8 are replaced, not refused.
pub(crate) fn read_text(path: &Path, max: u64) -> Result<String, Error> {
    let len = fs::metadata(path).map_err(Error::io(path))?.len();
    if len > max {
        return Err(Error::Unsupported {
            path: path.to_path_buf(),
            reason: format!("{len} bytes long; manifests of up to {max} are read"),
        });
    }
    let bytes = fs::read(path).map_err(Error::io(path))?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Leaves out tracks of text that is not in MP4, and sets that become empty.
fn without_sidecars(source: &MpdSource, warnings: &mut Vec<String>) -> (Shape, Vec<TrackSource>) {
    let mut shape = source.shape.clone();
    let mut kept = Vec::with_capacity(source.tracks.len());
    let mut sources = source.tracks.iter();
    for set in &mut shape.sets {
        let is_text = set.content == Content::Text;
        set.tracks.retain(|track| {
            let Some(source) = sources.next() else {
                return false;
            };
            let sidecar = is_text && !track.mime_type.is_empty() && !is_mp4(&track.mime_type);
            if sidecar {
                warnings.push(format!(
                    "text track `{}` ({}) is left out: only text in MP4 can be presented",
                    track.id, track.mime_type
                ));
            } else {
                kept.push(source.clone());
            }
            !sidecar
        });
    }
    shape.sets.retain(|set| !set.tracks.is_empty());
    (shape, kept)
}

fn is_mp4(mime_type: &str) -> bool {
    mime_type
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().ends_with("/mp4"))
}

fn check_container(file: &Path, track: &Track) -> Result<(), Error> {
    let kind = track.mime_type.as_str();
    if kind.is_empty() || is_mp4(kind) || kind.starts_with("image/") {
        return Ok(());
    }
    Err(Error::Unsupported {
        path: file.to_path_buf(),
        reason: format!(
            "track `{}` is {kind}; only fragmented MP4 and images are served",
            track.id
        ),
    })
}

/// Chooses one way of addressing for the whole manifest and makes the templates fit it.
fn addressing(shape: &mut Shape, sources: &[TrackSource]) -> Addressing {
    let timed: Vec<&SourceAddressing> = shape
        .tracks()
        .zip(sources)
        .filter(|((set, _), _)| set.content != Content::Image)
        .map(|(_, source)| &source.addressing)
        .collect();
    let all_numbers = timed
        .iter()
        .all(|source| matches!(source, SourceAddressing::Number { .. }));
    if all_numbers {
        return Addressing::Number;
    }
    let all_times = timed.iter().all(
        |source| matches!(source, SourceAddressing::Timeline { media, .. } if media.has_time()),
    );
    if all_times {
        return Addressing::TimelineTime;
    }
    for set in &mut shape.sets {
        for track in &mut set.tracks {
            if track.media.has_time() {
                track.media = track.media.by_number();
            }
        }
    }
    Addressing::TimelineNumber
}

fn plan(
    locator: &mut Locator<'_>,
    content: Content,
    track: &Track,
    source: &TrackSource,
    duration: Option<Time>,
    manifest: &Path,
) -> Result<TrackPlan, Error> {
    let expand = |template: &Template, key| template.expand(&track.id, track.bandwidth, key);
    let mut init_of = |template: &Option<Template>| -> Result<Option<Place>, Error> {
        match template {
            Some(template) if content != Content::Image => {
                let url = expand(template, None);
                locator.place("", &url, None).map(Some)
            }
            _ => Ok(None),
        }
    };
    let mut made = TrackPlan {
        id: track.id.clone(),
        content,
        init: None,
        media: Media::Pieces(Vec::new()),
        first_number: 1,
        next: None,
        origin: (source.presentation_time_offset > 0).then(|| {
            Time::new(
                i64::try_from(source.presentation_time_offset).unwrap_or(i64::MAX),
                source.timescale,
            )
        }),
        nominal: None,
        declared: None,
        limit: None,
    };
    match &source.addressing {
        SourceAddressing::Number {
            init,
            media,
            start_number,
            end_number,
            duration: each,
            timescale,
        } => {
            made.init = init_of(init)?;
            let url = |number| expand(media, Some(Key::Number(number)));
            // Without `$Number$` there is one segment only.
            let end = if media.has_number() {
                *end_number
            } else {
                Some(*start_number)
            };
            let found = numbered(locator, *start_number, end, url, &track.id)?;
            if end.is_none() {
                let next = start_number.saturating_add(found.len() as u64);
                made.next = Some(locator.path("", &url(next))?);
            }
            made.media = Media::Pieces(found);
            made.first_number = *start_number;
            made.nominal = Some(Nominal {
                duration: *each,
                timescale: *timescale,
            });
            made.declared = Some(constant(*timescale, *each));
            made.limit = duration;
        }
        SourceAddressing::Timeline {
            init,
            media,
            timescale,
            start_number,
            runs,
        } => {
            made.init = init_of(init)?;
            made.media = Media::Pieces(listed(
                locator,
                runs,
                *start_number,
                |key_time, number| {
                    let key = if media.has_time() {
                        Key::Time(key_time)
                    } else {
                        Key::Number(number)
                    };
                    expand(media, Some(key))
                },
                manifest,
            )?);
            made.first_number = *start_number;
            made.declared = Some(Declared {
                timescale: *timescale,
                runs: runs.clone(),
            });
        }
        SourceAddressing::List {
            init,
            timescale,
            duration,
            runs,
            urls,
        } => {
            made.init = init
                .as_ref()
                .map(|init| locator.place("", &init.url, init.range.clone()))
                .transpose()?;
            made.media = Media::Pieces(places(locator, urls)?);
            made.declared = match duration {
                Some(each) if runs.is_empty() => Some(constant(*timescale, *each)),
                _ if runs.is_empty() => None,
                _ => Some(Declared {
                    timescale: *timescale,
                    runs: runs.clone(),
                }),
            };
            made.nominal = duration.map(|duration| Nominal {
                duration,
                timescale: *timescale,
            });
        }
        SourceAddressing::Base {
            url,
            init_range,
            index_range,
            ..
        } => {
            made.media = Media::Single {
                file: locator.place("", url, None)?,
                init: init_range.clone(),
                index: index_range.clone(),
            };
        }
    }
    Ok(made)
}

/// The times that a constant duration implies for the first segments.
fn constant(timescale: Timescale, duration: u64) -> Declared {
    Declared {
        timescale,
        runs: vec![Run {
            start: 0,
            duration,
            count: u32::MAX,
        }],
    }
}

/// Looks for numbered files from `start` on until one is not there.
fn numbered(
    locator: &mut Locator<'_>,
    start: u64,
    end: Option<u64>,
    url: impl Fn(u64) -> String,
    id: &str,
) -> Result<Vec<Place>, Error> {
    let mut found = Vec::new();
    let mut number = start;
    while end.is_none_or(|end| number <= end) && found.len() < MAX_SEGMENTS {
        let Some(place) = locator.find(&url(number))? else {
            let reason = if end.is_some() {
                Some("`endNumber` says that it is there")
            } else if found.is_empty() {
                Some("it is the first")
            } else if locator.find(&url(number + 1))?.is_some() {
                Some("the one after it is there")
            } else {
                None
            };
            match reason {
                Some(reason) => {
                    return Err(Error::Missing {
                        path: locator.path("", &url(number))?,
                        reason: format!("segment {number} of `{id}` is not there, but {reason}"),
                    });
                }
                None => break,
            }
        };
        found.push(place);
        number += 1;
    }
    Ok(found)
}

/// Finds the files of a timeline, all of which must be there.
fn listed(
    locator: &mut Locator<'_>,
    runs: &[Run],
    start_number: u64,
    url: impl Fn(u64, u64) -> String,
    manifest: &Path,
) -> Result<Vec<Place>, Error> {
    let total: u64 = runs.iter().map(|run| u64::from(run.count)).sum();
    if total > MAX_SEGMENTS as u64 {
        return Err(Error::Unsupported {
            path: manifest.to_path_buf(),
            reason: format!("{total} segments in a track; up to {MAX_SEGMENTS} are read"),
        });
    }
    let mut found = Vec::with_capacity(total as usize);
    let mut number = start_number;
    for run in runs {
        for i in 0..u64::from(run.count) {
            let time = run.start.saturating_add(run.duration.saturating_mul(i));
            let place = match locator.place("", &url(time, number), None) {
                Err(Error::Missing { path, reason }) if found.is_empty() && time == 0 => {
                    primed(&path, &url(1, number))
                        .and_then(|path| Place::whole(path).ok().flatten())
                        .ok_or(Error::Missing { path, reason })
                }
                place => place,
            };
            found.push(place?);
            number = number.saturating_add(1);
        }
    }
    Ok(found)
}

/// Finds the first segment of sound where ffmpeg puts it: named by the negative time of its priming
/// (`audio--1024.m4s`), though its manifest says 0. `missing` is where it should be, `other` the URL
/// with 1 as the time.
fn primed(missing: &Path, other: &str) -> Option<PathBuf> {
    let name = missing.file_name()?.to_str()?;
    let other = other.rsplit('/').next()?;
    let shared = name.bytes().zip(other.bytes()).take_while(|(a, b)| a == b);
    let at = shared.count();
    let (before, after) = (name.get(..at)?, name.get(at + 1..)?);
    let is_primed = |name: &str| {
        name.strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .and_then(|time| time.strip_prefix('-'))
            .is_some_and(|ticks| ticks.parse::<u32>().is_ok())
    };
    let folder = missing.parent()?;
    let mut names = fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_primed(name));
    // With two there is no telling.
    let only = names.next()?;
    names.next().is_none().then(|| folder.join(only))
}

fn places(locator: &mut Locator<'_>, urls: &[UrlRange]) -> Result<Vec<Place>, Error> {
    urls.iter()
        .map(|url| locator.place("", &url.url, url.range.clone()))
        .collect()
}
