//! The snapshot that manifests are written from.

use arc_swap::ArcSwap;
use media::{
    presentation::{Addressing, Content, Live, Liveness, Part, Period, Presentation, Timeline},
    time::{Round, Time, Timescale},
};

use super::{
    inner::{Inner, clamped},
    stretch::Shown,
};

/// How many target durations parts are listed for.
const PART_TARGETS: i64 = 4;
/// How many segments players of HLS begin with: no playlist that slides may be shorter (RFC 8216bis,
/// 6.2.2), and there are players that fail at one.
const LEAST_SEGMENTS: u64 = 3;

impl Inner {
    /// Swaps the snapshot for one of what is now.
    pub(super) fn refresh(&self, shown: &ArcSwap<Option<Presentation>>) {
        shown.store(std::sync::Arc::new(self.present()));
    }

    fn present(&self) -> Option<Presentation> {
        let has_part = |shown: &Shown| {
            let number = shown.stretch.first_number;
            let mut reels = self.reels.iter();
            reels.any(|reel| reel.get(number).is_some_and(|s| !s.parts.is_empty()))
        };
        let newest = self.stretches.back().map(|shown| shown.stretch.number);
        let stretches: Vec<&Shown> = self
            .stretches
            .iter()
            .filter(|shown| {
                !shown.is_empty() || (Some(shown.stretch.number) == newest && has_part(shown))
            })
            .collect();
        let (first, last) = (stretches.first()?, stretches.last()?);
        let base = if self.ended {
            self.first_time(first)
        } else {
            Time::ZERO
        };
        let periods: Vec<Period> = stretches
            .iter()
            .map(|shown| self.period(shown, base))
            .collect();
        let liveness = if self.ended {
            let end = last.end.unwrap_or(self.resume.end);
            Liveness::Static {
                duration: minus(end, base),
            }
        } else {
            Liveness::Live(self.live())
        };
        Some(Presentation {
            liveness,
            addressing: Addressing::Number,
            periods,
        })
    }

    fn live(&self) -> Live {
        let settings = &self.settings;
        Live {
            availability_start: settings.epoch_ms,
            publish_time: self.publish_time,
            minimum_update_period: Some(settings.segment),
            time_shift_buffer_depth: Some(Time::from_ms(settings.depth_ms())),
            suggested_presentation_delay: settings.presentation_delay,
            utc_timing: settings.utc_timing.clone(),
            low_latency: settings.low_latency,
            filling: self.is_filling(),
        }
    }

    /// Tells whether there is a track of pictures or sound of which less is listed than players can
    /// begin with.
    fn is_filling(&self) -> bool {
        let listed = |track: usize| -> u64 {
            let timelines = self.stretches.iter().filter_map(|s| s.timelines.get(track));
            timelines
                .map(|timeline| timeline.len() - timeline.gaps.len() as u64)
                .sum()
        };
        let contents = self.settings.tracks().map(|(set, _)| set.content);
        contents.enumerate().any(|(track, content)| {
            matches!(content, Content::Video | Content::Audio) && listed(track) < LEAST_SEGMENTS
        })
    }

    fn period(&self, shown: &Shown, base: Time) -> Period {
        let timelines = shown.timelines.iter().enumerate();
        let timelines = timelines
            .map(|(track, timeline)| {
                let mut timeline = timeline.clone();
                timeline.parts = self.parts(shown, track);
                timeline
            })
            .collect();
        let mut period = shown.period(timelines, base);
        if self.ended {
            // What was before the window is not part of the whole.
            self.begin_at_first(&mut period, shown, base);
        }
        period
    }

    /// Lets the first period of a static presentation begin with its first segment.
    fn begin_at_first(&self, period: &mut Period, shown: &Shown, base: Time) {
        let first = self.first_time(shown);
        if first <= shown.stretch.start {
            return;
        }
        period.start = minus(first, base);
        period.duration = shown.end.map(|end| minus(end, first));
        period.start_number = media::presentation::StartNumber::FirstListed;
        let scales = shown.inits.iter().map(|init| {
            init.as_ref()
                .map_or(Timescale::MS, |init| init.track.timescale)
        });
        for (timeline, scale) in period.timelines.iter_mut().zip(scales) {
            let offset = first.ticks_in(scale, Round::Nearest);
            timeline.presentation_time_offset = u64::try_from(offset).unwrap_or(0);
        }
    }

    /// Returns when the first listed segment of a stretch begins, by its first track that has any.
    fn first_time(&self, shown: &Shown) -> Time {
        let mut timelines = shown.timelines.iter().zip(&shown.inits);
        let found = timelines.find_map(|(timeline, init)| {
            let run = timeline.runs.first()?;
            let scale = init.as_ref()?.track.timescale;
            Some(Time::new(clamped(run.start), scale))
        });
        let all_listed = self.first_listed <= shown.stretch.first_number;
        match found {
            Some(time) if !all_listed => time,
            _ => shown.stretch.start,
        }
    }

    /// Lists the parts of the newest segments of a track that lie in a stretch.
    fn parts(&self, shown: &Shown, track: usize) -> Vec<Part> {
        let has_parts = self
            .settings
            .low_latency
            .is_some_and(|low| low.part_target.is_some());
        let (false, true, Some(reel), Some(Some(init))) = (
            self.ended,
            has_parts,
            self.reels.get(track),
            shown.inits.get(track),
        ) else {
            return Vec::new();
        };
        let target = self
            .settings
            .segment
            .ticks_in(Timescale::SECONDS, Round::Up)
            .max(1);
        let back = Time::from_secs(target * PART_TARGETS);
        let back = back.ticks_in(init.track.timescale, Round::Up);
        let from = reel
            .newest_within(back.unsigned_abs())
            .max(shown.stretch.first_number);
        let to = shown
            .timelines
            .get(track)
            .filter(|_| shown.end.is_some())
            .map_or(reel.end(), Timeline::next_number);
        let mut parts = Vec::new();
        for number in from..to.min(reel.end()) {
            let Some(stored) = reel.get(number) else {
                continue;
            };
            parts.extend((0..).zip(&stored.parts).map(|(index, part)| Part {
                segment: number,
                index,
                duration: part.duration,
                independent: part.independent,
                gap: part.gap || stored.gap,
            }));
        }
        parts
    }
}

/// Subtracts times, in the scale of the first.
fn minus(time: Time, base: Time) -> Time {
    let base = base.ticks_in(time.scale, Round::Nearest);
    Time::new(time.ticks.saturating_sub(base).max(0), time.scale)
}
