//! Times of samples: the shift taken off, moved to the track's grid where there is one.
//!
//! Containers with milliseconds make pictures of 33, 33 and 34 ms and sound of 21 and 22. Where all
//! of them lie within two milliseconds of a grid, the grid is what was meant, and the track gets it:
//! samples of one duration, as many ticks as they last.

use media::time::{Round, Time, Timescale};
use process::probe::Rational;

/// A sample as ffmpeg wrote it, or as it will be written. Times are in ticks of the track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timed {
    /// Offset of its data in the file.
    pub(super) offset: u64,
    /// Length of its data.
    pub(super) size: u32,
    /// Sample flags, ISO/IEC 14496-12, 8.8.3.1.
    pub(super) flags: u32,
    /// Decode time, from zero.
    pub(super) decode: i64,
    /// Presentation time less decode time.
    pub(super) composition: i32,
    /// Duration.
    pub(super) duration: u32,
}

impl Timed {
    fn presentation(&self) -> i64 {
        self.decode + i64::from(self.composition)
    }
}

/// How far a time may be off its grid.
const TOLERANCE: Time = Time::new(2, Timescale::MS);

/// Returns a timescale in which a frame of this rate has a whole number of ticks: at least 10,000
/// a second, so that it measures well.
pub(super) fn timescale(rate: Rational) -> Option<u32> {
    let mut scale = u32::try_from(rate.num).ok().filter(|scale| *scale > 0)?;
    while scale < 10_000 {
        scale *= 2;
    }
    Some(scale)
}

/// Moves pictures so that the first one is shown at zero and decoded at zero, on the grid of
/// `rate` if they all lie near it. Negative composition offsets take the place of an edit list.
pub(super) fn video(samples: &mut [Timed], scale: Timescale, rate: Option<Rational>) {
    let Some(first) = samples.first().copied() else {
        return;
    };
    let frame = rate.and_then(|rate| frame_ticks(rate, scale));
    if let Some(frame) = frame
        && let Some(order) = on_grid(samples, first.presentation(), frame, scale)
    {
        for (i, (sample, shown)) in samples.iter_mut().zip(order).enumerate() {
            sample.decode = i as i64 * frame;
            sample.composition = i32::try_from(shown * frame - sample.decode).unwrap_or(0);
            sample.duration = u32::try_from(frame).unwrap_or(u32::MAX);
        }
        return;
    }
    for sample in samples {
        sample.decode -= first.decode;
        sample.composition = sample.composition.saturating_sub(first.composition);
    }
}

fn frame_ticks(rate: Rational, scale: Timescale) -> Option<i64> {
    let product = i64::from(scale.get()).checked_mul(rate.den)?;
    (rate.num > 0 && product % rate.num == 0).then(|| product / rate.num)
}

/// Returns for each sample its place in presentation order, if they fill a grid from `first` on.
fn on_grid(samples: &[Timed], first: i64, frame: i64, scale: Timescale) -> Option<Vec<i64>> {
    let tolerance = TOLERANCE.ticks_in(scale, Round::Up).min(frame / 2);
    let mut taken = vec![false; samples.len()];
    let mut order = Vec::with_capacity(samples.len());
    for sample in samples {
        let time = sample.presentation() - first;
        let place = (time + frame / 2).div_euclid(frame);
        let seat = taken.get_mut(usize::try_from(place).ok()?)?;
        if *seat || (time - place * frame).abs() > tolerance {
            return None;
        }
        *seat = true;
        order.push(place);
    }
    Some(order)
}

/// Takes the shift off sound, cuts off what lies before zero and from `end` on, and gives samples
/// one duration if they lie near such a grid. `usual` is what the codec fixes for a frame.
pub(super) fn audio(
    samples: &mut Vec<Timed>,
    shift: i64,
    end: Option<Time>,
    scale: Timescale,
    usual: Option<u32>,
) {
    for sample in samples.iter_mut() {
        sample.decode -= shift;
        sample.composition = 0;
    }
    let frame = audio_frame(samples, scale, usual);
    if let (Some(frame), Some(first)) = (frame, samples.first().copied()) {
        for (i, sample) in samples.iter_mut().enumerate() {
            sample.decode = first.decode + i as i64 * i64::from(frame);
            sample.duration = frame;
        }
    }
    // Rounding may have put what was at zero just before it.
    let slack = Time::from_ms(1).ticks_in(scale, Round::Up);
    samples.retain(|sample| sample.decode >= -slack);
    if let Some(early) = samples.first().map(|first| first.decode.min(0)) {
        for sample in samples.iter_mut() {
            sample.decode -= early;
        }
    }
    if let Some(end) = end {
        let end = end.ticks_in(scale, Round::Up);
        samples.retain(|sample| sample.decode < end);
    }
}

