//! A made-up low-latency channel that the test makes part by part, and a room to wait in whose clock
//! is tokio's, which stands still while anything can go on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{HeaderMap, Method};
use media::{
    presentation::{
        Addressing, Content, Live, Liveness, LowLatency, Part, Period, Presentation, Shape,
        StartNumber, Timeline,
    },
    supply::{Delivery, Edge, Manifest, PartPayload, Payload, Refusal, Supplier, When},
    template::Key,
    time::Time,
};
use origin::{Ask, Clock, Sleep, WaitingRoom};
use serve::Shutdown;
use tokio::{sync::watch, time::Instant};

use crate::fake::{Answer, set, track};

pub(crate) const SEGMENT_MS: u64 = 2000;
pub(crate) const PART_MS: u64 = 500;
/// Parts of a segment.
pub(crate) const PARTS: u32 = 4;
/// Segments that are listed, enough for delta updates.
const WINDOW: u64 = 12;
/// The time at which a test starts, Unix ms: segment 50 is about to begin.
pub(crate) const START: i64 = 100_000;

/// How the channel comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Making {
    /// The test makes it; what comes when is not known.
    ByHand,
    /// It is computed from the clock.
    Computed,
}

/// A channel of a video, an audio and a subtitles track, half-second parts, two-second segments.
pub(crate) struct Channel {
    manifests: Vec<Manifest>,
    making: Making,
    /// Number of the segment that it began with; nothing when that was long ago.
    began: Option<u64>,
    /// Parts made since the beginning, and whether the channel has ended.
    made: watch::Sender<(u64, bool)>,
    /// How often a presentation was asked for.
    pub(crate) looks: AtomicUsize,
}

impl Channel {
    pub(crate) fn by_hand() -> Arc<Self> {
        Self::new(Making::ByHand, None)
    }

    pub(crate) fn computed() -> Arc<Self> {
        Self::new(Making::Computed, None)
    }

    /// One of which nothing is there yet.
    pub(crate) fn beginning() -> Arc<Self> {
        Self::new(Making::ByHand, Some(START as u64 / SEGMENT_MS))
    }

    fn new(making: Making, began: Option<u64>) -> Arc<Self> {
        let template = "$RepresentationID$/$Number$.m4s";
        let mut text = track("T", "application/mp4", template);
        "stpp".clone_into(&mut text.codecs);
        let shape = Shape {
            sets: vec![
                set(Content::Video, vec![track("V", "video/mp4", template)]),
                set(Content::Audio, vec![track("A", "audio/mp4", template)]),
                set(Content::Text, vec![text]),
            ],
            ..Shape::default()
        };
        Arc::new(Self {
            manifests: vec![Manifest {
                name: "Manifest.mpd".to_owned(),
                shape: Arc::new(shape),
            }],
            making,
            began,
            made: watch::Sender::new((START as u64 / PART_MS, false)),
            looks: AtomicUsize::new(0),
        })
    }

    /// Makes the next part.
    pub(crate) fn make(&self) {
        self.made.send_modify(|(made, _)| *made += 1);
    }

    /// Ends the channel.
    pub(crate) fn end(&self) {
        self.made.send_modify(|(_, ended)| *ended = true);
    }

    fn made(&self, now: i64) -> u64 {
        match self.making {
            Making::ByHand => self.made.borrow().0,
            Making::Computed => now as u64 / PART_MS,
        }
    }

    fn reached(&self, now: i64) -> Edge {
        let made = self.made(now);
        Edge {
            segment: made / u64::from(PARTS),
            parts: (made % u64::from(PARTS)) as u32,
        }
    }

    fn number(key: Key) -> Result<u64, Refusal> {
        match key {
            Key::Number(number) => Ok(number),
            Key::Time(_) => Err(Refusal::NotFound("Only numbers.".to_owned())),
        }
    }
}

/// The bytes of a part.
pub(crate) fn bytes(number: u64, index: u32) -> String {
    format!("[{number}.{index}]")
}

/// The bytes of a segment.
pub(crate) fn segment(number: u64) -> String {
    (0..PARTS).map(|index| bytes(number, index)).collect()
}

