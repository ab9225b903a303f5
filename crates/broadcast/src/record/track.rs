//! One track of an asset that is being written.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use media::{
    isobmff::segment,
    presentation::{Content, Timeline},
    time::{Round, Time, Timescale},
};

use super::{Error, HOLE_MS, pen::Pen, refit::Piece};
use crate::{packager::Init, window::Media};

/// A track, its files, and the segment that is held back since its last frame may have to last
/// longer.
#[derive(Debug)]
pub(super) struct Track {
    id: String,
    folder: PathBuf,
    pen: Arc<Pen>,
    pub(super) init: Option<Arc<Init>>,
    /// What is written.
    pub(super) timeline: Timeline,
    pub(super) frames: u64,
    held: Option<Piece>,
    /// Subtracted from the times of the stretch in progress.
    shift: i64,
    /// What begins earlier is left out.
    from: i64,
}

/// A segment that a killed recording left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    start: u64,
    duration: u64,
    frames: u64,
}

impl Track {
    /// Makes an empty track in the folder of an asset.
    pub(super) fn new(asset: &Path, id: &str, pen: &Arc<Pen>) -> Result<Self, Error> {
        let plain = |part: &str| !part.is_empty() && !part.starts_with('.');
        if !id.split('/').all(plain) {
            return Err(Error::Name(id.to_owned()));
        }
        Ok(Self {
            id: id.to_owned(),
            folder: asset.join(id),
            pen: Arc::clone(pen),
            init: None,
            timeline: Timeline {
                first_number: 1,
                ..Timeline::default()
            },
            frames: 0,
            held: None,
            shift: 0,
            from: 0,
        })
    }

    /// Takes the init segment, which never changes.
    pub(super) fn set_init(&mut self, init: &Arc<Init>) -> Result<(), Error> {
        if self.init.is_some() {
            return Ok(());
        }
        let path = self.folder.join("init.mp4");
        self.pen.write(&path, || {
            fs::create_dir_all(&self.folder)?;
            fs::write(&path, &init.bytes)
        })?;
        self.init = Some(Arc::clone(init));
        Ok(())
    }

    /// Finds what is on disk: an init segment, and segments up to the first that is not whole.
    pub(super) fn find(&mut self) -> Result<Vec<Found>, Error> {
        let mut found = Vec::new();
        let read = |path: PathBuf| match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Write { path, source }),
        };
        let init = read(self.folder.join("init.mp4"))?;
        let Some(init) = init.and_then(|bytes| Init::read(&bytes).ok()) else {
            return Ok(found);
        };
        for number in 1_u64.. {
            let Some(bytes) = read(self.file(number))? else {
                break;
            };
            let Ok(info) = segment::read(&bytes, &init.track.defaults) else {
                break;
            };
            found.push(Found {
                start: info.first_decode_time,
                duration: info.duration,
                frames: info.sample_count.into(),
            });
        }
        self.init = Some(Arc::new(init));
        Ok(found)
    }

    /// Takes segments that are on disk as written, and removes the one behind them.
    pub(super) fn restore(&mut self, found: &[Found]) -> Result<(), Error> {
        for one in found {
            self.timeline.push(one.start, one.duration);
            self.frames += one.frames;
        }
        let path = self.file(self.timeline.next_number());
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::Write { path, source })
            }
            _ => Ok(()),
        }
    }

    fn file(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number}.m4s"))
    }

    /// Sets where a stretch goes: what is at `origin` of the channel is at `place` of the recording.
    pub(super) fn join(&mut self, origin: Time, place: Time) {
        let scale = self.scale();
        let ticks = |time: Time| time.ticks_in(scale, Round::Nearest);
        self.from = ticks(place);
        self.shift = ticks(origin).saturating_sub(self.from);
    }

    pub(super) fn scale(&self) -> Timescale {
        let init = self.init.as_ref();
        init.map_or(Timescale::MS, |init| init.track.timescale)
    }

    /// Returns when the last segment ends.
    pub(super) fn end(&self) -> i64 {
        match &self.held {
            Some(piece) => piece.end(),
            None => Time::new(clamped(self.timeline.next_start()), self.scale()).ticks,
        }
    }

    /// Tells whether there is any media.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_none() && self.timeline.is_empty()
    }

    /// Adds a segment; one that was lost, or is not after the last, changes nothing.
    pub(super) fn add(&mut self, media: &Media) -> Result<(), Error> {
        let Some(init) = self.init.clone().filter(|_| !media.slices.is_empty()) else {
            return Ok(());
        };
        let piece = Piece::read(media.bytes(), self.shift, self.from, &init.track.defaults)
            .map_err(|source| self.broken(media.number, source))?;
        let Some(mut piece) = piece else {
            return Ok(());
        };
        let end = self.end();
        if self.is_empty() {
            // Pictures are there from the start.
            if init.track.content == Content::Video {
                piece.begin_at(0);
            }
        } else if piece.start() < end {
            return Ok(());
        } else if piece.start() > end {
            let hole = Time::new(piece.start() - end, init.track.timescale);
            let stays = init.track.content == Content::Audio && hole <= Time::from_ms(HOLE_MS);
            if let Some(held) = self.held.as_mut().filter(|_| !stays) {
                held.extend_to(piece.start());
            }
        }
        self.flush()?;
        self.held = Some(piece);
        Ok(())
    }

    /// Lets the last frame last until a time.
    pub(super) fn extend_to(&mut self, end: i64) {
        if let Some(held) = &mut self.held {
            held.extend_to(end);
        }
    }

    /// Writes the segment that is held back.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        let (Some(piece), Some(init)) = (self.held.take(), &self.init) else {
            return Ok(());
        };
        let number = self.timeline.next_number();
        let scale = init.track.timescale;
        let slices = piece
            .write(init.track.track_id, number as u32, scale)
            .map_err(|source| self.broken(number, source))?;
        let path = self.file(number);
        self.pen.write(&path, || {
            let mut file = File::create(&path)?;
            slices.iter().try_for_each(|slice| file.write_all(slice))
        })?;
        let start = u64::try_from(piece.start()).unwrap_or(0);
        let duration = u64::try_from(piece.end() - piece.start()).unwrap_or(0);
        self.timeline.push(start, duration);
        self.frames += piece.frames();
        Ok(())
    }

    fn broken(&self, number: u64, source: media::isobmff::BoxError) -> Error {
        Error::Media {
            track: self.id.clone(),
            number,
            source,
        }
    }
}

fn clamped(ticks: u64) -> i64 {
    i64::try_from(ticks).unwrap_or(i64::MAX)
}
