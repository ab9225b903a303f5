//! From the file that ffmpeg wrote for a track to the one that is kept: segments that begin with
//! key frames, sound cut where the pictures are, and an index of them (`sidx`, ISO/IEC 14496-12,
//! 8.16.3) in front.
//!
//! Memory: 32 bytes a sample, and the headers of all segments, 16 bytes a sample.

use std::{
    fs,
    io::{BufWriter, Write},
    ops::Range,
    path::Path,
};

use bytes::Bytes;
use media::{
    isobmff::{
        build,
        fields::SidxReference,
        init::{self, InitTrack},
        segment, walk,
    },
    time::{Round, Time, Timescale},
};
use store::mapped::{MediaFile, modified_ns};

use super::{
    Error,
    arguments::SHIFT_S,
    plan::TrackPlan,
    timing::{self, Timed},
};

/// A key frame begins a new segment when the last one is this long.
const SHORTEST: Time = Time::from_ms(1500);
/// Length of segments of sound without pictures.
const ALONE: Time = Time::from_secs(2);

/// The pictures that sound goes with.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Where segments begin, without the first.
    pub(super) cuts: Vec<Time>,
    /// Where the pictures end.
    pub(super) end: Time,
}

/// A finished track.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// What it was made from.
    pub(super) source: TrackPlan,
    /// What its init segment says.
    pub(super) init: InitTrack,
    /// Length of the init segment.
    pub(super) init_len: u64,
    /// Length of the index behind it.
    pub(super) index_len: u64,
    /// From zero to the end of the last sample.
    pub(super) duration: Time,
    /// Where segments begin, without the first.
    pub(super) cuts: Vec<Time>,
    /// Mean bits per second.
    pub(super) bandwidth: u64,
}

/// Packs `raw` into `target`.
pub(super) fn pack(
    plan: &TrackPlan,
    raw: &Path,
    target: &Path,
    picture: Option<Frame>,
) -> Result<Packed, Error> {
    let file = open(raw)?;
    let broken = |reason: String| Error::Broken {
        path: raw.to_path_buf(),
        reason,
    };
    let track = init::read(&file)
        .map_err(|error| broken(error.to_string()))?
        .tracks
        .into_iter()
        .next()
        .ok_or_else(|| broken("it has no track".to_owned()))?;
    let scale = track.timescale;
    let mut samples = read_samples(&file, &track).map_err(broken)?;
    if plan.is_video() {
        timing::video(&mut samples, scale, plan.rate);
    } else {
        let shift = SHIFT_S * i64::from(scale.get());
        let end = picture.as_ref().map(|picture| picture.end);
        timing::audio(&mut samples, shift, end, scale, frame_of(&track));
    }
    let starts = match (&picture, plan.is_video()) {
        (_, true) => cut_at_keys(&samples, scale),
        (Some(picture), false) => cut_like(&samples, scale, &picture.cuts),
        (None, false) => cut_evenly(&samples, scale),
    };
    let head = init_of(&file).map_err(broken)?;
    let segments = make_segments(&samples, &starts, &track);
    let index = index_of(&segments, &samples, &track).map_err(broken)?;
    let written = write(target, head, &index, &segments, &samples, &file);
    written.map_err(|error| Error::Cache {
        path: error.path,
        source: error.source,
    })?;

    let end = samples
        .last()
        .map_or(0, |last| last.decode + i64::from(last.duration));
    let duration = Time::new(end, scale);
    let media: u64 = samples.iter().map(|sample| u64::from(sample.size)).sum();
    let ms = duration.ms(Round::Up).max(1).unsigned_abs();
    Ok(Packed {
        source: plan.clone(),
        init_len: head.len() as u64,
        index_len: index.len() as u64,
        cuts: starts
            .iter()
            .skip(1)
            .filter_map(|start| samples.get(*start))
            .map(|sample| Time::new(sample.decode, scale))
            .collect(),
        bandwidth: media.saturating_mul(8000).div_ceil(ms),
        duration,
        init: track,
    })
}

