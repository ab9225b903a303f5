//! Reads the media of one track and indexes its segments: their true times, sizes and samples.
//!
//! Only the headers of each segment are looked at. Small rounding of times is evened out, so that
//! segments follow each other without gaps; what cannot be rounding is an error that names the file.

use std::path::PathBuf;

use bytes::Bytes;
use media::{
    isobmff::{
        init::{self, InitTrack},
        segment::{self, SegmentInfo},
    },
    presentation::{Content, Nominal},
    time::{Round, Time, Timescale},
};
use store::mapped::MediaFile;

use crate::{
    Error, boxes,
    model::Segment,
    plan::{Media, Place, TrackPlan},
    single,
    stamp::Stamp,
};

/// Declared durations are rounded; media that ends this little before is complete.
pub(crate) const ROUNDING: Time = Time::from_ms(2);
/// Gaps up to this are bridged with a warning.
const BRIDGED_GAP: Time = Time::from_secs(1);

/// A track with its media read.
#[derive(Debug)]
pub(crate) struct TrackRead {
    pub(crate) timescale: Timescale,
    pub(crate) init: Bytes,
    /// What the init segment says; absent for images.
    pub(crate) init_track: Option<InitTrack>,
    /// File of the init segment when it is not that of the media.
    pub(crate) init_file: Option<(PathBuf, Stamp)>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) files: Vec<MediaFile>,
    /// Sizes and times of the files before they were read.
    pub(crate) stamps: Vec<Stamp>,
    pub(crate) samples: u64,
    /// Duration of every sample (but perhaps a shorter last one).
    pub(crate) sample_duration: Option<u32>,
    /// Composition offset of the earliest sample of the first segment.
    pub(crate) composition_offset: i64,
    pub(crate) warnings: Vec<String>,
}

/// Reads a track. `cuts` are the starts of the reference's segments, for media without segments of
/// its own.
pub(crate) fn read(plan: &TrackPlan, cuts: Option<&[Time]>) -> Result<TrackRead, Error> {
    if plan.content == Content::Image {
        return images(plan);
    }
    let (init, init_track, init_file, places) = match &plan.media {
        Media::Pieces(places) => {
            let Some(place) = &plan.init else {
                return Err(Error::Unsupported {
                    path: plan.first_file().to_path_buf(),
                    reason: format!("track `{}` has no init segment", plan.id),
                });
            };
            let (bytes, read) = boxes::init(place)?;
            let track = only_track(plan, place, read)?;
            let file = Some((place.path.clone(), place.stamp));
            (bytes, track, file, places.clone())
        }
        Media::Single { file, init, index } => {
            let bytes = boxes::bytes(file)?;
            let broken = boxes::broken(file);
            let range = single::init_range(&bytes, init.as_ref()).map_err(&broken)?;
            let place = Place {
                range: Some(range.clone()),
                ..file.clone()
            };
            let (init, read) = boxes::init(&place)?;
            if !read.fragmented {
                return Err(Error::Unsupported {
                    path: file.path.clone(),
                    reason: "a plain MP4, not a fragmented one (no `mvex` box)".to_owned(),
                });
            }
            let track = only_track(plan, &place, read)?;
            let (chunks, scale) = single::chunks(
                &bytes,
                &range,
                index.as_ref(),
                track.timescale,
                &track.defaults,
            )
            .map_err(&broken)?;
            let places = single::gather(&chunks, scale, cuts)
                .into_iter()
                .map(|range| Place {
                    range: Some(range),
                    ..file.clone()
                })
                .collect();
            (init, track, None, places)
        }
    };
    let mut reader = Reader::new(plan, &init_track, places.len());
    for place in &places {
        if reader.is_complete() {
            break;
        }
        reader.add(place)?;
    }
    reader.finish(init, init_track.clone(), init_file)
}

fn only_track(
    plan: &TrackPlan,
    place: &Place,
    read: init::InitSegment,
) -> Result<InitTrack, Error> {
    let count = read.tracks.len();
    let mut tracks = read.tracks.into_iter();
    let (Some(track), 1) = (tracks.next(), count) else {
        return Err(Error::Unsupported {
            path: place.path.clone(),
            reason: format!(
                "{count} tracks in the init segment of `{}`; multiplexed content is not served, \
                 only one track a file",
                plan.id
            ),
        });
    };
    if track.content != plan.content {
        return Err(Error::Inconsistent {
            path: place.path.clone(),
            reason: format!(
                "`{}` is {} by the manifest, but {} by its init segment",
                plan.id,
                plan.content.as_str(),
                track.content.as_str()
            ),
        });
    }
    Ok(track)
}

