//! One media playlist of a channel: when to ask for it, with which directives, and its row.

use std::{sync::Arc, time::Duration};

use media::hls::read::{self as hls, Media};
use url::Url;

use super::{Purpose, fetching::Fetching, inspect::About, position::Position, timeline};
use crate::watch::{
    exchange::{Answer, Reply},
    nanos::{nanos, to_ms},
    options::{Options, millis},
    outbox::{self, Outbox},
    report::{Event, Report, Scene},
    rules::{self, answer},
    snapshot::{Kind, LowLatency, Newest, Row},
};

/// File names that say nothing: the folder names the rendition.
const PLAIN_NAMES: [&str; 6] = [
    "playlist.m3u8",
    "index.m3u8",
    "media.m3u8",
    "stream.m3u8",
    "prog_index.m3u8",
    "main.m3u8",
];

/// One media playlist.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) url: Url,
    pub(super) bandwidth: Option<u64>,
    pub(super) average_bandwidth: Option<u64>,
    /// Codecs of all variants that it is in, comma-separated.
    pub(super) codecs: String,
    pub(super) resolution: Option<(u32, u32)>,
    /// The playlist as it was last.
    pub(super) list: Option<Arc<Media>>,
    /// When anything in it last changed, Unix ms.
    pub(super) changed: Option<i64>,
    /// When the last part and the last segment arrived, Unix ms.
    pub(super) part_at: Option<i64>,
    pub(super) segment_at: Option<i64>,
    pub(super) fetching: Fetching,
    interval: i64,
    /// When to ask again; absent while asking, and when there is nothing to come.
    due: Option<i64>,
    /// Whether the next request goes without directives.
    plainly: bool,
    answered: bool,
    status: Option<u16>,
    round_trip: Option<i64>,
    error: Option<String>,
}

/// What an answer brought.
pub(super) enum Received {
    /// A playlist.
    News(Arc<Media>),
    /// Nothing of use.
    Nothing,
    /// The playlist is not there.
    Gone,
}

impl Member {
    pub(super) fn new(uri: &str, url: Url, kind: Kind, options: &Options) -> Self {
        Self {
            name: short_name(uri),
            kind,
            url,
            bandwidth: None,
            average_bandwidth: None,
            codecs: String::new(),
            resolution: None,
            list: None,
            changed: None,
            part_at: None,
            segment_at: None,
            fetching: Fetching::default(),
            interval: millis(options.interval).max(1),
            due: Some(i64::MIN),
            plainly: false,
            answered: false,
            status: None,
            round_trip: None,
            error: None,
        }
    }

    /// A media playlist that is followed by itself, already asked for.
    pub(super) fn alone(url: &Url, options: &Options) -> Self {
        let mut member = Self::new(url.path(), url.clone(), Kind::Video, options);
        member.due = None;
        member
    }

    pub(super) fn add_codecs(&mut self, codecs: &str) {
        if !self.codecs.is_empty() {
            self.codecs.push(',');
        }
        self.codecs.push_str(codecs);
    }

    pub(super) fn position(&self) -> Option<Position> {
        self.list.as_deref().map(Position::of)
    }

    /// Returns the target duration in ms.
    pub(super) fn target_ms(&self) -> Option<i64> {
        let seconds = self.list.as_ref()?.target_duration;
        Some(i64::try_from(seconds).ok()?.saturating_mul(1000))
    }

    pub(super) fn is_ended(&self) -> bool {
        self.list.as_ref().is_some_and(|list| list.ended)
    }

    /// Tells whether there was an answer, and nothing of it is still on the way.
    pub(super) fn is_settled(&self) -> bool {
        self.answered && self.fetching.is_idle()
    }

    pub(super) fn wake(&self) -> Option<i64> {
        self.due
    }

    /// Tells whether the server holds answers back until there is news.
    pub(super) fn blocks(&self) -> bool {
        let control = self
            .list
            .as_ref()
            .and_then(|list| list.server_control.as_ref());
        control.is_some_and(|control| control.block_reload)
    }

