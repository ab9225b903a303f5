//! An asset that is being written: its tracks together.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use media::{
    mpd,
    presentation::{Addressing, Content, Presentation, Shape, Timeline},
    template::Template,
    time::{Round, Time},
};
use store::atomic;

use super::{
    Error, Recorded,
    pen::Pen,
    track::{Found, Track},
};
use crate::{
    packager::{Init, Stretch},
    window::{Media, Settings, Window},
};

/// Writes one asset.
#[derive(Debug)]
pub(super) struct Writer {
    settings: Arc<Settings>,
    /// Where it will be.
    place: PathBuf,
    /// Where it is until it is whole.
    hidden: PathBuf,
    tracks: Vec<Track>,
    reference: usize,
    stretch: Option<Stretch>,
    /// Segments that came before the place of their stretch was known.
    waiting: Option<Vec<(usize, Media)>>,
    stretches: u64,
}

impl Writer {
    /// Begins an asset that will appear at `place`, where nothing is and nothing was begun.
    pub(super) fn new(
        settings: &Arc<Settings>,
        place: &Path,
        pen: &Arc<Pen>,
    ) -> Result<Self, Error> {
        let hidden = hidden(place);
        let ids = settings.tracks().map(|(_, of)| of.id.as_str());
        let tracks = ids
            .map(|id| Track::new(&hidden, id, pen))
            .collect::<Result<_, _>>()?;
        let mut contents = settings.tracks().map(|(set, _)| set.content);
        Ok(Self {
            reference: contents
                .position(|content| content == Content::Video)
                .unwrap_or(0),
            settings: Arc::clone(settings),
            place: place.to_path_buf(),
            hidden,
            tracks,
            stretch: None,
            waiting: None,
            stretches: 0,
        })
    }

    /// Finishes what a recording left that was killed: all segments that every video track has.
    pub(super) fn salvage(
        settings: &Arc<Settings>,
        place: &Path,
        pen: &Arc<Pen>,
    ) -> Result<Option<Recorded>, Error> {
        let mut writer = Self::new(settings, place, pen)?;
        let contents: Vec<Content> = settings.tracks().map(|(set, _)| set.content).collect();
        let mut found: Vec<Vec<Found>> = Vec::new();
        for track in &mut writer.tracks {
            found.push(track.find()?);
        }
        let pictures = found.iter().zip(&contents);
        let whole = pictures
            .filter(|(found, content)| **content == Content::Video && !found.is_empty())
            .map(|(found, _)| found.len())
            .min();
        for ((track, mut found), content) in writer.tracks.iter_mut().zip(found).zip(&contents) {
            if let (Content::Video, Some(whole)) = (content, whole) {
                found.truncate(whole);
            }
            track.restore(&found)?;
        }
        writer.stretches = 1;
        writer.finish()
    }

    /// Tells whether an init segment is another than that of the asset.
    pub(super) fn differs(&self, track: usize, init: &Init) -> bool {
        let of = self.tracks.get(track).and_then(|track| track.init.as_ref());
        of.is_some_and(|of| of.name != init.name)
    }

    pub(super) fn begin(&mut self, stretch: Stretch) {
        self.stretch = Some(stretch);
        self.waiting = Some(Vec::new());
        self.stretches += 1;
    }

    pub(super) fn set_init(&mut self, track: usize, init: &Arc<Init>) -> Result<(), Error> {
        match self.tracks.get_mut(track) {
            Some(track) => track.set_init(init),
            None => Ok(()),
        }
    }

    /// Adds a segment. The first of the reference tells where the stretch begins for a recording that
    /// joins it later.
    pub(super) fn add(&mut self, track: usize, media: Media) -> Result<(), Error> {
        let Some(mut waiting) = self.waiting.take() else {
            return self.write(track, &media);
        };
        let leads = track == self.reference && !media.slices.is_empty();
        waiting.push((track, media));
        // Without a reference the first of the others has to do.
        if leads || waiting.len() > 4 * self.tracks.len() {
            return self.settle(waiting);
        }
        self.waiting = Some(waiting);
        Ok(())
    }

    /// Fixes the place of the stretch and writes what waited for it.
    fn settle(&mut self, waiting: Vec<(usize, Media)>) -> Result<(), Error> {
        let leader = waiting
            .iter()
            .find(|(track, media)| *track == self.reference && !media.slices.is_empty())
            .or(waiting.iter().find(|(_, media)| !media.slices.is_empty()));
        let (Some((track, media)), Some(stretch)) = (leader, self.stretch) else {
            return Ok(());
        };
        let number = media.number;
        let origin = match self
            .tracks
            .get(*track)
            .and_then(|track| track.init.as_ref())
        {
            Some(init) if number > stretch.first_number => media.start_time(&init.track),
            _ => stretch.start,
        };
        let place = self.end();
        for track in &mut self.tracks {
            track.join(origin, place);
        }
        for (track, media) in &waiting {
            // What comes before is left out by its time.
            self.write(*track, media)?;
        }
        Ok(())
    }

