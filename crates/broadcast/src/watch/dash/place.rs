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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EQUAL: &str = "<MPD type='dynamic' availabilityStartTime='1970-01-01T00:00:10Z'
      timeShiftBufferDepth='PT10S'>
      <Period id='a' start='PT0S' duration='PT19S'><AdaptationSet contentType='video'>
      <SegmentTemplate timescale='100' duration='200' startNumber='5' presentationTimeOffset='50'
       availabilityTimeOffset='1.5' media='v/$Number%03d$.m4s'/><Representation id='v'/>
      </AdaptationSet></Period>
      <Period id='b' start='PT30S'><AdaptationSet contentType='video'><BaseURL>//cdn/x/</BaseURL>
      <SegmentTemplate timescale='10' startNumber='40' presentationTimeOffset='300'
       media='$Time$.m4s'><SegmentTimeline><S t='300' d='20' r='1'/><S d='5'/></SegmentTimeline>
      </SegmentTemplate><Representation id='v'/></AdaptationSet></Period></MPD>";

    fn mpd() -> Mpd {
        Mpd::read(EQUAL, &Url::parse("http://h/live/m.mpd").unwrap()).unwrap()
    }

    fn ms(ms: i64) -> Nanos {
        from_ms(ms)
    }

    #[test]
    fn segments_are_there_when_their_time_has_come() {
        let mpd = mpd();
        assert_eq!(since_start(&mpd, 12_500), ms(2500));
        let lines = Line::all(&mpd, "v");
        let newest = |at| lines[0].newest(ms(at)).map(|place| place.number);
        for (at, number) in [
            (0, None),
            (499, None),
            (500, Some(5)),
            (2499, Some(5)),
            (2500, Some(6)),
            (18_499, Some(13)),
            (18_500, Some(14)),
            (60_000, Some(14)),
        ] {
            assert_eq!(newest(at), number, "{at}");
        }
        let place = lines[0].at(1).unwrap();
        assert_eq!((place.ticks, place.end), (250, ms(4000)));
        assert_eq!(place.available, ms(2500));
        assert_eq!(place.url.as_str(), "http://h/live/v/006.m4s");
        let oldest = |at| lines[0].oldest(ms(at), mpd.depth).map(|place| place.number);
        assert_eq!((oldest(9000), oldest(14_001)), (Some(5), Some(8)));
    }

    #[test]
    fn numbers_go_on_from_period_to_period() {
        let mpd = mpd();
        let lines = Line::all(&mpd, "v");
        let last = lines[0].newest(ms(19_000)).unwrap();
        assert_eq!(lines[0].at(last.index + 1), None);
        let next = following(&mpd, "v", &last).unwrap();
        assert_eq!((next.number, next.ticks, next.end), (40, 300, ms(32_000)));
        assert_eq!(next.url.as_str(), "http://cdn/x/300.m4s");
        let last = newest(&mpd, "v", ms(90_000)).unwrap();
        assert_eq!((last.number, last.end), (42, ms(34_500)));
        assert_eq!(following(&mpd, "v", &last), None);
        assert_eq!(newest(&mpd, "x", 0), None);
    }

    #[test]
    fn what_an_mpd_must_be() {
        let url = Url::parse("http://h/").unwrap();
        for (text, part) in [
            ("<MPD>", "end"),
            ("<X/>", "not MPD"),
            ("<MPD/>", "no Period"),
            ("<MPD publishTime='x'><Period/></MPD>", "publishTime"),
            ("<MPD><Period start='1'/></MPD>", "start"),
            (
                "<MPD><Period><AdaptationSet><Representation><SegmentTemplate media='$x$'/>\
                 </Representation></AdaptationSet></Period></MPD>",
                "`$x$`",
            ),
            (
                "<MPD><Period><AdaptationSet><SegmentTemplate media='$Time$'><SegmentTimeline>\
                 <S d='1' r='99999999'/></SegmentTimeline></SegmentTemplate><Representation/>\
                 </AdaptationSet></Period></MPD>",
                "more than",
            ),
        ] {
            let error = Mpd::read(text, &url).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(
            at in any::<i64>(),
            number in prop::sample::select(vec!["0", "1", "7", "18446744073709551615", "-1", "x"]),
            place in 0_usize..7,
        ) {
            let names = [
                "duration='200'", "startNumber='5'", "presentationTimeOffset='50'", "t='300'",
                "d='20'", "r='1'", "timescale='100'",
            ];
            let (name, _) = names[place].split_once('=').unwrap();
            let text = EQUAL.replace(names[place], &format!("{name}='{number}'"));
            if let Ok(mpd) = Mpd::read(&text, &Url::parse("http://h/").unwrap()) {
                let now = since_start(&mpd, at);
                let found = newest(&mpd, "v", now);
                let _ = (oldest(&mpd, "v", now), mpd.target());
                if let Some(found) = found {
                    let _ = following(&mpd, "v", &found);
                }
            }
        }
    }
}
