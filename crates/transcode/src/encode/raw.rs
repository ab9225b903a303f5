//! The file that ffmpeg wrote for one rendition: its init segment and its samples.

use std::{fs, path::Path};

use bytes::Bytes;
use media::isobmff::{
    init::{self, InitTrack},
    segment::{self, Sample},
    walk,
};
use store::mapped::{MediaFile, modified_ns};

use super::Failure;

/// A file with one track, mapped.
#[derive(Debug)]
pub(crate) struct Raw {
    /// All of it.
    pub(crate) bytes: Bytes,
    /// Length of `ftyp` and `moov`.
    pub(crate) init_len: usize,
    /// What they say.
    pub(crate) track: InitTrack,
    /// The samples in decoding order; data are places in `bytes`.
    pub(crate) samples: Vec<Sample>,
}

impl Raw {
    /// Opens a file. Errors: nothing in it, a box that cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let metadata = fs::metadata(path).map_err(|error| Failure::file(path, &error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let wrong = |reason: &dyn std::fmt::Display| Failure::wrong(&name, reason);
        let bytes = MediaFile::new(path, metadata.len(), modified_ns(&metadata))
            .whole()
            .map_err(|error| wrong(&error.fault))?;
        let moov = walk::find(&bytes, &[b"moov"])
            .map_err(|error| wrong(&error))?
            .ok_or_else(|| wrong(&"the encoder wrote no media"))?;
        let init_len = moov.end();
        let track = init::read(&bytes)
            .map_err(|error| wrong(&error))?
            .tracks
            .into_iter()
            .next()
            .ok_or_else(|| wrong(&"it has no track"))?;
        let samples = segment::samples(&bytes, &track.defaults).map_err(|error| wrong(&error))?;
        Ok(Self {
            bytes,
            init_len,
            track,
            samples,
        })
    }

    /// Returns the init segment.
    pub(crate) fn init(&self) -> &[u8] {
        self.bytes.get(..self.init_len).unwrap_or_default()
    }

    /// Returns the data of a sample.
    pub(crate) fn data(&self, sample: &Sample) -> &[u8] {
        self.bytes.get(sample.data.clone()).unwrap_or_default()
    }
}

/// Returns when a sample is shown, in ticks.
pub(crate) fn shown(sample: &Sample) -> i64 {
    i64::try_from(sample.decode_time)
        .unwrap_or(i64::MAX)
        .saturating_add(i64::from(sample.composition_offset))
}