fn open(path: &Path) -> Result<Bytes, Error> {
    let broken = |reason: String| Error::Broken {
        path: path.to_path_buf(),
        reason,
    };
    let metadata = fs::metadata(path).map_err(|error| broken(error.to_string()))?;
    let file = MediaFile::new(path, metadata.len(), modified_ns(&metadata));
    file.whole()
        .map_err(|error| broken(error.fault.to_string()))
}

/// Returns what the codec fixes for a frame, in ticks.
fn frame_of(track: &InitTrack) -> Option<u32> {
    let frame = Time::new(
        track.samples_per_frame?.into(),
        Timescale::new(track.sampling_rate?)?,
    );
    u32::try_from(frame.ticks_in(track.timescale, Round::Nearest)).ok()
}

/// Lists all samples with times as ffmpeg wrote them.
fn read_samples(file: &[u8], track: &InitTrack) -> Result<Vec<Timed>, String> {
    let fragments = segment::index(file, &track.defaults).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    for fragment in fragments {
        let bytes = fragment
            .offset
            .checked_add(fragment.len)
            .and_then(|end| file.get(fragment.offset as usize..end as usize))
            .ok_or("a fragment reaches behind the end")?;
        let samples =
            segment::samples(bytes, &track.defaults).map_err(|error| error.to_string())?;
        for sample in samples {
            out.push(Timed {
                offset: fragment.offset + sample.data.start as u64,
                size: u32::try_from(sample.data.len()).map_err(|_| "a sample is too large")?,
                flags: sample.flags,
                decode: i64::try_from(sample.decode_time).map_err(|_| "a time is too large")?,
                composition: sample.composition_offset,
                duration: sample.duration,
            });
        }
    }
    Ok(out)
}

/// Returns everything up to the end of `moov`.
fn init_of(file: &[u8]) -> Result<&[u8], String> {
    let moov = walk::find(file, &[b"moov"])
        .map_err(|error| error.to_string())?
        .ok_or("it has no `moov`")?;
    file.get(..moov.end())
        .ok_or_else(|| "`moov` reaches behind the end".to_owned())
}

/// Cuts at key frames, at least [`SHORTEST`] apart.
fn cut_at_keys(samples: &[Timed], scale: Timescale) -> Vec<usize> {
    let shortest = SHORTEST.ticks_in(scale, Round::Down);
    let mut starts: Vec<usize> = Vec::new();
    let mut begun = 0;
    for (i, sample) in samples.iter().enumerate() {
        let is_key = sample.flags & segment::SAMPLE_IS_NON_SYNC == 0;
        if starts.is_empty() || (is_key && sample.decode - begun >= shortest) {
            starts.push(i);
            begun = sample.decode;
        }
    }
    starts
}

/// Cuts at the sample that begins nearest to each cut.
fn cut_like(samples: &[Timed], scale: Timescale, cuts: &[Time]) -> Vec<usize> {
    let mut starts: Vec<usize> = samples.first().map(|_| 0).into_iter().collect();
    for cut in cuts {
        let cut = cut.ticks_in(scale, Round::Nearest);
        let at = samples.partition_point(|it| it.decode + i64::from(it.duration) / 2 < cut);
        if at < samples.len() && starts.last().is_some_and(|last| *last < at) {
            starts.push(at);
        }
    }
    starts
}

fn cut_evenly(samples: &[Timed], scale: Timescale) -> Vec<usize> {
    let end = samples.last().map_or(0, |last| last.decode);
    let step = ALONE.ticks_in(scale, Round::Nearest).max(1);
    let cuts: Vec<Time> = (1..=end / step)
        .map(|i| Time::new(i * step, scale))
        .collect();
    cut_like(samples, scale, &cuts)
}

/// A segment: what goes before the data, and which samples.
struct Segment {
    header: Vec<u8>,
    samples: Range<usize>,
}

