//! The key of a job, and its use. It is read from its file whenever it is needed and kept nowhere
//! else: neither in requests nor in records, logs or errors.

use bytes::Bytes;

use super::{Steps, Work, hopeless, uncommitted, unlucky};
use crate::{
    commit::{Record, Staging},
    engine::Setback,
    fetch::Input,
    job::Request,
    package::{
        TrackParts,
        protect::{self, Key, ProtectError},
    },
    plan::{Encryption, Plan},
    worker::{Progress, Unit},
};

/// A key file is not longer than this: a key and a vector in digits, and white space.
const LONGEST: u64 = 256;

impl Steps {
    /// Reads the key of a request; none if nothing is to be encrypted. Fails with a sentence.
    pub(super) fn key(&self, request: &Request) -> Result<Option<Key>, String> {
        let (Some(_), Some(path)) = (&request.options.encryption, &request.key_file) else {
            return Ok(None);
        };
        let allowed = self.keys.check(&Input::File(path.clone()));
        allowed.map_err(|error| format!("key file {error}"))?;
        let failed = |reason: String| format!("key file {}: {reason}", path.display());
        let metadata = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
        let content = match metadata.len() {
            0..=LONGEST if metadata.is_file() => std::fs::read(path),
            _ => Ok(Vec::new()),
        };
        let content = content.map_err(|error| failed(error.to_string()))?;
        let key = Key::read(&content).ok_or_else(|| {
            failed("it holds neither 16 bytes nor 32 hexadecimal digits".to_owned())
        })?;
        Ok(Some(key))
    }
}

impl Work<'_> {
    /// Returns how the result is encrypted, and with which key.
    pub(super) fn protection(&self, plan: &Plan) -> Result<Option<(Encryption, Key)>, Setback> {
        let key = self.steps.key(&self.cell.request).map_err(hopeless)?;
        match (plan.encryption.clone(), key) {
            (None, _) => Ok(None),
            (Some(encryption), Some(key)) => Ok(Some((encryption, key))),
            (Some(_), None) => Err(hopeless("encryption needs a key file")),
        }
    }

    /// Encrypts what was made into the result of this step.
    pub(super) fn protect(
        &self,
        (encryption, key): &(Encryption, Key),
        tracks: &[TrackParts],
        parts: &[Record],
        staging: &mut Staging<'_>,
    ) -> Result<Vec<TrackParts>, Setback> {
        let store = self.cell.ledger.store();
        let segments = tracks.iter().flat_map(|track| &track.parts);
        let total: usize = segments.map(|part| part.segments.len()).sum();
        let mut done = 0;
        let read = |name: &str| -> Result<Bytes, Setback> {
            if self.reins.stopped() {
                return Err(unlucky("stopped"));
            }
            let object = parts.iter().find_map(|record| record.object(name));
            let object = object.ok_or_else(|| unlucky(format!("{name} is gone")))?;
            let bytes = store.get(&object.place);
            Ok(bytes.map_err(|error| unlucky(error.to_string()))?.into())
        };
        let mut write = |name: &str, bytes: &[u8]| -> Result<(), Setback> {
            staging.put_bytes(name, bytes).map_err(uncommitted)?;
            done += 1;
            self.reins.report(Progress {
                unit: Unit::Objects,
                done,
                total: Some(total as u64),
                ..Progress::default()
            });
            Ok(())
        };
        let protected = tracks
            .iter()
            .map(|track| protect::track(encryption, key, track, read, &mut write));
        protected.collect()
    }
}

impl From<ProtectError> for Setback {
    fn from(error: ProtectError) -> Self {
        hopeless(error.to_string())
    }
}
