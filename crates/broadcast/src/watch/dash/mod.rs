//! Follows a DASH presentation: its MPD, its clock and all Representations with a SegmentTemplate.
//!
//! Sans I/O: [`Dash::poll`] says what to ask for, [`Dash::reply`] takes what came of it.

mod clock;
mod inspect;
pub(crate) mod manifest;
mod place;
mod track;

use url::Url;

use self::{clock::Scheme, manifest::Mpd, place::Place, track::Track};
use super::{
    exchange::Reply,
    nanos::{Nanos, to_ms},
    options::{Options, millis},
    outbox::{self, Outbox},
    report::{Event, Report, Scene},
    rules::{self, answer, media::FETCHABLE, served},
    snapshot::{LowLatency, Newest, Row},
};

/// The clock is read again so often, in ms.
const CLOCK_MS: i64 = 60_000;

/// What a request is for.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// The MPD.
    Mpd,
    /// A clock.
    Clock { uri: String, scheme: Scheme },
    /// An init segment.
    Init {
        track: usize,
        period: Nanos,
        url: Url,
    },
    /// A segment.
    Segment { track: usize, place: Place },
    /// Something that must be there.
    Exists {
        track: usize,
        place: Place,
        oldest: bool,
    },
    /// Something that cannot be there.
    Future { track: usize },
}

/// A followed DASH presentation.
#[derive(Debug)]
pub(crate) struct Dash {
    root: Url,
    options: Options,
    mpd: Option<Mpd>,
    /// The text of the MPD without its clocks, which may tell the time.
    text: String,
    tracks: Vec<Track>,
    /// When to ask for the MPD again, Unix ms.
    due: Option<i64>,
    clock_due: Option<i64>,
    changed: Option<i64>,
    status: Option<u16>,
    round_trip: Option<i64>,
    error: Option<String>,
    /// Newest segment by Representation, to see what is new.
    newest: Vec<Option<u64>>,
}

impl Dash {
    /// Begins with the MPD that the source answered with.
    pub(crate) fn new(root: &Url, options: &Options, reply: &Reply, report: &mut Report) -> Self {
        let mut dash = Self {
            root: root.clone(),
            options: options.clone(),
            mpd: None,
            text: String::new(),
            tracks: Vec::new(),
            due: None,
            clock_due: Some(i64::MIN),
            changed: None,
            status: None,
            round_trip: None,
            error: None,
            newest: Vec::new(),
        };
        dash.mpd_reply(reply, report);
        dash
    }

