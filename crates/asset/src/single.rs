//! One file that holds a whole track: where its init segment ends and where to cut it.
//!
//! Segments are what the `sidx` refers to (ISO/IEC 14496-12, 8.16.3). Without a usable index, or
//! when it refers to pieces under a second, fragments are gathered into segments of about two
//! seconds that begin with a sync sample; tracks other than the reference are cut where the
//! reference is, as nearly as their fragments allow.

use std::ops::Range;

use media::{
    isobmff::{BoxError, segment, segment::TrackDefaults, sidx, walk},
    time::{Round, Time, Timescale},
};

/// What segments made from fragments last at least, but for a tenth.
const TARGET: Time = Time::from_secs(2);
/// Index entries shorter than this on average are gathered.
const SHORTEST_ENTRY: Time = Time::from_secs(1);
/// Deepest nesting of indexes.
const MAX_INDEX_DEPTH: usize = 4;

/// Bytes that can begin or go on a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) bytes: Range<u64>,
    /// Start in ticks, counted from the first chunk.
    pub(crate) start: u64,
    pub(crate) duration: u64,
    pub(crate) sync: bool,
}

/// Returns where the init segment lies: from the start to the end of `moov`, unless declared.
pub(crate) fn init_range(
    file: &[u8],
    declared: Option<&Range<u64>>,
) -> Result<Range<u64>, BoxError> {
    if let Some(range) = declared {
        return Ok(range.clone());
    }
    let moov = walk::find(file, &[b"moov"])?.ok_or_else(|| BoxError {
        path: String::new(),
        offset: 0,
        reason: "has no `moov`".into(),
    })?;
    Ok(0..moov.end() as u64)
}

/// Lists the pieces of the file with their timescale: index entries or fragments.
pub(crate) fn chunks(
    file: &[u8],
    init: &Range<u64>,
    index: Option<&Range<u64>>,
    timescale: Timescale,
    defaults: &TrackDefaults,
) -> Result<(Vec<Chunk>, Timescale), BoxError> {
    if let Some(index) = index {
        return entries(file, index.start as usize);
    }
    if let Some(at) = index_before_media(file, init.end as usize)? {
        let (chunks, scale) = entries(file, at)?;
        if chunks
            .last()
            .is_some_and(|last| reaches_end(file, last.bytes.end))
        {
            return Ok((chunks, scale));
        }
    }
    let rest = file.get(init.end as usize..).unwrap_or_default();
    let mut from = init.end;
    let mut chunks = Vec::new();
    let mut first = None;
    for fragment in segment::index(rest, defaults)? {
        let end = init.end + fragment.offset + fragment.len;
        let first = *first.get_or_insert(fragment.decode_time);
        chunks.push(Chunk {
            bytes: from..end,
            start: fragment.decode_time.saturating_sub(first),
            duration: fragment.duration,
            sync: fragment.starts_with_sync,
        });
        from = end;
    }
    Ok((chunks, timescale))
}

/// Finds a `sidx` between the init segment and the first fragment.
fn index_before_media(file: &[u8], from: usize) -> Result<Option<usize>, BoxError> {
    for found in walk::boxes(file.get(from..).unwrap_or_default()) {
        let found = found?;
        match &found.kind.0 {
            b"sidx" => return Ok(Some(from + found.offset)),
            b"moof" | b"mdat" => return Ok(None),
            _ => {}
        }
    }
    Ok(None)
}

/// Tells whether nothing but an index of random access points follows.
fn reaches_end(file: &[u8], end: u64) -> bool {
    let Some(rest) = usize::try_from(end).ok().and_then(|end| file.get(end..)) else {
        return false;
    };
    walk::boxes(rest)
        .all(|found| found.is_ok_and(|found| matches!(&found.kind.0, b"mfra" | b"free" | b"skip")))
}

/// Lists what the `sidx` at `at` refers to, following indexes of indexes.
fn entries(file: &[u8], at: usize) -> Result<(Vec<Chunk>, Timescale), BoxError> {
    let mut chunks = Vec::new();
    let mut time = 0;
    let timescale = follow(file, at, 0, &mut time, &mut chunks)?;
    if !chunks.iter().any(|chunk| chunk.sync) {
        // Nothing is said of access points, so each entry is taken for one.
        for chunk in &mut chunks {
            chunk.sync = true;
        }
    }
    Ok((chunks, timescale))
}

