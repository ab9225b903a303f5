//! Whether a part target suits every track (draft-pantos-hls-rfc8216bis-22, 4.4.4.9): parts are
//! whole frames, none is longer than the target, and each but the last of a segment has at least
//! 85 % of it.

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

    proptest! {
        #[test]
        fn what_is_proposed_suits(millis in 1_u64..2_000, first in 0_usize..10, other in 0_usize..10) {
            let tracks = [all()[first], all()[other]];
            if let Err(found) = check(Seconds::millis(millis), &tracks) {
                prop_assert!(check(found.nearest, &tracks).is_ok());
            }
        }
    }
}
