//! Whether a part target suits every track (draft-pantos-hls-rfc8216bis-22, 4.4.4.9): parts are
//! whole frames, none is longer than the target, and each but the last of a segment has at least
//! 85 % of it.
//!
//! Best is a target with which every track divides a segment into the same number of parts of nearly
//! one length. A rest of a frame or two at the end of a segment is allowed, but comes right behind the
//! part before it, and players fetch and append it like any other; hls.js 1.7 misses such a part now
//! and then when it is listed while the one before is being appended.

use std::time::Duration;

use media::time::Time;

use crate::units::{Rate, Seconds};

/// How long a frame of a track is: `ticks / rate` seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    ticks: u32,
    rate: u32,
}

/// A target that does not suit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "parts of {target} cannot be cut from frames of {}; the nearest that can is {nearest}",
    list(frames)
)]
pub struct Unsuitable {
    /// What was asked for.
    pub target: Seconds,
    /// Lengths of the frames that do not go with it.
    pub frames: Vec<Time>,
    /// The nearest target that suits all tracks.
    pub nearest: Seconds,
}

fn list(frames: &[Time]) -> String {
    let texts: Vec<String> = frames.iter().map(|frame| format!("{frame}s")).collect();
    texts.join(" and ")
}

/// Least part of the target that a part must have, in percent.
const LEAST: u128 = 85;

/// Targets are looked for up to this one, in milliseconds. Above 251 ms all suit every usual track.
const GREATEST_MS: u64 = 5_000;

/// No segment is divided into more parts.
const MOST_PARTS: u128 = 600;

impl Cadence {
    /// Makes that of video.
    pub fn video(rate: Rate) -> Self {
        Self {
            ticks: rate.den(),
            rate: rate.num(),
        }
    }

    /// Makes that of audio; `None` when a number is zero.
    pub fn audio(samples_per_frame: u32, sampling_rate: u32) -> Option<Self> {
        (samples_per_frame > 0 && sampling_rate > 0).then_some(Self {
            ticks: samples_per_frame,
            rate: sampling_rate,
        })
    }

    /// Returns the length of a frame.
    pub fn frame(self) -> Time {
        media::time::Timescale::new(self.rate)
            .map_or(Time::ZERO, |scale| Time::new(i64::from(self.ticks), scale))
    }

    /// Returns how many frames go into a part.
    pub fn frames_in(self, target: Seconds) -> u32 {
        let frames =
            target.0.as_nanos() * u128::from(self.rate) / (u128::from(self.ticks) * 1_000_000_000);
        u32::try_from(frames).unwrap_or(u32::MAX)
    }

    /// Returns the lengths of whole frames next to `part` on both sides, in nanoseconds, rounded
    /// away from each other.
    fn around(self, part: u128) -> (u128, u128) {
        let unit = u128::from(self.ticks) * 1_000_000_000;
        let rate = u128::from(self.rate);
        // A nanosecond is what rounding of `part` may have taken.
        let down = part.saturating_add(1) * rate / unit;
        let up = (part * rate).div_ceil(unit).max(down);
        (down * unit / rate, (up * unit).div_ceil(rate))
    }

    /// Tells whether whole frames fill at least 85 % of the target.
    fn suits(self, target: Seconds) -> bool {
        let frames = u128::from(self.frames_in(target));
        let filled = frames * u128::from(self.ticks) * 1_000_000_000 * 100;
        frames > 0 && filled >= target.0.as_nanos() * u128::from(self.rate) * LEAST
    }
}

/// Checks a target against all tracks.
pub fn check(target: Seconds, tracks: &[Cadence]) -> Result<(), Unsuitable> {
    let wrong = |track: &&Cadence| !track.suits(target);
    if !tracks.iter().any(|track| wrong(&track)) {
        return Ok(());
    }
    let mut frames: Vec<Time> = tracks.iter().filter(wrong).map(|it| it.frame()).collect();
    frames.dedup();
    Err(Unsuitable {
        target,
        frames,
        nearest: nearest(target, tracks),
    })
}

/// Finds the target with which all tracks divide a segment into about `segment / wished` parts of
/// nearly one length: one target for all rates is too long for most. The number of parts is lower
/// where that many would come out too uneven. `None` when no number will do.
pub fn even(wished: Seconds, segment: Time, tracks: &[Cadence]) -> Option<Seconds> {
    let nanos = u128::from(segment.ticks.unsigned_abs()) * 1_000_000_000;
    let nanos = nanos / u128::from(segment.scale.get());
    let most = (nanos + wished.0.as_nanos() / 2).checked_div(wished.0.as_nanos())?;
    (1..=most.min(MOST_PARTS))
        .rev()
        .find_map(|count| divide(nanos / count, tracks))
}

/// Returns the longest part of any track, in whole milliseconds, when parts of all tracks are as near
/// to `part` nanoseconds as whole frames allow; nothing when the shortest is too short for that.
fn divide(part: u128, tracks: &[Cadence]) -> Option<Seconds> {
    let longest = tracks.iter().map(|track| track.around(part).1).max()?;
    let target = longest.div_ceil(1_000_000);
    let least = target * 1_000_000 * LEAST;
    let fits = tracks
        .iter()
        .all(|track| track.around(part).0 * 100 >= least);
    fits.then(|| u64::try_from(target).ok().map(Seconds::millis))?
}

