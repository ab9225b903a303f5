//! Which segments of a Representation there are at an instant, ISO/IEC 23009-1 5.3.9.5.3 and annex A.3.

use media::template::Key;
use url::Url;

use super::manifest::{Mpd, Period, Segments, Track};
use crate::watch::nanos::{Nanos, from_ms};

/// A segment. Times but `ticks` are since the availability start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Start of its Period, which tells Periods apart.
    pub(crate) period: Nanos,
    /// Place in its Period (`Equal`) or in the list (`Listed`), from 0.
    pub(crate) index: u64,
    pub(crate) number: u64,
    /// Start on the time line of the media, in ticks.
    pub(crate) ticks: u64,
    pub(crate) duration: Nanos,
    pub(crate) end: Nanos,
    /// When it, or its first chunk, is there.
    pub(crate) available: Nanos,
    pub(crate) url: Url,
}

/// A Representation in one Period.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) period: &'a Period,
    pub(crate) track: &'a Track,
}

impl<'a> Line<'a> {
    /// Returns all Periods that have the Representation.
    pub(crate) fn all(mpd: &'a Mpd, id: &str) -> Vec<Self> {
        let of = |period: &'a Period| {
            let track = period.tracks.iter().find(|track| track.id == id)?;
            Some(Self { period, track })
        };
        mpd.periods.iter().filter_map(of).collect()
    }

    /// Returns a segment, also one that is not there yet; nothing behind the end of the Period or
    /// of the list.
    pub(crate) fn at(&self, index: u64) -> Option<Place> {
        let Self { period, track } = self;
        let (ticks, length, number) = match &track.segments {
            Segments::Equal(length) => {
                let ticks = index.checked_mul(*length)?.checked_add(track.offset)?;
                (ticks, *length, track.start_number.checked_add(index)?)
            }
            Segments::Listed(list) => {
                let (start, length) = *list.get(usize::try_from(index).ok()?)?;
                (start, length, track.start_number.checked_add(index)?)
            }
        };
        let start = period
            .start
            .saturating_add(track.at(ticks).saturating_sub(track.at(track.offset)));
        if period.end.is_some_and(|end| start >= end) {
            return None;
        }
        let duration = track.at(length);
        let end = start.saturating_add(duration);
        let key = if track.media.has_time() {
            Key::Time(ticks)
        } else {
            Key::Number(number)
        };
        let name = track.media.expand(&track.id, track.bandwidth, Some(key));
        Some(Place {
            period: period.start,
            index,
            number,
            ticks,
            duration,
            end,
            available: end.saturating_sub(track.early),
            url: track.base.join(&name).ok()?,
        })
    }

    /// Returns the newest segment that is there at `now`.
    pub(crate) fn newest(&self, now: Nanos) -> Option<Place> {
        let index = match &self.track.segments {
            Segments::Listed(list) => (list.len() as u64).checked_sub(1)?,
            Segments::Equal(length) => {
                let length = self.track.at(*length).max(1);
                let elapsed = now
                    .saturating_sub(self.period.start)
                    .saturating_add(self.track.early);
                let of_period = self.period.end.map(|end| end - self.period.start);
                let last =
                    of_period.map_or(i64::MAX, |span| span.saturating_add(length - 1) / length);
                let there = (elapsed.max(0) / length).min(last);
                u64::try_from(there).ok()?.checked_sub(1)?
            }
        };
        self.at(index)
    }

    /// Returns the oldest segment that is still there at `now`, given how far the MPD reaches back.
    pub(crate) fn oldest(&self, now: Nanos, depth: Option<Nanos>) -> Option<Place> {
        let from = depth.map_or(Nanos::MIN, |depth| now.saturating_sub(depth));
        let index = match &self.track.segments {
            Segments::Listed(_) => 0,
            Segments::Equal(length) => {
                let length = self.track.at(*length).max(1);
                let before = from.saturating_sub(self.period.start).max(0);
                u64::try_from(before.saturating_add(length - 1) / length).ok()?
            }
        };
        self.at(index)
    }
}

/// Returns the newest segment of a Representation.
pub(crate) fn newest(mpd: &Mpd, id: &str, now: Nanos) -> Option<Place> {
    let lines = Line::all(mpd, id);
    lines.iter().rev().find_map(|line| line.newest(now))
}

/// Returns the oldest segment of a Representation.
pub(crate) fn oldest(mpd: &Mpd, id: &str, now: Nanos) -> Option<Place> {
    let lines = Line::all(mpd, id);
    lines.iter().find_map(|line| line.oldest(now, mpd.depth))
}

/// Returns the segment that follows: in the same Period, else the first of the next one.
pub(crate) fn following(mpd: &Mpd, id: &str, place: &Place) -> Option<Place> {
    let lines = Line::all(mpd, id);
    let here = lines
        .iter()
        .position(|line| line.period.start == place.period);
    let in_period =
        here.and_then(|here| lines.get(here))
            .and_then(|line| match &line.track.segments {
                Segments::Equal(_) => line.at(place.index.saturating_add(1)),
                // The list may have lost segments at its start.
                Segments::Listed(list) => {
                    let next = list.iter().position(|(start, _)| *start > place.ticks)?;
                    line.at(next as u64)
                }
            });
    in_period.or_else(|| {
        let next = lines.iter().find(|line| line.period.start > place.period)?;
        next.at(0)
    })
}

/// Converts Unix ms to time since the availability start.
pub(crate) fn since_start(mpd: &Mpd, now: i64) -> Nanos {
    from_ms(now.saturating_sub(mpd.availability_start.unwrap_or(0)))
}
