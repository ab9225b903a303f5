//! One Representation across all Periods: asks for its segments in order as they become available.
//! What comes is judged in [`super::inspect`].

use std::time::Duration;

use url::Url;

use super::{
    Purpose,
    inspect::{Inspector, declared, is_meant},
    manifest::{Mpd, Segments},
    place::{self, Line, Place},
};
use crate::watch::{
    exchange::Reply,
    nanos::{Nanos, to_ms},
    options::{Options, millis},
    outbox::{self, Outbox},
    report::Report,
    snapshot::Kind,
};

/// A segment that was not there yet is asked for again so often, in ms.
const RETRY_MS: i64 = 250;
/// When so many segments are available that were not fetched, goes on with the newest.
const MAX_BEHIND: Nanos = 4;
/// A segment so far ahead is in the future.
const FAR_AHEAD: u64 = 50;

/// A Representation.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) id: String,
    pub(super) kind: Kind,
    /// When a new segment was last there, Unix ms.
    pub(super) seen: Option<i64>,
    inspector: Inspector,
    /// What is asked for next, and when, Unix ms.
    wanted: Option<(Place, i64)>,
    busy: bool,
    /// Whether the wanted one was not there when it should have been.
    late: bool,
    /// The last one that came, or was given up.
    last: Option<Place>,
    tried: bool,
    /// The last one that was only asked about.
    looked_at: Option<Url>,
}

impl Track {
    pub(super) fn new(id: &str, kind: Kind) -> Self {
        Self {
            id: id.to_owned(),
            kind,
            seen: None,
            inspector: Inspector::new(id, kind),
            wanted: None,
            busy: false,
            late: false,
            last: None,
            tried: false,
            looked_at: None,
        }
    }

    /// Tells whether a segment was fetched, or was asked about.
    pub(super) fn is_settled(&self) -> bool {
        self.last.is_some() || self.looked_at.is_some()
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
            let exists = Purpose::Exists {
                track: index,
                place,
                oldest: false,
            };
            out.head(url, purpose(exists));
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
        if !self.tried {
            self.tried = true;
            self.try_borders(index, mpd, place::since_start(mpd, now), out);
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
        match self.inspector.has_init(place.period) {
            None => self.ask_for_init(index, mpd, &place, out),
            Some(false) => {}
            Some(true) => {
                self.busy = true;
                let longest = u64::try_from(place.duration).unwrap_or(0).saturating_mul(3);
                let url = place.url.clone();
                let segment = Purpose::Segment {
                    track: index,
                    place,
                };
                out.wait_for(url, purpose(segment), Duration::from_nanos(longest));
            }
        }
    }

    /// Chooses what to ask for next.
    fn want(&mut self, mpd: &Mpd, options: &Options, now: i64) {
        let at = place::since_start(mpd, now);
        let newest = place::newest(mpd, &self.id, at);
        let next = match &self.last {
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
            let due = if is_listed(mpd, &self.id, &place) || !mpd.dynamic {
                now
            } else {
                available(mpd, &place).saturating_add(millis(options.clock_tolerance))
            };
            (place, due.max(now))
        });
    }

    /// Takes in a new MPD, asked for at `asked` (Unix ms): judges what came before that, and
    /// forgets what is wanted and not meant any more.
    pub(super) fn refresh(
        &mut self,
        mpd: &Mpd,
        options: &Options,
        asked: i64,
        report: &mut Report,
    ) {
        self.inspector.judge(mpd, options, asked, report);
        let stale = self
            .wanted
            .as_ref()
            .is_some_and(|(place, _)| !self.busy && !is_meant(mpd, &self.id, place));
        if stale {
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
            let exists = Purpose::Exists {
                track: index,
                place,
                oldest: true,
            };
            out.head(url, purpose(exists));
        }
        let lines = Line::all(mpd, &self.id);
        let far = newest.and_then(|newest| {
            let mut lines = lines.iter();
            let line = lines.find(|line| line.period.start == newest.period)?;
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
        self.inspector.expect_init(place.period, url.is_some());
        if let Some(url) = url {
            let init = Purpose::Init {
                track: index,
                period: place.period,
                url: url.clone(),
            };
            out.get(url, purpose(init));
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
        self.inspector.init(period, url, mpd, reply, report);
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
        let after = reply.started.saturating_sub(available(mpd, &place));
        let is_missing = matches!(&reply.result, Ok(answer) if matches!(answer.status, 404 | 425));
        if is_missing && mpd.dynamic && !is_listed(mpd, &self.id, &place) {
            let patience = to_ms(place.duration).saturating_add(millis(options.slack));
            if after < patience {
                self.late = true;
                self.wanted = Some((place, reply.finished().saturating_add(RETRY_MS)));
                return;
            }
            self.inspector.miss(place.clone());
        } else {
            let late_by = self.late.then_some(after);
            if self.inspector.segment(&place, late_by, mpd, reply, report) {
                self.seen = Some(reply.finished());
            }
        }
        self.wanted = None;
        self.last = Some(place);
    }
}

/// Returns when a segment is there, Unix ms.
fn available(mpd: &Mpd, place: &Place) -> i64 {
    let start = mpd.availability_start.unwrap_or(0);
    start.saturating_add(to_ms(place.available))
}

/// Tells whether a segment is listed, and so is there.
fn is_listed(mpd: &Mpd, id: &str, place: &Place) -> bool {
    declared(mpd, id, place.period)
        .is_some_and(|track| matches!(track.segments, Segments::Listed(_)))
}

fn purpose(purpose: Purpose) -> outbox::Purpose {
    outbox::Purpose::Dash(purpose)
}
