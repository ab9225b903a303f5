//! Where assets go, and where jobs keep their work.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use store::{
    digest,
    objects::{self, Shared},
    uri::Uri,
};

use super::Error;
use crate::clock::Clock;

/// Where work lies below the place that assets are put into. Hidden, so that it is no content.
const WORK: &str = ".headend";

/// An opened place.
#[derive(Clone)]
pub(crate) struct Place {
    /// As it is written in requests: an absolute path, or a URI.
    pub(crate) name: String,
    /// The store that assets are put into.
    pub(crate) target: Shared,
    /// The store of the work; the same as `target` unless it is elsewhere.
    pub(crate) work: Shared,
    /// Where the work lies in its store.
    pub(crate) prefix: String,
    /// A local folder for what is being made and for databases.
    pub(crate) local: PathBuf,
}

impl Place {
    /// Opens the place that assets are put into, a folder or bucket. Work lies below it unless `work`
    /// names another place; what needs a local folder is below `state_dir` where neither is one.
    pub(crate) fn open(to: &Uri, work: Option<&Uri>, state_dir: &Path) -> Result<Self, Error> {
        let to = &absolute(to)?;
        let target = open(to)?;
        let (work_uri, work) = match work {
            None => (to.clone(), Arc::clone(&target)),
            Some(uri) => {
                let uri = absolute(uri)?;
                let store = open(&uri)?;
                (uri, store)
            }
        };
        let local = match &work_uri {
            Uri::Path(path) => path.join(WORK),
            other => {
                let hash = digest::of_bytes(other.to_string().as_bytes());
                state_dir.join("transcode").join(&hash[..16])
            }
        };
        let place = Self {
            name: to.to_string(),
            target,
            work,
            prefix: WORK.to_owned(),
            local,
        };
        place.prepare()?;
        Ok(place)
    }

    /// Makes sure that this process alone works on a job here, until the result is dropped. Two would
    /// not harm each other; they would do everything twice.
    pub(crate) fn lock(&self, job: &str) -> Result<File, Error> {
        let path = self.local.join(format!("{job}.lock"));
        let file = File::create(&path).map_err(|error| failed(&path, &error))?;
        match file.try_lock() {
            // An error tells of a file system without locks.
            Ok(()) | Err(fs::TryLockError::Error(_)) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(Error::Place {
                place: self.name.clone(),
                reason: format!("another process works on `{job}`"),
            }),
        }
    }

    fn prepare(&self) -> Result<(), Error> {
        fs::create_dir_all(&self.local).map_err(|error| failed(&self.local, &error))
    }
}

/// Opens a store and tries whether it keeps what jobs rely on, so that one that does not is told of now
/// and not after hours of encoding.
fn open(uri: &Uri) -> Result<Shared, Error> {
    let refuse = |error: objects::Error| Error::Place {
        place: uri.to_string(),
        reason: error.to_string(),
    };
    let store = objects::open(uri).map_err(refuse)?;
    let nonce = format!("{}-{}", std::process::id(), Clock::SYSTEM.now_ms());
    objects::selftest::run(store.as_ref(), &nonce).map_err(refuse)?;
    Ok(store)
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Place {
        place: path.display().to_string(),
        reason: error.to_string(),
    }
}

/// Makes a path start from the root, so that it means the same wherever it is asked from.
fn absolute(uri: &Uri) -> Result<Uri, Error> {
    match uri {
        Uri::Path(path) => std::path::absolute(path)
            .map(Uri::Path)
            .map_err(|error| failed(path, &error)),
        other => Ok(other.clone()),
    }
}