    /// Returns what to ask for now.
    pub(crate) fn poll(&mut self, now: i64, out: &mut Outbox) {
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            out.get(self.root.clone(), outbox::Purpose::Dash(Purpose::Mpd));
        }
        let Some(mpd) = &self.mpd else { return };
        for (index, track) in self.tracks.iter_mut().enumerate() {
            if self.options.strict {
                track.poll(index, mpd, &self.options, now, out);
            } else {
                track.look(index, mpd, now, out);
            }
        }
        if !self.options.strict || self.clock_due.is_none_or(|due| due > now) {
            return;
        }
        self.clock_due = mpd.dynamic.then(|| now.saturating_add(CLOCK_MS));
        for (uri, value) in &mpd.clocks {
            let scheme = clock::scheme(uri).filter(|scheme| *scheme != Scheme::Direct);
            // A value may name several URLs.
            let first = value.split_whitespace().next().unwrap_or_default();
            if let (Some(scheme), Ok(url)) = (scheme, self.root.join(first)) {
                let uri = uri.clone();
                let purpose = outbox::Purpose::Dash(Purpose::Clock { uri, scheme });
                match scheme {
                    Scheme::Head => out.head(url, purpose),
                    Scheme::Body | Scheme::Direct => out.get(url, purpose),
                }
            }
        }
    }

    /// Returns when to poll again, replies aside.
    pub(crate) fn wake(&self) -> Option<i64> {
        let strict = self.options.strict;
        let tracks = self.tracks.iter().filter_map(Track::wake);
        let clock = self.clock_due.filter(|due| strict && *due > i64::MIN);
        self.due.into_iter().chain(clock).chain(tracks).min()
    }

    /// Takes a reply.
    pub(crate) fn reply(&mut self, purpose: Purpose, reply: &Reply, report: &mut Report) {
        let Some(mpd) = &self.mpd else {
            if matches!(purpose, Purpose::Mpd) {
                self.mpd_reply(reply, report);
            }
            return;
        };
        let root = self.root.to_string();
        let scene = Scene {
            rendition: "",
            url: &root,
            at: reply.finished(),
        };
        match purpose {
            Purpose::Mpd => self.mpd_reply(reply, report),
            Purpose::Clock { uri, scheme } => {
                let tolerance = millis(self.options.clock_tolerance);
                let view = clock::judge(&uri, scheme, "", reply, tolerance);
                served::run(&view, scene, report);
            }
            Purpose::Init { track, period, url } => {
                if let Some(track) = self.tracks.get_mut(track) {
                    track.init(period, &url, mpd, reply, report);
                }
            }
            Purpose::Segment { track, place } => {
                if let Some(track) = self.tracks.get_mut(track) {
                    track.segment(place, mpd, &self.options, reply, report);
                }
            }
            Purpose::Exists {
                track,
                place,
                oldest,
            } => {
                let (Some(track), Ok(answer)) = (self.tracks.get_mut(track), &reply.result) else {
                    return;
                };
                if answer.is_ok() && !oldest {
                    track.seen = Some(reply.finished());
                }
                let scene = Scene {
                    rendition: &track.id,
                    url: place.url.as_str(),
                    at: reply.finished(),
                };
                let status = answer.status;
                if matches!(status, 405 | 501 | 503) {
                    return;
                }
                if oldest {
                    let track = track.id.clone();
                    served::run(&served::View::Oldest { track, status }, scene, report);
                } else if !answer.is_ok() {
                    let sentence = format!("segment {} was answered {status}", place.number);
                    report.broken(&FETCHABLE, scene, vec![sentence]);
                }
            }
            Purpose::Future { track } => {
                if let (Some(track), Ok(answer)) = (self.tracks.get(track), &reply.result) {
                    let view = served::View::Future {
                        track: track.id.clone(),
                        status: answer.status,
                    };
                    served::run(&view, scene, report);
                }
            }
        }
    }

    fn mpd_reply(&mut self, reply: &Reply, report: &mut Report) {
        let at = reply.finished();
        self.due = Some(
            reply
                .started
                .saturating_add(millis(self.options.interval))
                .max(at),
        );
        self.round_trip = Some(millis(reply.first_byte));
        let root = self.root.to_string();
        let scene = Scene {
            rendition: "",
            url: &root,
            at,
        };
        let answer = match &reply.result {
            Ok(answer) => answer,
            Err(reason) => {
                self.status = None;
                self.fail(reason.clone(), at, report);
                return;
            }
        };
        self.status = Some(answer.status);
        if !answer.is_ok() {
            let status = answer.status;
            report.broken(
                &rules::REACHABLE,
                scene,
                vec![format!("the MPD was answered {status}")],
            );
            self.fail(format!("HTTP {status}"), at, report);
            return;
        }
        let text = String::from_utf8_lossy(&answer.body);
        let mpd = match Mpd::read(&text, &self.root) {
            Ok(mpd) => mpd,
            Err(reason) => {
                report.broken(&rules::SYNTAX, scene, vec![reason.clone()]);
                self.fail(reason, at, report);
                return;
            }
        };
        self.error = None;
        if answer.is_http {
            let view = answer::View {
                answer,
                what: answer::What::Mpd,
                held: false,
                live: mpd.dynamic,
                target: mpd.target().map(to_ms),
            };
            answer::run(&view, scene, report);
        }
        rules::mpd::run(&rules::mpd::View { mpd: &mpd }, scene, report);
        let plain = without_clocks(&text);
        if let Some(before) = &self.mpd {
            let view = rules::mpd_change::View {
                before,
                now: &mpd,
                same_text: plain == self.text,
            };
            rules::mpd_change::run(&view, scene, report);
        }
        self.judge_direct_clocks(&mpd, reply, scene, report);
        if plain != self.text {
            self.changed = Some(at);
        }
        self.text = plain;
        if !mpd.dynamic {
            self.due = None;
        }
        self.adopt(&mpd, reply.started, report);
        self.mpd = Some(mpd);
        self.tell_news(at, report);
    }

    fn judge_direct_clocks(&self, mpd: &Mpd, reply: &Reply, scene: Scene<'_>, report: &mut Report) {
        for (uri, value) in &mpd.clocks {
            if clock::scheme(uri) == Some(Scheme::Direct) {
                let tolerance = millis(self.options.clock_tolerance);
                let view = clock::judge(uri, Scheme::Direct, value, reply, tolerance);
                served::run(&view, scene, report);
            }
        }
    }

    fn fail(&mut self, what: String, at: i64, report: &mut Report) {
        if self.error.as_ref() != Some(&what) {
            report.event(Event::Problem {
                at,
                url: self.root.to_string(),
                what: what.clone(),
            });
        }
        self.error = Some(what);
    }

    /// Adds Representations that are new, and lets the others see the new MPD.
    fn adopt(&mut self, mpd: &Mpd, asked: i64, report: &mut Report) {
        for declared in mpd.periods.iter().flat_map(|period| &period.tracks) {
            if !self.tracks.iter().any(|track| track.id == declared.id) {
                self.tracks.push(Track::new(&declared.id, declared.kind));
                self.newest.push(None);
            }
        }
        for track in &mut self.tracks {
            track.refresh(mpd, &self.options, asked, report);
        }
    }

    /// Tells which Representations have something new.
    fn tell_news(&mut self, at: i64, report: &mut Report) {
        let rows = self.rows(at);
        for (row, before) in rows.into_iter().zip(&mut self.newest) {
            let number = row.newest.as_ref().map(|newest| newest.segment);
            if number != *before {
                *before = number;
                report.event(Event::Changed {
                    at,
                    source: self.root.to_string(),
                    rendition: Box::new(row),
                });
            }
        }
    }

    /// Returns the renditions as they are now.
    pub(crate) fn rows(&self, now: i64) -> Vec<Row> {
        let Some(mpd) = &self.mpd else {
            return Vec::new();
        };
        self.tracks
            .iter()
            .map(|track| self.row(track, mpd, now))
            .collect()
    }

    fn row(&self, track: &Track, mpd: &Mpd, now: i64) -> Row {
        let at = place::since_start(mpd, now);
        let lines = place::Line::all(mpd, &track.id);
        let declared = lines.last().map(|line| line.track);
        let newest = place::newest(mpd, &track.id, at);
        let oldest = place::oldest(mpd, &track.id, at);
        let segments = match (&oldest, &newest) {
            (Some(oldest), Some(newest)) => newest
                .number
                .saturating_sub(oldest.number)
                .saturating_add(1),
            _ => 0,
        };
        let age = self
            .changed
            .max(track.seen)
            .map(|seen| now.saturating_sub(seen));
        let target = mpd.target().map(to_ms);
        let early = declared.map_or(0, |track| track.early);
        let latency = newest.as_ref().filter(|_| mpd.dynamic).map(|newest| {
            // A segment that comes chunk by chunk is there up to the last chunk.
            let chunk = newest.duration.saturating_sub(early);
            to_ms(at.saturating_sub(newest.end.min(at.saturating_sub(chunk))))
        });
        let stale = match (age, target) {
            (Some(age), Some(target)) if mpd.dynamic && target > 0 => {
                u64::try_from(age.saturating_mul(2) / target.saturating_mul(3)).unwrap_or(0)
            }
            _ => 0,
        };
        Row {
            name: track.id.clone(),
            kind: track.kind,
            bandwidth: declared.map(|track| track.bandwidth),
            average_bandwidth: None,
            url: self.root.to_string(),
            media_sequence: oldest.map(|oldest| oldest.number),
            newest: newest.map(|newest| Newest {
                segment: newest.number,
                part: None,
                url: newest.url.to_string(),
            }),
            segments,
            parts: 0,
            target_duration: target,
            age,
            discontinuities: mpd.periods.len().saturating_sub(1) as u64,
            discontinuity_sequence: 0,
            low_latency: (early > 0 || mpd.latency_target.is_some()).then(|| LowLatency {
                part_target: None,
                hold_back: mpd.latency_target,
                blocking: false,
                skip_until: None,
                availability_offset: Some(to_ms(early)),
            }),
            status: self.status,
            round_trip: self.round_trip,
            stale,
            latency,
            ended: !mpd.dynamic,
            error: self.error.clone(),
        }
    }

    /// Tells whether everything was answered once.
    pub(crate) fn is_settled(&self) -> bool {
        let answered = self.mpd.is_some() || self.error.is_some();
        answered && self.tracks.iter().all(Track::is_settled)
    }

    /// Tells whether nothing will change any more.
    pub(crate) fn is_ended(&self) -> bool {
        self.mpd.as_ref().is_some_and(|mpd| !mpd.dynamic)
    }

    /// Returns when the MPD last changed or a new segment was there, Unix ms.
    pub(crate) fn last_change(&self) -> Option<i64> {
        let seen = self.tracks.iter().filter_map(|track| track.seen);
        seen.chain(self.changed).max()
    }

    /// Returns the longest segment duration in ms.
    pub(crate) fn target_ms(&self) -> Option<i64> {
        self.mpd.as_ref().and_then(Mpd::target).map(to_ms)
    }
}

/// Removes the UTCTiming elements from an MPD.
fn without_clocks(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("<UTCTiming") {
        let (before, element) = rest.split_at(at);
        plain.push_str(before);
        let end = element.find('>').map_or(element.len(), |end| end + 1);
        rest = element.get(end..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}
