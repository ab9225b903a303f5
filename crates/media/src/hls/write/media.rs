//! Media playlists.

use std::{fmt::Write as _, sync::Arc};

use super::{
    DELTA_VERSION, MediaOptions, VERSION,
    low_latency::{Extras, part_target, push_hint, push_part, push_report},
    push_version,
};
use crate::{
    iso8601::{Milliseconds, push_date_time},
    presentation::{
        Live, Liveness, Nominal, Part, Period, Presentation, SwitchingSet, Timeline, Track,
    },
    template::Key,
    time::{Round, Time, Timescale},
    url,
};

/// What one period has of the track.
pub(super) struct Stretch<'a> {
    pub(super) period: &'a Period,
    pub(super) set: &'a SwitchingSet,
    pub(super) track: &'a Track,
    pub(super) timeline: &'a Timeline,
}

impl Stretch<'_> {
    /// Tells whether neither a segment nor a part is listed.
    pub(super) fn is_empty(&self) -> bool {
        self.timeline.is_empty() && self.timeline.parts.is_empty()
    }

    /// Tells whether all that is listed of it is the hole behind it.
    fn is_hole(&self) -> bool {
        let hole = self.timeline.hole;
        hole.is_some_and(|hole| hole <= self.timeline.first_number) && !self.timeline.is_empty()
    }

    /// Returns the parts of the segment in progress.
    fn open_parts(&self) -> &[Part] {
        self.timeline.parts_of(self.timeline.next_number())
    }
}

pub(super) fn write(
    presentation: &Presentation,
    track: usize,
    options: &MediaOptions<'_>,
) -> String {
    let stretches = stretches(presentation, track);
    let Some(first) = first_listed(&stretches) else {
        return String::new();
    };
    let target = target_duration(presentation, track);
    let extras = Extras::of(presentation, first.set, target);
    let listed = listed(&stretches);
    let skipped = extras
        .filter(|_| options.skip)
        .map_or(0, |extras| further_than(&stretches, extras.skip_boundary()));
    let is_static = matches!(presentation.liveness, Liveness::Static { .. });
    let lines = usize::try_from(listed - skipped).unwrap_or(0);
    let mut out = String::with_capacity(512 + lines * 64 + first.timeline.parts.len() * 80);
    push_version(&mut out, if skipped > 0 { DELTA_VERSION } else { VERSION });
    let _ = writeln!(out, "#EXT-X-TARGETDURATION:{target}");
    if let Some(extras) = &extras {
        extras.push_control(&mut out);
    }
    push_sequence(&mut out, &stretches, first);
    if is_static {
        push_type(&mut out, options);
    }
    if skipped > 0 {
        let _ = writeln!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}");
    }
    let mut writer = Segments {
        live: match &presentation.liveness {
            Liveness::Live(live) => Some(live),
            Liveness::Static { .. } => None,
        },
        climb: "../".repeat(first.track.id.split('/').count()),
        query: options.query,
        key: options.key,
        skip: skipped,
        before_parts: extras
            .filter(|extras| extras.has_parts)
            .map(|extras| further_than(&stretches, extras.part_boundary())),
        before: None,
        is_broken: false,
    };
    for stretch in &stretches {
        if !stretch.is_empty() || std::ptr::eq(stretch, first) {
            writer.push_stretch(&mut out, stretch);
        }
    }
    if let (Some(extras), Some(last)) = (&extras, stretches.last()) {
        // Of a period that has ended nothing will come, and where the next begins is not known.
        if extras.has_parts && last.period.duration.is_none() {
            writer.push_hints(&mut out, last);
        }
        writer.push_reports(&mut out, presentation, track);
    }
    if is_static && !options.event {
        out.push_str("#EXT-X-ENDLIST\n");
    }
    out
}

/// Writes the type of a static playlist.
pub(super) fn push_type(out: &mut String, options: &MediaOptions<'_>) {
    let kind = if options.event { "EVENT" } else { "VOD" };
    let _ = writeln!(out, "#EXT-X-PLAYLIST-TYPE:{kind}");
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
            let (set, track) = period.shape.tracks().nth(index)?;
            Some(Stretch {
                period,
                set,
                track,
                timeline: period.timelines.get(index)?,
            })
        })
        .collect()
}

/// Returns the first stretch with a segment or a part, else the last one.
fn first_listed<'s, 'a>(stretches: &'s [Stretch<'a>]) -> Option<&'s Stretch<'a>> {
    stretches
        .iter()
        .find(|stretch| !stretch.is_empty())
        .or(stretches.last())
}