fn payload(text: String) -> Payload {
    Payload {
        version: text.len() as u64,
        slices: vec![text.into()],
        content_type: "video/mp4",
    }
}

fn too_early(what: String, wait_ms: i64) -> Refusal {
    Refusal::TooEarly {
        what,
        wait_ms,
        at_ms: 0,
    }
}

impl Supplier for Channel {
    fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    fn presentation(&self, _manifest: usize, now: i64) -> Result<Presentation, Refusal> {
        self.looks.fetch_add(1, Relaxed);
        let shape = Arc::clone(&self.manifests[0].shape);
        let reached = self.reached(now);
        let first = self.began.unwrap_or(reached.segment - WINDOW);
        if reached.segment == first && reached.parts == 0 {
            return Err(too_early("the first part".to_owned(), 1000));
        }
        let timelines = shape
            .tracks()
            .map(|(set, _)| {
                let mut timeline = Timeline {
                    first_number: first,
                    ..Timeline::default()
                };
                for number in first..=reached.segment {
                    let whole = number < reached.segment;
                    if whole {
                        timeline.push(number * SEGMENT_MS, SEGMENT_MS);
                    }
                    let parts = if whole { PARTS } else { reached.parts };
                    if set.content != Content::Text {
                        timeline.parts.extend((0..parts).map(|index| Part {
                            segment: number,
                            index,
                            duration: PART_MS,
                            independent: index == 0,
                            gap: false,
                        }));
                    }
                }
                timeline
            })
            .collect();
        let liveness = if self.made.borrow().1 {
            Liveness::Static {
                duration: Time::from_secs(24),
            }
        } else {
            Liveness::Live(Live {
                availability_start: 0,
                publish_time: 0,
                minimum_update_period: None,
                time_shift_buffer_depth: None,
                suggested_presentation_delay: None,
                utc_timing: Vec::new(),
                low_latency: Some(LowLatency {
                    part_target: Some(Time::from_ms(PART_MS as i64)),
                    availability_offset: None,
                    incomplete: true,
                    latency_target: None,
                    latency_max: None,
                }),
                filling: reached.segment - first < 3,
            })
        };
        Ok(Presentation {
            liveness,
            addressing: Addressing::Number,
            periods: vec![Period {
                id: "P0".to_owned(),
                start: Time::ZERO,
                duration: None,
                shape,
                start_number: StartNumber::Fixed(0),
                timelines,
                discontinuity_sequence: 0,
            }],
        })
    }

    fn init(&self, _manifest: usize, _track: usize, _now: i64) -> Result<Payload, Refusal> {
        Ok(payload("init".to_owned()))
    }

    fn segment(
        &self,
        _manifest: usize,
        _track: usize,
        key: Key,
        now: i64,
    ) -> Result<Payload, Refusal> {
        let number = Self::number(key)?;
        if number >= self.reached(now).segment {
            let begins = (number * SEGMENT_MS) as i64;
            return Err(too_early(
                format!("segment {number}"),
                (begins - now).max(1),
            ));
        }
        Ok(payload(segment(number)))
    }

    /// Segments may be asked for from their beginning on.
    fn delivery(
        &self,
        manifest: usize,
        track: usize,
        key: Key,
        now: i64,
    ) -> Result<Delivery, Refusal> {
        let number = Self::number(key)?;
        let reached = self.reached(now);
        if number == reached.segment {
            return Ok(Delivery::Growing {
                content_type: "video/mp4",
            });
        }
        let whole = self.segment(manifest, track, key, now)?;
        Ok(Delivery::Whole(whole))
    }

    fn part(
        &self,
        _manifest: usize,
        _track: usize,
        key: Key,
        index: u32,
        now: i64,
    ) -> Result<PartPayload, Refusal> {
        let number = Self::number(key)?;
        let ready = u64::from(PARTS) * number + u64::from(index);
        if index >= PARTS {
            return Err(Refusal::NotFound("No such part.".to_owned()));
        }
        if ready >= self.made(now) {
            return Err(too_early(format!("part {index} of segment {number}"), 1));
        }
        Ok(PartPayload {
            payload: payload(bytes(number, index)),
            // Who makes it by hand does not know beforehand where a segment ends.
            last: self.making == Making::Computed && index + 1 == PARTS,
        })
    }