    fn write(&mut self, track: usize, media: &Media) -> Result<(), Error> {
        match self.tracks.get_mut(track) {
            Some(track) => track.add(media),
            None => Ok(()),
        }
    }

    /// Ends the stretch.
    pub(super) fn end_stretch(&mut self) -> Result<(), Error> {
        match self.waiting.take() {
            Some(waiting) => self.settle(waiting),
            None => Ok(()),
        }
    }

    /// Returns where the longest track ends.
    fn end(&self) -> Time {
        let tracks = self.tracks.iter().filter(|track| !track.is_empty());
        let ends = tracks.map(|track| Time::new(track.end(), track.scale()));
        ends.max().unwrap_or(Time::ZERO)
    }

    /// Writes what is left and the manifest, and shows the asset; nothing when there is no media.
    pub(super) fn finish(mut self) -> Result<Option<Recorded>, Error> {
        self.end_stretch()?;
        let contents: Vec<Content> = self.settings.tracks().map(|(set, _)| set.content).collect();
        let pictures = || {
            let tracks = self.tracks.iter().zip(&contents);
            tracks.filter(|(track, content)| **content == Content::Video && !track.is_empty())
        };
        let end = pictures()
            .map(|(track, _)| Time::new(track.end(), track.scale()))
            .max();
        for (track, content) in self.tracks.iter_mut().zip(&contents) {
            if let (Content::Video, Some(end)) = (content, end) {
                track.extend_to(end.ticks_in(track.scale(), Round::Nearest));
            }
            track.flush()?;
        }
        let duration = end.unwrap_or_else(|| self.end());
        if duration <= Time::ZERO {
            // Nothing was shown, so nothing is missed.
            let _ = fs::remove_dir_all(&self.hidden);
            return Ok(None);
        }
        let text = mpd::write::write(&self.present(duration), "");
        let path = self.hidden.join("manifest.mpd");
        atomic::write(&path, text.as_bytes()).map_err(|error| Error::Write {
            path: error.path,
            source: error.source,
        })?;
        let written = |path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::Write { path, source }
        };
        fs::rename(&self.hidden, &self.place).map_err(written(&self.place))?;
        if let Some(parent) = self.place.parent().filter(|p| !p.as_os_str().is_empty()) {
            atomic::sync_folder(parent).map_err(written(parent))?;
        }
        let ids = self.settings.tracks().map(|(_, of)| of.id.clone());
        let frames = ids.zip(self.tracks.iter().map(|track| track.frames));
        Ok(Some(Recorded {
            folder: self.place.clone(),
            duration,
            stretches: self.stretches,
            frames: frames.filter(|(_, frames)| *frames > 0).collect(),
        }))
    }

    /// Describes the asset: tracks without media are left out.
    fn present(&self, duration: Time) -> Presentation {
        let inits: Vec<Option<Arc<Init>>> = self.tracks.iter().map(|t| t.init.clone()).collect();
        let mut shape: Shape = Window::shape_of(&self.settings, &inits);
        let mut tracks = self.tracks.iter();
        for set in &mut shape.sets {
            set.tracks.retain_mut(|track| {
                track.init = Template::parse("$RepresentationID$/init.mp4").ok();
                tracks.next().is_some_and(|of| !of.is_empty())
            });
        }
        shape.sets.retain(|set| !set.tracks.is_empty());
        let longest = self.tracks.iter().flat_map(|track| {
            let scale = track.scale();
            let runs = track.timeline.runs.iter();
            runs.map(move |run| Time::new(run.duration as i64, scale))
        });
        shape.max_segment_duration = longest.max();
        let timelines: Vec<Timeline> = self
            .tracks
            .iter()
            .filter(|track| !track.is_empty())
            .map(|track| track.timeline.clone())
            .collect();
        Presentation::complete(
            Arc::new(shape),
            timelines,
            duration,
            Addressing::TimelineNumber,
        )
    }
}

/// Returns where an asset is until it is whole.
pub(super) fn hidden(place: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(place.file_name().unwrap_or_default());
    name.push(".recording");
    place.with_file_name(name)
}