fn listed(stretches: &[Stretch<'_>]) -> u64 {
    stretches.iter().map(|s| s.timeline.len()).sum()
}

/// Returns how many of the listed segments, from the first on, end further than `boundary` from
/// the end of the playlist, parts of the segment in progress included.
fn further_than(stretches: &[Stretch<'_>], boundary: Time) -> u64 {
    let Some(last) = stretches.last() else {
        return 0;
    };
    let scale = last.track.timescale;
    let boundary = i128::from(boundary.ticks_in(scale, Round::Down));
    let open = last
        .open_parts()
        .iter()
        .map(|part| i128::from(part.duration));
    let mut distance: i128 = open.sum();
    let mut left = listed(stretches);
    for stretch in stretches.iter().rev() {
        for run in stretch.timeline.runs.iter().rev() {
            if distance > boundary {
                return left;
            }
            let duration = time(run.duration, stretch.track.timescale);
            let duration = i128::from(duration.ticks_in(scale, Round::Nearest));
            let count = i128::from(run.count);
            let near = ((boundary - distance) / duration.max(1) + 1).min(count);
            left -= near as u64;
            distance += duration * count;
        }
    }
    left
}

fn push_sequence(out: &mut String, stretches: &[Stretch<'_>], first: &Stretch<'_>) {
    let _ = writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{}", first.timeline.first_number);
    // The discontinuity before a hole is gone with the segments before it.
    let mut behind = stretches.iter().skip_while(|s| !std::ptr::eq(*s, first));
    let counted = behind.find(|s| !s.is_empty() && !s.is_hole());
    let discontinuities = counted.unwrap_or(first).period.discontinuity_sequence;
    if discontinuities > 0 || stretches.len() > 1 {
        let _ = writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuities}");
    }
}

/// Returns whole seconds that no segment exceeds once rounded (RFC 8216bis, 4.4.3.1). What is
/// announced for the whole presentation counts too, so that the value stays while the window moves.
pub(super) fn target_duration(presentation: &Presentation, track: usize) -> u64 {
    let of_track = |track| longest(&stretches(presentation, track));
    let target = match (part_target(presentation), presentation.periods.last()) {
        (Some(_), Some(last)) => (0..last.timelines.len()).map(of_track).max().unwrap_or(1),
        _ => of_track(track),
    };
    u64::try_from(target).unwrap_or(1)
}

fn longest(stretches: &[Stretch<'_>]) -> i64 {
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

pub(super) fn time(ticks: u64, scale: Timescale) -> Time {
    Time::new(i64::try_from(ticks).unwrap_or(i64::MAX), scale)
}

/// Writes segments and remembers what was before them.
struct Segments<'p> {
    live: Option<&'p Live>,
    /// From the playlist to the place of the multivariant playlist.
    climb: String,
    query: &'p str,
    /// Attributes of `EXT-X-KEY`.
    key: Option<&'p str>,
    /// Segments still to be left out.
    skip: u64,
    /// Segments still to come before the first whose parts are listed; `None` when no parts are.
    before_parts: Option<u64>,
    before: Option<Before<'p>>,
    /// Whether the discontinuity before the next stretch was dealt with, before a hole.
    is_broken: bool,
}

/// What the last written stretch was.
struct Before<'p> {
    period: &'p Period,
    /// The init segment in force, when it was stated.
    init: Option<String>,
}

impl<'p> Segments<'p> {
    fn push_stretch(&mut self, out: &mut String, stretch: &Stretch<'p>) {
        let timeline = stretch.timeline;
        let skip = self.skip.min(timeline.len());
        self.skip -= skip;
        let is_broken = std::mem::take(&mut self.is_broken);
        let hole = timeline.hole.unwrap_or(u64::MAX);
        self.is_broken = hole < timeline.first_number.saturating_add(skip)
            || self.before.is_none() && stretch.is_hole();
        if skip > 0 {
            if let Some(left) = &mut self.before_parts {
                *left = left.saturating_sub(skip);
            }
            // What was stated among the skipped segments is stated again.
            self.before = Some(Before {
                period: stretch.period,
                init: None,
            });
            if skip == timeline.len() && stretch.open_parts().is_empty() {
                return;
            }
        } else if !is_broken && self.is_broken_before(stretch) {
            out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        self.push_map(out, stretch);
        let track = stretch.track;
        let mut expected = None;
        let mut skip_left = skip;
        let mut number = timeline.first_number;
        let mut inf = String::with_capacity(32);
        for run in &timeline.runs {
            let skipped = skip_left.min(run.count.into());
            skip_left -= skipped;
            number = number.saturating_add(skipped);
            let mut start = run
                .start
                .saturating_add(skipped.saturating_mul(run.duration));
            if skipped == u64::from(run.count) {
                continue;
            }
            let is_hole = number == hole && !self.is_broken;
            if expected != Some(start) && !is_hole {
                self.push_date(out, stretch, start);
            }
            inf.clear();
            let duration = time(run.duration, track.timescale);
            let _ = writeln!(inf, "#EXTINF:{duration},");
            for _ in skipped..u64::from(run.count) {
                if number == hole && !self.is_broken {
                    self.is_broken = true;
                    out.push_str("#EXT-X-DISCONTINUITY\n");
                    self.push_date(out, stretch, start);
                }
                let key = key(track, number, start);
                match &mut self.before_parts {
                    Some(0) => self.push_parts(out, track, key, timeline.parts_of(number)),
                    Some(left) => *left -= 1,
                    None => {}
                }
                if timeline.is_gap(number) {
                    out.push_str("#EXT-X-GAP\n");
                }
                out.push_str(&inf);
                self.push_uri(out, |out| {
                    track
                        .media
                        .expand_to(out, &track.id, track.bandwidth, Some(key));
                });
                out.push('\n');
                number = number.saturating_add(1);
                start = start.saturating_add(run.duration);
            }
            expected = Some(start);
        }
        let parts = stretch.open_parts();
        if self.before_parts.is_some() && !parts.is_empty() {
            let start = timeline.next_start();
            if expected != Some(start) {
                self.push_date(out, stretch, start);
            }
            self.push_parts(out, track, key(track, number, start), parts);
        }
    }

    /// Tells whether decoding and time do not go on from the last stretch to this one.
    fn is_broken_before(&self, stretch: &Stretch<'_>) -> bool {
        self.before.as_ref().is_some_and(|before| {
            before.period.discontinuity_sequence != stretch.period.discontinuity_sequence
                || !Arc::ptr_eq(&before.period.shape, &stretch.period.shape)
        })
    }

    /// Writes a URI below the place of the multivariant playlist.
    fn push_uri(&self, out: &mut String, expand: impl FnOnce(&mut String)) {
        let line = out.len();
        out.push_str(&self.climb);
        let url = out.len();
        expand(out);
        url::encode_from(out, url);
        url::push_query(out, line, self.query);
    }

    fn push_parts(&self, out: &mut String, track: &Track, key: Key, parts: &[Part]) {
        for part in parts {
            push_part(out, part, track.timescale, |out| {
                self.push_part_uri(out, track, key, part.index);
            });
        }
    }

    fn push_part_uri(&self, out: &mut String, track: &Track, key: Key, index: u32) {
        self.push_uri(out, |out| {
            let (id, bandwidth) = (&track.id, track.bandwidth);
            track.media.expand_part_to(out, id, bandwidth, key, index);
        });
    }

    /// Writes what will be fetched next: a part, and the init segment that it needs when that was
    /// not stated yet.
    fn push_hints(&self, out: &mut String, last: &Stretch<'p>) {
        let (track, timeline) = (last.track, last.timeline);
        let init = self.init_uri(last);
        if let Some(uri) = init
            .as_ref()
            .filter(|_| !self.is_in_force(last, init.as_ref()))
        {
            push_hint(out, "MAP", |out| out.push_str(uri));
        }
        let key = key(track, timeline.next_number(), timeline.next_start());
        let index = last.open_parts().len() as u32;
        push_hint(out, "PART", |out| {
            self.push_part_uri(out, track, key, index);
        });
    }

    fn push_reports(&self, out: &mut String, presentation: &Presentation, track: usize) {
        let Some(last) = presentation.periods.last() else {
            return;
        };
        for (other, (set, _)) in last.shape.tracks().enumerate() {
            if other != track {
                let stretches = stretches(presentation, other);
                push_report(out, set, &stretches, &self.climb, self.query);
            }
        }
    }

    fn init_uri(&self, stretch: &Stretch<'_>) -> Option<String> {
        let track = stretch.track;
        let init = track.init.as_ref()?;
        let mut uri = String::new();
        self.push_uri(&mut uri, |out| {
            init.expand_to(out, &track.id, track.bandwidth, None);
        });
        Some(uri)
    }

    fn is_in_force(&self, stretch: &Stretch<'_>, init: Option<&String>) -> bool {
        self.before.as_ref().is_some_and(|before| {
            before.init.as_ref() == init && Arc::ptr_eq(&before.period.shape, &stretch.period.shape)
        })
    }

    /// Writes `EXT-X-MAP` when the init segment is not the one in force.
    fn push_map(&mut self, out: &mut String, stretch: &Stretch<'p>) {
        let init = self.init_uri(stretch);
        if let Some(uri) = init
            .as_ref()
            .filter(|_| !self.is_in_force(stretch, init.as_ref()))
        {
            let _ = writeln!(out, "#EXT-X-MAP:URI=\"{uri}\"");
        }
        if let Some(key) = self.key.filter(|_| self.before.is_none()) {
            let _ = writeln!(out, "#EXT-X-KEY:{key}");
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

/// Returns what the URL of a segment has, whatever the MPD does.
pub(super) fn key(track: &Track, number: u64, start: u64) -> Key {
    if track.media.has_time() {
        Key::Time(start)
    } else {
        Key::Number(number)
    }
}
