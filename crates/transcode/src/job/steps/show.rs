//! The part of a result that there is, shown while the rest is being made.
//!
//! Whenever a part is done, the segments from the first to the last that all tracks have are put into
//! a version that grows, with playlists of the type `EVENT`. Only HLS has such playlists; the MPD
//! comes with the whole.

use std::collections::BTreeMap;

use asset::versions::Shelf;

use super::{Setback, Steps, Work, hopeless, tracks, unlucky};
use crate::{
    commit::{Record, Step},
    job::{cell::Cell, graph},
    package::{self, Extent, TrackParts},
    plan::Plan,
    publish::{Piece, Source, early},
    text,
};

impl Steps {
    /// Shows what there is of a job that is to be shown early. Returns the version when it is shown for
    /// the first time. What goes wrong is logged: the result does not depend on it.
    pub(in crate::job) fn show(&self, cell: &Cell) -> Option<String> {
        let least = cell.request.early_publish?;
        // One at a time; whoever waits here shows what came meanwhile.
        let _turn = cell.showing();
        match self.try_show(cell, u64::from(least.get())) {
            Ok(shown) => shown,
            Err(setback) => {
                tracing::warn!(job = cell.id, reason = setback.reason, "not shown early");
                None
            }
        }
    }

    fn try_show(&self, cell: &Cell, least: u64) -> Result<Option<String>, Setback> {
        let (plan, content, records) = {
            let facts = cell.facts();
            let (Some(plan), Some(content)) = (facts.plan.clone(), facts.content()) else {
                return Ok(None);
            };
            // A source that is on its way may still turn out to be another one.
            let is_whole = facts.records.contains_key(&Step::Fetch);
            let is_begun = facts.records.contains_key(&Step::Package);
            if !is_whole || is_begun {
                return Ok(None);
            }
            let parts = graph::parts(&plan).into_iter();
            let records: Vec<Record> = parts
                .filter(|step| *step != Step::Thumbnails)
                .filter_map(|step| facts.records.get(&step).cloned())
                .collect();
            (plan, content, records)
        };
        let mut tracks = tracks::of(cell, &records)?;
        let Some(last) = extent(&plan, &tracks).filter(|last| *last >= least) else {
            return Ok(None);
        };
        for part in tracks.iter_mut().flat_map(|track| &mut track.parts) {
            part.segments.retain(|segment| segment.number <= last);
        }
        let shelf = Shelf::new(self.target.clone(), &cell.name).map_err(unpublished)?;
        if !early::may_show(&shelf, &cell.id).map_err(unpublished)? {
            return Ok(None);
        }
        let files = package::package(&plan, &tracks, Extent::Growing)
            .map_err(|error| hopeless(error.to_string()))?;
        let mut pieces: BTreeMap<String, Source> = BTreeMap::new();
        for object in records.iter().flat_map(|record| &record.objects) {
            let number = object.name.rsplit('/').next().and_then(|file| {
                let (number, _) = file.split_once('.')?;
                number.parse::<u64>().ok()
            });
            if number.is_some_and(|number| number <= last) {
                pieces.insert(object.name.clone(), Source::Object(object.clone()));
            }
        }
        for file in files {
            pieces.insert(file.name, Source::Bytes(file.content.to_vec()));
        }
        let version = self.early_version(cell, &plan, &content);
        let part = early::Part {
            shelf: &shelf,
            work: cell.ledger.store(),
            version: &version,
            job: &cell.id,
            pieces: pieces.into_iter().map(piece).collect(),
        };
        let shown = early::show(part, (self.clock)(), &|| false).map_err(unpublished)?;
        Ok(shown.then_some(version))
    }

    /// Names the version that grows.
    fn early_version(&self, cell: &Cell, plan: &Plan, content: &str) -> String {
        let how = serde_json::json!([plan, content, self.tool]).to_string();
        early::version(&cell.id, &how)
    }
}

impl Work<'_> {
    /// Completes the version that was shown while it grew, if there is one.
    pub(super) fn complete_early(
        &self,
        shelf: &Shelf,
        plan: &Plan,
        content: &str,
        pieces: &[Piece],
    ) -> Result<(), Setback> {
        if self.cell.request.early_publish.is_none() {
            return Ok(());
        }
        let _turn = self.cell.showing();
        let part = early::Part {
            shelf,
            work: self.cell.ledger.store(),
            version: &self.steps.early_version(self.cell, plan, content),
            job: &self.cell.id,
            pieces: pieces.to_vec(),
        };
        let stop = || self.reins.stopped();
        early::complete(part, (self.steps.clock)(), &stop).map_err(unpublished)
    }
}

/// Returns the number of the last segment that all tracks have, from the first one on; `None` while
/// there is a track without any.
fn extent(plan: &Plan, tracks: &[TrackParts]) -> Option<u64> {
    let videos = plan.videos.iter().map(|it| it.id.clone());
    let audios = plan.audios.iter().map(|it| it.id.clone());
    let texts = plan.texts.iter().map(|it| text::vtt_id(&it.id));
    let lasts = videos.chain(audios).chain(texts).map(|id| {
        let track = tracks.iter().find(|track| track.id == id)?;
        let segments = track.parts.iter().flat_map(|part| &part.segments);
        let unbroken = (1..).zip(segments);
        let unbroken = unbroken.take_while(|(number, segment)| *number == segment.number);
        unbroken.last().map(|(number, _)| number)
    });
    lasts.collect::<Option<Vec<u64>>>()?.into_iter().min()
}

fn piece((name, source): (String, Source)) -> Piece {
    Piece { name, source }
}

fn unpublished(error: impl Into<crate::publish::Error>) -> Setback {
    let error = error.into();
    if error.may_pass() {
        unlucky(error.to_string())
    } else {
        hopeless(error.to_string())
    }
}
