//! The natural frame rate, from when frames are really shown. What containers declare is only
//! proposed: a rate counts as constant when every single frame is where the rate puts it.

use media::{picture, presentation::FrameRate};
use process::probe::{Rational, Video};

use super::seconds;
use crate::plan::{Rate, Seconds};

/// Taken when nothing is known.
const FALLBACK: FrameRate = FrameRate { num: 25, den: 1 };

/// What the times of frames tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timing {
    /// The rate, or one that fits the usual distance of frames when that varies.
    pub(super) rate: Rate,
    /// Whether some frame is not where the rate puts it.
    pub(super) variable: bool,
    /// Number of frames.
    pub(super) frames: u64,
}

/// Finds the rate of frames shown at `times` (ascending); `decoded` are the times of the first
/// decoded frames, which tell whether packets hold single fields.
pub(super) fn of(times: &[i64], decoded: &[i64], clock: Rational, video: &Video) -> Timing {
    let frames = if holds_fields(times, decoded) {
        // The first packet is taken to begin a frame.
        times.iter().copied().step_by(2).collect()
    } else {
        times.to_vec()
    };
    let count = frames.len() as u64;
    let declared = [video.base_rate, video.mean_rate].map(|rate| rate.and_then(rate_of));
    let measured = mean(&frames, clock);
    let candidates = || {
        let given = declared.into_iter().chain([measured]).flatten();
        given.flat_map(|rate| [picture::usual(rate), rate])
    };
    // A tick and a half is what rounding can do; a quarter of a frame is jitter that still leaves
    // no doubt which frame is meant.
    for strict in [true, false] {
        let fitting = candidates().find(|rate| fits(&frames, clock, *rate, strict));
        if let Some(rate) = fitting.filter(|_| frames.len() > 1) {
            return Timing {
                rate: exact(rate),
                variable: false,
                frames: count,
            };
        }
    }
    let usual = varying(&frames, clock, measured)
        .or(declared[1])
        .or(declared[0])
        .map_or(FALLBACK, picture::usual);
    Timing {
        rate: exact(usual),
        variable: frames.len() > 1,
        frames: count,
    }
}

/// Tells whether packets come twice as densely as frames: each holds a field.
fn holds_fields(times: &[i64], decoded: &[i64]) -> bool {
    let (Some(packet), Some(frame)) = (usual_step(times), usual_step(decoded)) else {
        return false;
    };
    let (packet, frame) = (i128::from(packet), i128::from(frame));
    packet > 0 && (frame - 2 * packet).abs() <= 1 && frame > packet
}

/// The median distance of consecutive times.
fn usual_step(times: &[i64]) -> Option<i64> {
    let mut times = times.to_vec();
    times.sort_unstable();
    let mut steps: Vec<i64> = times
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied()
}

/// Tells whether frame `n` is shown at the first frame's time plus `n` frames, for all `n`.
fn fits(times: &[i64], clock: Rational, rate: FrameRate, strict: bool) -> bool {
    let Some(first) = times.first() else {
        return false;
    };
    // All in units of 1 / (clock.den * rate.num): exact.
    let tick = i128::from(clock.num) * i128::from(rate.num);
    let frame = i128::from(clock.den) * i128::from(rate.den);
    let allowed = if strict {
        // At least a millisecond and a half: some muxers round to milliseconds on the way.
        let ms = i128::from(clock.den) * i128::from(rate.num) * 3 / 2000;
        (tick * 3 / 2).max(ms).min(frame / 4)
    } else {
        frame / 4
    };
    times.iter().enumerate().all(|(index, time)| {
        let is = (i128::from(*time) - i128::from(*first)) * tick;
        let due = index as i128 * frame;
        (is - due).abs() <= allowed
    })
}

/// Chooses for a varying rate: that of the usual distance, which dropped frames leave as it is; or
/// the mean, if that is a usual rate and just as many distances are multiples of its frames, as
/// with jitter.
fn varying(times: &[i64], clock: Rational, mean: Option<FrameRate>) -> Option<FrameRate> {
    let median = median(times, clock)?;
    let score = |rate: FrameRate| {
        let tick = i128::from(clock.num) * i128::from(rate.num);
        let frame = i128::from(clock.den) * i128::from(rate.den);
        let is_multiple = |pair: &[i64]| {
            let step = i128::from(pair[1].saturating_sub(pair[0])) * tick;
            let frames = ((step + frame / 2) / frame).max(1);
            (step - frames * frame).abs() <= frame / 4
        };
        times.windows(2).filter(|pair| is_multiple(pair)).count()
    };
    let usual = mean.filter(|mean| picture::near(*mean, picture::usual(*mean), 200));
    let better = |mean: &FrameRate| score(picture::usual(*mean)) >= score(picture::usual(median));
    usual.filter(better).or(Some(median))
}

fn mean(times: &[i64], clock: Rational) -> Option<FrameRate> {
    let (first, last) = (times.first()?, times.last()?);
    let span = seconds(clock).times(last.saturating_sub(*first));
    per(span, times.len().checked_sub(1)?)
}

