//! The segment in progress, on disk part by part: `12.open` beside `11.m4s`. Parts are there as soon as
//! they are shown, so that a kill of the process costs nobody what was already played. When the segment
//! is whole its file gets its name; the next one is begun at once, empty, so that a start knows how far
//! the one before it had come.
//!
//! Nothing is flushed before the segment is whole: what was written outlives the process, not the machine.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use media::isobmff::{segment, walk};
use store::mapped::MediaFile;

use super::disk;

/// The file of a track that grows.
#[derive(Debug)]
pub(super) struct Unfinished {
    number: u64,
    parts: u32,
    len: u64,
    file: File,
    path: PathBuf,
}

impl Unfinished {
    /// Begins a segment in the folder of a track.
    pub(super) fn begin(folder: &Path, number: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(name(number));
        Ok(Self {
            number,
            parts: 0,
            len: 0,
            file: File::create(&path)?,
            path,
        })
    }

    /// Tells whether a part is the next one of it.
    pub(super) fn expects(&self, number: u64, index: u32) -> bool {
        (self.number, self.parts) == (number, index)
    }

    /// Appends a part.
    pub(super) fn add(&mut self, part: &Bytes) -> io::Result<()> {
        self.file.write_all(part)?;
        self.parts += 1;
        self.len += part.len() as u64;
        Ok(())
    }

    /// Gives it its name when all of a segment of `len` bytes is in it; tells whether it was.
    pub(super) fn finish(self, number: u64, len: u64, to: &Path) -> io::Result<bool> {
        if (self.number, self.len) != (number, len) || len == 0 {
            self.drop_file();
            return Ok(false);
        }
        self.file.sync_all()?;
        fs::rename(&self.path, to)?;
        Ok(true)
    }

    /// Removes it: what is in it is not all that was shown.
    pub(super) fn drop_file(&self) {
        disk::remove(&self.path);
    }
}

/// A segment that the state does not know, found after a kill.
pub(super) struct Found {
    /// Decode time of its first sample.
    pub(super) start: u64,
    pub(super) duration: u64,
    pub(super) file: MediaFile,
}

/// What is there of a number.
pub(super) enum Trace {
    /// Media.
    Segment(Found),
    /// It was in progress, and nothing of it had been shown.
    Begun,
    /// Nothing: whether anything was shown is not known.
    None,
}

/// Looks for a segment in the folder of a track. One in progress is given its name; a part that was
/// being written is cut off.
pub(super) fn look_for(folder: &Path, number: u64) -> Trace {
    let whole = folder.join(disk::segment_name(number));
    let open = folder.join(name(number));
    if let Some(found) = read(&whole) {
        return Trace::Segment(found);
    }
    match fs::metadata(&open) {
        Err(_) => Trace::None,
        Ok(_) => match adopt(&open, &whole) {
            // Whoever looks again finds that this is all.
            Ok(true) => match Unfinished::begin(folder, number + 1) {
                Ok(_) => read(&whole).map_or(Trace::None, Trace::Segment),
                Err(_) => Trace::None,
            },
            Ok(false) => Trace::Begun,
            Err(error) => {
                tracing::warn!("{}: {error}", open.display());
                Trace::None
            }
        },
    }
}

/// Names a segment in progress as if it were whole, without what is behind its last whole part; tells
/// whether it has one.
fn adopt(open: &Path, whole: &Path) -> io::Result<bool> {
    let bytes = fs::read(open)?;
    let complete = walk::boxes(&bytes).map_while(Result::ok);
    let payloads = complete.filter(|found| found.kind.0 == *b"mdat");
    let Some(end) = payloads.last().map(|mdat| mdat.end()) else {
        return Ok(false);
    };
    if end < bytes.len() {
        File::options()
            .write(true)
            .open(open)?
            .set_len(end as u64)?;
    }
    fs::rename(open, whole)?;
    Ok(true)
}

fn read(path: &Path) -> Option<Found> {
    let file = disk::find(path)?;
    let bytes = file.whole().ok()?;
    let info = segment::read(&bytes, &segment::TrackDefaults::default()).ok()?;
    Some(Found {
        start: info.first_decode_time,
        duration: info.duration,
        file,
    })
}

fn name(number: u64) -> String {
    format!("{number}.open")
}