    fn edge(&self, _manifest: usize, _track: usize, now: i64) -> Result<Edge, Refusal> {
        Ok(self.reached(now))
    }

    fn when(&self, _manifest: usize, _track: usize, edge: Edge, now: i64) -> When {
        let mut change = self.made.subscribe();
        if self.reached(now) >= edge {
            return When::Now;
        }
        if self.made.borrow().1 {
            return When::Never;
        }
        if self.making == Making::Computed {
            let parts = u64::from(PARTS) * edge.segment + u64::from(edge.parts);
            return When::At((parts * PART_MS) as i64);
        }
        When::Change(Box::pin(async move {
            let _ = change.changed().await;
        }))
    }
}

/// Tokio's clock, which begins at [`START`].
struct Paused(Instant);

impl Clock for Paused {
    fn now_ms(&self) -> i64 {
        START + self.0.elapsed().as_millis() as i64
    }

    fn sleep(&self, ms: u64) -> Sleep {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}

/// A channel, and a room to wait for it.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) channel: Arc<Channel>,
    pub(crate) room: WaitingRoom,
    pub(crate) shutdown: Shutdown,
    began: Instant,
}

impl Scene {
    pub(crate) fn new(channel: Arc<Channel>) -> Self {
        Self::with_seats(channel, 10_000)
    }

    pub(crate) fn with_seats(channel: Arc<Channel>, seats: usize) -> Self {
        let began = Instant::now();
        let shutdown = Shutdown::new();
        Self {
            channel,
            room: WaitingRoom::new(Paused(began), shutdown.clone(), seats),
            shutdown,
            began,
        }
    }

    /// How much time has passed, ms.
    pub(crate) fn elapsed(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// Asks, and returns the answer before its body is read.
    pub(crate) async fn ask(
        &self,
        method: Method,
        target: &str,
        fields: &HeaderMap,
    ) -> serve::Response {
        let (rest, query) = match target.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (target, None),
        };
        let clock = query.filter(|query| query.starts_with("nowMS="));
        let supplier: Arc<dyn Supplier> = Arc::clone(&self.channel) as _;
        let now_ms = clock
            .and_then(|clock| clock.split_once('='))
            .map_or(START + self.elapsed() as i64, |(_, now)| {
                now.split('&').next().unwrap_or(now).parse().unwrap()
            });
        let ask = Ask {
            method: &method,
            headers: fields,
            rest,
            query,
            test_query: clock.unwrap_or_default(),
            host: "http://test",
            now_ms,
            immutable: false,
        };
        self.room.answer(&supplier, &ask).await
    }

    /// Gets the whole answer.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        let response = self.ask(Method::GET, target, &HeaderMap::new()).await;
        Answer::of(response).await
    }

    /// Makes parts by hand, one each `PART_MS`, for ever.
    pub(crate) async fn make_parts(&self) {
        loop {
            tokio::time::sleep(Duration::from_millis(PART_MS)).await;
            self.channel.make();
        }
    }

    /// Gets an answer while parts are made.
    pub(crate) async fn get_while_making(&self, target: &str) -> Answer {
        tokio::select! {
            answer = self.get(target) => answer,
            () = self.make_parts() => unreachable!("parts are made for ever"),
        }
    }
}

/// Media sequence number and part of the last part in a playlist.
pub(crate) fn last_part(playlist: &str) -> (u64, u32) {
    let name = playlist
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("#EXT-X-PART:"))
        .and_then(|line| line.split('"').nth(1))
        .and_then(|uri| uri.strip_prefix("../V/"))
        .and_then(|uri| uri.strip_suffix(".m4s"))
        .unwrap();
    let (number, index) = name.split_once(".part").unwrap();
    (number.parse().unwrap(), index.parse().unwrap())
}