fn median(times: &[i64], clock: Rational) -> Option<FrameRate> {
    per(seconds(clock).times(usual_step(times)?), 1)
}

/// `count` frames in `span`, to a thousandth.
fn per(span: Seconds, count: usize) -> Option<FrameRate> {
    let thousandths = i128::try_from(count).ok()? * 1000 * i128::from(span.den());
    let num = u32::try_from(thousandths.checked_div(i128::from(span.num()))?).ok()?;
    sane(FrameRate { num, den: 1000 })
}

/// Takes a declared rate over; one with unwieldy numbers to a thousandth.
fn rate_of(rate: Rational) -> Option<FrameRate> {
    const WIELDY: u32 = 1_000_000;
    let num = u32::try_from(rate.num).ok()?;
    let den = u32::try_from(rate.den).ok().filter(|den| *den > 0)?;
    if num <= WIELDY && den <= WIELDY {
        return sane(FrameRate { num, den });
    }
    let thousandths = u64::from(num) * 1000 / u64::from(den);
    sane(FrameRate {
        num: u32::try_from(thousandths).ok()?,
        den: 1000,
    })
}

/// Between 1 and 480 frames a second: pictures further apart than that are shown on a finer grid.
fn sane(rate: FrameRate) -> Option<FrameRate> {
    let (num, den) = (u64::from(rate.num), u64::from(rate.den));
    (num >= den && num <= 480 * den && den > 0).then_some(rate)
}

fn exact(rate: FrameRate) -> Rate {
    Rate::new(rate.num, rate.den).unwrap_or(Rate { num: 25, den: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(den: i64) -> Rational {
        Rational { num: 1, den }
    }

    fn declared(base: &str, mean: &str) -> Video {
        let rate = |text| Rational::parse_fraction(text).filter(|it| it.is_positive());
        Video {
            base_rate: rate(base),
            mean_rate: rate(mean),
            ..Video::default()
        }
    }

    fn found(times: &[i64], den: i64, base: &str, mean: &str) -> (String, bool) {
        let timing = of(times, times, clock(den), &declared(base, mean));
        (timing.rate.to_string(), timing.variable)
    }

    #[test]
    fn constant_rates_are_found_in_every_clock() {
        let ms = |rate: f64| -> Vec<i64> {
            (0..300)
                .map(|n| (f64::from(n) * 1000.0 / rate).round() as i64 + 21)
                .collect()
        };
        let ntsc: Vec<i64> = (0..300).map(|n| 126_000 + n * 3003).collect();
        assert_eq!(
            found(&ntsc, 90_000, "30000/1001", "30000/1001"),
            ("30000/1001".into(), false)
        );
        assert_eq!(
            found(&ntsc, 90_000, "90000/1", "0/0"),
            ("30000/1001".into(), false)
        );
        assert_eq!(
            found(&ms(29.97), 1000, "1000/1", "2997/100"),
            ("30000/1001".into(), false)
        );
        assert_eq!(
            found(&ms(23.976), 1000, "24000/1001", "24000/1001"),
            ("24000/1001".into(), false)
        );
        assert_eq!(found(&ms(25.0), 1000, "25/1", "25/1"), ("25".into(), false));
        assert_eq!(
            found(&ms(12.5), 1000, "25/2", "25/2"),
            ("25/2".into(), false)
        );
    }

    #[test]
    fn declarations_that_frames_contradict_do_not_count() {
        let film: Vec<i64> = (0..300).map(|n| n * 1001).collect();
        assert_eq!(
            found(&film, 24_000, "30/1", "30/1"),
            ("24000/1001".into(), false)
        );
    }

    #[test]
    fn dropped_frames_make_it_variable() {
        let times: Vec<i64> = (0..300).filter(|n| n % 7 != 3).map(|n| n * 3003).collect();
        assert_eq!(
            found(&times, 90_000, "30000/1001", "2569/100"),
            ("30000/1001".into(), true)
        );
    }

    #[test]
    fn jitter_below_a_quarter_frame_is_borne() {
        let times: Vec<i64> = (0..200_i64).map(|n| n * 40 + n % 3 * 4).collect();
        assert_eq!(found(&times, 1000, "25/1", "25/1"), ("25".into(), false));
        let times: Vec<i64> = (0..200_i64).map(|n| n * 40 + n % 3 * 8).collect();
        assert_eq!(found(&times, 1000, "25/1", "25/1"), ("25".into(), true));
    }

    #[test]
    fn fields_in_packets_count_as_halves() {
        let fields: Vec<i64> = (0..100).map(|n| n * 1800).collect();
        let frames: Vec<i64> = (0..20).map(|n| n * 3600).collect();
        let timing = of(&fields, &frames, clock(90_000), &declared("50/1", "25/1"));
        assert_eq!((timing.rate.to_string(), timing.frames), ("25".into(), 50));
    }

    #[test]
    fn one_picture_is_no_film() {
        assert_eq!(found(&[7], 25, "25/1", "25/1"), ("25".into(), false));
        assert_eq!(found(&[], 25, "0/0", "0/0"), ("25".into(), false));
    }
}
