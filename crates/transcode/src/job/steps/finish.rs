//! Manifests over what was made, and the asset.

use std::{cell::RefCell, collections::BTreeMap};

use asset::versions::Shelf;
use bytes::Bytes;
use serde_json::json;

use super::{Ran, Work, hopeless, keys, tracks, uncommitted, unlucky};
use crate::{
    commit::{Key, ObjectRef, Record, Step},
    engine::Setback,
    job::graph,
    package::{self, Extent, protect},
    plan::Plan,
    publish::{self, Piece, Publication, Source},
    verify::{self, Severity},
    worker::{Progress, Unit},
};

/// Version of how results are packaged; a raise packages them again.
const FORMAT: u32 = 1;

/// How the reason begins when what was made is not right.
pub(super) const CHECK: &str = "the result is not right: ";

/// What made the manifests.
const TOOL: &str = concat!("headend ", env!("CARGO_PKG_VERSION"));

impl Work<'_> {
    /// Makes the manifests.
    pub(super) fn package(&self) -> Result<Ran, Setback> {
        let (plan, content) = self.planned()?;
        let damaged = self.damaged(graph::parts(&plan))?;
        if !damaged.is_empty() {
            return Ok(Ran::Damaged(damaged));
        }
        let protection = self.protection(&plan)?;
        let secret = protection.as_ref().map(|(_, key)| key.fingerprint());
        let key = self.package_key(&plan, &content, secret.as_deref());
        if let Some(found) = self.look(&key)? {
            return Ok(found);
        }
        let parts = self.parts(&plan)?;
        let mut tracks = tracks::of(self.cell, &parts)?;
        let mut staging = self.cell.ledger.stage(self.step, &key, self.lease.attempt);
        if let Some(protection) = &protection {
            tracks = self.protect(protection, &tracks, &parts, &mut staging)?;
        }
        let files = package::package(&plan, &tracks, Extent::Whole)
            .map_err(|error| hopeless(error.to_string()))?;
        for file in &files {
            staging
                .put_bytes(&file.name, &file.content)
                .map_err(uncommitted)?;
        }
        let committed = staging
            .commit(self.made(TOOL, json!({})))
            .map_err(uncommitted)?;
        Ok(Ran::Made {
            record: Box::new(committed.into_record()),
            found: false,
        })
    }

    /// Puts the result in place.
    pub(super) fn publish(&self) -> Result<Ran, Setback> {
        let (plan, content) = self.planned()?;
        let damaged = self.damaged([Step::Package])?;
        if !damaged.is_empty() {
            return Ok(Ran::Damaged(damaged));
        }
        let package = {
            let facts = self.cell.facts();
            facts.records.get(&Step::Package).cloned()
        };
        let Some(package) = package else {
            return Err(unlucky("the manifests are gone"));
        };
        let key = Key::of(self.step)
            .input(package.key.as_str())
            .parameters(&json!({ "to": self.cell.request.to, "name": self.cell.name }))
            .finish();
        let shelf = Shelf::new(self.steps.target.clone(), &self.cell.name)
            .map_err(|error| hopeless(error.to_string()))?;
        let pieces = self.pieces(&plan, &package)?;
        let protection = self.protection(&plan)?;
        self.verify(&pieces, protection.as_ref().map(|(_, key)| key))?;
        self.still_ours()?;
        let publication = Publication {
            shelf: &shelf,
            work: self.cell.ledger.store(),
            job: package.key.as_str(),
            pieces: pieces.clone(),
        };
        let now_ms = (self.steps.clock)();
        let stop = || self.reins.stopped();
        let progress = |now: publish::Progress| {
            self.reins.report(Progress {
                unit: Unit::Objects,
                done: now.files as u64,
                total: Some(now.of_files as u64),
                ..Progress::default()
            });
        };
        let published =
            publish::publish(publication, now_ms, &stop, &progress).map_err(|error| {
                if error.may_pass() {
                    unlucky(error.to_string())
                } else {
                    hopeless(error.to_string())
                }
            })?;
        self.complete_early(&shelf, &plan, &content, &pieces)?;
        let facts = json!({ "version": published.version, "before": published.before });
        let staging = self.cell.ledger.stage(self.step, &key, self.lease.attempt);
        let committed = staging
            .commit(self.made(TOOL, facts))
            .map_err(uncommitted)?;
        Ok(Ran::Made {
            record: Box::new(committed.into_record()),
            found: false,
        })
    }

    /// Reads the whole result as a player would, and fails with what is wrong with it.
    fn verify(&self, pieces: &[Piece], key: Option<&protect::Key>) -> Result<(), Setback> {
        let places: BTreeMap<&str, &Source> = pieces
            .iter()
            .map(|piece| (piece.name.as_str(), &piece.source))
            .collect();
        let store = self.cell.ledger.store();
        let broken: RefCell<Option<Setback>> = RefCell::default();
        let read = |name: &str| {
            if self.reins.stopped() {
                return Err("stopped".to_owned());
            }
            match places.get(name) {
                None => Err(format!("there is no `{name}`")),
                Some(Source::Bytes(bytes)) => Ok(Bytes::from(bytes.clone())),
                Some(Source::Object(object)) => match store.get(&object.place) {
                    Ok(bytes) => Ok(Bytes::from(bytes)),
                    Err(error) => {
                        // Of a store that is away the result is not to blame.
                        broken.replace(Some(unlucky(error.to_string())));
                        Err(error.to_string())
                    }
                },
            }
        };
        let report = verify::check(&read, key);
        if self.reins.stopped() {
            return Err(unlucky("stopped"));
        }
        if let Some(setback) = broken.take() {
            return Err(setback);
        }
        let errors = report.findings.iter();
        let errors = errors.filter(|finding| finding.severity == Severity::Error);
        let lines: Vec<String> = errors
            .map(|finding| format!("{}: {}: {}", finding.rule, finding.place, finding.text))
            .collect();
        match lines.first() {
            None => Ok(()),
            Some(first) => Err(Setback {
                stderr: lines.clone(),
                ..hopeless(format!("{CHECK}{first}"))
            }),
        }
    }

    fn package_key(&self, plan: &Plan, content: &str, secret: Option<&str>) -> Key {
        let mut key = Key::of(Step::Package);
        if let Some(secret) = secret {
            key = key.input(secret);
        }
        for step in graph::parts(plan) {
            key = key.input(keys::part(step, plan, content, &self.steps.tool).as_str());
        }
        let shape = json!({
            "format": FORMAT,
            "audios": plan.audios,
            "encryption": plan.encryption,
            "texts": plan.texts,
            "videos": plan.videos,
        });
        key.parameters(&shape).tool(TOOL).finish()
    }

    /// Reads what was made before this process began, and names what is not what its record says.
    fn damaged(&self, steps: impl IntoIterator<Item = Step>) -> Result<Vec<Step>, Setback> {
        let found: Vec<(Step, Key)> = {
            let facts = self.cell.facts();
            steps
                .into_iter()
                .filter(|step| facts.found.contains(step))
                .filter_map(|step| Some((step, facts.records.get(&step)?.key.clone())))
                .collect()
        };
        let mut damaged = Vec::new();
        for (step, key) in found {
            if self.reins.stopped() {
                return Err(unlucky("stopped"));
            }
            if self
                .cell
                .ledger
                .find_deep(step, &key)
                .map_err(uncommitted)?
                .is_none()
            {
                damaged.push(step);
            }
        }
        Ok(damaged)
    }

    /// Returns the records of all parts, in order.
    fn parts(&self, plan: &Plan) -> Result<Vec<Record>, Setback> {
        let facts = self.cell.facts();
        graph::parts(plan)
            .into_iter()
            .map(|step| {
                let record = facts.records.get(&step).cloned();
                record.ok_or_else(|| unlucky(format!("{step} is gone")))
            })
            .collect()
    }

    /// Lists the files of the result: what was packaged, and the media that it names.
    fn pieces(&self, plan: &Plan, package: &Record) -> Result<Vec<Piece>, Setback> {
        let mut pieces: BTreeMap<String, ObjectRef> = BTreeMap::new();
        for record in self.parts(plan)? {
            for object in record.objects {
                pieces.insert(object.name.clone(), object);
            }
        }
        for object in &package.objects {
            pieces.insert(object.name.clone(), object.clone());
        }
        let piece = |(name, object)| Piece {
            name,
            source: Source::Object(object),
        };
        Ok(pieces.into_iter().map(piece).collect())
    }
}
