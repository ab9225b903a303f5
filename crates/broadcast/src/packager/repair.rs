//! One contiguous time line out of the times that an encoder gives: one for each track and stretch.
//! The table in [`super`] says what becomes of which fault.

use media::{
    isobmff::init::InitTrack,
    presentation::Content,
    time::{Round, Time},
};

use super::{TrackCounters, sample::Sample, settings::Limits};

/// In a file that is read as fast as can be a track may begin so much later than the others.
const UNPACED_MS: i64 = 3_600_000;

/// What is to be done with a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on where the last one ended.
    Keep(Sample),
    /// All between the last one and it is lost.
    Hole(Sample),
    /// It is of no use.
    Drop,
    /// It belongs to another stretch: the source clock jumped.
    Jump,
    /// It belongs to another stretch: much is lost before it.
    Outage,
    /// It belongs to another stretch: it has drifted too far from the wall clock.
    Drift,
}

/// The time line of a track in a stretch. All times are ticks of the track.
#[derive(Clone, Debug)]
pub(super) struct Line {
    content: Content,
    /// Added to the times of the encoder.
    shift: i64,
    /// Where the next sample belongs: at first the start of the stretch.
    expected: i64,
    /// Duration of the last sample that had a plausible one.
    nominal: i64,
    started: bool,
    /// How long after its end the last sample arrived.
    lag: i64,
    /// The same of the first sample.
    first_lag: Option<i64>,
    /// Whether drift against the wall clock is looked for.
    watches_drift: bool,
    part: i64,
    jump: i64,
    outage: i64,
    is_paced: bool,
    /// How far behind the start of the stretch the first sample may lie, unless it comes as late.
    farthest: i64,
    late: i64,
    early: i64,
}

impl Line {
    /// Begins a line at the start of a stretch.
    pub(super) fn new(
        track: &InitTrack,
        is_reference: bool,
        is_paced: bool,
        shift_ms: i64,
        origin: i64,
        part_target: Time,
        limits: &Limits,
    ) -> Self {
        let scale = track.timescale;
        let ticks = |ms: i64| Time::from_ms(ms).ticks_in(scale, Round::Nearest);
        let part = part_target.ticks_in(scale, Round::Down).max(1);
        let frame = match (track.defaults.duration, track.samples_per_frame) {
            (0, Some(samples)) => i64::from(samples),
            (0, None) => i64::from(scale.get() / 25),
            (duration, _) => i64::from(duration),
        };
        Self {
            content: track.content,
            shift: ticks(shift_ms),
            expected: origin,
            nominal: frame.clamp(1, part),
            started: false,
            lag: 0,
            first_lag: None,
            watches_drift: is_reference && is_paced,
            part,
            jump: ticks(limits.jump_ms),
            outage: ticks(limits.outage_ms),
            is_paced,
            farthest: ticks(if is_paced {
                limits.outage_ms
            } else {
                UNPACED_MS
            }),
            late: ticks(limits.late_ms),
            early: ticks(limits.early_ms),
        }
    }

    /// Tells whether a sample was kept.
    pub(super) fn has_started(&self) -> bool {
        self.started
    }

    /// Moves the line past a gap up to `time`.
    pub(super) fn skip_to(&mut self, time: i64) {
        self.started = true;
        self.expected = self.expected.max(time);
    }

    /// Judges a sample that arrived at `now`, and gives it its time.
    pub(super) fn place(
        &mut self,
        mut sample: Sample,
        now: i64,
        counters: &mut TrackCounters,
    ) -> Verdict {
        sample.time = sample.time.saturating_add(self.shift);
        let plausible = self.settle_duration(&mut sample, counters);
        let lag = now.saturating_sub(sample.end());
        let step = sample.time.saturating_sub(self.expected);
        if !self.started {
            return self.first(sample, step, lag, counters);
        }
        let first_lag = *self.first_lag.get_or_insert(lag);
        let before = self.lag;
        if plausible {
            self.lag = lag;
        }
        let off = lag.saturating_sub(first_lag);
        let has_drifted = off > self.late || off < -self.early;
        let may_be_cut = plausible && sample.is_sync() && step.saturating_abs() <= self.jump;
        if self.watches_drift && has_drifted && may_be_cut {
            return Verdict::Drift;
        }
        if step.saturating_abs() <= (self.nominal / 2).max(1) {
            counters.rounded += u64::from(step != 0);
            return self.keep(sample);
        }
        if step < 0 {
            return self.back(sample, step, counters);
        }
        // A source that paused is as late as before; one whose clock was put forward is early.
        let paused = lag > before.saturating_sub(step / 2);
        if step > self.outage && paused {
            Verdict::Outage
        } else if step > self.jump && !paused {
            Verdict::Jump
        } else if step <= self.part && sample.end() - self.expected <= self.part {
            counters.stretched += 1;
            self.keep(sample)
        } else {
            self.expected = sample.end();
            Verdict::Hole(sample)
        }
    }

