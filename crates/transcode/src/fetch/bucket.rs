//! Objects in a bucket. The credentials are those of this process, from the `AWS_*` variables.

use std::io;

use store::{
    objects::{self, Entry, Problem, Shared, Tag},
    uri::Uri,
};

use super::{
    Error, Identity,
    remote::{Fault, Receiver, Remote},
};

/// An object.
pub(super) struct Bucket {
    store: Shared,
    key: String,
    place: String,
}

impl Bucket {
    pub(super) fn new(bucket: &str, key: &str) -> Result<Self, Error> {
        let place = format!("s3://{bucket}/{key}");
        let uri = Uri::S3 {
            bucket: bucket.to_owned(),
            prefix: String::new(),
        };
        let store = objects::open(&uri).map_err(|error| Error::Input {
            place: place.clone(),
            reason: error.problem.to_string(),
        })?;
        Ok(Self {
            store,
            key: key.to_owned(),
            place,
        })
    }

    /// Reads an object of any store.
    #[cfg(test)]
    pub(super) fn over(store: Shared, key: &str) -> Self {
        Self {
            store,
            key: key.to_owned(),
            place: key.to_owned(),
        }
    }

    fn fault(&self, error: objects::Error) -> Fault {
        if error.may_pass() {
            return Fault::passing(error.problem.to_string());
        }
        match error.problem {
            Problem::Replaced => Fault::Changed,
            problem => Fault::Final(Error::Unreadable {
                place: self.place.clone(),
                reason: problem.to_string(),
            }),
        }
    }

    fn head(&self) -> Result<Entry, Fault> {
        match self.store.head(&self.key) {
            Ok(Some(entry)) => Ok(entry),
            Ok(None) => Err(Fault::Final(Error::Unreadable {
                place: self.place.clone(),
                reason: "there is no such object".to_owned(),
            })),
            Err(error) => Err(self.fault(error)),
        }
    }
}

impl Remote for Bucket {
    fn identify(&mut self, _into: &mut dyn Receiver) -> Result<Identity, Fault> {
        self.head().map(|entry| identity(&entry))
    }

    fn read(
        &mut self,
        from: u64,
        known: Option<&Identity>,
        into: &mut dyn Receiver,
    ) -> Result<(), Fault> {
        let entry = self.head()?;
        let now = identity(&entry);
        let same = known.is_none_or(|known| known.agrees_with(&now));
        let from = if same { from } else { 0 };
        into.begin(now, from)?;
        if from >= entry.bytes {
            return Ok(());
        }
        let mut refused = None;
        let read = self.store.read(
            &self.key,
            Some(from..u64::MAX),
            entry.tag.as_ref(),
            &mut |piece| {
                into.piece(piece).map_err(|fault| {
                    refused = Some(fault);
                    io::Error::other("the receiver refuses")
                })
            },
        );
        match (refused, read) {
            (Some(fault), _) => Err(fault),
            (None, Ok(_)) => Ok(()),
            (None, Err(error)) => Err(self.fault(error)),
        }
    }
}

fn identity(entry: &Entry) -> Identity {
    Identity {
        bytes: Some(entry.bytes),
        tag: entry.tag.as_ref().map(|Tag(tag)| tag.clone()),
        modified: Some(entry.modified_ms.to_string()),
    }
}
