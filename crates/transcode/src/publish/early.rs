//! A version that grows: shown while the rest of it is being made.
//!
//! Its media never change, as those of any version; its playlists get longer until the last segment
//! is there. It never takes the place of a version that is whole.

use std::sync::atomic::AtomicUsize;

use asset::versions::{File, Flip, Shelf, Version};
use store::{
    digest::Digest,
    objects::{Content, Options, Shared},
};

use super::{Copying, DIGITS, Error, Piece, Source, is_manifest, there};
use media::content_type;

/// `Cache-Control` of what changes.
const CHANGING: &str = "no-cache";

/// What there is of a result.
pub struct Part<'a> {
    /// The asset.
    pub shelf: &'a Shelf,
    /// The store that the objects of steps lie in.
    pub work: &'a Shared,
    /// Folder of the version, see [`version`].
    pub version: &'a str,
    /// Which job makes it.
    pub job: &'a str,
    /// Media, and playlists that name no other media.
    pub pieces: Vec<Piece>,
}

/// Names the growing version of a result that is made in this way.
pub fn version(job: &str, how: &str) -> String {
    let mut digest = Digest::default();
    for part in ["headend growing version 1", job, how] {
        digest.field(part);
    }
    let mut digits = digest.hex();
    digits.truncate(DIGITS);
    format!("v-{digits}")
}

/// Tells whether a growing version may be shown: nothing is, or a growing version of the same job.
pub fn may_show(shelf: &Shelf, job: &str) -> Result<bool, Error> {
    let Some(pointer) = shelf.pointer()? else {
        return Ok(true);
    };
    let shown = shelf.version(&pointer.version)?;
    Ok(shown.is_some_and(|shown| shown.job == mark(job)))
}

/// Puts in place what there is, and shows it; returns whether it was not shown before.
pub fn show(part: Part<'_>, now_ms: i64, stop: &(dyn Fn() -> bool + Sync)) -> Result<bool, Error> {
    let Part { shelf, version, .. } = part;
    let files: Vec<File> = part.pieces.iter().map(Piece::file).collect();
    write(&part, stop)?;
    shelf.seal(&Version::new(version, &mark(part.job), now_ms, files))?;
    let flip = shelf.flip(version, now_ms)?;
    Ok(matches!(flip, Flip::Done { .. }))
}

/// Completes a growing version when the result is whole, so that those who play it come to its end.
/// Nothing is done where there is none.
pub fn complete(
    part: Part<'_>,
    now_ms: i64,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<(), Error> {
    let Some(sealed) = part.shelf.version(part.version)? else {
        return Ok(());
    };
    if sealed.job != mark(part.job) {
        return Ok(());
    }
    let files: Vec<File> = part.pieces.iter().map(Piece::file).collect();
    write(&part, stop)?;
    let seal = Version::new(part.version, &mark(part.job), now_ms, files);
    Ok(part.shelf.seal(&seal)?)
}

/// Marks what a job makes of versions that grow.
fn mark(job: &str) -> String {
    format!("growing {job}")
}

fn write(part: &Part<'_>, stop: &(dyn Fn() -> bool + Sync)) -> Result<(), Error> {
    let Part { shelf, version, .. } = part;
    let (manifests, media): (Vec<Piece>, Vec<Piece>) = part
        .pieces
        .iter()
        .cloned()
        .partition(|piece| is_manifest(&piece.name));
    shelf.begin(version)?;
    let copying = Copying {
        shelf,
        work: part.work,
        version,
        there: &there(shelf, version)?,
        stop,
        progress: &|_| {},
        of_files: media.len(),
        done: AtomicUsize::new(0),
    };
    copying.all(&media)?;
    // The multivariant playlist is the only one in no folder; it comes last.
    let (below, masters): (Vec<_>, Vec<_>) =
        manifests.iter().partition(|piece| piece.name.contains('/'));
    for piece in below.into_iter().chain(masters) {
        if stop() {
            return Err(Error::Stopped);
        }
        let read;
        let bytes = match &piece.source {
            Source::Bytes(bytes) => bytes,
            Source::Object(object) => {
                read = part.work.get(&object.place)?;
                &read
            }
        };
        let options = Options {
            content_type: Some(content_type::of(&piece.name)),
            cache_control: Some(CHANGING),
            ..Options::default()
        };
        let key = shelf.key(version, &piece.name);
        shelf.store().put(&key, Content::Bytes(bytes), options)?;
    }
    Ok(())
}
