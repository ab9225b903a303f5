//! SegmentTemplate and SegmentTimeline of the MPD writer.

use std::{borrow::Cow, fmt::Write as _};

use super::{attribute, number_attribute, push_indent};
use crate::{
    presentation::{
        Addressing, AvailabilityOffset, Content, LowLatency, Run, StartNumber, SwitchingSet,
        Timeline, Track,
    },
    template::Template,
    time::{Round, Time, Timescale},
};

/// How the segments of a set are announced.
pub(super) struct Plan {
    addressing: Addressing,
    start_number: StartNumber,
    availability_offset: Option<AvailabilityOffset>,
    incomplete: bool,
}

impl Plan {
    /// Pictures are always addressed by number and whole, whatever the rest of the presentation does.
    pub(super) fn new(
        addressing: Addressing,
        start_number: StartNumber,
        set: &SwitchingSet,
        low_latency: Option<&LowLatency>,
    ) -> Self {
        let is_image = set.content == Content::Image;
        Self {
            addressing: if is_image {
                Addressing::Number
            } else {
                addressing
            },
            start_number,
            availability_offset: low_latency.and_then(|low| low.availability_offset),
            incomplete: low_latency.is_some_and(|low| low.incomplete) && !is_image,
        }
    }

    /// Tells whether one SegmentTemplate says the same as one for each track.
    pub(super) fn is_shared(&self, tracks: &[Track], timelines: &[Cow<'_, Timeline>]) -> bool {
        let (Some(track), Some(timeline)) = (tracks.first(), timelines.first()) else {
            return false;
        };
        let mut others = tracks.iter().zip(timelines).skip(1);
        others.all(|(other, other_timeline)| {
            other.media == track.media
                && other.init == track.init
                && other.timescale == track.timescale
                && match self.addressing {
                    Addressing::Number => {
                        other.nominal == track.nominal
                            && other_timeline.presentation_time_offset
                                == timeline.presentation_time_offset
                            && self.number(other_timeline) == self.number(timeline)
                    }
                    Addressing::TimelineTime | Addressing::TimelineNumber => {
                        other_timeline.presentation_time_offset == timeline.presentation_time_offset
                            && other_timeline.first_number == timeline.first_number
                            && self.announced(other_timeline) == self.announced(timeline)
                    }
                }
        })
    }

    /// Returns what `@startNumber` says under [`Addressing::Number`].
    fn number(&self, timeline: &Timeline) -> Option<u64> {
        match self.start_number {
            StartNumber::FirstListed => Some(timeline.first_number),
            StartNumber::Fixed(number) => Some(number),
            StartNumber::Omitted => None,
        }
    }

    /// Writes the SegmentTemplate of a track.
    pub(super) fn push_template(
        &self,
        out: &mut String,
        track: &Track,
        timeline: &Timeline,
        indent: usize,
    ) {
        push_indent(out, indent);
        out.push_str("<SegmentTemplate");
        attribute(out, "media", &media(self.addressing, &track.media));
        if let Some(init) = &track.init {
            attribute(out, "initialization", init.as_str());
        }
        if self.addressing == Addressing::Number {
            let scale = number_timescale(track, timeline);
            let nominal = Time::new(to_i64(track.nominal.duration), track.nominal.timescale);
            number_attribute(out, "timescale", scale.get().into());
            let duration = nominal.ticks_in(scale, Round::Nearest);
            number_attribute(out, "duration", duration.unsigned_abs());
            if let Some(number) = self.number(timeline) {
                number_attribute(out, "startNumber", number);
            }
            self.push_offsets(out, track, timeline);
            out.push_str("/>\n");
            return;
        }
        number_attribute(out, "timescale", track.timescale.get().into());
        if self.addressing == Addressing::TimelineNumber {
            number_attribute(out, "startNumber", timeline.first_number);
        }
        self.push_offsets(out, track, timeline);
        out.push_str(">\n");
        push_timeline(out, &self.announced(timeline), indent + 1);
        push_indent(out, indent);
        out.push_str("</SegmentTemplate>\n");
    }

    /// Returns the presentation time offset in ticks of the SegmentTemplate.
    pub(super) fn offset(&self, track: &Track, timeline: &Timeline) -> u64 {
        if self.addressing != Addressing::Number {
            return timeline.presentation_time_offset;
        }
        let scale = number_timescale(track, timeline);
        let ticks = offset(track, timeline).ticks_in(scale, Round::Nearest);
        u64::try_from(ticks).unwrap_or(0)
    }

    fn push_offsets(&self, out: &mut String, track: &Track, timeline: &Timeline) {
        let ticks = self.offset(track, timeline);
        if ticks > 0 {
            number_attribute(out, "presentationTimeOffset", ticks);
        }
        match self.availability_offset {
            Some(AvailabilityOffset::Ahead(time)) if time > Time::ZERO => {
                attribute(out, "availabilityTimeOffset", &time.to_string());
            }
            Some(AvailabilityOffset::Infinite) => attribute(out, "availabilityTimeOffset", "INF"),
            Some(AvailabilityOffset::Ahead(_)) | None => {}
        }
        if self.incomplete {
            attribute(out, "availabilityTimeComplete", "false");
        }
    }

    /// Returns what the SegmentTimeline lists: the segments that are whole and those ahead. Lost
    /// ones are left out where times tell them apart; numbers count what is listed.
    fn announced<'t>(&self, timeline: &'t Timeline) -> Cow<'t, [Run]> {
        let without_gaps = self.addressing == Addressing::TimelineTime && !timeline.gaps.is_empty();
        if timeline.ahead.is_empty() && !without_gaps {
            return Cow::Borrowed(&timeline.runs);
        }
        let mut listed = Timeline::default();
        for (number, start, duration) in timeline.segments() {
            if !(without_gaps && timeline.is_gap(number)) {
                listed.push(start, duration);
            }
        }
        for run in &timeline.ahead {
            for index in 0..u64::from(run.count) {
                listed.push(run.start + index * run.duration, run.duration);
            }
        }
        Cow::Owned(listed.runs)
    }
}

