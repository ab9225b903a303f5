//! Fetches the new media of a rendition, one segment and one part at a time in order. Parts are asked
//! for by their preload hint when there is one, as players do. What comes is judged in
//! [`super::inspect`].
//!
//! The first playlist is not fetched through: it begins with the newest segment.

use std::{collections::VecDeque, ops::Range, time::Duration};

use media::hls::read::{HintKind, Media, Part};
use url::Url;

use super::{
    Purpose,
    inspect::{About, Inspector, hint_failed},
    timeline,
};
use crate::watch::{
    exchange::Reply,
    nanos::{Nanos, from_ms, nanos},
    outbox::{self, Outbox},
    report::Report,
    rules::{
        Rule,
        media::{DROPPED_KEPT, FETCHABLE, REMOVED_KEPT},
    },
    snapshot::Kind,
};

/// So many segments or parts wait to be fetched; when more come, the oldest are left out.
const MAX_WAITING: usize = 32;

/// Where an init segment is. It is fetched anew after each discontinuity (the last field is the
/// discontinuity sequence number), to see whether it was overwritten.
pub(super) type InitKey = (Url, Option<Range<u64>>, u64);

/// What is fetched.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(super) level: Level,
    pub(super) msn: u64,
    /// Discontinuity sequence number.
    pub(super) dsn: u64,
    pub(super) url: Url,
    pub(super) range: Option<Range<u64>>,
    pub(super) init: Option<InitKey>,
    /// Stated duration; absent while only hinted at.
    pub(super) listed: Option<Nanos>,
    /// `INDEPENDENT=YES`.
    pub(super) independent: bool,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Init,
    Segment,
    Part(u64),
    /// A part that is not listed yet; its number may turn out to be another.
    Hint,
}

impl Item {
    /// Names it.
    pub(super) fn what(&self) -> String {
        match self.level {
            Level::Init => format!("the init segment of segment {}", self.msn),
            Level::Segment => format!("segment {}", self.msn),
            Level::Part(index) => format!("part {index} of segment {}", self.msn),
            Level::Hint => format!("the part hinted at in segment {}", self.msn),
        }
    }
}

/// One at a time.
#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Item>,
    busy: bool,
}

impl Lane {
    fn push(&mut self, item: Item) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(item);
    }

    fn is_idle(&self) -> bool {
        !self.busy && self.waiting.is_empty()
    }
}

/// A part that was asked for by its hint.
#[derive(Debug)]
struct Hinted {
    url: Url,
    /// What came of it, once something has.
    reply: Option<Reply>,
}

/// Something that must be there.
#[derive(Debug)]
struct Check {
    url: Url,
    what: String,
    rule: &'static Rule,
}

/// The fetching of one rendition.
#[derive(Debug, Default)]
pub(super) struct Fetching {
    pub(super) inspector: Inspector,
    begun: bool,
    next_segment: u64,
    /// Segment and part.
    next_part: (u64, u64),
    segments: Lane,
    parts: Lane,
    /// The newest hint, until it is asked for.
    hint: Option<Item>,
    hinted: Option<Hinted>,
    checks: Vec<Check>,
    /// Target duration.
    target: Nanos,
}

impl Fetching {
    /// Tells whether nothing is on the way, hints aside.
    pub(super) fn is_idle(&self) -> bool {
        self.segments.is_idle() && self.parts.is_idle() && self.checks.is_empty()
    }

