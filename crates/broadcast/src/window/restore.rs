//! From a folder back to a window.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use media::time::{Round, Time};

use super::{
    DiskError, QUEUE, Queue, Settings, State,
    disk::{self, Job},
    inner::{Inner, clamped},
    state::{StretchState, TrackState},
    stretch::Shown,
    track::Stored,
    unfinished::{self, Found, Trace},
};
use crate::packager::{Cause, Init, Resume, Stretch};

/// How many segments may have been announced without having been noted. The state is written with
/// each segment, so there is one in progress and one or two on their way to the disk.
const UNNOTED: i64 = 4;

/// Makes the content of a window from a folder, to go on with. Without a state it is empty, and so is
/// the folder then.
pub(super) fn restore(
    settings: &Arc<Settings>,
    folder: &Path,
    state: Option<&State>,
    now: i64,
) -> Result<(Inner, Arc<Queue<Job>>, Resume), DiskError> {
    let fail = |path: &Path| {
        let path = path.to_path_buf();
        move |source| DiskError { path, source }
    };
    std::fs::create_dir_all(folder).map_err(fail(folder))?;
    let mut inner = match state {
        Some(state) => recall(settings, folder, state, now),
        None => Inner::new(Arc::clone(settings)),
    };
    let jobs = Arc::new(Queue::new(QUEUE));
    inner.jobs = Some(Arc::clone(&jobs));
    inner.evict();
    sweep(&inner, folder).map_err(fail(folder))?;
    // Noted at once, so that a second crash finds what this start made of the first.
    jobs.insist(Job::State);
    let resume = inner.resume;
    Ok((inner, jobs, resume))
}

/// Makes the content of a window from a folder and its state. Nothing there is changed.
pub(super) fn recall(settings: &Arc<Settings>, folder: &Path, state: &State, now: i64) -> Inner {
    let mut inner = Inner::new(Arc::clone(settings));
    for stretch in &state.stretches {
        take_stretch(&mut inner, folder, stretch);
    }
    inner.resume = Resume {
        next_number: state.next_number,
        next_stretch: state.next_stretch,
        end: state.end.time(),
    };
    if !state.clean && !find_unnoted(&mut inner, folder) {
        skip_unnoted(&mut inner, now);
    }
    if let Some(last) = inner.stretches.back_mut()
        && last.end.is_none()
    {
        last.end = last.common_end(settings.segment).or(Some(inner.resume.end));
    }
    for reel in &mut inner.reels {
        if reel.segments.is_empty() {
            reel.skip_to(inner.resume.next_number);
        }
    }
    inner
}

/// Takes a stretch with what is on disk of it.
fn take_stretch(inner: &mut Inner, folder: &Path, of: &StretchState) {
    let settings = Arc::clone(&inner.settings);
    let start = of.start.time();
    let stretch = Stretch {
        number: of.number,
        start,
        first_number: of.first_number,
        cause: Cause::Run,
    };
    let mut shown = Shown::new(stretch, &settings);
    shown.end = of.end.map(super::state::Instant::time);
    for (number, (_, track)) in settings.tracks().enumerate() {
        let Some(found) = of.tracks.iter().find(|state| state.id == track.id) else {
            continue;
        };
        let folder = folder.join(disk::folder_name(&track.id));
        let Some(init) = init_of(inner, number, &folder, found) else {
            continue;
        };
        let timeline = found.timeline(start, init.track.timescale);
        let reel = &mut inner.reels[number];
        reel.skip_to(timeline.first_number);
        let mut gaps = Vec::new();
        for (at, start, duration) in timeline.segments() {
            let file = disk::find(&folder.join(disk::segment_name(at)));
            let gap = file.is_none();
            if gap {
                gaps.push(at);
            }
            reel.segments.push_back(Stored {
                start,
                duration,
                whole: true,
                gap,
                file,
                ..Stored::default()
            });
        }
        shown.set_init(number, init, &settings, &inner.reels);
        shown.timelines[number] = timeline;
        shown.timelines[number].gaps = gaps;
    }
    inner.stretches.push_back(shown);
}