    /// Sees to it that a sample has a duration that can be. The muxer takes the distance to the next
    /// sample, so a hole in the source appears as a long duration.
    fn settle_duration(&mut self, sample: &mut Sample, counters: &mut TrackCounters) -> bool {
        if sample.duration <= 0 {
            counters.zero_durations += 1;
            sample.duration = self.nominal;
        } else if sample.duration > self.part && sample.duration > self.nominal.saturating_mul(2) {
            counters.long_durations += 1;
            sample.duration = self.nominal;
            return false;
        } else {
            self.nominal = sample.duration;
        }
        true
    }

    /// Judges what comes before the line has begun.
    fn first(
        &mut self,
        sample: Sample,
        step: i64,
        lag: i64,
        counters: &mut TrackCounters,
    ) -> Verdict {
        let (early, decodable) = match self.content {
            Content::Video => (-(self.nominal / 2), sample.is_sync()),
            Content::Audio | Content::Text | Content::Image => (0, true),
        };
        let is_far = step > self.farthest && (!self.is_paced || lag < -self.early);
        if step < early || is_far || !decodable {
            counters.before_start += 1;
            return Verdict::Drop;
        }
        self.started = true;
        self.lag = lag;
        self.first_lag = Some(lag);
        if step > self.part {
            self.expected = sample.end();
            return Verdict::Hole(sample);
        }
        self.expected = sample.time;
        self.keep(sample)
    }

    /// Judges a step back.
    fn back(&mut self, mut sample: Sample, step: i64, counters: &mut TrackCounters) -> Verdict {
        if step < -self.jump {
            return Verdict::Jump;
        }
        if sample.end() <= self.expected {
            counters.repeated += 1;
            return Verdict::Drop;
        }
        counters.overlaps += 1;
        sample.duration = sample.end() - self.expected;
        sample.time = self.expected;
        self.keep(sample)
    }