    /// Takes in a playlist. Without `strict`, media is not fetched: it is only asked whether the
    /// newest segment is there.
    pub(super) fn update(
        &mut self,
        before: Option<&Media>,
        list: &Media,
        base: &Url,
        strict: bool,
    ) {
        self.target = from_ms(list.target_duration.saturating_mul(1000) as i64);
        if !self.begun {
            self.begun = true;
            self.next_segment = list.next_sequence().saturating_sub(1);
            self.next_part = (list.next_sequence(), 0);
            self.look_for_oldest(list, base);
        }
        let places = timeline::places(list);
        let segments = (list.first_listed()..).zip(&list.segments);
        for ((msn, segment), place) in segments.zip(&places) {
            let init = init_key(list, segment.map, base, place.dsn);
            if msn >= self.next_segment {
                self.next_segment = msn.saturating_add(1);
                let parts = segment.parts.len() as u64;
                self.inspector.note(msn, place.dsn, parts, place.start);
                if let (false, Ok(url)) = (segment.gap, base.join(&segment.uri)) {
                    self.segments.push(Item {
                        level: Level::Segment,
                        msn,
                        dsn: place.dsn,
                        url,
                        range: segment.range.clone(),
                        init: init.clone(),
                        listed: Some(nanos(segment.duration)),
                        independent: false,
                    });
                }
            }
            if strict {
                self.take_parts(msn, place.dsn, &segment.parts, init.as_ref(), base);
            }
        }
        if !strict {
            self.look_for_newest();
            return;
        }
        let dsn = places
            .last()
            .map_or(list.discontinuity_sequence, |place| place.dsn);
        if let Some(open) = &list.open {
            let init = init_key(list, open.map, base, dsn);
            self.take_parts(list.next_sequence(), dsn, &open.parts, init.as_ref(), base);
        }
        self.take_hint(list, base, dsn);
        if let Some(before) = before {
            self.look_for_removed(before, list, base);
        }
    }

    fn check(&mut self, base: &Url, uri: &str, what: String, rule: &'static Rule) {
        if let Ok(url) = base.join(uri) {
            self.checks.push(Check { url, what, rule });
        }
    }

    fn look_for_oldest(&mut self, list: &Media, base: &Url) {
        if let Some(segment) = list.segments.iter().find(|segment| !segment.gap) {
            let what = "the oldest listed segment".to_owned();
            self.check(base, &segment.uri, what, &FETCHABLE);
        }
    }

    fn look_for_newest(&mut self) {
        if let Some(item) = self.segments.waiting.drain(..).next_back() {
            self.checks.push(Check {
                what: item.what(),
                url: item.url,
                rule: &FETCHABLE,
            });
        }
    }

    /// What has just left the playlist must still be there.
    fn look_for_removed(&mut self, before: &Media, list: &Media, base: &Url) {
        let old = || (before.first_listed()..).zip(&before.segments);
        let removed = old().filter(|(msn, segment)| *msn < list.media_sequence && !segment.gap);
        if let Some((msn, segment)) = removed.last() {
            let what = format!("segment {msn}, removed just before,");
            self.check(base, &segment.uri, what, &REMOVED_KEPT);
        }
        let first = list.first_listed();
        let dropped = old().find_map(|(msn, segment)| {
            let index = usize::try_from(msn.checked_sub(first)?).ok()?;
            let now = list.segments.get(index)?;
            let part = segment.parts.last()?;
            (now.parts.is_empty() && !part.gap).then_some((msn, part))
        });
        if let Some((msn, part)) = dropped {
            let what = format!("a part of segment {msn}, dropped just before,");
            self.check(base, &part.uri, what, &DROPPED_KEPT);
        }
    }

    fn take_parts(
        &mut self,
        msn: u64,
        dsn: u64,
        parts: &[Part],
        init: Option<&InitKey>,
        base: &Url,
    ) {
        for (index, part) in (0..).zip(parts) {
            if (msn, index) < self.next_part {
                continue;
            }
            self.next_part = (msn, index + 1);
            if let (false, Ok(url)) = (part.gap, base.join(&part.uri)) {
                self.parts.push(Item {
                    level: Level::Part(index),
                    msn,
                    dsn,
                    url,
                    range: part.range.clone(),
                    init: init.cloned(),
                    listed: Some(nanos(part.duration)),
                    independent: part.independent,
                });
            }
        }
    }

    fn take_hint(&mut self, list: &Media, base: &Url, dsn: u64) {
        let part = |hint: &&media::hls::read::PreloadHint| {
            hint.kind == HintKind::Part && hint.start == 0 && hint.length.is_none()
        };
        let map = match (&list.open, list.segments.last()) {
            (Some(open), _) => open.map,
            (None, last) => last.and_then(|segment| segment.map),
        };
        self.hint = list.hints.iter().find(part).and_then(|hint| {
            Some(Item {
                level: Level::Hint,
                msn: list.next_sequence(),
                dsn,
                url: base.join(&hint.uri).ok()?,
                range: None,
                init: init_key(list, map, base, dsn),
                listed: None,
                independent: false,
            })
        });
    }