fn audio_frame(samples: &[Timed], scale: Timescale, usual: Option<u32>) -> Option<u32> {
    let (first, last) = (samples.first()?, samples.last()?);
    let steps = samples.len().checked_sub(1).filter(|steps| *steps > 0)? as i64;
    let mean = (last.decode - first.decode + steps / 2) / steps;
    let tolerance = TOLERANCE.ticks_in(scale, Round::Up);
    [usual, u32::try_from(mean).ok()]
        .into_iter()
        .flatten()
        .filter(|frame| *frame > 0)
        .find(|frame| {
            samples.iter().enumerate().all(|(i, sample)| {
                let expected = first.decode + i as i64 * i64::from(*frame);
                (sample.decode - expected).abs() <= tolerance
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(decode: i64, composition: i32) -> Timed {
        Timed {
            offset: 0,
            size: 1,
            flags: 0,
            decode,
            composition,
            duration: 1,
        }
    }

    fn shown(samples: &[Timed]) -> Vec<i64> {
        samples.iter().map(Timed::presentation).collect()
    }

    #[test]
    fn timescales_hold_whole_frames() {
        for (num, den, expected) in [
            (25, 1, 12_800),
            (30, 1, 15_360),
            (25, 2, 12_800),
            (24_000, 1001, 24_000),
            (60_000, 1001, 60_000),
        ] {
            let rate = Rational { num, den };
            let scale = timescale(rate).unwrap();
            assert_eq!(scale, expected);
            assert!(frame_ticks(rate, Timescale::literal(scale)).is_some());
        }
        assert_eq!(timescale(Rational { num: 0, den: 1 }), None);
    }

    #[test]
    fn pictures_in_milliseconds_get_their_grid() {
        // 30 frames a second in a scale of 15,360, from 10 s on, in decoding order I P B B.
        let ms = |t: i64| 153_600 + t * 15_360 / 1000;
        let times = [0, 100, 33, 67, 200, 133, 167];
        let mut samples: Vec<Timed> = times
            .iter()
            .enumerate()
            .map(|(i, t)| {
                let decode = ms(i as i64 * 33) - 1024;
                sample(decode, (ms(*t) - decode) as i32)
            })
            .collect();
        let rate = Rational { num: 30, den: 1 };
        video(&mut samples, Timescale::literal(15_360), Some(rate));
        assert_eq!(shown(&samples), [0, 1536, 512, 1024, 3072, 2048, 2560]);
        assert!(samples.iter().all(|it| it.duration == 512));
        assert_eq!(samples[6].decode, 6 * 512);
    }

    #[test]
    fn pictures_off_the_grid_keep_their_times() {
        let mut samples = [sample(1000, 50), sample(1400, 0), sample(1500, 50)];
        let before = samples;
        let rate = Rational { num: 10, den: 1 };
        video(&mut samples, Timescale::literal(1000), Some(rate));
        assert_eq!(shown(&samples), [0, 350, 500]);
        assert_eq!(samples[1].duration, before[1].duration);
        video(&mut [], Timescale::MS, None);
    }

    #[test]
    fn sound_before_zero_and_behind_the_end_is_cut() {
        let scale = Timescale::literal(48_000);
        let times = [478_976, 480_001, 481_016, 482_056, 483_070];
        let mut samples: Vec<Timed> = times.iter().map(|t| sample(*t, 0)).collect();
        let end = Some(Time::new(2100, scale));
        audio(&mut samples, 480_000, end, scale, Some(1024));
        assert_eq!(shown(&samples), [0, 1024, 2048]);
        assert!(samples.iter().all(|it| it.duration == 1024));
    }

    #[test]
    fn sound_with_a_hole_keeps_its_times() {
        let scale = Timescale::literal(48_000);
        let mut samples: Vec<Timed> = [0, 1024, 9000].iter().map(|t| sample(*t, 0)).collect();
        audio(&mut samples, 0, None, scale, Some(1024));
        assert_eq!(shown(&samples), [0, 1024, 9000]);
        let mut none = Vec::new();
        audio(&mut none, 0, None, scale, None);
    }
}
