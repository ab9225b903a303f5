//! One Representation across all Periods: fetches its segments in order as they become available
//! and judges them (strict).

use std::collections::HashMap;

use url::Url;

use super::{
    Purpose,
    manifest::{Mpd, Segments, Track as Declared},
    place::{self, Line, Place},
};
use crate::watch::{
    exchange::{Answer, Reply},
    media::{Init, Measured},
    nanos::{Nanos, from_ms, to_ms},
    options::{Options, millis},
    outbox::{self, Outbox},
    report::{Report, Scene},
    rules::{
        answer,
        media::{self, DECLARED, FETCHABLE, INIT_KEPT, READABLE},
        served,
    },
    snapshot::Kind,
};

/// A segment that was not there yet is asked for again so often, in ms.
const RETRY_MS: i64 = 250;
/// When so many segments are available that were not fetched, goes on with the newest.
const MAX_BEHIND: Nanos = 4;
/// So many missing segments are remembered.
const MAX_MISSING: usize = 32;
/// A segment so far ahead is in the future.
const FAR_AHEAD: u64 = 50;

/// A Representation.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) id: String,
    pub(super) kind: Kind,
    /// When a new segment was last there, Unix ms.
    pub(super) seen: Option<i64>,
    /// What is asked for next, and when, Unix ms.
    wanted: Option<(Place, i64)>,
    busy: bool,
    /// Whether the wanted one was not there when it should have been.
    late: bool,
    missing: Vec<Place>,
    /// The last one fetched.
    last: Option<(Place, Measured)>,
    inits: HashMap<Nanos, InitState>,
    hashes: HashMap<Url, u64>,
    tried: bool,
    /// The last one that was only asked about.
    looked_at: Option<Url>,
}

#[derive(Debug)]
enum InitState {
    Asked,
    Ready(Box<Init>),
    Failed,
}

impl Track {
    pub(super) fn new(id: &str, kind: Kind) -> Self {
        Self {
            id: id.to_owned(),
            kind,
            seen: None,
            wanted: None,
            busy: false,
            late: false,
            missing: Vec::new(),
            last: None,
            inits: HashMap::new(),
            hashes: HashMap::new(),
            tried: false,
            looked_at: None,
        }
    }

    /// Tells whether a segment was fetched, or everything was asked about.
    pub(super) fn is_settled(&self, strict: bool) -> bool {
        if strict {
            self.last.is_some() || !self.missing.is_empty()
        } else {
            self.looked_at.is_some()
        }
    }

    pub(super) fn wake(&self) -> Option<i64> {
        let due = self.wanted.as_ref().map(|(_, due)| *due);
        due.filter(|_| !self.busy)
    }

    /// Asks only whether the newest whole segment is there.
    pub(super) fn look(&mut self, index: usize, mpd: &Mpd, now: i64, out: &mut Outbox) {
        let at = place::since_start(mpd, now);
        let newest = place::newest(mpd, &self.id, at);
        let Some(place) = newest.filter(|place| place.end <= at || !mpd.dynamic) else {
            return;
        };
        if self.looked_at.as_ref() != Some(&place.url) {
            self.looked_at = Some(place.url.clone());
            let url = place.url.clone();
            out.head(
                url,
                purpose(Purpose::Exists {
                    track: index,
                    place,
                    oldest: false,
                }),
            );
        }
    }

    /// Asks for what has become available.
    pub(super) fn poll(
        &mut self,
        index: usize,
        mpd: &Mpd,
        options: &Options,
        now: i64,
        out: &mut Outbox,
    ) {
        let at = place::since_start(mpd, now);
        if !self.tried {
            self.tried = true;
            self.try_borders(index, mpd, at, out);
        }
        if self.busy {
            return;
        }
        if self.wanted.is_none() {
            self.want(mpd, options, now);
        }
        let Some((place, due)) = self.wanted.clone() else {
            return;
        };
        if due > now {
            return;
        }
        match self.inits.get(&place.period) {
            None => self.ask_for_init(index, mpd, &place, out),
            Some(InitState::Asked) => {}
            Some(InitState::Ready(_) | InitState::Failed) => {
                self.busy = true;
                let longest = u64::try_from(place.duration).unwrap_or(0).saturating_mul(3);
                let url = place.url.clone();
                let purpose = purpose(Purpose::Segment {
                    track: index,
                    place,
                });
                out.wait_for(url, purpose, std::time::Duration::from_nanos(longest));
            }
        }
    }

