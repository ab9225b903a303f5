//! Judges the fetched media of a rendition: against what is listed, what goes before, and the whole
//! against its parts.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use url::Url;

use super::fetching::{InitKey, Item, Level};
use crate::watch::{
    exchange::{Answer, Reply},
    media::{Init, Measured, Rates},
    nanos::{Nanos, from_ms},
    report::{Report, Scene},
    rules::{
        answer,
        media::{self, DECLARED, Declared, FETCHABLE, HINT_ANSWERED, INIT_KEPT, READABLE},
    },
    snapshot::Kind,
};

/// So many segments, and init segments, are remembered.
const MAX_REMEMBERED: usize = 16;

/// What is needed to judge media.
pub(super) struct About {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) codecs: String,
    pub(super) resolution: Option<(u32, u32)>,
    pub(super) part_target: Option<Nanos>,
    /// Target duration in ms.
    pub(super) target: Option<i64>,
    /// In ms.
    pub(super) tolerance: i64,
    pub(super) clock_tolerance: i64,
    pub(super) slack: i64,
}

#[derive(Debug)]
enum InitState {
    Asked,
    Ready(Box<Init>),
    Failed,
}

/// What is known of a segment.
#[derive(Debug, Default)]
struct Record {
    dsn: u64,
    whole: Option<Measured>,
    listed: Option<Nanos>,
    parts: BTreeMap<u64, Measured>,
    /// How many parts it has, once it is whole.
    part_count: Option<u64>,
    date: Option<Nanos>,
}

/// What is known of the media of a rendition.
#[derive(Debug, Default)]
pub(super) struct Inspector {
    inits: HashMap<InitKey, InitState>,
    /// Contents of init segments by where they are.
    hashes: HashMap<(Url, Option<Range<u64>>), u64>,
    records: BTreeMap<u64, Record>,
    /// Date less decode time by discontinuity sequence number.
    anchors: BTreeMap<u64, Nanos>,
    /// Wall clock less media time of the first producer reference time, likewise.
    producers: BTreeMap<u64, Nanos>,
    rates: Rates,
}

impl Inspector {
    /// Returns date less decode time by discontinuity sequence number.
    pub(super) fn anchors(&self) -> &BTreeMap<u64, Nanos> {
        &self.anchors
    }

    pub(super) fn rates(&self) -> Rates {
        self.rates
    }

    /// Notes what is listed of a whole segment.
    pub(super) fn note(&mut self, msn: u64, dsn: u64, parts: u64, date: Option<Nanos>) {
        let record = self.record(msn, dsn);
        record.part_count = Some(parts);
        record.date = date;
    }

    fn record(&mut self, msn: u64, dsn: u64) -> &mut Record {
        while self.records.len() > MAX_REMEMBERED {
            self.records.pop_first();
        }
        let record = self.records.entry(msn).or_default();
        record.dsn = dsn;
        record
    }

    /// Tells whether an init segment has come or failed; nothing when it was not asked for.
    pub(super) fn has_init(&self, key: &InitKey) -> Option<bool> {
        self.inits
            .get(key)
            .map(|state| !matches!(state, InitState::Asked))
    }

    /// Notes that an init segment was asked for.
    pub(super) fn expect_init(&mut self, key: &InitKey) {
        while self.inits.len() >= MAX_REMEMBERED {
            let Some(oldest) = self.inits.keys().min_by_key(|(_, _, dsn)| *dsn).cloned() else {
                break;
            };
            self.inits.remove(&oldest);
        }
        self.inits.insert(key.clone(), InitState::Asked);
    }

    /// Takes an init segment.
    pub(super) fn init(&mut self, item: &Item, about: &About, reply: &Reply, report: &mut Report) {
        let Some(key) = item.init.clone() else {
            return;
        };
        let scene = scene(item, about, reply);
        let read = fetched(item, about, reply, report)
            .map(|answer| Init::read(&answer.body).map_err(|error| error.to_string()));
        let state = match read {
            Some(Ok(init)) => {
                let place = (key.0.clone(), key.1.clone());
                let before = self.hashes.insert(place, init.hash);
                if before.is_some_and(|before| before != init.hash) {
                    let sentence = format!("`{}` is not what it was", key.0.path());
                    report.broken(&INIT_KEPT, scene, vec![sentence]);
                }
                let view = Declared {
                    codecs: &about.codecs,
                    resolution: about.resolution,
                    init: &init,
                };
                report.broken(&DECLARED.rule, scene, (DECLARED.check)(&view));
                InitState::Ready(Box::new(init))
            }
            Some(Err(error)) => {
                report.broken(&READABLE, scene, vec![error]);
                InitState::Failed
            }
            None => InitState::Failed,
        };
        self.inits.insert(key, state);
    }

