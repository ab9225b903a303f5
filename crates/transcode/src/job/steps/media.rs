//! Chunks, sound, subtitles and seek pictures: encoded into a folder of their own, then committed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use process::supervise::Priority;
use serde_json::json;

use super::{Ran, Work, hopeless, keys, uncommitted, unencoded, unlucky};
use crate::{
    audio,
    commit::{ObjectRef, Step},
    encode::{self, Class, Damage, Failure, Output, TrackOutput},
    engine::Setback,
    plan::Plan,
    text, thumbs,
    worker::{Progress, Unit},
};

/// What encoders are worth to the machine: people and servers go first.
const NICE: i8 = 10;

/// The pool ends what does not get on, and knows when all stood still; this is for a pool that hangs.
const STALL: Duration = Duration::from_mins(10);

impl Work<'_> {
    /// Makes a part of the plan.
    pub(super) fn part(&self) -> Result<Ran, Setback> {
        let (plan, content) = self.planned()?;
        let key = keys::part(self.step, &plan, &content, &self.steps.tool);
        if let Some(found) = self.look(&key)? {
            return Ok(found);
        }
        let source = self.source()?;
        let folder = self.scratch()?;
        let output = self.encode(&plan, &source, &folder.0)?;
        for note in &output.notes {
            tracing::info!(job = self.cell.id, step = %self.step, note, "encoder");
        }
        if output.damaged > 0 {
            tracing::warn!(
                job = self.cell.id,
                step = %self.step,
                frames = output.damaged,
                "the source is damaged here; it was concealed"
            );
        }
        self.still_ours()?;
        let mut staging = self.cell.ledger.stage(self.step, &key, self.lease.attempt);
        for track in &output.tracks {
            if let Some(init) = &track.init {
                let name = format!("{}/init.mp4", track.id);
                staging.put_file(&name, init).map_err(uncommitted)?;
            }
            for segment in &track.segments {
                let file = segment
                    .path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy();
                let name = format!("{}/{file}", track.id);
                staging
                    .put_file(&name, &segment.path)
                    .map_err(uncommitted)?;
            }
        }
        let facts: Vec<_> = output.tracks.iter().map(TrackOutput::facts).collect();
        let first = facts
            .first()
            .map(|track| &track.segments[..])
            .unwrap_or_default();
        let mut made = self.made(
            &self.steps.tool,
            json!({ "tracks": facts, "damaged": output.damaged }),
        );
        made.frames = Some(first.iter().map(|segment| segment.frames).sum());
        made.first_pts = first.first().map(|segment| segment.start as i64);
        let committed = staging.commit(made).map_err(uncommitted)?;
        Ok(Ran::Made {
            record: Box::new(committed.into_record()),
            found: false,
        })
    }

    fn encode(&self, plan: &Plan, source: &Path, scratch: &Path) -> Result<Output, Setback> {
        let unit = match self.step {
            Step::Audio(_) => Unit::Samples,
            _ => Unit::Frames,
        };
        let smallest = match self.step {
            Step::Thumbnails => Some(self.smallest(plan, scratch)?),
            _ => None,
        };
        // What has not come yet looks like damage.
        let is_whole = self.early().is_none();
        let bearing =
            |run: &mut dyn FnMut(Damage) -> Result<Output, Failure>| match run(Damage::Ends) {
                Err(failure) if is_whole && failure.is_damage() => run(Damage::IsBorne),
                made => made,
            };
        self.with_context(unit, scratch, |context| match (self.step, smallest) {
            (Step::Chunk(index), _) => {
                bearing(&mut |damage| encode::run(context, plan, source, index, damage))
            }
            (Step::Audio(index), _) => {
                bearing(&mut |damage| audio::run(context, plan, source, index, damage))
            }
            (Step::Text(index), _) => text::run(context, plan, source, index),
            (_, Some((init, segments))) => thumbs::run(context, plan, &init, &segments),
            _ => Err(Failure {
                class: Class::Permanent,
                reason: "not a part of a plan".to_owned(),
                stderr: Vec::new(),
            }),
        })
    }

    /// Does something that encodes, with what is needed for that.
    pub(super) fn with_context<T>(
        &self,
        unit: Unit,
        scratch: &Path,
        work: impl FnOnce(&mut encode::Context<'_>) -> Result<T, Failure>,
    ) -> Result<T, Setback> {
        let mut progress = |now: encode::Progress| {
            self.reins.report(Progress {
                unit,
                done: now.done,
                total: Some(now.total),
                bytes: now.bytes.unwrap_or(0),
                speed_permille: now.speed_permille,
            });
        };
        let mut context = encode::Context {
            ffmpeg: &self.steps.ffmpeg,
            scratch,
            priority: Priority {
                nice: Some(NICE),
                ..Priority::default()
            },
            stop: self.reins.flag(),
            stall: STALL,
            progress: &mut progress,
        };
        work(&mut context).map_err(unencoded)
    }

    /// Makes the folder of this attempt.
    pub(super) fn scratch(&self) -> Result<Scratch, Setback> {
        let folder = self
            .steps
            .scratch(&self.cell.id, self.step, self.lease.fence);
        Scratch::new(folder).map_err(|error| unlucky(format!("scratch: {error}")))
    }
}

/// The rendition that seek pictures are made from, as local files.
impl Work<'_> {
    /// Returns its init segment and its media segments, in order.
    fn smallest(&self, plan: &Plan, scratch: &Path) -> Result<(PathBuf, Vec<PathBuf>), Setback> {
        let id = match thumbs::rendition(plan) {
            Some(video) => &video.id,
            None => return Err(hopeless("there is no picture to seek by")),
        };
        let (init_name, prefix) = (format!("{id}/init.mp4"), format!("{id}/"));
        let mut init = None;
        let mut segments = Vec::new();
        for chunk in &plan.chunks {
            let record = {
                let facts = self.cell.facts();
                facts.records.get(&Step::Chunk(chunk.index)).cloned()
            };
            let record = record.ok_or_else(|| unlucky(format!("chunk {} is gone", chunk.index)))?;
            for object in record
                .objects
                .iter()
                .filter(|it| it.name.starts_with(&prefix))
            {
                let is_init = object.name == init_name;
                if is_init && init.is_some() {
                    continue;
                }
                let path = self.local(object, scratch)?;
                if is_init {
                    init = Some(path);
                } else {
                    segments.push(path);
                }
            }
        }
        let init = init.ok_or_else(|| unlucky("the init segment is gone"))?;
        Ok((init, segments))
    }

    /// Returns an object as a local file, read into the folder of the attempt if it is none.
    fn local(&self, object: &ObjectRef, scratch: &Path) -> Result<PathBuf, Setback> {
        if let Some(path) = self.cell.ledger.local_path(&object.place) {
            return Ok(path);
        }
        let failed = |error: String| unlucky(format!("{}: {error}", object.place));
        let bytes = self.cell.ledger.store().get(&object.place);
        let bytes = bytes.map_err(|error| failed(error.to_string()))?;
        let path = scratch.join("read").join(&object.name);
        let folder = path.parent().unwrap_or(scratch);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, bytes))
            .map_err(|error| failed(error.to_string()))?;
        Ok(path)
    }
}

/// A folder that is removed in the end.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    fn new(folder: PathBuf) -> io::Result<Self> {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "scratch stays");
        }
    }
}