/// Reads the init segment of a track in a stretch.
fn init_of(inner: &mut Inner, track: usize, folder: &Path, of: &TrackState) -> Option<Arc<Init>> {
    let name = of.init.as_ref()?;
    let mut inits = inner.inits.iter();
    if let Some((_, init)) = inits.find(|(at, init)| *at == track && init.name == *name) {
        return Some(Arc::clone(init));
    }
    let bytes = Bytes::from(std::fs::read(folder.join(name)).ok()?);
    let init = Arc::new(Init::read(&bytes).ok().filter(|init| init.name == *name)?);
    inner.inits.push((track, Arc::clone(&init)));
    Some(init)
}

/// Takes what is on disk behind the state: segments that were whole, and what had been shown of the one in
/// progress. Tells whether it is known of all tracks how far they had come.
fn find_unnoted(inner: &mut Inner, folder: &Path) -> bool {
    let settings = Arc::clone(&inner.settings);
    let Some(shown) = inner.stretches.back_mut().filter(|it| it.end.is_none()) else {
        return false;
    };
    let mut is_known = true;
    for (number, (_, track)) in settings.tracks().enumerate() {
        let folder = folder.join(disk::folder_name(&track.id));
        let scale = shown.scale(number);
        let Some(reel) = inner.reels.get_mut(number) else {
            continue;
        };
        if shown.inits[number].is_none() {
            continue;
        }
        loop {
            let timeline = &shown.timelines[number];
            let next = timeline.next_number();
            let found = match unfinished::look_for(&folder, next) {
                Trace::Segment(found) if found.start == timeline.next_start() => found,
                Trace::Begun => break,
                Trace::Segment(_) | Trace::None => {
                    is_known = false;
                    break;
                }
            };
            let Found {
                start, duration, ..
            } = found;
            shown.list(number, next, start, duration, false);
            reel.skip_to(next);
            reel.segments.push_back(Stored {
                start,
                duration,
                whole: true,
                file: Some(found.file),
                ..Stored::default()
            });
            let end = Time::new(clamped(start.saturating_add(duration)), scale);
            inner.resume.end = inner.resume.end.max(end);
            inner.resume.next_number = inner.resume.next_number.max(next + 1);
        }
    }
    if is_known {
        inner.announced = inner.resume.next_number;
    }
    is_known
}

/// Sees to it that numbers are not used again that may have been announced since the state was
/// written: as many as the time since then has room for, at most [`UNNOTED`]. They are listed as lost
/// with the first part behind them.
fn skip_unnoted(inner: &mut Inner, now: i64) {
    let segment = inner.settings.segment.ms(Round::Nearest).max(1);
    let from = inner.resume.end.ms(Round::Up);
    let since = now
        .saturating_sub(inner.settings.epoch_ms)
        .saturating_sub(from);
    let count = (since.max(0) / segment + 1).min(UNNOTED);
    let span = since.clamp(count, count * segment);
    inner.resume.next_number = inner.resume.next_number.saturating_add(count as u64);
    inner.announced = inner.resume.next_number;
    inner.resume.end = Time::from_ms(from.saturating_add(span));
}

/// Removes segments from the folder that are in no list, and what was left half written.
fn sweep(inner: &Inner, folder: &Path) -> std::io::Result<()> {
    let mut known: BTreeSet<PathBuf> = BTreeSet::new();
    for reel in &inner.reels {
        let files = reel.segments.iter().filter_map(|s| s.file.as_ref());
        known.extend(files.map(store::mapped::MediaFile::path));
    }
    for (track, init) in &inner.inits {
        if let Some((_, of)) = inner.settings.tracks().nth(*track) {
            known.insert(folder.join(disk::folder_name(&of.id)).join(&init.name));
        }
    }
    for entry in std::fs::read_dir(folder)?.flatten() {
        let is_track = entry.file_name().to_string_lossy().starts_with("t-");
        if !is_track || !entry.path().is_dir() {
            continue;
        }
        for file in std::fs::read_dir(entry.path())?.flatten() {
            if !known.contains(&file.path()) {
                disk::remove(&file.path());
            }
        }
    }
    Ok(())
}