    /// Chooses what to ask for next.
    fn want(&mut self, mpd: &Mpd, options: &Options, now: i64) {
        let at = place::since_start(mpd, now);
        let newest = place::newest(mpd, &self.id, at);
        let last = self
            .last
            .as_ref()
            .map(|(place, _)| place)
            .or(self.missing.last());
        let next = match last {
            None => newest,
            Some(last) => {
                let next = place::following(mpd, &self.id, last);
                let behind = |next: &Place, newest: &Place| {
                    newest.end.saturating_sub(next.end) > newest.duration.saturating_mul(MAX_BEHIND)
                };
                match (next, newest) {
                    (Some(next), Some(newest)) if behind(&next, &newest) => Some(newest),
                    (next, _) => next,
                }
            }
        };
        self.late = false;
        self.wanted = next.map(|place| {
            let listed = Line::all(mpd, &self.id).iter().any(|line| {
                line.period.start == place.period
                    && matches!(line.track.segments, Segments::Listed(_))
            });
            let start = mpd.availability_start.unwrap_or(0);
            let available = start.saturating_add(to_ms(place.available));
            let due = if listed || !mpd.dynamic {
                now
            } else {
                available.saturating_add(millis(options.clock_tolerance))
            };
            (place, due.max(now))
        });
    }

    /// Forgets what is wanted, because the MPD has changed.
    pub(super) fn refresh(&mut self, mpd: &Mpd, now: i64) {
        let Some((place, due)) = &self.wanted else {
            return;
        };
        let lines = Line::all(mpd, &self.id);
        let line = lines.iter().find(|line| line.period.start == place.period);
        let still = line.is_some_and(|line| match line.track.segments {
            Segments::Equal(_) => line
                .at(place.index)
                .is_some_and(|found| found.url == place.url),
            Segments::Listed(_) => true,
        });
        if !still && !self.busy && *due >= now {
            self.wanted = None;
        }
    }

    fn try_borders(&self, index: usize, mpd: &Mpd, at: Nanos, out: &mut Outbox) {
        if !mpd.dynamic {
            return;
        }
        // The oldest may fall out while the request is on its way; the one behind it may not.
        let oldest = place::oldest(mpd, &self.id, at);
        let newest = place::newest(mpd, &self.id, at);
        let inside = oldest.and_then(|oldest| place::following(mpd, &self.id, &oldest));
        let inside = inside.filter(|place| newest.as_ref().is_some_and(|new| place.end < new.end));
        if let Some(place) = inside {
            let url = place.url.clone();
            out.head(
                url,
                purpose(Purpose::Exists {
                    track: index,
                    place,
                    oldest: true,
                }),
            );
        }
        let lines = Line::all(mpd, &self.id);
        let far = newest.and_then(|newest| {
            let line = lines
                .iter()
                .find(|line| line.period.start == newest.period)?;
            line.at(newest.index.saturating_add(FAR_AHEAD))
        });
        if let Some(place) = far {
            out.get(place.url, purpose(Purpose::Future { track: index }));
        }
    }

    fn ask_for_init(&mut self, index: usize, mpd: &Mpd, place: &Place, out: &mut Outbox) {
        let declared = declared(mpd, &self.id, place.period);
        let url = declared.and_then(|track| {
            let name = track
                .init
                .as_ref()?
                .expand(&track.id, track.bandwidth, None);
            track.base.join(&name).ok()
        });
        match url {
            Some(url) => {
                self.inits.insert(place.period, InitState::Asked);
                let period = place.period;
                let init = Purpose::Init {
                    track: index,
                    period,
                    url: url.clone(),
                };
                out.get(url, purpose(init));
            }
            None => {
                self.inits.insert(place.period, InitState::Failed);
            }
        }
    }

    /// Takes an init segment.
    pub(super) fn init(
        &mut self,
        period: Nanos,
        url: &Url,
        mpd: &Mpd,
        reply: &Reply,
        report: &mut Report,
    ) {
        let scene = Scene {
            rendition: &self.id,
            url: url.as_str(),
            at: reply.finished(),
        };
        let what = "the init segment";
        let read = fetched(what, mpd, scene, reply, report).map(|answer| Init::read(&answer.body));
        let state = match read {
            Some(Ok(init)) => {
                let before = self.hashes.insert(url.clone(), init.hash);
                if before.is_some_and(|before| before != init.hash) {
                    let sentence = format!("`{}` is not what it was", url.path());
                    report.broken(&INIT_KEPT, scene, vec![sentence]);
                }
                if let Some(declared) = declared(mpd, &self.id, period) {
                    let view = media::Declared {
                        codecs: &declared.codecs,
                        resolution: declared.size,
                        init: &init,
                    };
                    report.broken(&DECLARED.rule, scene, (DECLARED.check)(&view));
                }
                InitState::Ready(Box::new(init))
            }
            Some(Err(error)) => {
                report.broken(&READABLE, scene, vec![error.to_string()]);
                InitState::Failed
            }
            None => InitState::Failed,
        };
        self.inits.insert(period, state);
    }

