//! Segments with their final times: `styp`, then `moof` and `mdat` for each group of frames. A group
//! of its own makes its key frame a range of bytes that players can fetch by itself
//! (RFC 8216bis, 4.4.3.6).

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use media::isobmff::{
    FourCc,
    build::{self, Fragment, SampleEntry},
    edit,
};

use super::{
    Class, Failure, KeyFrame, SegmentFacts, SegmentOutput, TrackOutput, gate::Checked, raw::Raw,
};
use crate::plan::{Chunk, Grid, Video, VideoCodec};

/// Brands of a media segment: CMAF (ISO/IEC 23000-19, 7.2) and DASH.
pub(crate) const BRANDS: [FourCc; 2] = [FourCc(*b"cmfs"), FourCc(*b"msdh")];

/// Writes the init segment and the segments of a chunk.
pub(super) fn cut(
    raw: &Raw,
    checked: &Checked,
    video: &Video,
    grid: &Grid,
    chunk: &Chunk,
    scratch: &Path,
) -> Result<TrackOutput, Failure> {
    let (ticks, gop) = (grid.frame_ticks, u64::from(grid.gop.max(1)));
    let delay = delay(video);
    let init = match delay * ticks {
        0 => raw.init().to_vec(),
        shift => edit::with_edit_list(raw.init(), shift)
            .map_err(|error| Failure::wrong(&video.id, error))?,
    };
    let mut writer = Writer::begin(&scratch.join(&video.id), raw, &init)?;
    let mut segments = Vec::new();
    for segment in chunk.segments(grid) {
        let first = segment.first_frame - chunk.first_frame;
        let end = first + u64::from(segment.frames);
        let mut fragments = Vec::new();
        for start in (first..end).step_by(gop as usize) {
            let samples = start as usize..end.min(start + gop) as usize;
            let entries = samples.clone().filter_map(|index| {
                let (sample, place) = (raw.samples.get(index)?, checked.places.get(index)?);
                let later = (*place + u64::from(delay)).checked_sub(index as u64)?;
                Some(SampleEntry {
                    duration: ticks,
                    size: u32::try_from(sample.data.len()).ok()?,
                    flags: sample.flags,
                    composition_offset: i32::try_from(later * u64::from(ticks)).ok()?,
                })
            });
            let entries: Vec<SampleEntry> = entries.collect();
            if entries.len() != samples.len() {
                let reason = format!("frames are decoded more than {delay} places too early");
                return Err(Failure::new(
                    Class::Permanent,
                    format!("chunk {} of {}: {reason}", chunk.index, video.id),
                ));
            }
            fragments.push(Group {
                decode_time: grid.tick(chunk.first_frame + start),
                sequence_number: ((chunk.first_frame + start) / gop + 1) as u32,
                entries,
                samples,
            });
        }
        segments.push(writer.segment(segment.number, &fragments, true)?);
    }
    Ok(writer.finish(&video.id, segments))
}

/// Returns how many frames at most are decoded before one that is shown earlier. It is a constant of
/// the rendition, since it is in the init segment, which all chunks share: one for plain B-frames, two
/// for pyramids of them; AV1 hides such frames within others.
fn delay(video: &Video) -> u32 {
    match video.codec {
        VideoCodec::H264 | VideoCodec::H265 => video.b_frames.min(2),
        VideoCodec::Av1 => 0,
    }
}

/// Samples that make a fragment.
#[derive(Debug)]
pub(crate) struct Group {
    /// Decode time of the first one, in ticks.
    pub(crate) decode_time: u64,
    /// `mfhd.sequence_number`.
    pub(crate) sequence_number: u32,
    /// What the fragment says of them.
    pub(crate) entries: Vec<SampleEntry>,
    /// Which of the raw file they are.
    pub(crate) samples: std::ops::Range<usize>,
}

/// Writes the files of a track.
#[derive(Debug)]
pub(crate) struct Writer<'r> {
    folder: PathBuf,
    init: PathBuf,
    raw: &'r Raw,
}

impl<'r> Writer<'r> {
    /// Makes the folder and writes the init segment.
    pub(crate) fn begin(folder: &Path, raw: &'r Raw, init: &[u8]) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
        let path = folder.join("init.mp4");
        write_file(&path, init)?;
        Ok(Self {
            folder: folder.to_path_buf(),
            init: path,
            raw,
        })
    }

    /// Writes a segment of some fragments, at least one.
    pub(crate) fn segment(
        &mut self,
        number: u64,
        groups: &[Group],
        keys: bool,
    ) -> Result<SegmentOutput, Failure> {
        let path = self.folder.join(format!("{number}.m4s"));
        let file = File::create(&path).map_err(|error| Failure::file(&path, &error))?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let mut facts = SegmentFacts {
            number,
            start: groups.first().map_or(0, |group| group.decode_time),
            duration: 0,
            frames: 0,
            bytes: 0,
            keys: Vec::new(),
        };
        let written = self.write(&mut out, groups, keys, &mut facts);
        written
            .and_then(|()| out.flush())
            .map_err(|error| Failure::file(&path, &error))?;
        Ok(SegmentOutput { path, facts })
    }

    fn write(
        &self,
        out: &mut impl Write,
        groups: &[Group],
        keys: bool,
        facts: &mut SegmentFacts,
    ) -> std::io::Result<()> {
        let styp = build::styp(BRANDS[0], &BRANDS);
        out.write_all(&styp)?;
        facts.bytes += styp.len() as u64;
        for group in groups {
            let head = build::fragment(&Fragment {
                track_id: self.raw.track.track_id,
                sequence_number: group.sequence_number,
                decode_time: group.decode_time,
                styp: None,
                samples: &group.entries,
            });
            out.write_all(&head)?;
            let duration = group
                .entries
                .iter()
                .map(|one| u64::from(one.duration))
                .sum();
            let first = group.entries.first().map_or(0, |one| u64::from(one.size));
            if keys {
                facts.keys.push(KeyFrame {
                    offset: facts.bytes,
                    bytes: head.len() as u64 + first,
                    duration,
                });
            }
            facts.bytes += head.len() as u64;
            facts.duration += duration;
            facts.frames += group.entries.len() as u64;
            for sample in self
                .raw
                .samples
                .get(group.samples.clone())
                .unwrap_or_default()
            {
                let data = self.raw.data(sample);
                out.write_all(data)?;
                facts.bytes += data.len() as u64;
            }
        }
        Ok(())
    }

    /// Returns what was written.
    pub(crate) fn finish(self, id: &str, segments: Vec<SegmentOutput>) -> TrackOutput {
        TrackOutput {
            id: id.to_owned(),
            init: Some(self.init),
            segments,
        }
    }
}

/// Writes a whole file of the scratch folder.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|error| Failure::file(path, &error))
}