/// Finds the nearest whole number of milliseconds that suits, the longer of two.
fn nearest(target: Seconds, tracks: &[Cadence]) -> Seconds {
    let from = u64::try_from(target.0.as_millis()).unwrap_or(GREATEST_MS);
    let suits = |millis: u64| {
        let target = Seconds(Duration::from_millis(millis));
        millis > 0 && tracks.iter().all(|track| track.suits(target))
    };
    (0..=GREATEST_MS)
        .flat_map(|distance| [from.saturating_add(distance), from.saturating_sub(distance)])
        .find(|millis| suits(*millis))
        .map_or(target, Seconds::millis)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATES: [&str; 8] = ["23.976", "24", "25", "29.97", "30", "50", "59.94", "60"];

    fn all() -> Vec<Cadence> {
        let video = RATES.map(|rate| Cadence::video(rate.parse().unwrap()));
        let audio = [48_000, 44_100].map(|rate| Cadence::audio(1024, rate).unwrap());
        video.into_iter().chain(audio).collect()
    }

    #[test]
    fn the_table_of_targets_holds() {
        for (target, bad) in [
            ("0.2", vec![0, 1, 3]),
            ("0.21", vec![]),
            ("0.25", vec![0]),
            ("0.334", vec![]),
            ("0.5", vec![]),
            ("0.501", vec![]),
            ("1.001", vec![]),
        ] {
            let target: Seconds = target.parse().unwrap();
            let wrong: Vec<usize> = (0..10).filter(|i| !all()[*i].suits(target)).collect();
            assert_eq!(wrong, bad, "{target}");
        }
        let video = Cadence::video("29.97".parse().unwrap());
        assert_eq!(video.frames_in(Seconds::millis(501)), 15);
    }

    #[test]
    fn only_these_short_targets_suit_every_track() {
        let suits = |millis: &u64| check(Seconds::millis(*millis), &all()).is_ok();
        let short: Vec<u64> = (1..251).filter(suits).collect();
        let expected: Vec<u64> = (134..=136)
            .chain(140..=141)
            .chain(167..=188)
            .chain(209..=235)
            .chain(240..=245)
            .collect();
        assert_eq!(short, expected);
        assert!((251..2_000).all(|millis| suits(&millis)));
    }

    #[test]
    fn the_nearest_target_is_named() {
        let found = check(Seconds::millis(200), &all()).unwrap_err();
        assert_eq!(found.nearest, Seconds::millis(209));
        assert_eq!(
            found.to_string(),
            "parts of 0.2s cannot be cut from frames of 0.041708333s and 0.041666667s and \
             0.033366667s; the nearest that can is 0.209s"
        );
    }

    #[test]
    fn all_tracks_divide_a_segment_evenly() {
        // Wished, segment, rates, target in milliseconds; the last two have fewer parts.
        for (wished, segment, rates, target) in [
            (334, (2, 1), [4, 8], 342),
            (334, (2, 1), [4, 9], 349),
            (334, (2, 1), [2, 8], 360),
            (334, (2, 1), [1, 8], 342),
            (334, (2002, 1000), [3, 8], 342),
            (334, (4, 1), [4, 8], 342),
            (167, (1, 1), [4, 8], 171),
            (167, (1, 1), [7, 8], 171),
            (167, (1, 1), [1, 9], 186),
            (167, (1, 1), [2, 8], 214),
            (167, (1001, 1000), [0, 8], 171),
            (501, (2, 1), [5, 8], 512),
            (501, (2, 1), [2, 8], 520),
        ] {
            let segment = Time::new(segment.0, media::time::Timescale::literal(segment.1));
            let tracks = rates.map(|index| all()[index]);
            let found = even(Seconds::millis(wished), segment, &tracks);
            assert_eq!(found, Some(Seconds::millis(target)), "{wished} {rates:?}");
        }
        assert_eq!(even(Seconds::millis(334), Time::from_secs(2), &[]), None);
        let slow = Cadence::audio(300_000, 48_000).unwrap();
        let found = even(Seconds::millis(334), Time::from_secs(2), &[slow]);
        assert_eq!(found, None, "no frame ends within a segment");
    }

    proptest! {
        #[test]
        fn what_divides_a_segment_suits(
            wished in 100_u64..2_000, segment in 500_u64..8_000,
            first in 0_usize..10, other in 0_usize..10,
        ) {
            let tracks = [all()[first], all()[other]];
            let segment = Time::from_ms(segment as i64);
            if let Some(target) = even(Seconds::millis(wished), segment, &tracks) {
                prop_assert!(check(target, &tracks).is_ok());
            }
        }

        #[test]
        fn what_is_proposed_suits(millis in 1_u64..2_000, first in 0_usize..10, other in 0_usize..10) {
            let tracks = [all()[first], all()[other]];
            if let Err(found) = check(Seconds::millis(millis), &tracks) {
                prop_assert!(check(found.nearest, &tracks).is_ok());
            }
        }
    }
}
