//! Judges the fetched segments of a Representation against the MPD and what goes before.
//!
//! A segment is judged by an MPD that was asked for after the segment had come: when the encoder was
//! away, a new Period has begun and perhaps given the number to another segment.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use url::Url;

use super::{
    manifest::{Mpd, Segments, Track as Declared},
    place::{Line, Place},
};
use crate::watch::{
    exchange::{Answer, Reply},
    media::{Init, Measured},
    nanos::{Nanos, from_ms, to_ms},
    options::{Options, millis},
    report::{Report, Scene},
    rules::{
        answer,
        media::{self, DECLARED, FETCHABLE, INIT_KEPT, READABLE},
        served,
    },
    snapshot::Kind,
};

/// So many missing segments are remembered.
const MAX_MISSING: usize = 32;
/// So many Periods are remembered.
const MAX_PERIODS: usize = 16;

/// What is known of the media of a Representation.
#[derive(Debug)]
pub(super) struct Inspector {
    id: String,
    kind: Kind,
    /// By start of the Period.
    inits: HashMap<Nanos, InitState>,
    hashes: HashMap<Url, u64>,
    /// Wall clock less media time of the first producer reference time, by start of the Period.
    producers: BTreeMap<Nanos, Nanos>,
    unjudged: Vec<Unjudged>,
    /// The last one judged.
    judged: Option<(Place, Measured)>,
    /// Those that never came.
    missing: Vec<Place>,
}

#[derive(Debug)]
enum InitState {
    Asked,
    Ready(Box<Init>),
    Failed,
}

/// A segment that has come.
#[derive(Debug)]
struct Unjudged {
    place: Place,
    measured: Option<Measured>,
    /// How late it was, in ms, when it was not there at first.
    late_by: Option<i64>,
    /// When it was asked for and had come, Unix ms.
    asked: i64,
    came: i64,
    /// Time to the headers and to the end.
    timing: (Duration, Duration),
}

impl Inspector {
    pub(super) fn new(id: &str, kind: Kind) -> Self {
        Self {
            id: id.to_owned(),
            kind,
            inits: HashMap::new(),
            hashes: HashMap::new(),
            producers: BTreeMap::new(),
            unjudged: Vec::new(),
            judged: None,
            missing: Vec::new(),
        }
    }

    /// Tells whether the init segment of a Period has come or failed; nothing when it was not
    /// asked for.
    pub(super) fn has_init(&self, period: Nanos) -> Option<bool> {
        let state = self.inits.get(&period);
        state.map(|state| !matches!(state, InitState::Asked))
    }

