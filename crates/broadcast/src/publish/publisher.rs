//! The task of one target.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use media::{
    hls, mpd,
    presentation::{Content, Liveness, Presentation, StartNumber},
    supply::Supplier,
};
use store::backoff::Backoff;
use tokio::time::{Instant, sleep, timeout};

use super::{
    Counters, Notice, Object, Options, PutError, Target, backoff,
    listing::{Stock, published},
};
use crate::{
    packager::Init,
    window::{Event, Media, Queue, Window},
};

const DASH: &str = "application/dash+xml";
const HLS: &str = "application/vnd.apple.mpegurl";

/// Publishes a window to a target, from the moment it is made.
pub struct Publisher {
    window: Arc<Window>,
    target: Arc<dyn Target>,
    options: Options,
    events: Arc<Queue<Event>>,
    counters: Arc<Counters>,
    report: Box<dyn Fn(Notice) + Send + Sync>,
    stock: Vec<Stock>,
    /// Init segments by path, with what is to be put while the target does not have it.
    inits: BTreeMap<String, Option<Object>>,
    /// The manifests as the target has them.
    texts: BTreeMap<String, String>,
    is_failing: bool,
    backoff: Backoff,
}

impl Publisher {
    /// Makes the publisher of a target. `report` must not block.
    pub fn new(
        window: &Arc<Window>,
        target: Arc<dyn Target>,
        options: Options,
        report: impl Fn(Notice) + Send + Sync + 'static,
    ) -> Self {
        let name = target.name();
        let seed = name
            .bytes()
            .fold(window.settings().epoch_ms as u64, |seed, byte| {
                seed.rotate_left(7) ^ u64::from(byte)
            });
        Self {
            events: window.follow(options.queue),
            stock: window
                .settings()
                .tracks()
                .map(|_| Stock::default())
                .collect(),
            window: Arc::clone(window),
            target,
            options,
            counters: Arc::default(),
            report: Box::new(report),
            inits: BTreeMap::new(),
            texts: BTreeMap::new(),
            is_failing: false,
            backoff: backoff(seed),
        }
    }

    /// Returns its counters.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Returns its queue: how much waits, how much was given up there. Closing it ends the publisher
    /// once it is empty.
    pub fn queue(&self) -> Arc<Queue<Event>> {
        Arc::clone(&self.events)
    }

    /// Publishes until the channel ends or the queue is closed. Cancelling it is safe: objects are
    /// put whole or not at all.
    pub async fn run(mut self) {
        while let Some(event) = self.events.next().await {
            match event {
                Event::Init { track, init } => self.take_init(track, &init),
                Event::Segment { track, media } => self.put_segment(track, &media).await,
                Event::Stretch(_) | Event::End { .. } => {}
                Event::Closed => {
                    if self.put_inits().await {
                        self.put_manifests(None).await;
                    }
                    break;
                }
            }
        }
        self.events.close();
    }

    fn take_init(&mut self, track: usize, init: &Init) {
        let Some((content, id)) = self.track(track) else {
            return;
        };
        let path = format!("{id}/{}", init.name);
        let object = Object {
            path: path.clone(),
            content_type: content_type(content),
            changes: false,
            slices: vec![init.bytes.clone()],
        };
        self.inits.entry(path).or_insert(Some(object));
    }

    /// Puts init segments that the target does not have; tells whether it has all of them.
    async fn put_inits(&mut self) -> bool {
        let missing: Vec<Object> = self.inits.values().flatten().cloned().collect();
        for object in missing {
            if !self.put(&object, None, self.patience()).await {
                return false;
            }
            self.inits.insert(object.path, None);
        }
        true
    }

    /// Returns how often an object is tried that is put anew with the next segment: only once while
    /// the target takes nothing.
    fn patience(&self) -> u32 {
        if self.is_failing {
            1
        } else {
            self.options.tries
        }
    }

    async fn put_segment(&mut self, track: usize, media: &Media) {
        let Some((content, id)) = self.track(track) else {
            return;
        };
        let number = media.number;
        let mut is_there = false;
        let is_playable = self.put_inits().await;
        if !media.slices.is_empty() && !self.is_too_old(number, track) {
            let object = Object {
                path: format!("{id}/{number}.m4s"),
                content_type: content_type(content),
                changes: false,
                slices: media.slices.clone(),
            };
            is_there = self
                .put(&object, Some((number, track)), self.options.tries)
                .await;
        }
        if !is_there {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
            (self.report)(Notice::Lost { track, number });
        }
        if let Some(stock) = self.stock.get_mut(track) {
            stock.note(number, is_there);
        }
        if is_playable || self.put_inits().await {
            self.put_manifests(Some(track)).await;
        }
        self.remove_old().await;
    }