    /// Takes a segment or part; `early` when it was asked for before it was there.
    pub(super) fn media(
        &mut self,
        item: &Item,
        about: &About,
        reply: &Reply,
        early: bool,
        report: &mut Report,
    ) {
        let Some(answer) = fetched(item, about, reply, report) else {
            return;
        };
        let Some(InitState::Ready(init)) = item.init.as_ref().and_then(|key| self.inits.get(key))
        else {
            return;
        };
        let measured = match Measured::read(init, &answer.body) {
            Ok(measured) => measured,
            Err(error) => {
                let sentence = format!("{}: {error}", item.what());
                report.broken(&READABLE, scene(item, about, reply), vec![sentence]);
                return;
            }
        };
        let timing = early.then_some((reply.first_byte, reply.total));
        let came = from_ms(reply.finished());
        if let Some(found) = measured.producer {
            remember(&mut self.producers, item.dsn, found.anchor);
        }
        let producer = self.producers.get(&item.dsn).copied();
        let view_scene = scene(item, about, reply);
        if let Level::Part(index) = item.level {
            let what = item.what();
            let view = media::View {
                is_part: true,
                before: self.part_before(item.msn, item.dsn, index),
                listed: item.listed,
                independent: item.independent,
                early: timing,
                producer,
                ..blank(&what, &measured, came, about)
            };
            media::run(&view, view_scene, report);
            let record = self.record(item.msn, item.dsn);
            record.parts.insert(index, measured);
        } else {
            let target = from_ms(about.target.unwrap_or(0));
            self.rates.add(measured.bytes, measured.duration(), target);
            let record = self.record(item.msn, item.dsn);
            record.whole = Some(measured);
            record.listed = item.listed;
        }
        self.whole(item.msn, came, about, view_scene, report);
    }

    /// Judges a segment with what is known of it by now.
    fn whole(
        &mut self,
        msn: u64,
        came: Nanos,
        about: &About,
        scene: Scene<'_>,
        report: &mut Report,
    ) {
        let Some(record) = self.records.get(&msn) else {
            return;
        };
        let Some(measured) = &record.whole else {
            return;
        };
        let (dsn, date) = (record.dsn, record.date);
        let before = msn
            .checked_sub(1)
            .and_then(|before| self.records.get(&before));
        let complete = record.part_count == Some(record.parts.len() as u64);
        let parts = (complete && !record.parts.is_empty()).then(|| {
            let parts = record.parts.values();
            parts.fold((0, 0), |(samples, duration), part| {
                (samples + part.samples, duration + part.duration())
            })
        });
        let anchor = date.map(|date| date - measured.start);
        if let Some(anchor) = anchor {
            remember(&mut self.anchors, dsn, anchor);
        }
        let what = format!("segment {msn}");
        let view = media::View {
            before: before
                .filter(|before| before.dsn == dsn)
                .and_then(|before| before.whole.as_ref()),
            anchors: self.anchors.get(&dsn).copied().zip(anchor),
            listed: record.listed,
            parts,
            producer: self.producers.get(&dsn).copied(),
            ..blank(&what, measured, came, about)
        };
        media::run(&view, scene, report);
    }

    fn part_before(&self, msn: u64, dsn: u64, index: u64) -> Option<&Measured> {
        if let Some(before) = index.checked_sub(1) {
            return self.records.get(&msn)?.parts.get(&before);
        }
        let record = self.records.get(&msn.checked_sub(1)?)?;
        let last = record.part_count?.checked_sub(1)?;
        record.parts.get(&last).filter(|_| record.dsn == dsn)
    }
}

/// Tells whether asking for a hinted part came to nothing although it is listed now, and reports
/// it. That the wait was ended (503) is allowed.
pub(super) fn hint_failed(item: &Item, about: &About, reply: &Reply, report: &mut Report) -> bool {
    match &reply.result {
        Ok(answer) if answer.is_ok() => false,
        Ok(answer) if answer.status != 503 => {
            let status = answer.status;
            let sentence = format!("{} was hinted at and answered {status}", item.what());
            report.broken(&HINT_ANSWERED, scene(item, about, reply), vec![sentence]);
            true
        }
        Ok(_) | Err(_) => true,
    }
}

/// Keeps the first value of a time line, of the newest time lines.
fn remember(firsts: &mut BTreeMap<u64, Nanos>, dsn: u64, value: Nanos) {
    while firsts.len() >= MAX_REMEMBERED && !firsts.contains_key(&dsn) {
        firsts.pop_first();
    }
    firsts.entry(dsn).or_insert(value);
}

fn blank<'a>(what: &'a str, measured: &'a Measured, came: Nanos, about: &About) -> media::View<'a> {
    media::View {
        what,
        is_part: false,
        kind: about.kind,
        measured,
        before: None,
        anchors: None,
        listed: None,
        tolerance: from_ms(about.tolerance),
        independent: false,
        part_target: about.part_target,
        parts: None,
        producer: None,
        came: (came, from_ms(about.clock_tolerance)),
        expected_start: None,
        early: None,
        chunked: false,
        slack: about.slack,
    }
}

fn scene<'a>(item: &'a Item, about: &'a About, reply: &Reply) -> Scene<'a> {
    Scene {
        rendition: &about.name,
        url: item.url.as_str(),
        at: reply.finished(),
    }
}

/// Returns the answer when it is good, and judges its headers.
fn fetched<'a>(
    item: &Item,
    about: &About,
    reply: &'a Reply,
    report: &mut Report,
) -> Option<&'a Answer> {
    let scene = scene(item, about, reply);
    let why = match &reply.result {
        Ok(answer) if answer.is_ok() => {
            if answer.is_http {
                let view = answer::View {
                    answer,
                    what: match item.init {
                        Some(_) => answer::What::Mp4,
                        None => answer::What::OtherMedia,
                    },
                    held: false,
                    live: true,
                    target: about.target,
                };
                answer::run(&view, scene, report);
            }
            return Some(answer);
        }
        Ok(answer) => format!("was answered {}", answer.status),
        Err(reason) => format!("could not be fetched: {reason}"),
    };
    let sentence = format!("{} {why}", item.what());
    report.broken(&FETCHABLE, scene, vec![sentence]);
    None
}