fn follow(
    file: &[u8],
    at: usize,
    depth: usize,
    time: &mut u64,
    chunks: &mut Vec<Chunk>,
) -> Result<Timescale, BoxError> {
    let fail = |reason: &'static str| BoxError {
        path: "sidx".to_owned(),
        offset: at as u64,
        reason: reason.into(),
    };
    let bytes = file
        .get(at..)
        .ok_or_else(|| fail("begins behind the end of the file"))?;
    if depth > MAX_INDEX_DEPTH {
        return Err(fail("indexes are nested too deep"));
    }
    let len = walk::boxes(bytes)
        .next()
        .transpose()?
        .map_or(0, |found| found.bytes.len());
    let index = sidx::read(bytes)?;
    let mut offset = (at as u64)
        .checked_add(len as u64)
        .and_then(|end| end.checked_add(index.first_offset))
        .ok_or_else(|| fail("first offset is out of range"))?;
    for reference in &index.references {
        let end = offset + u64::from(reference.size);
        if end > file.len() as u64 {
            return Err(fail("refers to bytes behind the end of the file"));
        }
        if reference.is_index {
            follow(file, offset as usize, depth + 1, time, chunks)?;
        } else {
            chunks.push(Chunk {
                bytes: offset..end,
                start: *time,
                duration: reference.duration.into(),
                sync: reference.starts_with_sap,
            });
            *time += u64::from(reference.duration);
        }
        offset = end;
    }
    Ok(index.timescale)
}

/// Gathers chunks into segments. `cuts` are the starts of the reference's segments, counted from
/// its first; without them segments of about two seconds are made. Index entries that are long
/// enough on average stay as they are.
pub(crate) fn gather(
    chunks: &[Chunk],
    timescale: Timescale,
    cuts: Option<&[Time]>,
) -> Vec<Range<u64>> {
    let total: u64 = chunks.iter().map(|chunk| chunk.duration).sum();
    let mean = total.checked_div(chunks.len() as u64).unwrap_or(0);
    let long_enough = mean >= ticks(SHORTEST_ENTRY, timescale);
    let all_sync = chunks.iter().all(|chunk| chunk.sync);
    if long_enough && all_sync && cuts.is_none() {
        return chunks.iter().map(|chunk| chunk.bytes.clone()).collect();
    }
    let target = ticks(TARGET, timescale) * 9 / 10;
    let mut segments: Vec<Range<u64>> = Vec::new();
    let mut begun_at = 0;
    let mut slot = 0;
    for chunk in chunks {
        let (begins, now_slot) = match cuts {
            Some(cuts) => {
                let middle = chunk.start.saturating_add(chunk.duration / 2);
                let middle = Time::new(i64::try_from(middle).unwrap_or(i64::MAX), timescale);
                let now = cuts.partition_point(|cut| *cut <= middle);
                (now > slot, now)
            }
            None => (chunk.start.saturating_sub(begun_at) >= target, slot),
        };
        match segments.last_mut() {
            Some(last) if !(begins && chunk.sync) => last.end = chunk.bytes.end,
            _ => {
                segments.push(chunk.bytes.clone());
                begun_at = chunk.start;
                slot = now_slot;
            }
        }
    }
    segments
}

fn ticks(time: Time, scale: Timescale) -> u64 {
    time.ticks_in(scale, Round::Down).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(durations: &[(u64, bool)]) -> Vec<Chunk> {
        let mut start = 0;
        durations
            .iter()
            .enumerate()
            .map(|(i, (duration, sync))| {
                let at = i as u64 * 10;
                let chunk = Chunk {
                    bytes: at..at + 10,
                    start,
                    duration: *duration,
                    sync: *sync,
                };
                start += duration;
                chunk
            })
            .collect()
    }

    #[test]
    fn fragments_are_gathered_at_sync_samples() {
        // Half-second fragments, a key frame each second.
        let all: Vec<_> = (0..10).map(|i| (500, i % 2 == 0)).collect();
        assert_eq!(
            gather(&chunks(&all), Timescale::MS, None),
            [0..40, 40..80, 80..100]
        );
        // Key frames are rare: segments are as long as it takes.
        let rare: Vec<_> = (0..10).map(|i| (500, i == 0 || i == 7)).collect();
        assert_eq!(
            gather(&chunks(&rare), Timescale::MS, None),
            [0..70, 70..100]
        );
        // 1.92 s groups of pictures are near enough.
        let near: Vec<_> = (0..4).map(|i| (960, i % 2 == 0)).collect();
        assert_eq!(gather(&chunks(&near), Timescale::MS, None), [0..20, 20..40]);
    }

    #[test]
    fn long_entries_stay_as_they_are() {
        let long = chunks(&[(4000, true), (4000, true), (100, true)]);
        assert_eq!(gather(&long, Timescale::MS, None), [0..10, 10..20, 20..30]);
    }

    #[test]
    fn sound_is_cut_where_the_picture_is() {
        let frames: Vec<_> = (0..10).map(|_| (1024, true)).collect();
        let scale = Timescale::literal(1024);
        let cuts = [Time::ZERO, Time::from_ms(2600), Time::from_ms(7400)];
        // Cuts fall to the nearest fragment: 2.6 s to 3, 7.4 s to 7.
        assert_eq!(
            gather(&chunks(&frames), scale, Some(&cuts)),
            [0..30, 30..70, 70..100]
        );
    }
}
