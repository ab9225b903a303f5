//! From the events of a window to assets.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Error, Recorded,
    pen::{Patience, Pen},
    writer::{Writer, hidden},
};
use crate::{
    packager::Init,
    packager::Stretch,
    window::{Event, Queue, Settings, Window},
};

/// A recording in progress. It blocks on the disk; [`record`] runs it beside everything else.
#[derive(Debug)]
pub struct Recording {
    settings: Arc<Settings>,
    place: PathBuf,
    pen: Arc<Pen>,
    writer: Writer,
    /// What the stretch in progress began with, for an asset that begins within it.
    stretch: Option<Stretch>,
    inits: Vec<(usize, Arc<Init>)>,
    done: Vec<Recorded>,
}

impl Recording {
    /// Begins a recording that will be the asset at `place`. A folder that is there already is left
    /// alone, and what a recording left that was killed is finished first: the new one gets a number
    /// behind its name.
    pub fn new(settings: &Settings, place: &Path) -> Result<Self, Error> {
        Self::begin(settings, place, None)
    }

    /// As [`Recording::new`], with a disk waited for that cannot be written to.
    pub fn patient(settings: &Settings, place: &Path, patience: Patience) -> Result<Self, Error> {
        Self::begin(settings, place, Some(patience))
    }

    fn begin(settings: &Settings, place: &Path, patience: Option<Patience>) -> Result<Self, Error> {
        let pen = Pen::new(place.parent().unwrap_or(place), patience);
        let settings = Arc::new(settings.clone());
        let mut free_place = free(place)?;
        while is_there(&hidden(&free_place))? {
            if let Some(left) = Writer::salvage(&settings, &free_place, &pen)? {
                let (folder, duration) = (left.folder.display(), left.duration);
                tracing::info!("{folder}: a recording that broke off lasts {duration} s");
            }
            free_place = free(place)?;
        }
        Ok(Self {
            writer: Writer::new(&settings, &free_place, &pen)?,
            pen,
            settings,
            place: place.to_path_buf(),
            stretch: None,
            inits: Vec::new(),
            done: Vec::new(),
        })
    }

    /// Takes what happened.
    pub fn take(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Stretch(stretch) => {
                self.stretch = Some(stretch);
                self.inits.clear();
                self.writer.begin(stretch);
                Ok(())
            }
            Event::Init { track, init } => {
                if self.writer.differs(track, &init) {
                    self.turn_over()?;
                }
                self.inits.push((track, Arc::clone(&init)));
                self.writer.set_init(track, &init)
            }
            Event::Segment { track, media } => self.writer.add(track, media),
            Event::End { .. } => self.writer.end_stretch(),
            Event::Closed => Ok(()),
        }
    }

    /// Ends the recording and returns the assets it made, in order.
    pub fn finish(mut self) -> Result<Vec<Recorded>, Error> {
        self.done.extend(self.writer.finish()?);
        Ok(self.done)
    }

    /// Finishes the asset and begins the next with the stretch in progress.
    fn turn_over(&mut self) -> Result<(), Error> {
        let next = Writer::new(&self.settings, &self.next_place()?, &self.pen)?;
        let last = std::mem::replace(&mut self.writer, next);
        self.done.extend(last.finish()?);
        if let Some(stretch) = self.stretch {
            self.writer.begin(stretch);
        }
        for (track, init) in &self.inits {
            self.writer.set_init(*track, init)?;
        }
        Ok(())
    }

    fn next_place(&self) -> Result<PathBuf, Error> {
        // The asset in progress is not there yet.
        let taken = free(&self.place)?;
        let mut number = 2;
        loop {
            let place = numbered(&self.place, number);
            if place != taken && !is_there(&place)? {
                return Ok(place);
            }
            number += 1;
        }
    }
}

/// Returns a place where nothing is yet.
fn free(place: &Path) -> Result<PathBuf, Error> {
    let mut number = 1;
    loop {
        let candidate = numbered(place, number);
        if !is_there(&candidate)? {
            return Ok(candidate);
        }
        number += 1;
    }
}

fn numbered(place: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return place.to_path_buf();
    }
    let mut name = place.file_name().unwrap_or_default().to_os_string();
    name.push(format!("~{number}"));
    place.with_file_name(name)
}

fn is_there(place: &Path) -> Result<bool, Error> {
    place.try_exists().map_err(|source| Error::Write {
        path: place.to_path_buf(),
        source,
    })
}

/// Records what comes by a queue until the channel ends or the queue is closed, which ends the
/// recording. What is on disk when this fails stays in its hidden folder.
pub async fn record(
    mut recording: Recording,
    events: Arc<Queue<Event>>,
) -> Result<Vec<Recorded>, Error> {
    let gone = |error: tokio::task::JoinError| Error::Task(error.to_string());
    while let Some(event) = events.next().await {
        if matches!(event, Event::Closed) {
            break;
        }
        recording = tokio::task::spawn_blocking(move || {
            recording.take(event)?;
            Ok::<_, Error>(recording)
        })
        .await
        .map_err(gone)??;
    }
    events.close();
    tokio::task::spawn_blocking(move || recording.finish())
        .await
        .map_err(gone)?
}

/// Makes an asset of what a window holds between two times, ms since the epoch of the channel: of
/// the whole segments whose middle lies there. It blocks on the disk.
pub fn cut(
    window: &Window,
    from_ms: i64,
    to_ms: i64,
    place: &Path,
) -> Result<Vec<Recorded>, Error> {
    let mut recording = Recording::new(window.settings(), place)?;
    for event in window.excerpt(from_ms, to_ms) {
        recording.take(event)?;
    }
    recording.finish()
}