fn make_segments(samples: &[Timed], starts: &[usize], track: &InitTrack) -> Vec<Segment> {
    let ends = starts.iter().skip(1).copied().chain([samples.len()]);
    let mut sequence_number = 0;
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let part = &samples[*start..end];
            let entries: Vec<build::SampleEntry> = part
                .iter()
                .map(|sample| build::SampleEntry {
                    duration: sample.duration,
                    size: sample.size,
                    flags: sample.flags,
                    composition_offset: sample.composition,
                })
                .collect();
            sequence_number += 1;
            let header = build::fragment(&build::Fragment {
                track_id: track.track_id,
                sequence_number,
                decode_time: part.first().map_or(0, |it| it.decode.max(0)).unsigned_abs(),
                styp: None,
                samples: &entries,
            });
            Segment {
                header,
                samples: *start..end,
            }
        })
        .collect()
}

/// Writes the index. Its 16-bit count holds 36 hours of two-second segments; a longer track has no
/// index, and readers find the fragments themselves.
fn index_of(segments: &[Segment], samples: &[Timed], track: &InitTrack) -> Result<Vec<u8>, String> {
    if u16::try_from(segments.len()).is_err() {
        return Ok(Vec::new());
    }
    let mut references = Vec::with_capacity(segments.len());
    for segment in segments {
        let part = &samples[segment.samples.clone()];
        let data: u64 = part.iter().map(|sample| u64::from(sample.size)).sum();
        let duration: u64 = part.iter().map(|sample| u64::from(sample.duration)).sum();
        references.push(SidxReference {
            is_index: false,
            size: u32::try_from(segment.header.len() as u64 + data)
                .ok()
                .filter(|size| *size < 1 << 31)
                .ok_or("a segment is larger than 2 GiB")?,
            duration: u32::try_from(duration).map_err(|_| "a segment is too long")?,
            starts_with_sap: true,
        });
    }
    let first = samples
        .first()
        .map_or(0, |it| it.decode.max(0))
        .unsigned_abs();
    Ok(build::sidx(
        track.track_id,
        track.timescale,
        first,
        &references,
    ))
}

fn write(
    target: &Path,
    head: &[u8],
    index: &[u8],
    segments: &[Segment],
    samples: &[Timed],
    file: &[u8],
) -> Result<(), store::atomic::WriteError> {
    store::atomic::write_with(target, |out| {
        let mut out = BufWriter::with_capacity(1 << 20, out);
        out.write_all(head)?;
        out.write_all(index)?;
        for segment in segments {
            out.write_all(&segment.header)?;
            for sample in &samples[segment.samples.clone()] {
                let start = sample.offset as usize;
                // The samples were read from this very file.
                let data = file.get(start..start + sample.size as usize);
                out.write_all(data.unwrap_or_default())?;
            }
        }
        out.flush()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(count: i64, duration: u32, key_every: i64) -> Vec<Timed> {
        (0..count)
            .map(|i| Timed {
                offset: 0,
                size: 1,
                flags: if i % key_every == 0 {
                    0
                } else {
                    segment::SAMPLE_IS_NON_SYNC
                },
                decode: i * i64::from(duration),
                composition: 0,
                duration,
            })
            .collect()
    }

    #[test]
    fn pictures_are_cut_at_key_frames_only() {
        let scale = Timescale::literal(25);
        // Every second: two together. Every 1.92 s: each. Once: one segment.
        assert_eq!(cut_at_keys(&samples(125, 1, 25), scale), [0, 50, 100]);
        assert_eq!(cut_at_keys(&samples(144, 1, 48), scale), [0, 48, 96]);
        assert_eq!(cut_at_keys(&samples(200, 1, 200), scale), [0]);
        assert!(cut_at_keys(&[], scale).is_empty());
    }

    #[test]
    fn sound_is_cut_at_the_nearest_frame() {
        let scale = Timescale::literal(48_000);
        let sound = samples(300, 1024, 1);
        let cuts = [Time::from_secs(2), Time::from_secs(4), Time::from_secs(60)];
        // 93.75 frames and 187.5 frames.
        assert_eq!(cut_like(&sound, scale, &cuts), [0, 94, 187]);
        assert_eq!(cut_evenly(&sound, scale), [0, 94, 187, 281]);
        assert!(cut_like(&[], scale, &cuts).is_empty());
    }
}
