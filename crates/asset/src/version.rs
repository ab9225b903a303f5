//! The version of an asset: a digest of the sizes and modification times of all its files. Equal
//! versions mean that nothing has changed since it was indexed.

use std::path::PathBuf;

use crate::{
    Error,
    model::Asset,
    stamp::{Digest, Stamp},
};

/// Part of every version, so that a change of what we make of content shows in entity tags and
/// makes cached indexes void.
pub(crate) const FORMAT_VERSION: u64 = 1;

/// Computes the version from stamps: the sources in order, then the files of each track.
pub(crate) fn of_stamps(
    sources: impl Iterator<Item = Stamp>,
    files: impl Iterator<Item = Stamp>,
) -> u64 {
    let mut digest = Digest::new();
    digest.number(FORMAT_VERSION);
    sources.chain(files).for_each(|stamp| digest.stamp(stamp));
    digest.value()
}

/// Computes the version of an asset from its files as they are now.
pub(crate) fn of(asset: &Asset, sources: &[PathBuf]) -> Result<u64, Error> {
    let sources = stamps(sources)?;
    let mut files = Vec::new();
    for track in &asset.tracks {
        for file in &track.files {
            files.push(Stamp::find(&file.path())?.unwrap_or(Stamp::ABSENT));
        }
    }
    Ok(of_stamps(sources.into_iter(), files.into_iter()))
}

/// Asks for the stamps of files; those that are not there have [`Stamp::ABSENT`].
pub(crate) fn stamps(paths: &[PathBuf]) -> Result<Vec<Stamp>, Error> {
    paths
        .iter()
        .map(|path| Ok(Stamp::find(path)?.unwrap_or(Stamp::ABSENT)))
        .collect()
}
