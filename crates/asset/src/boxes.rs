//! From places in files to what their boxes say. Files are mapped, so that only the pages with
//! headers are read.

use bytes::Bytes;
use media::isobmff::{
    BoxError,
    init::{self, InitSegment},
};
use store::mapped::{Fault, MapError, MediaFile};

use crate::{Error, plan::Place};

/// Returns the file of a place.
pub(crate) fn file(place: &Place) -> MediaFile {
    MediaFile::new(&place.path, place.stamp.len, place.stamp.modified_ns)
}

/// Returns the bytes of a place.
pub(crate) fn bytes(place: &Place) -> Result<Bytes, Error> {
    let file = file(place);
    match &place.range {
        None => file.whole(),
        Some(range) => file.slice(range.start, range.end.saturating_sub(range.start)),
    }
    .map_err(unreadable)
}

/// Reads an init segment: its bytes, copied out of the file, and what they say.
pub(crate) fn init(place: &Place) -> Result<(Bytes, InitSegment), Error> {
    let bytes = Bytes::copy_from_slice(&bytes(place)?);
    let read = init::read(&bytes).map_err(broken(place))?;
    Ok((bytes, read))
}

/// Turns an error of the store into ours: content that is being written is incomplete.
pub(crate) fn unreadable(error: MapError) -> Error {
    match error.fault {
        Fault::Io(source) => Error::Io {
            path: error.path,
            source,
        },
        fault => Error::Missing {
            path: error.path,
            reason: fault.to_string(),
        },
    }
}

/// Turns an error in boxes into ours, which names the file.
pub(crate) fn broken(place: &Place) -> impl Fn(BoxError) -> Error + '_ {
    move |error| Error::Media {
        path: place.path.clone(),
        reason: error.to_string(),
    }
}