    /// Notes that the init segment of a Period was asked for, or that there is none.
    pub(super) fn expect_init(&mut self, period: Nanos, is_there: bool) {
        while self.inits.len() >= MAX_PERIODS {
            let Some(oldest) = self.inits.keys().min().copied() else {
                break;
            };
            self.inits.remove(&oldest);
        }
        let state = if is_there {
            InitState::Asked
        } else {
            InitState::Failed
        };
        self.inits.insert(period, state);
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
        let read = fetched(what, self.kind, mpd, scene, reply, report)
            .map(|answer| Init::read(&answer.body));
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

    /// Notes that a segment never came.
    pub(super) fn miss(&mut self, place: Place) {
        if self.missing.len() >= MAX_MISSING {
            self.missing.remove(0);
        }
        self.missing.push(place);
    }

    /// Takes a segment. Tells whether it was there.
    pub(super) fn segment(
        &mut self,
        place: &Place,
        late_by: Option<i64>,
        mpd: &Mpd,
        reply: &Reply,
        report: &mut Report,
    ) -> bool {
        let scene = Scene {
            rendition: &self.id,
            url: place.url.as_str(),
            at: reply.finished(),
        };
        let what = format!("segment {}", place.number);
        let Some(answer) = fetched(&what, self.kind, mpd, scene, reply, report) else {
            return false;
        };
        let measured = match self.inits.get(&place.period) {
            Some(InitState::Ready(init)) => match Measured::read(init, &answer.body) {
                Ok(measured) => Some(measured),
                Err(error) => {
                    report.broken(&READABLE, scene, vec![format!("{what}: {error}")]);
                    None
                }
            },
            Some(InitState::Asked | InitState::Failed) | None => None,
        };
        self.unjudged.push(Unjudged {
            place: place.clone(),
            measured,
            late_by,
            asked: reply.started,
            came: reply.finished(),
            timing: (reply.first_byte, reply.total),
        });
        true
    }

    /// Judges what came before `asked` (Unix ms), when this MPD was asked for.
    pub(super) fn judge(&mut self, mpd: &Mpd, options: &Options, asked: i64, report: &mut Report) {
        let all = std::mem::take(&mut self.unjudged);
        let (ripe, unripe): (Vec<Unjudged>, Vec<Unjudged>) =
            all.into_iter().partition(|found| found.came <= asked);
        self.unjudged = unripe;
        for found in ripe {
            if is_meant(mpd, &self.id, &found.place) {
                self.judge_one(&found, mpd, options, report);
                self.tell_missing(&found, report);
                self.judged = found.measured.map(|measured| (found.place, measured));
            }
        }
    }

    /// Segments that never came are missing only when the Period went on behind them: otherwise the
    /// encoder was away, and the Period ended with what there was.
    fn tell_missing(&mut self, found: &Unjudged, report: &mut Report) {
        let place = &found.place;
        let scene = Scene {
            rendition: &self.id,
            url: place.url.as_str(),
            at: found.came,
        };
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

    fn judge_one(&mut self, found: &Unjudged, mpd: &Mpd, options: &Options, report: &mut Report) {
        let place = &found.place;
        let Some(declared) = declared(mpd, &self.id, place.period) else {
            return;
        };
        let scene = Scene {
            rendition: &self.id,
            url: place.url.as_str(),
            at: found.came,
        };
        if let Some(by) = found.late_by {
            let view = served::View::Late {
                track: self.id.clone(),
                number: place.number,
                by,
                limit: millis(options.slack).saturating_add(millis(options.clock_tolerance)),
            };
            served::run(&view, scene, report);
        }
        let Some(measured) = &found.measured else {
            return;
        };
        while self.producers.len() >= MAX_PERIODS && !self.producers.contains_key(&place.period) {
            self.producers.pop_first();
        }
        let producer = measured
            .producer
            .map(|found| *self.producers.entry(place.period).or_insert(found.anchor));
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
        let before = self.judged.as_ref().filter(|(before, _)| follows(before));
        let start = mpd.availability_start.unwrap_or(0);
        let whole_at = start.saturating_add(to_ms(place.end));
        let early = declared.is_early() && found.asked < whole_at;
        let what = format!("segment {}", place.number);
        let view = media::View {
            what: &what,
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
            producer,
            came: (
                from_ms(found.came),
                from_ms(millis(options.clock_tolerance)),
            ),
            expected_start: Some((declared.at(place.ticks), off)),
            early: early.then_some(found.timing),
            chunked: declared.is_early(),
            slack: millis(options.slack),
        };
        media::run(&view, scene, report);
    }
}

/// Tells whether the MPD means this segment.
pub(super) fn is_meant(mpd: &Mpd, id: &str, place: &Place) -> bool {
    let lines = Line::all(mpd, id);
    let line = lines.iter().find(|line| line.period.start == place.period);
    line.is_some_and(|line| match line.track.segments {
        Segments::Equal(_) => line
            .at(place.index)
            .is_some_and(|found| found.url == place.url),
        // It may have left the list since.
        Segments::Listed(_) => true,
    })
}

/// Returns the Representation as the MPD has it in a Period.
pub(super) fn declared<'a>(mpd: &'a Mpd, id: &str, period: Nanos) -> Option<&'a Declared> {
    let lines = Line::all(mpd, id);
    let line = lines.into_iter().find(|line| line.period.start == period)?;
    Some(line.track)
}

/// Returns the answer when it is good, and judges its headers.
fn fetched<'a>(
    what: &str,
    kind: Kind,
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
                    what: match kind {
                        Kind::Image => answer::What::Image,
                        _ => answer::What::Mp4,
                    },
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
