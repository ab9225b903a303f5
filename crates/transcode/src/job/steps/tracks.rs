//! What was made of each track, from records.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{hopeless, unlucky};
use crate::{
    commit::{ObjectRef, Record},
    encode::TrackFacts,
    engine::Setback,
    job::cell::Cell,
    package::TrackParts,
};

/// Puts together what was made of each track. Init segments that are equal are read once.
pub(super) fn of(cell: &Cell, parts: &[Record]) -> Result<Vec<TrackParts>, Setback> {
    let mut read: BTreeMap<&str, Bytes> = BTreeMap::new();
    let mut tracks: Vec<TrackParts> = Vec::new();
    for record in parts {
        let facts: Vec<TrackFacts> = serde_json::from_value(record.made.facts["tracks"].clone())
            .map_err(|error| hopeless(format!("record of {}: {error}", record.step)))?;
        for part in facts {
            let init = match record.object(&format!("{}/init.mp4", part.id)) {
                Some(object) => Some(init(cell, object, &mut read)?),
                None => None,
            };
            if let Some(place) = tracks.iter_mut().find(|track| track.id == part.id) {
                place.inits.extend(init);
                place.parts.push(part);
            } else {
                tracks.push(TrackParts {
                    id: part.id.clone(),
                    inits: init.into_iter().collect(),
                    parts: vec![part],
                });
            }
        }
    }
    Ok(tracks)
}

fn init<'r>(
    cell: &Cell,
    object: &'r ObjectRef,
    read: &mut BTreeMap<&'r str, Bytes>,
) -> Result<Bytes, Setback> {
    if let Some(bytes) = read.get(object.hash.as_str()) {
        return Ok(bytes.clone());
    }
    let bytes = cell.ledger.store().get(&object.place);
    let bytes = Bytes::from(bytes.map_err(|error| unlucky(error.to_string()))?);
    read.insert(&object.hash, bytes.clone());
    Ok(bytes)
}
