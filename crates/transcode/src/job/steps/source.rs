//! The source and the plan.

use std::{ops::ControlFlow, panic::resume_unwind, path::PathBuf, sync::Arc, thread};

use media::time::Round;
use serde_json::json;

use super::{Ran, Work, early::Watch, hopeless, uncommitted, unlucky};
use crate::{
    commit::Key,
    engine::Setback,
    fetch::{self, Growth, Input},
    plan::{self, Plan, SourceFacts},
    source, title,
    worker::{Progress, Unit},
};

/// How the reason begins when what is wanted is at fault, not the source.
pub(super) const WISH: &str = "what is wanted: ";

/// A source that ends this long before its header says, and a hundredth of its length, is cut off.
const TRUNCATED_MS: i64 = 1500;

impl Work<'_> {
    /// Sees to it that the source is there, and is still what it was.
    pub(super) fn fetch(&self) -> Result<Ran, Setback> {
        let input = Input::parse(&self.cell.request.input).map_err(unfetched)?;
        let spool = self.steps.spool(&self.cell.id);
        let mut progress = |now: fetch::Progress| {
            if let Some(reason) = &now.waiting {
                tracing::warn!(job = self.cell.id, reason, "the source is asked again");
            }
            self.reins.report(Progress {
                unit: Unit::Bytes,
                done: now.bytes,
                total: now.of_bytes,
                ..Progress::default()
            });
        };
        let growth = Arc::new(Growth::default());
        let context = fetch::Context {
            stop: &|| self.reins.stopped(),
            progress: &mut progress,
            growth: Some(&growth),
        };
        let fetched = thread::scope(|scope| {
            let watch = Watch::new(self, &growth);
            let watching = scope.spawn(move || watch.run());
            let options = fetch::Options {
                checksum: self.cell.request.checksum.clone(),
                ..self.steps.fetch.clone()
            };
            let fetched = fetch::fetch(&input, &options, &spool, context);
            // A panic in it goes on here.
            let watched = watching.join().unwrap_or_else(|panic| resume_unwind(panic));
            watched.and(fetched.map_err(unfetched))
        })?;
        self.cell.facts().source = Some(fetched.path);
        let key = Key::of(self.step).input(&fetched.content_id).finish();
        if let Some(found) = self.look(&key)? {
            return Ok(found);
        }
        let staging = self.cell.ledger.stage(self.step, &key, self.lease.attempt);
        let facts = json!({
            "content": fetched.content_id,
            "bytes": fetched.bytes,
            "sha256": fetched.sha256,
            "transferred": fetched.transferred,
        });
        let committed = staging
            .commit(self.made("headend", facts))
            .map_err(uncommitted)?;
        Ok(Ran::Made {
            record: Box::new(committed.into_record()),
            found: false,
        })
    }

    /// Returns the source as a local file.
    pub(super) fn source(&self) -> Result<PathBuf, Setback> {
        let path = self.cell.facts().source();
        path.ok_or_else(|| unlucky("the source is not there"))
    }

    /// Makes the plan, and looks which parts of it have been made before.
    pub(super) fn plan(&self) -> Result<Ran, Setback> {
        let (content, era) = {
            let facts = self.cell.facts();
            (facts.content(), facts.era)
        };
        let content = content.ok_or_else(|| unlucky("the source is gone"))?;
        let options = &self.cell.request.options;
        let key = Key::of(self.step)
            .input(&content)
            .parameters(&json!({ "format": plan::FORMAT, "options": options }))
            .tool(&self.steps.tool)
            .finish();
        let found = match self.look(&key)? {
            Some(Ran::Made { record, .. }) => serde_json::from_value(record.made.facts.clone())
                .ok()
                .map(|plan: Plan| (plan, record)),
            _ => None,
        };
        let was_found = found.is_some();
        let (plan, record) = if let Some(found) = found {
            found
        } else {
            let plan = self.make_plan()?;
            let staging = self.cell.ledger.stage(self.step, &key, self.lease.attempt);
            let made = self.made(&self.steps.tool, json!(plan));
            let committed = staging.commit(made).map_err(uncommitted)?;
            (plan, Box::new(committed.into_record()))
        };
        let made_before = self.steps.found(self.cell, &plan, &content);
        let mut facts = self.cell.facts();
        // Else the source has become another one meanwhile, and the record is not kept either.
        if facts.era == era {
            for (step, record) in made_before {
                facts.found.insert(step);
                facts.records.insert(step, record);
            }
            facts.plan = Some(Arc::new(plan));
        }
        Ok(Ran::Made {
            record,
            found: was_found,
        })
    }

    fn make_plan(&self) -> Result<Plan, Setback> {
        let path = self.source()?;
        let facts = source::inspect(&self.steps.ffmpeg, &path, |now| {
            let ms = |it: plan::Seconds| u64::try_from(it.ms(Round::Down)).unwrap_or(0);
            self.reins.report(Progress {
                unit: Unit::Milliseconds,
                done: ms(now.read),
                total: now.duration.map(ms),
                ..Progress::default()
            });
            if self.reins.stopped() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .map_err(|error| hopeless(error.to_string()))?;
        if let Some(reason) = truncated(&facts) {
            return Err(hopeless(format!("{}: {reason}", path.display())));
        }
        let planned = plan::plan(facts, &self.cell.request.options).map_err(|error| {
            let reason = match &error {
                plan::Error::Preset(_) | plan::Error::Wish(_) => format!("{WISH}{error}"),
                _ => error.to_string(),
            };
            hopeless(reason)
        })?;
        let mut plan = planned.plan;
        let mut notes = planned.notes;
        if self.cell.request.options.per_title {
            let scratch = self.scratch()?;
            let refined = self.with_context(Unit::Frames, &scratch.0, |context| {
                title::refine(context, &plan, &path)
            })?;
            plan.videos = refined.videos;
            notes.extend(refined.notes);
        }
        for note in &notes {
            tracing::warn!(job = self.cell.id, "{note}");
        }
        Ok(plan)
    }
}

/// Tells whether a source ends long before its header says: a file that was cut off. ffmpeg reads
/// such files without complaint.
fn truncated(facts: &SourceFacts) -> Option<String> {
    let told = facts.duration?;
    let video = facts.video.as_ref().map(|video| video.end);
    let ends = facts
        .audios
        .iter()
        .filter_map(|audio| audio.end)
        .chain(video);
    let last = ends.max()?.minus(facts.start);
    let (told_ms, last_ms) = (told.ms(Round::Nearest), last.ms(Round::Nearest));
    // Headers round, and some count a last frame twice.
    let slack_ms = TRUNCATED_MS.max(told_ms / 100);
    (told_ms - last_ms > slack_ms).then(|| {
        format!(
            "it is cut off: {}.{:03} s of {}.{:03} s are there",
            last_ms / 1000,
            last_ms % 1000,
            told_ms / 1000,
            told_ms % 1000
        )
    })
}

/// Makes the setback of a source that is not there. A server that failed was asked often enough by the
/// download itself.
fn unfetched(error: fetch::Error) -> Setback {
    use fetch::Error::{Changing, TooSlow, Truncated, Unreachable};
    let was_asked = matches!(
        error,
        Truncated { .. } | Unreachable { .. } | TooSlow { .. } | Changing { .. }
    );
    if error.may_pass() && !was_asked {
        unlucky(error.to_string())
    } else {
        hopeless(error.to_string())
    }
}