    /// Puts the playlist of a track, or of all, and what else changed.
    async fn put_manifests(&mut self, track: Option<usize>) {
        let Ok(whole) = self.window.presentation(0, 0) else {
            return;
        };
        let Some(shown) = published(&whole, &self.stock) else {
            return;
        };
        let ids: Vec<String> = self
            .window
            .settings()
            .tracks()
            .map(|(_, of)| of.id.clone())
            .collect();
        for (number, id) in ids.iter().enumerate() {
            if track.is_none_or(|track| track == number) {
                let text = hls::write::media(&shown, number, "");
                let path = hls::write::media_name(id);
                if !text.is_empty() && !self.put_text(path, HLS, text).await {
                    return;
                }
            }
        }
        let text = hls::write::multivariant(&shown, "");
        if self.put_text("master.m3u8".to_owned(), HLS, text).await {
            let text = mpd::write::write(&numbered(shown), "");
            self.put_text("manifest.mpd".to_owned(), DASH, text).await;
        }
    }

    /// Puts a manifest, if the target has another; tells whether it has this one then.
    async fn put_text(&mut self, path: String, content_type: &'static str, text: String) -> bool {
        if self.texts.get(&path) == Some(&text) {
            return true;
        }
        let object = Object {
            path,
            content_type,
            changes: true,
            slices: vec![text.clone().into()],
        };
        let is_there = self.put(&object, None, self.patience()).await;
        if is_there {
            self.texts.insert(object.path, text);
        }
        is_there
    }

    /// Removes segments that left the playlist as long ago as the playlist is long.
    async fn remove_old(&mut self) {
        if !self.options.removes {
            return;
        }
        let kept = self.window.first_kept();
        for track in 0..self.stock.len() {
            let Some((_, id)) = self.track(track) else {
                continue;
            };
            let old = match self.stock.get_mut(track) {
                Some(stock) => stock.take_before(kept),
                None => continue,
            };
            for number in old {
                let path = format!("{id}/{number}.m4s");
                match self.limited(self.target.remove(&path)).await {
                    Ok(()) => {
                        self.counters.removed.fetch_add(1, Ordering::Relaxed);
                    }
                    // It is only untidy, and the server may not allow it.
                    Err(error) => tracing::debug!("{}: {path}: {error}", self.target.name()),
                }
            }
        }
    }

    /// Puts an object, with so many tries; tells whether it is there. A segment, of a
    /// number and track, is given up when it has become too old.
    async fn put(&mut self, object: &Object, segment: Option<(u64, usize)>, tries: u32) -> bool {
        let bytes: u64 = object.slices.iter().map(|slice| slice.len() as u64).sum();
        for attempt in 1..=tries.max(1) {
            let began = Instant::now();
            let error = match self.limited(self.target.put(object)).await {
                Ok(()) => {
                    self.counters.objects.fetch_add(1, Ordering::Relaxed);
                    self.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
                    if std::mem::take(&mut self.is_failing) {
                        (self.report)(Notice::Recovered);
                    }
                    (self.report)(Notice::Put {
                        path: object.path.clone(),
                        bytes,
                        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                    });
                    return true;
                }
                Err(error) => error,
            };
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            (self.report)(Notice::Refused {
                path: object.path.clone(),
                text: error.text.clone(),
            });
            if !std::mem::replace(&mut self.is_failing, true) {
                (self.report)(Notice::Failing {
                    text: error.text.clone(),
                });
            }
            if !error.is_passing || attempt == tries {
                return false;
            }
            sleep(self.backoff.delay(attempt)).await;
            if segment.is_some_and(|(number, track)| self.is_too_old(number, track)) {
                return false;
            }
        }
        false
    }

    async fn limited(&self, answer: super::Answer<'_>) -> Result<(), PutError> {
        let limit = self.options.timeout;
        timeout(limit, answer).await.unwrap_or_else(|_| {
            Err(PutError {
                text: format!("no answer within {} ms", limit.as_millis()),
                is_passing: true,
            })
        })
    }

    fn is_too_old(&self, number: u64, track: usize) -> bool {
        self.window.age_ms(track, number).is_none_or(|age| {
            let limit = self.options.max_age;
            age > limit.unwrap_or_else(|| self.window.settings().depth_ms())
        })
    }

    fn track(&self, track: usize) -> Option<(Content, String)> {
        let settings = self.window.settings();
        let (set, of) = settings.tracks().nth(track)?;
        Some((set.content, of.id.clone()))
    }
}

/// Lets a static MPD number from what is listed.
fn numbered(mut shown: Presentation) -> Presentation {
    if matches!(shown.liveness, Liveness::Static { .. }) {
        for period in &mut shown.periods {
            period.start_number = StartNumber::FirstListed;
        }
    }
    shown
}

fn content_type(content: Content) -> &'static str {
    match content {
        Content::Video => "video/mp4",
        Content::Audio => "audio/mp4",
        Content::Text | Content::Image => "application/mp4",
    }
}
