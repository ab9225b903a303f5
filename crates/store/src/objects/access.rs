//! Opens the store that a URI names.

use std::sync::Arc;

use super::{Error, Folder, Problem, S3, Shared};
use crate::{
    s3::{Access, Fault},
    uri::Uri,
};

/// Opens a folder, which need not be there yet, or a place in a bucket, with credentials, region
/// and endpoint from the `AWS_*` variables. Nothing is asked of a bucket yet.
pub fn open(uri: &Uri) -> Result<Shared, Error> {
    match uri {
        Uri::Path(path) => Ok(Arc::new(Folder::new(path.clone()))),
        Uri::S3 { bucket, prefix } => Ok(Arc::new(S3::open(bucket, prefix, None)?)),
        _ => Err(no_store(uri)),
    }
}

/// As [`open`], with what is needed for a bucket given instead of taken from the environment.
pub fn open_with(uri: &Uri, access: &Access) -> Result<Shared, Error> {
    match uri {
        Uri::S3 { bucket, prefix } => Ok(Arc::new(S3::open(bucket, prefix, Some(access))?)),
        other => open(other),
    }
}

fn no_store(uri: &Uri) -> Error {
    Error {
        place: uri.to_string(),
        problem: Problem::Store(Fault::NotAStore),
    }
}