/// Returns the text of the media template with the identifier that the addressing needs.
fn media(addressing: Addressing, template: &Template) -> Cow<'_, str> {
    match addressing {
        Addressing::TimelineTime if template.has_number() => {
            Cow::Owned(template.by_time().as_str().to_owned())
        }
        Addressing::Number | Addressing::TimelineNumber if template.has_time() => {
            Cow::Owned(template.by_number().as_str().to_owned())
        }
        _ => Cow::Borrowed(template.as_str()),
    }
}

/// Returns the timescale of number addressing: the nominal one, unless the presentation time
/// offset is no whole number in it.
fn number_timescale(track: &Track, timeline: &Timeline) -> Timescale {
    let nominal = track.nominal.timescale;
    if timeline.presentation_time_offset == 0 || offset(track, timeline).is_exact_in(nominal) {
        nominal
    } else {
        track.timescale
    }
}

fn offset(track: &Track, timeline: &Timeline) -> Time {
    Time::new(to_i64(timeline.presentation_time_offset), track.timescale)
}

fn to_i64(ticks: u64) -> i64 {
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

/// Writes the SegmentTimeline: `t` on the first `S` and behind every gap, `r` for repeats.
fn push_timeline(out: &mut String, runs: &[Run], indent: usize) {
    push_indent(out, indent);
    if runs.is_empty() {
        out.push_str("<SegmentTimeline/>\n");
        return;
    }
    out.push_str("<SegmentTimeline>\n");
    let mut expected = None;
    for run in runs {
        push_indent(out, indent + 1);
        out.push_str("<S");
        if expected != Some(run.start) {
            number_attribute(out, "t", run.start);
        }
        let _ = write!(out, " d=\"{}\"", run.duration);
        if run.count > 1 {
            number_attribute(out, "r", u64::from(run.count - 1));
        }
        out.push_str("/>\n");
        let length = run.duration.saturating_mul(run.count.into());
        expected = Some(run.start.saturating_add(length));
    }
    push_indent(out, indent);
    out.push_str("</SegmentTimeline>\n");
}