/// Collects segments one by one.
struct Reader<'a> {
    plan: &'a TrackPlan,
    track: &'a InitTrack,
    segments: Vec<Segment>,
    files: Vec<MediaFile>,
    stamps: Vec<Stamp>,
    last_place: Option<&'a Place>,
    samples: u64,
    /// Common duration of the samples so far; zero once they differ.
    sample_duration: Option<u32>,
    /// Whether the last segment had samples of another duration.
    uneven_last: bool,
    composition_offset: i64,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(plan: &'a TrackPlan, track: &'a InitTrack, count: usize) -> Self {
        Self {
            plan,
            track,
            segments: Vec::with_capacity(count),
            files: Vec::new(),
            stamps: Vec::new(),
            last_place: None,
            samples: 0,
            sample_duration: None,
            uneven_last: false,
            composition_offset: 0,
            warnings: Vec::new(),
        }
    }

    /// Tells whether what was added reaches the declared end: files behind it do not belong.
    fn is_complete(&self) -> bool {
        let (Some(limit), Some(first), Some(last)) =
            (self.plan.limit, self.segments.first(), self.segments.last())
        else {
            return false;
        };
        let end = last.start.saturating_add(last.duration) - first.start;
        let slack = ROUNDING.ticks_in(self.track.timescale, Round::Down);
        Time::new(clamped(end).saturating_add(slack), self.track.timescale) >= limit
    }

    /// Adds a segment.
    fn add(&mut self, place: &'a Place) -> Result<(), Error> {
        let bytes = boxes::bytes(place)?;
        let info = segment::read(&bytes, &self.track.defaults).map_err(boxes::broken(place))?;
        if info.sample_count == 0 || info.duration == 0 {
            return Err(Error::Media {
                path: place.path.clone(),
                reason: "a segment without samples".to_owned(),
            });
        }
        let offset = place.range.as_ref().map_or(0, |range| range.start);
        let size = u32::try_from(bytes.len()).map_err(|_| Error::Unsupported {
            path: place.path.clone(),
            reason: format!("a segment of {} bytes; up to 4 GiB are served", bytes.len()),
        })?;
        self.join(place, &info)?;
        if self.segments.is_empty() {
            self.composition_offset = info.min_presentation_time - clamped(info.first_decode_time);
        }
        let same_file = self.last_place.is_some_and(|last| last.path == place.path);
        if !same_file {
            self.files.push(boxes::file(place));
            self.stamps.push(place.stamp);
        }
        self.segments.push(Segment {
            start: info.first_decode_time,
            offset,
            duration: info.duration,
            size,
            file: self.files.len() as u32 - 1,
        });
        self.note_samples(&info);
        self.last_place = Some(place);
        Ok(())
    }

    /// Checks that the segment goes on where the last one ends, and evens out rounding.
    fn join(&mut self, place: &Place, info: &SegmentInfo) -> Result<(), Error> {
        let Some(last) = self.segments.last().copied() else {
            return Ok(());
        };
        let end = last.start.saturating_add(last.duration);
        let gap = i128::from(info.first_decode_time) - i128::from(end);
        if gap == 0 {
            return Ok(());
        }
        let scale = self.track.timescale;
        let samples = u64::from(info.sample_count);
        let half_sample = i128::from(info.duration / samples / 2);
        let bridged = i128::from(BRIDGED_GAP.ticks_in(scale, Round::Down));
        let tolerated = gap.abs() <= half_sample.max(1);
        if !tolerated {
            let what = format!(
                "segment {} of `{}` starts at {} s, but the one before it ends at {} s",
                self.segments.len() + 1,
                self.plan.id,
                Time::new(clamped(info.first_decode_time), scale),
                Time::new(clamped(end), scale),
            );
            if gap < 0 || gap > bridged {
                return Err(Error::Inconsistent {
                    path: place.path.clone(),
                    reason: what,
                });
            }
            self.warnings.push(format!("{what}: the gap is bridged"));
        }
        let duration = info.first_decode_time.saturating_sub(last.start);
        if duration == 0 {
            return Err(Error::Inconsistent {
                path: place.path.clone(),
                reason: format!(
                    "segment {} of `{}` starts no later than the one before it",
                    self.segments.len() + 1,
                    self.plan.id
                ),
            });
        }
        if let Some(last) = self.segments.last_mut() {
            last.duration = duration;
        }
        Ok(())
    }

    fn note_samples(&mut self, info: &SegmentInfo) {
        self.samples += u64::from(info.sample_count);
        if self.uneven_last {
            // A shorter sample is only tolerated at the very end.
            self.sample_duration = Some(0);
        }
        match (self.sample_duration, info.uniform_sample_duration) {
            (None, Some(duration)) => self.sample_duration = Some(duration),
            (Some(common), Some(duration)) if common == duration => {}
            (_, Some(_)) if info.sample_count == 1 => self.uneven_last = true,
            (_, Some(_)) => self.sample_duration = Some(0),
            (_, None) => self.uneven_last = true,
        }
    }

    fn finish(
        mut self,
        init: Bytes,
        init_track: InitTrack,
        init_file: Option<(PathBuf, Stamp)>,
    ) -> Result<TrackRead, Error> {
        if self.segments.is_empty() {
            return Err(Error::Missing {
                path: self.plan.first_file().to_path_buf(),
                reason: format!("`{}` has no segments", self.plan.id),
            });
        }
        let sample_duration = self.settle_last()?;
        self.segments.shrink_to_fit();
        self.files.shrink_to_fit();
        Ok(TrackRead {
            timescale: init_track.timescale,
            init,
            init_track: Some(init_track),
            init_file,
            segments: self.segments,
            files: self.files,
            stamps: self.stamps,
            samples: self.samples,
            sample_duration,
            composition_offset: self.composition_offset,
            warnings: self.warnings,
        })
    }

    /// Decides on the common sample duration. Encoders cut the last sample of audio short; it is
    /// counted as a whole one, so that audio stays on its grid.
    fn settle_last(&mut self) -> Result<Option<u32>, Error> {
        let common = self.sample_duration.filter(|duration| *duration > 0);
        if !self.uneven_last {
            return Ok(common);
        }
        let Some(place) = self.last_place else {
            return Ok(None);
        };
        let samples = segment::samples(&boxes::bytes(place)?, &self.track.defaults)
            .map_err(boxes::broken(place))?;
        let Some((last, before)) = samples.split_last() else {
            return Ok(None);
        };
        let Some(common) = common.or_else(|| match self.segments.len() {
            1 => before.first().map(|sample| sample.duration),
            _ => None,
        }) else {
            return Ok(None);
        };
        let only_last = before.iter().all(|sample| sample.duration == common);
        if self.plan.content != Content::Audio || !only_last || last.duration > common {
            return Ok(None);
        }
        if let Some(segment) = self.segments.last_mut() {
            segment.duration += u64::from(common - last.duration);
        }
        Ok(Some(common))
    }
}

