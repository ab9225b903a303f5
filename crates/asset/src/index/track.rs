//! Binary forms of a track's segments and of file names: differences to the one before.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use media::{presentation::Track, time::Timescale};
use store::mapped::MediaFile;

use super::wire::{Reader, Wire};
use crate::{
    model::{Segment, TrackIndex},
    stamp::Stamp,
};

/// Appends a track but for its description, which the shapes hold.
pub(super) fn put(index: &TrackIndex, folder: &Path, out: &mut Vec<u8>) {
    index.id.put(out);
    index.content.put(out);
    index.timescale.put(out);
    index.init.put(out);
    index.edit_media_time.put(out);
    index.origin.put(out);
    index.sample_duration.put(out);
    index.first_number.put(out);
    index.encrypted.put(out);
    put_segments(&index.segments, out);
    put_names(index.files.iter().map(MediaFile::path), folder, out);
}

/// Takes a track, and asks for the stamps of its files.
pub(super) fn get(
    track: Track,
    folder: &Path,
    from: &mut Reader<'_>,
    stamps: &mut Vec<Stamp>,
) -> Option<TrackIndex> {
    let id = String::get(from)?;
    let content = Wire::get(from)?;
    let timescale = <Timescale as Wire>::get(from)?;
    let init = Bytes::get(from)?;
    let edit_media_time = i64::get(from)?;
    let origin = i64::get(from)?;
    let sample_duration = Option::get(from)?;
    let first_number = u64::get(from)?;
    let encrypted = bool::get(from)?;
    let segments = get_segments(from)?;
    let names = get_names(folder, from)?;
    if segments
        .iter()
        .any(|segment| segment.file as usize >= names.len())
    {
        return None;
    }
    let mut files = Vec::with_capacity(names.len());
    for name in &names {
        let stamp = Stamp::find(name).ok().flatten()?;
        stamps.push(stamp);
        files.push(MediaFile::new(name, stamp.len, stamp.modified_ns));
    }
    Some(TrackIndex {
        id,
        content,
        track,
        timescale,
        init,
        edit_media_time,
        origin,
        sample_duration,
        first_number,
        encrypted,
        segments,
        files,
    })
}

/// Appends segments: start and offset as differences to where the one before ends.
fn put_segments(segments: &[Segment], out: &mut Vec<u8>) {
    segments.len().put(out);
    let mut before = Segment {
        start: 0,
        offset: 0,
        duration: 0,
        size: 0,
        file: 0,
    };
    for segment in segments {
        let same_file = segment.file == before.file;
        let (start, offset) = expected(&before, same_file);
        segment.file.wrapping_sub(before.file).put(out);
        segment.start.wrapping_sub(start).cast_signed().put(out);
        segment.offset.wrapping_sub(offset).cast_signed().put(out);
        let longer = segment.duration.wrapping_sub(before.duration);
        longer.cast_signed().put(out);
        segment.size.put(out);
        before = *segment;
    }
}

fn expected(before: &Segment, same_file: bool) -> (u64, u64) {
    let offset = if same_file {
        before.offset.wrapping_add(before.size.into())
    } else {
        0
    };
    (before.start.wrapping_add(before.duration), offset)
}

fn get_segments(from: &mut Reader<'_>) -> Option<Vec<Segment>> {
    let count = from.count()?;
    let mut segments = Vec::with_capacity(count);
    let mut before = Segment {
        start: 0,
        offset: 0,
        duration: 0,
        size: 0,
        file: 0,
    };
    for _ in 0..count {
        let step = <u32 as Wire>::get(from)?;
        let (start, offset) = expected(&before, step == 0);
        before = Segment {
            file: before.file.wrapping_add(step),
            start: start.wrapping_add_signed(i64::get(from)?),
            offset: offset.wrapping_add_signed(i64::get(from)?),
            duration: before.duration.wrapping_add_signed(i64::get(from)?),
            size: <u32 as Wire>::get(from)?,
        };
        before.start.checked_add(before.duration)?;
        segments.push(before);
    }
    Some(segments)
}

/// Appends names, below `folder` where they are, each as what differs from the one before.
pub(super) fn put_names(
    paths: impl ExactSizeIterator<Item = PathBuf>,
    folder: &Path,
    out: &mut Vec<u8>,
) {
    paths.len().put(out);
    let mut before: Vec<u8> = Vec::new();
    for path in paths {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        let bytes = name.as_os_str().as_bytes();
        let shared = before.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        shared.put(out);
        Bytes::copy_from_slice(&bytes[shared..]).put(out);
        before = bytes.to_vec();
    }
}

/// Takes names.
pub(super) fn get_names(folder: &Path, from: &mut Reader<'_>) -> Option<Vec<PathBuf>> {
    let count = from.count()?;
    let mut names = Vec::with_capacity(count);
    let mut before: Vec<u8> = Vec::new();
    for _ in 0..count {
        before.truncate(usize::get(from)?);
        let len = from.count()?;
        before.extend_from_slice(from.take(len)?);
        names.push(folder.join(OsString::from_vec(before.clone())));
    }
    Some(names)
}
