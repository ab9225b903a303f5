//! Media playlists.

use std::{fmt::Write as _, sync::Arc};

use super::push_version;
use crate::{
    iso8601::{Milliseconds, push_date_time},
    presentation::{Live, Liveness, Nominal, Period, Presentation, Shape, Timeline, Track},
    template::Key,
    time::{Round, Time, Timescale},
    url,
};

/// What one period has of the track.
struct Stretch<'a> {
    period: &'a Period,
    track: &'a Track,
    timeline: &'a Timeline,
}

pub(super) fn write(presentation: &Presentation, track: usize, query: &str) -> String {
    let stretches = stretches(presentation, track);
    let Some(first) = first_listed(&stretches) else {
        return String::new();
    };
    let listed: u64 = stretches.iter().map(|s| s.timeline.len()).sum();
    let mut out = String::with_capacity(512 + usize::try_from(listed).unwrap_or(0) * 64);
    push_version(&mut out);
    push_timing(&mut out, &stretches, first);
    if matches!(presentation.liveness, Liveness::Static { .. }) {
        out.push_str("#EXT-X-PLAYLIST-TYPE:VOD\n");
    }
    let mut writer = Segments {
        live: match &presentation.liveness {
            Liveness::Live(live) => Some(live),
            Liveness::Static { .. } => None,
        },
        climb: "../".repeat(first.track.id.split('/').count()),
        query,
        before: None,
    };
    for stretch in &stretches {
        if !stretch.timeline.is_empty() || std::ptr::eq(stretch, first) {
            writer.push_stretch(&mut out, stretch);
        }
    }
    if matches!(presentation.liveness, Liveness::Static { .. }) {
        out.push_str("#EXT-X-ENDLIST\n");
    }
    out
}

/// Finds the track in every period: `track` counts in the last shape, the others have it by id.
fn stretches(presentation: &Presentation, track: usize) -> Vec<Stretch<'_>> {
    let Some(last) = presentation.periods.last() else {
        return Vec::new();
    };
    let Some((_, wanted)) = last.shape.tracks().nth(track) else {
        return Vec::new();
    };
    let find = |period: &'_ Period| -> Option<usize> {
        if Arc::ptr_eq(&period.shape, &last.shape) {
            return Some(track);
        }
        period.shape.tracks().position(|(_, t)| t.id == wanted.id)
    };
    presentation
        .periods
        .iter()
        .filter_map(|period| {
            let index = find(period)?;
            Some(Stretch {
                period,
                track: nth_track(&period.shape, index)?,
                timeline: period.timelines.get(index)?,
            })
        })
        .collect()
}

fn nth_track(shape: &Shape, index: usize) -> Option<&Track> {
    shape.tracks().nth(index).map(|(_, track)| track)
}

/// Returns the first stretch with a segment, else the last one.
fn first_listed<'s, 'a>(stretches: &'s [Stretch<'a>]) -> Option<&'s Stretch<'a>> {
    stretches
        .iter()
        .find(|stretch| !stretch.timeline.is_empty())
        .or(stretches.last())
}

fn push_timing(out: &mut String, stretches: &[Stretch<'_>], first: &Stretch<'_>) {
    let target = target_duration(stretches);
    let _ = writeln!(out, "#EXT-X-TARGETDURATION:{target}");
    let _ = writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{}", first.timeline.first_number);
    let discontinuities = first.period.discontinuity_sequence;
    if discontinuities > 0 || stretches.len() > 1 {
        let _ = writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuities}");
    }
}