    /// Takes a segment.
    pub(super) fn segment(
        &mut self,
        place: Place,
        mpd: &Mpd,
        options: &Options,
        reply: &Reply,
        report: &mut Report,
    ) {
        self.busy = false;
        let url = place.url.to_string();
        let id = self.id.clone();
        let scene = Scene {
            rendition: &id,
            url: &url,
            at: reply.finished(),
        };
        let what = format!("segment {}", place.number);
        let listed = declared(mpd, &self.id, place.period)
            .is_some_and(|track| matches!(track.segments, Segments::Listed(_)));
        let start = mpd.availability_start.unwrap_or(0);
        let available = start.saturating_add(to_ms(place.available));
        let is_missing = matches!(&reply.result, Ok(answer) if matches!(answer.status, 404 | 425));
        if is_missing && !listed && mpd.dynamic {
            let patience = to_ms(place.duration).saturating_add(millis(options.slack));
            if reply.started.saturating_sub(available) < patience {
                self.late = true;
                self.wanted = Some((place, reply.finished().saturating_add(RETRY_MS)));
            } else {
                self.miss(place);
            }
            return;
        }
        self.wanted = None;
        let Some(answer) = fetched(&what, mpd, scene, reply, report) else {
            self.miss(place);
            return;
        };
        self.seen = Some(reply.finished());
        if self.late {
            let view = served::View::Late {
                track: self.id.clone(),
                number: place.number,
                by: reply.started.saturating_sub(available),
                limit: millis(options.slack).saturating_add(millis(options.clock_tolerance)),
            };
            served::run(&view, scene, report);
        }
        self.tell_missing(&place, scene, report);
        let Some(InitState::Ready(init)) = self.inits.get(&place.period) else {
            return;
        };
        match Measured::read(init, &answer.body) {
            Ok(measured) => {
                self.judge(&what, &place, &measured, mpd, options, reply, scene, report);
                self.last = Some((place, measured));
            }
            Err(error) => {
                report.broken(&READABLE, scene, vec![format!("{what}: {error}")]);
                self.miss(place);
            }
        }
    }

    fn miss(&mut self, place: Place) {
        self.wanted = None;
        if self.missing.len() >= MAX_MISSING {
            self.missing.remove(0);
        }
        self.missing.push(place);
        self.last = None;
    }

    /// Segments that never came are missing only when the Period went on behind them: otherwise the
    /// encoder was away, and the Period ended with what there was.
    fn tell_missing(&mut self, place: &Place, scene: Scene<'_>, report: &mut Report) {
        for gone in self.missing.drain(..) {
            if gone.period == place.period && gone.index < place.index {
                let view = served::View::Missing {
                    track: self.id.clone(),
                    number: gone.number,
                };
                served::run(&view, scene, report);
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "all of it is one segment that came"
    )]
    fn judge(
        &self,
        what: &str,
        place: &Place,
        measured: &Measured,
        mpd: &Mpd,
        options: &Options,
        reply: &Reply,
        scene: Scene<'_>,
        report: &mut Report,
    ) {
        let Some(declared) = declared(mpd, &self.id, place.period) else {
            return;
        };
        let tolerance = from_ms(millis(options.media_tolerance));
        let (listed, off) = match declared.segments {
            // Nominal: only the start is bound, by half a segment.
            Segments::Equal(_) => (None, place.duration / 2),
            Segments::Listed(_) => (Some(place.duration), tolerance),
        };
        let follows = |before: &Place| {
            let same = before.period == place.period;
            same && before.end == place.end.saturating_sub(place.duration)
        };
        let before = self.last.as_ref().filter(|(before, _)| follows(before));
        let whole_at = mpd
            .availability_start
            .unwrap_or(0)
            .saturating_add(to_ms(place.end));
        let early = declared.is_early() && reply.started < whole_at;
        let view = media::View {
            what,
            is_part: false,
            kind: self.kind,
            measured,
            before: before.map(|(_, measured)| measured),
            anchors: None,
            listed,
            tolerance,
            independent: false,
            part_target: None,
            parts: None,
            expected_start: Some((declared.at(place.ticks), off)),
            early: early.then_some((reply.first_byte, reply.total)),
            chunked: declared.is_early(),
            slack: millis(options.slack),
        };
        media::run(&view, scene, report);
    }
}

/// Returns the Representation as the MPD has it in a Period.
fn declared<'a>(mpd: &'a Mpd, id: &str, period: Nanos) -> Option<&'a Declared> {
    let lines = Line::all(mpd, id);
    let line = lines.into_iter().find(|line| line.period.start == period)?;
    Some(line.track)
}

fn purpose(purpose: Purpose) -> outbox::Purpose {
    outbox::Purpose::Dash(purpose)
}

/// Returns the answer when it is good, and judges its headers.
fn fetched<'a>(
    what: &str,
    mpd: &Mpd,
    scene: Scene<'_>,
    reply: &'a Reply,
    report: &mut Report,
) -> Option<&'a Answer> {
    let why = match &reply.result {
        Ok(answer) if answer.is_ok() => {
            if answer.is_http {
                let view = answer::View {
                    answer,
                    what: answer::What::Mp4,
                    held: false,
                    live: mpd.dynamic,
                    target: mpd.target().map(to_ms),
                };
                answer::run(&view, scene, report);
            }
            return Some(answer);
        }
        Ok(answer) => format!("was answered {}", answer.status),
        Err(reason) => format!("could not be fetched: {reason}"),
    };
    report.broken(&FETCHABLE, scene, vec![format!("{what} {why}")]);
    None
}