    /// Asks for the playlist when it is time.
    pub(super) fn poll(
        &mut self,
        index: usize,
        now: i64,
        known: &[Option<Position>],
        out: &mut Outbox,
    ) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        self.due = None;
        let asked = self.position().filter(|_| self.blocks() && !self.plainly);
        let purpose = outbox::Purpose::Hls(Purpose::Playlist {
            member: index,
            asked,
            known: known.to_vec(),
        });
        match asked {
            None => out.get(self.url.clone(), purpose),
            Some(position) => {
                let parts = self
                    .list
                    .as_ref()
                    .is_some_and(|list| list.part_target.is_some());
                let mut directives = vec![("_HLS_msn", position.next_msn.to_string())];
                if parts {
                    directives.push(("_HLS_part", position.parts.to_string()));
                }
                let target = u64::try_from(self.target_ms().unwrap_or(0)).unwrap_or(0);
                let longest = Duration::from_millis(target.saturating_mul(3));
                out.wait_for(with_query(&self.url, &directives), purpose, longest);
            }
        }
    }

    /// Takes an answer and says when to ask again.
    pub(super) fn receive(
        &mut self,
        asked: Option<Position>,
        reply: &Reply,
        report: &mut Report,
    ) -> Received {
        let at = reply.finished();
        self.answered = true;
        let held = asked.is_some();
        let next = reply.started.saturating_add(self.interval).max(at);
        self.due = Some(next);
        if !held {
            self.round_trip = Some(millis(reply.first_byte));
        }
        let answer = match &reply.result {
            Ok(answer) => answer,
            Err(reason) => {
                self.status = None;
                self.fail(reason.clone(), at, report);
                return Received::Nothing;
            }
        };
        self.status = Some(answer.status);
        if !answer.is_ok() {
            return self.refused(answer, held, at, report);
        }
        let text = String::from_utf8_lossy(&answer.body);
        let list = match hls::any_media(&text) {
            Ok(list) => Arc::new(list),
            Err(error) => {
                let sentences = vec![error.to_string()];
                let scene = Scene {
                    rendition: &self.name,
                    url: self.url.as_str(),
                    at,
                };
                report.broken(&rules::SYNTAX, scene, sentences);
                self.fail(error.to_string(), at, report);
                return Received::Nothing;
            }
        };
        self.error = None;
        self.judge_answer(answer, &list, held, at, report);
        let moved = self.list.as_deref().map(signature) != Some(signature(&list));
        if moved {
            self.changed = Some(at);
        }
        self.plainly = false;
        self.list = Some(Arc::clone(&list));
        if list.ended {
            self.due = None;
        } else if self.blocks() && (!held || moved) {
            // The next answer will be held back, so there is nothing to wait for.
            self.due = Some(at);
        }
        Received::News(list)
    }

    fn refused(&mut self, answer: &Answer, held: bool, at: i64, report: &mut Report) -> Received {
        let status = answer.status;
        // A server may end the wait (503), or have begun anew and not know what was asked for
        // (400): both are no fault of the playlist, which is asked for plainly next.
        self.plainly = held;
        if held && matches!(status, 400 | 503) {
            return Received::Nothing;
        }
        let scene = Scene {
            rendition: &self.name,
            url: self.url.as_str(),
            at,
        };
        let sentence = format!("the playlist was answered {status}");
        report.broken(&rules::REACHABLE, scene, vec![sentence]);
        self.fail(format!("HTTP {status}"), at, report);
        Received::Gone
    }

    fn fail(&mut self, what: String, at: i64, report: &mut Report) {
        if self.error.as_ref() != Some(&what) {
            report.event(Event::Problem {
                at,
                url: self.url.to_string(),
                what: what.clone(),
            });
        }
        self.error = Some(what);
    }

    fn judge_answer(
        &self,
        answer: &Answer,
        list: &Media,
        held: bool,
        at: i64,
        report: &mut Report,
    ) {
        if !answer.is_http {
            return;
        }
        let target = i64::try_from(list.target_duration).unwrap_or(i64::MAX);
        let view = answer::View {
            answer,
            what: answer::What::Playlist,
            held,
            live: !list.ended,
            target: Some(target.saturating_mul(1000)),
        };
        let scene = Scene {
            rendition: &self.name,
            url: self.url.as_str(),
            at,
        };
        answer::run(&view, scene, report);
    }

    /// Returns what is needed to judge its media.
    pub(super) fn about(&self, options: &Options) -> About {
        About {
            name: self.name.clone(),
            kind: self.kind,
            codecs: self.codecs.clone(),
            resolution: self.resolution,
            part_target: self
                .list
                .as_ref()
                .and_then(|list| list.part_target)
                .map(nanos),
            target: self.target_ms(),
            tolerance: millis(options.media_tolerance),
            clock_tolerance: millis(options.clock_tolerance),
            slack: millis(options.slack),
        }
    }

    /// Returns it as it is now.
    pub(super) fn row(&self, now: i64) -> Row {
        let list = self.list.as_deref();
        let age = self.changed.map(|changed| now.saturating_sub(changed));
        let target = self.target_ms();
        let stale = match (age, target) {
            (Some(age), Some(target)) if !self.is_ended() && target > 0 => {
                u64::try_from(age.saturating_mul(2) / target.saturating_mul(3)).unwrap_or(0)
            }
            _ => 0,
        };
        let edge = list.filter(|list| !list.ended).and_then(timeline::edge);
        Row {
            name: self.name.clone(),
            kind: self.kind,
            bandwidth: self.bandwidth,
            average_bandwidth: self.average_bandwidth,
            url: self.url.to_string(),
            newest: list.and_then(|list| newest(list, &self.url)),
            segments: list.map_or(0, |list| list.segments.len() as u64),
            parts: list.map_or(0, parts),
            media_sequence: list.map(|list| list.media_sequence),
            target_duration: target,
            age,
            discontinuities: list.map_or(0, discontinuities),
            discontinuity_sequence: list.map_or(0, |list| list.discontinuity_sequence),
            low_latency: list.and_then(low_latency),
            status: self.status,
            round_trip: self.round_trip,
            stale,
            latency: edge.map(|edge| now.saturating_sub(to_ms(edge))),
            ended: self.is_ended(),
            error: self.error.clone(),
        }
    }
}