    /// Lets a sample begin where the last one ended; it ends where it would have.
    fn keep(&mut self, mut sample: Sample) -> Verdict {
        let end = sample.end().max(self.expected.saturating_add(1));
        sample.time = self.expected;
        sample.duration = end - self.expected;
        self.expected = end;
        Verdict::Keep(sample)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::packager::{Init, testing};

    /// A line of 30 frames a second at 90 kHz whose start is at 900,000, moved by 10 s.
    fn line() -> Line {
        let init = Init::read(testing::AVC_INIT).expect("reads");
        let mut line = Line::new(
            &init.track,
            true,
            true,
            10_000,
            900_000,
            Time::from_ms(501),
            &Limits::default(),
        );
        let mut counters = TrackCounters::default();
        for frame in 0..3 {
            let kept = line.place(sample(frame * 3000, 3000), at(frame * 3000), &mut counters);
            assert!(matches!(kept, Verdict::Keep(_)));
        }
        assert_eq!(counters, TrackCounters::default());
        line
    }

    fn sample(time: i64, duration: i64) -> Sample {
        Sample {
            time,
            duration,
            flags: 0,
            composition_offset: 0,
            data: Bytes::new(),
        }
    }

    /// When a sample of this time arrives without delay.
    fn at(time: i64) -> i64 {
        900_000 + time + 3000
    }

    fn times(verdict: Verdict) -> Option<(i64, i64)> {
        match verdict {
            Verdict::Keep(sample) | Verdict::Hole(sample) => Some((sample.time, sample.duration)),
            _ => None,
        }
    }

    #[test]
    fn each_fault_is_put_right_as_the_table_says() {
        type Case = (
            &'static str,
            i64,
            i64,
            (i64, i64),
            fn(&TrackCounters) -> u64,
        );
        let cases: [Case; 6] = [
            ("in place", 9000, 3000, (909_000, 3000), |c| 1 - c.rounded),
            ("a tick late", 9001, 3000, (909_000, 3001), |c| c.rounded),
            ("a tick early", 8999, 3000, (909_000, 2999), |c| c.rounded),
            ("no duration", 9000, 0, (909_000, 3000), |c| {
                c.zero_durations
            }),
            ("overlap", 7000, 3000, (909_000, 1000), |c| c.overlaps),
            ("small hole", 15_000, 3000, (909_000, 9000), |c| c.stretched),
        ];
        for (name, time, duration, expected, count) in cases {
            let mut counters = TrackCounters::default();
            let verdict = line().place(sample(time, duration), at(time), &mut counters);
            assert!(matches!(verdict, Verdict::Keep(_)), "{name}");
            assert_eq!(times(verdict), Some(expected), "{name}");
            assert_eq!(count(&counters), 1, "{name}");
        }
    }

    #[test]
    fn what_was_there_already_is_dropped() {
        let mut counters = TrackCounters::default();
        for time in [6000, 3000, -80_000] {
            let verdict = line().place(sample(time, 3000), at(9000), &mut counters);
            assert_eq!(verdict, Verdict::Drop);
        }
        assert_eq!(counters.repeated, 3);
    }

    #[test]
    fn a_long_hole_is_lost_or_a_jump_by_the_wall_clock() {
        let second = 90_000;
        for (time, arrival, expected) in [
            (9000 + 5 * second, 9000 + 5 * second, "hole"),
            (9000 + 5 * second, 9000, "jump"),
            (9000 + second, 9000, "hole"),
            (9000 + 3600 * second, 9000 + 3600 * second, "outage"),
            (9000 + 3600 * second, 9000, "jump"),
            (9000 - 5 * second, 9000, "jump"),
        ] {
            let mut counters = TrackCounters::default();
            let found = match line().place(sample(time, 3000), at(arrival), &mut counters) {
                Verdict::Hole(sample) => {
                    assert_eq!(sample.time, 900_000 + time);
                    "hole"
                }
                Verdict::Jump => "jump",
                Verdict::Outage => "outage",
                _ => "other",
            };
            assert_eq!(found, expected, "{time} {arrival}");
        }
    }

    #[test]
    fn a_hole_that_hides_in_a_duration_is_found() {
        let mut counters = TrackCounters::default();
        let mut line = line();
        let long = line.place(sample(9000, 453_000), at(459_000), &mut counters);
        assert_eq!(times(long), Some((909_000, 3000)));
        assert_eq!(counters.long_durations, 1);
        let next = line.place(sample(462_000, 3000), at(462_000), &mut counters);
        assert!(matches!(next, Verdict::Hole(_)), "{next:?}");
    }

    #[test]
    fn a_first_sample_lies_near_the_start_of_the_stretch() {
        let init = Init::read(testing::AVC_INIT).expect("reads");
        let hour = 90_000 * 3600;
        for (is_paced, time, arrival, is_hole) in [
            (true, 5 * 90_000, 0, true),
            (true, 9 * 90_000, 0, true),
            (true, 21 * 90_000, 0, false),
            (true, 21 * 90_000, 21 * 90_000, true),
            (true, hour, hour, true),
            (true, i64::MAX, 0, false),
            (false, 21 * 90_000, 0, true),
            (false, hour, 0, true),
            (false, hour + 1, 0, false),
            (false, i64::MAX, 0, false),
        ] {
            let target = Time::from_ms(501);
            let mut line = Line::new(
                &init.track,
                true,
                is_paced,
                0,
                0,
                target,
                &Limits::default(),
            );
            let mut counters = TrackCounters::default();
            let verdict = line.place(sample(time, 3000), arrival, &mut counters);
            assert_eq!(
                matches!(verdict, Verdict::Hole(_)),
                is_hole,
                "{is_paced} {time}"
            );
            assert_eq!(counters.before_start, u64::from(!is_hole));
        }
    }

    #[test]
    fn drift_is_noticed_at_a_key_frame() {
        let mut line = line();
        let mut counters = TrackCounters::default();
        let mut late = sample(9000, 3000);
        late.flags = media::isobmff::segment::SAMPLE_IS_NON_SYNC;
        let verdict = line.place(late, at(9000) + 300_000, &mut counters);
        assert!(matches!(verdict, Verdict::Keep(_)));
        let verdict = line.place(sample(12_000, 3000), at(12_000) + 300_000, &mut counters);
        assert_eq!(verdict, Verdict::Drift);
    }
}
