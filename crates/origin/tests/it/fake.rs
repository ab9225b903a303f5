//! A live or static presentation of two manifests, whose segments say who they are.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::BodyExt as _;
use media::{
    presentation::{
        Addressing, Content, Live, Liveness, Nominal, Period, Presentation, Shape, StartNumber,
        SwitchingSet, Timeline, Track,
    },
    supply::{Manifest, Payload, Refusal, Supplier},
    template::{Key, Template},
    time::{Time, Timescale},
};
use origin::Ask;

const SEGMENT_MS: u64 = 2000;
const WINDOW: u64 = 5;

/// Segment `n` is there from `(n + 1) * 2000` ms and for five segments more.
pub(crate) struct Fake {
    manifests: Vec<Manifest>,
    live: bool,
}

pub(crate) fn track(id: &str, mime_type: &str, media: &str) -> Track {
    Track {
        id: id.to_owned(),
        codecs: if mime_type.starts_with("video") {
            "avc1.64001f"
        } else {
            "mp4a.40.2"
        }
        .to_owned(),
        mime_type: mime_type.to_owned(),
        bandwidth: 300_000,
        peak_bandwidth: 310_000,
        average_bandwidth: 290_000,
        timescale: Timescale::MS,
        size: mime_type.starts_with("video").then_some((640, 360)),
        sar: None,
        frame_rate: None,
        sampling_rate: None,
        channels: None,
        init: Some(Template::parse("$RepresentationID$/init.mp4").unwrap()),
        media: Template::parse(media).unwrap(),
        nominal: Nominal {
            duration: SEGMENT_MS,
            timescale: Timescale::MS,
        },
        attributes: Vec::new(),
        elements: Vec::new(),
    }
}

pub(crate) fn set(content: Content, tracks: Vec<Track>) -> SwitchingSet {
    SwitchingSet {
        id: None,
        content,
        lang: None,
        label: None,
        roles: Vec::new(),
        attributes: Vec::new(),
        elements: Vec::new(),
        tracks,
    }
}

impl Fake {
    pub(crate) fn live() -> Self {
        Self::new(true)
    }

    pub(crate) fn on_demand() -> Self {
        Self::new(false)
    }

    fn new(live: bool) -> Self {
        let video = || track("V300", "video/mp4", "$RepresentationID$/$Number$.m4s");
        let audio = track("audio/en", "audio/mp4", "$RepresentationID$/t$Time$.m4s");
        let both = Shape {
            sets: vec![
                set(Content::Video, vec![video()]),
                set(Content::Audio, vec![audio]),
            ],
            ..Shape::default()
        };
        let one = Shape {
            sets: vec![set(Content::Video, vec![video()])],
            ..Shape::default()
        };
        let manifests = [("Manifest.mpd", both), ("video only.mpd", one)];
        let manifests = manifests
            .map(|(name, shape)| Manifest {
                name: name.to_owned(),
                shape: Arc::new(shape),
            })
            .to_vec();
        Self { manifests, live }
    }

    fn payload(&self, manifest: usize, track: usize, name: &str) -> Payload {
        let (_, track) = self.manifests[manifest].shape.tracks().nth(track).unwrap();
        Payload {
            slices: ["head of ", "", &track.id, " ", name]
                .map(|part| part.to_owned().into())
                .to_vec(),
            content_type: if track.codecs.starts_with("avc1") {
                "video/mp4"
            } else {
                "audio/mp4"
            },
            version: name.len() as u64,
        }
    }

    /// Asks with nothing special.
    pub(crate) fn get(&self, rest: &str, now_ms: i64) -> Answer {
        self.ask(Method::GET, rest, now_ms, &[])
    }

    pub(crate) fn ask(
        &self,
        method: Method,
        rest: &str,
        now_ms: i64,
        fields: &[(&'static str, &str)],
    ) -> Answer {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(*name, value.parse().unwrap());
        }
        let response = origin::answer(
            self,
            &Ask {
                method: &method,
                headers: &headers,
                rest,
                query: None,
                test_query: "nowMS=7",
                host: "http://test",
                now_ms,
                immutable: false,
            },
        );
        Answer::read(response)
    }
}

impl Supplier for Fake {
    fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    fn presentation(&self, manifest: usize, now: i64) -> Result<Presentation, Refusal> {
        let shape = Arc::clone(&self.manifests[manifest].shape);
        let ended = u64::try_from(now).unwrap() / SEGMENT_MS;
        let first = ended.saturating_sub(WINDOW);
        let mut timeline = Timeline {
            first_number: first,
            ..Timeline::default()
        };
        for number in first..ended {
            timeline.push(number * SEGMENT_MS, SEGMENT_MS);
        }
        let timelines = shape.tracks().map(|_| timeline.clone()).collect();
        let liveness = if self.live {
            Liveness::Live(Live {
                availability_start: 0,
                publish_time: 0,
                minimum_update_period: Some(Time::from_secs(2)),
                time_shift_buffer_depth: Some(Time::from_secs(10)),
                suggested_presentation_delay: None,
                utc_timing: Vec::new(),
                low_latency: None,
                filling: false,
            })
        } else {
            Liveness::Static {
                duration: Time::from_secs(10),
            }
        };
        Ok(Presentation {
            liveness,
            addressing: Addressing::TimelineNumber,
            periods: vec![Period {
                id: "P0".to_owned(),
                start: Time::ZERO,
                duration: None,
                shape,
                start_number: StartNumber::default(),
                timelines,
                discontinuity_sequence: 0,
            }],
        })
    }

    fn init(&self, manifest: usize, track: usize, _now: i64) -> Result<Payload, Refusal> {
        Ok(self.payload(manifest, track, "init"))
    }

    fn segment(
        &self,
        manifest: usize,
        track: usize,
        key: Key,
        now: i64,
    ) -> Result<Payload, Refusal> {
        let number = match key {
            Key::Number(number) => number,
            Key::Time(time) if time % SEGMENT_MS == 0 => time / SEGMENT_MS,
            Key::Time(time) => {
                return Err(Refusal::NotFound(format!("No segment begins at {time}.")));
            }
        };
        let at_ms = i64::try_from((number + 1) * SEGMENT_MS).unwrap();
        let since_ms = at_ms + i64::try_from(WINDOW * SEGMENT_MS).unwrap();
        let what = format!("segment {number}");
        if self.live && now < at_ms {
            return Err(Refusal::TooEarly {
                what,
                wait_ms: at_ms - now,
                at_ms,
            });
        }
        if self.live && now > since_ms {
            return Err(Refusal::Gone {
                what,
                since_ms,
                ago_ms: now - since_ms,
            });
        }
        Ok(self.payload(manifest, track, &number.to_string()))
    }
}

/// An answer with its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    fn read(response: serve::Response) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(Self::of(response))
    }

    pub(crate) async fn of(response: serve::Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes: Bytes = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}