/// What changes when there is news in a playlist.
fn signature(list: &Media) -> (u64, Position, usize, bool) {
    let position = Position::of(list);
    (
        list.media_sequence,
        position,
        list.date_ranges.len(),
        list.ended,
    )
}

fn newest(list: &Media, url: &Url) -> Option<Newest> {
    let absolute = |uri: &str| url.join(uri).map_or_else(|_| uri.to_owned(), String::from);
    let open = list.open.as_ref().filter(|open| !open.parts.is_empty());
    if let Some(part) = open.and_then(|open| open.parts.last()) {
        return Some(Newest {
            segment: list.next_sequence(),
            part: open.map(|open| open.parts.len() as u64 - 1),
            url: absolute(&part.uri),
        });
    }
    list.segments.last().map(|segment| Newest {
        segment: list.next_sequence().saturating_sub(1),
        part: None,
        url: absolute(&segment.uri),
    })
}

fn parts(list: &Media) -> u64 {
    let whole = list.segments.iter().map(|segment| segment.parts.len());
    let open = list.open.iter().map(|open| open.parts.len());
    whole.chain(open).sum::<usize>() as u64
}

fn discontinuities(list: &Media) -> u64 {
    let whole = list
        .segments
        .iter()
        .filter(|segment| segment.discontinuity)
        .count();
    let open = list.open.iter().filter(|open| open.discontinuity).count();
    (whole + open) as u64
}

fn low_latency(list: &Media) -> Option<LowLatency> {
    let control = list.server_control.clone().unwrap_or_default();
    let said = list.part_target.is_some() || list.server_control.is_some();
    let ms = |time| to_ms(nanos(time));
    said.then(|| LowLatency {
        part_target: list.part_target.map(ms),
        hold_back: control.part_hold_back.map(ms),
        blocking: control.block_reload,
        skip_until: control.skip_until.map(ms),
        availability_offset: None,
    })
}

/// Adds query parameters to those that a URL has.
pub(super) fn with_query(url: &Url, parameters: &[(&str, String)]) -> Url {
    let mut url = url.clone();
    let mut query = url.query().map(str::to_owned).unwrap_or_default();
    for (name, value) in parameters {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&format!("{name}={value}"));
    }
    url.set_query(Some(&query));
    url
}

/// Names a rendition by its URI: the folder when the file name says nothing.
fn short_name(uri: &str) -> String {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let named = folder.trim_matches(['.', '/']);
    if !named.is_empty() && PLAIN_NAMES.contains(&file) {
        return named.to_owned();
    }
    file.strip_suffix(".m3u8").unwrap_or(file).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renditions_are_named_by_what_tells_them_apart() {
        for (uri, name) in [
            ("720p/playlist.m3u8?x=1", "720p"),
            ("../audio/en/index.m3u8", "audio/en"),
            ("video_1.m3u8", "video_1"),
            ("a/low.m3u8", "low"),
            ("playlist.m3u8", "playlist"),
        ] {
            assert_eq!(short_name(uri), name);
        }
    }

    #[test]
    fn directives_go_behind_the_query() {
        let url = Url::parse("http://h/a.m3u8?token=1").unwrap();
        let found = with_query(
            &url,
            &[("_HLS_msn", "7".to_owned()), ("_HLS_part", "0".to_owned())],
        );
        assert_eq!(
            found.as_str(),
            "http://h/a.m3u8?token=1&_HLS_msn=7&_HLS_part=0"
        );
    }
}