    /// Asks for what is next.
    pub(super) fn poll(&mut self, member: usize, kind: Kind, out: &mut Outbox) {
        for Check { url, what, rule } in self.checks.drain(..) {
            let purpose = Purpose::Exists { member, what, rule };
            out.head(url, outbox::Purpose::Hls(purpose));
        }
        if kind == Kind::IFrame {
            // Its media are ranges of segments that are fetched anyway.
            self.segments.waiting.clear();
            return;
        }
        for is_part in [false, true] {
            let lane = if is_part { &self.parts } else { &self.segments };
            let Some(item) = lane.waiting.front().filter(|_| !lane.busy).cloned() else {
                continue;
            };
            let comes_by_hint = self
                .hinted
                .as_ref()
                .is_some_and(|hint| hint.url == item.url);
            if (is_part && comes_by_hint) || !self.has_init(member, &item, out) {
                continue;
            }
            let lane = if is_part {
                &mut self.parts
            } else {
                &mut self.segments
            };
            lane.busy = true;
            lane.waiting.pop_front();
            let (url, range) = (item.url.clone(), item.range.clone());
            out.get_range(url, range, media_purpose(member, item));
        }
        self.ask_for_hint(member, out);
    }

    fn ask_for_hint(&mut self, member: usize, out: &mut Outbox) {
        if !self.parts.is_idle() {
            return;
        }
        let Some(item) = self.hint.clone() else {
            return;
        };
        let asked = self
            .hinted
            .as_ref()
            .is_some_and(|hint| hint.url == item.url);
        if asked || !self.has_init(member, &item, out) {
            return;
        }
        self.hint = None;
        self.hinted = Some(Hinted {
            url: item.url.clone(),
            reply: None,
        });
        let longest = u64::try_from(self.target.saturating_mul(3)).unwrap_or(0);
        let url = item.url.clone();
        out.wait_for(
            url,
            media_purpose(member, item),
            Duration::from_nanos(longest),
        );
    }

    /// Tells whether the init segment of an item is there, or failed; asks for it the first time.
    fn has_init(&mut self, member: usize, item: &Item, out: &mut Outbox) -> bool {
        let Some(key) = &item.init else {
            return true;
        };
        if let Some(known) = self.inspector.has_init(key) {
            return known;
        }
        self.inspector.expect_init(key);
        let init = Item {
            level: Level::Init,
            url: key.0.clone(),
            range: key.1.clone(),
            ..item.clone()
        };
        let purpose = media_purpose(member, init);
        out.get_range(key.0.clone(), key.1.clone(), purpose);
        false
    }

    /// Takes what came of an item.
    pub(super) fn reply(&mut self, item: Item, about: &About, reply: &Reply, report: &mut Report) {
        match item.level {
            Level::Init => self.inspector.init(&item, about, reply, report),
            Level::Segment => {
                self.segments.busy = false;
                self.inspector.media(&item, about, reply, false, report);
            }
            Level::Part(_) => {
                self.parts.busy = false;
                self.inspector.media(&item, about, reply, false, report);
            }
            Level::Hint => {
                if let Some(hinted) = self.hinted.as_mut().filter(|hint| hint.url == item.url) {
                    hinted.reply = Some(reply.clone());
                }
                self.settle_hint(about, report);
            }
        }
    }

    /// Judges a part that was asked for by its hint, once it is listed and has come. When it came to
    /// nothing although it is listed, it is asked for again as what it is.
    pub(super) fn settle_hint(&mut self, about: &About, report: &mut Report) {
        let Some(listed) = self.parts.waiting.front() else {
            return;
        };
        let settled = self
            .hinted
            .take_if(|hint| hint.url == listed.url && hint.reply.is_some());
        let Some(reply) = settled.and_then(|hint| hint.reply) else {
            return;
        };
        if hint_failed(listed, about, &reply, report) {
            return;
        }
        if let Some(item) = self.parts.waiting.pop_front() {
            self.inspector.media(&item, about, &reply, true, report);
        }
    }
}

fn media_purpose(member: usize, item: Item) -> outbox::Purpose {
    let item = Box::new(item);
    outbox::Purpose::Hls(Purpose::Media { member, item })
}

fn init_key(list: &Media, map: Option<usize>, base: &Url, dsn: u64) -> Option<InitKey> {
    let map = list.maps.get(map?)?;
    Some((base.join(&map.url).ok()?, map.range.clone(), dsn))
}