/// Returns whole seconds that no segment exceeds once rounded (RFC 8216bis, 4.4.3.1). What is
/// announced for the whole presentation counts too, so that the value stays while the window moves.
fn target_duration(stretches: &[Stretch<'_>]) -> i64 {
    let seconds = |time: Time| time.ticks_in(Timescale::SECONDS, Round::Nearest);
    let mut target = 1;
    for stretch in stretches {
        let Nominal {
            duration,
            timescale,
        } = stretch.track.nominal;
        target = target.max(seconds(time(duration, timescale)));
        if let Some(longest) = stretch.period.shape.max_segment_duration {
            target = target.max(seconds(longest));
        }
        for run in &stretch.timeline.runs {
            target = target.max(seconds(time(run.duration, stretch.track.timescale)));
        }
    }
    target
}

fn time(ticks: u64, scale: Timescale) -> Time {
    Time::new(i64::try_from(ticks).unwrap_or(i64::MAX), scale)
}

/// Writes segments and remembers what was before them.
struct Segments<'p> {
    live: Option<&'p Live>,
    /// From the playlist to the place of the multivariant playlist.
    climb: String,
    query: &'p str,
    before: Option<Before<'p>>,
}

/// What the last written stretch was.
struct Before<'p> {
    period: &'p Period,
    init: Option<String>,
}

impl<'p> Segments<'p> {
    fn push_stretch(&mut self, out: &mut String, stretch: &Stretch<'p>) {
        if self.before.as_ref().is_some_and(|before| {
            before.period.discontinuity_sequence != stretch.period.discontinuity_sequence
                || !Arc::ptr_eq(&before.period.shape, &stretch.period.shape)
        }) {
            out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        self.push_map(out, stretch);
        let track = stretch.track;
        let by_time = track.media.has_time();
        let mut number = stretch.timeline.first_number;
        let mut expected = None;
        let mut inf = String::with_capacity(32);
        for run in &stretch.timeline.runs {
            if expected != Some(run.start) {
                self.push_date(out, stretch, run.start);
            }
            inf.clear();
            let duration = time(run.duration, track.timescale);
            let _ = writeln!(inf, "#EXTINF:{duration},");
            let mut start = run.start;
            for _ in 0..run.count {
                out.push_str(&inf);
                let key = if by_time {
                    Key::Time(start)
                } else {
                    Key::Number(number)
                };
                let line = out.len();
                out.push_str(&self.climb);
                let url = out.len();
                track
                    .media
                    .expand_to(out, &track.id, track.bandwidth, Some(key));
                url::encode_from(out, url);
                url::push_query(out, line, self.query);
                out.push('\n');
                number = number.saturating_add(1);
                start = start.saturating_add(run.duration);
            }
            expected = Some(start);
        }
    }

    /// Writes `EXT-X-MAP` when the init segment is not the one in force.
    fn push_map(&mut self, out: &mut String, stretch: &Stretch<'p>) {
        let track = stretch.track;
        let init = track.init.as_ref().map(|template| {
            let mut uri = self.climb.clone();
            let start = uri.len();
            template.expand_to(&mut uri, &track.id, track.bandwidth, None);
            url::encode_from(&mut uri, start);
            url::push_query(&mut uri, 0, self.query);
            uri
        });
        let in_force = self.before.as_ref().is_some_and(|before| {
            before.init == init && Arc::ptr_eq(&before.period.shape, &stretch.period.shape)
        });
        if let Some(uri) = init.as_ref().filter(|_| !in_force) {
            let _ = writeln!(out, "#EXT-X-MAP:URI=\"{uri}\"");
        }
        self.before = Some(Before {
            period: stretch.period,
            init,
        });
    }

    /// Writes the wall time of the segment that follows, for live presentations.
    fn push_date(&self, out: &mut String, stretch: &Stretch<'_>, start: u64) {
        let Some(live) = self.live else { return };
        let offset = stretch.timeline.presentation_time_offset;
        let into_period = i64::try_from(i128::from(start) - i128::from(offset)).unwrap_or(i64::MAX);
        let ms = live
            .availability_start
            .saturating_add(stretch.period.start.ms(Round::Nearest))
            .saturating_add(Time::new(into_period, stretch.track.timescale).ms(Round::Nearest));
        out.push_str("#EXT-X-PROGRAM-DATE-TIME:");
        push_date_time(out, ms, Milliseconds::Always);
        out.push('\n');
    }
}