/// Indexes a track of images: one file each, times by the nominal duration.
fn images(plan: &TrackPlan) -> Result<TrackRead, Error> {
    let (
        Media::Pieces(places),
        Some(Nominal {
            duration,
            timescale,
        }),
    ) = (&plan.media, plan.nominal)
    else {
        return Err(Error::Unsupported {
            path: plan.first_file().to_path_buf(),
            reason: format!(
                "images of `{}` are not numbered files of one duration",
                plan.id
            ),
        });
    };
    let mut read = TrackRead {
        timescale,
        init: Bytes::new(),
        init_track: None,
        init_file: None,
        segments: Vec::with_capacity(places.len()),
        files: Vec::with_capacity(places.len()),
        stamps: Vec::with_capacity(places.len()),
        samples: places.len() as u64,
        sample_duration: None,
        composition_offset: 0,
        warnings: Vec::new(),
    };
    for (i, place) in places.iter().enumerate() {
        let start = duration.saturating_mul(i as u64);
        if plan
            .limit
            .is_some_and(|limit| Time::new(clamped(start), timescale) >= limit)
        {
            break;
        }
        read.segments.push(Segment {
            start,
            offset: 0,
            duration,
            size: u32::try_from(place.stamp.len).unwrap_or(u32::MAX),
            file: i as u32,
        });
        read.files.push(boxes::file(place));
        read.stamps.push(place.stamp);
    }
    if read.segments.is_empty() || duration == 0 {
        return Err(Error::Missing {
            path: plan.first_file().to_path_buf(),
            reason: format!("`{}` has no images", plan.id),
        });
    }
    Ok(read)
}

fn clamped(ticks: u64) -> i64 {
    i64::try_from(ticks).unwrap_or(i64::MAX)
}
