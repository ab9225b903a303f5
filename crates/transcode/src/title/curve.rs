//! From rate and quality at two rate factors to the rungs of a ladder.
//!
//! The logarithm of the rate and the quality are taken as straight lines over the rate factor, which
//! they nearly are over the range that is tried. Estimates are floats; what is decided is whole.

/// Neighbouring rungs are at least this much apart in rate.
const APART: f64 = 1.5;

/// Further distances that are tried when a rung is not worth its bits nearer to the one above.
const FURTHER: [f64; 3] = [APART, 2.0, 3.0];

/// Greatest rate factor in tenths, that of x264.
const CRF_LIMIT: f64 = 510.0;

/// What was measured at one rate factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Rate factor in tenths.
    pub(super) crf_tenths: u32,
    /// Bits a second.
    pub(super) rate_bps: f64,
    /// By the metric; more is better.
    pub(super) quality: f64,
}

/// What is known of a rung.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Curve {
    better: Point,
    worse: Point,
    cap_bps: f64,
}

/// A rung that was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Choice {
    /// Position of the rung.
    pub(super) index: usize,
    /// Rate factor in tenths.
    pub(super) crf_tenths: u32,
    /// Expected mean of bits a second.
    pub(super) rate_bps: u64,
    /// Expected quality.
    pub(super) quality: f64,
}

impl Curve {
    /// Makes a curve through two points, the better one first; `None` when they tell nothing.
    pub(super) fn new([better, worse]: [Point; 2], cap_bps: u64) -> Option<Self> {
        let sound = better.crf_tenths < worse.crf_tenths
            && worse.rate_bps > 0.0
            && better.rate_bps > worse.rate_bps
            && better.quality >= worse.quality
            && worse.quality.is_finite()
            && better.quality.is_finite();
        sound.then_some(Self {
            better,
            worse,
            cap_bps: cap_bps as f64,
        })
    }

    /// The rate at the quality that was asked for, below the cap.
    fn natural(&self) -> f64 {
        self.better.rate_bps.min(self.cap_bps)
    }

    /// How far a rate is from the better point to the worse one: 0 to 1, and beyond.
    fn place(&self, rate: f64) -> f64 {
        (self.better.rate_bps / rate).ln() / (self.better.rate_bps / self.worse.rate_bps).ln()
    }

    fn quality(&self, rate: f64) -> f64 {
        self.better.quality + self.place(rate) * (self.worse.quality - self.better.quality)
    }

    fn crf_tenths(&self, rate: f64) -> u32 {
        let (from, to) = (
            f64::from(self.better.crf_tenths),
            f64::from(self.worse.crf_tenths),
        );
        (from + self.place(rate) * (to - from))
            .round()
            .clamp(0.0, CRF_LIMIT.max(to)) as u32
    }

    fn at(&self, index: usize, rate: f64) -> Choice {
        Choice {
            index,
            crf_tenths: self.crf_tenths(rate),
            rate_bps: rate.round().max(1.0) as u64,
            quality: self.quality(rate),
        }
    }
}

/// What eyes do not tell apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Eyes {
    /// A difference in quality that is not seen.
    pub(super) indifferent: f64,
    /// Quality above which nothing is better.
    pub(super) content: f64,
}

/// Chooses rungs, best first, never none of some.
pub(super) fn choose(curves: &[Curve], eyes: Eyes) -> Vec<Choice> {
    let looks = |curve: &Curve| curve.quality(curve.natural()).min(eyes.content);
    let mut top = 0;
    // A greater picture that looks no better than the next one, as of an enlarged source.
    while let (Some(great), Some(small)) = (curves.get(top), curves.get(top + 1))
        && looks(great) <= looks(small) + eyes.indifferent
    {
        top += 1;
    }
    let Some(first) = curves.get(top) else {
        return Vec::new();
    };
    let mut above = (first, first.natural());
    let mut chosen = vec![first.at(top, above.1)];
    for (index, curve) in curves.iter().enumerate().skip(top + 1) {
        let is_last = index + 1 == curves.len();
        let rates = FURTHER.map(|apart| curve.natural().min(above.1 / apart));
        // The rung above could take the same rate: the smaller picture has to look better then.
        let worth = |rate: &f64| curve.quality(*rate) > above.0.quality(*rate);
        // Slow networks get something whatever it is worth.
        let rate = rates
            .into_iter()
            .find(worth)
            .or(is_last.then_some(rates[0]));
        if let Some(rate) = rate {
            chosen.push(curve.at(index, rate));
            above = (curve, rate);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EYES: Eyes = Eyes {
        indifferent: 1.0,
        content: 96.0,
    };

    fn curve(rates: [f64; 2], qualities: [f64; 2], cap: u64) -> Curve {
        let point = |crf_tenths, index: usize| Point {
            crf_tenths,
            rate_bps: rates[index],
            quality: qualities[index],
        };
        Curve::new([point(230, 0), point(310, 1)], cap).unwrap()
    }

    fn indices(choices: &[Choice]) -> Vec<usize> {
        choices.iter().map(|choice| choice.index).collect()
    }

    /// A film: greater pictures look better at their rates, smaller ones at low rates.
    fn film() -> Vec<Curve> {
        vec![
            curve([6e6, 2e6], [95.0, 82.0], 7_800_000),
            curve([3e6, 1e6], [90.0, 80.0], 4_500_000),
            curve([1.4e6, 5e5], [84.0, 75.0], 2_000_000),
            curve([6e5, 2e5], [65.0, 58.0], 400_000),
        ]
    }

    #[test]
    fn a_film_keeps_its_ladder() {
        let chosen = choose(&film(), EYES);
        assert_eq!(indices(&chosen), [0, 1, 2, 3]);
        assert_eq!(chosen[0].crf_tenths, 230);
        assert_eq!(chosen[0].rate_bps, 6_000_000);
        assert_eq!(chosen[1].rate_bps, 3_000_000);
        assert_eq!(chosen[2].rate_bps, 1_400_000);
        // The cap binds: a worse rate factor.
        assert_eq!(chosen[3].rate_bps, 400_000);
        assert!(chosen[3].crf_tenths > 230);
    }

    #[test]
    fn an_enlarged_source_loses_its_top() {
        let mut curves = film();
        curves[0] = curve([4e6, 1.5e6], [90.5, 80.0], 7_800_000);
        assert_eq!(indices(&choose(&curves, EYES)), [1, 2, 3]);
    }

    #[test]
    fn what_is_not_worth_its_bits_is_left_out() {
        let mut curves = film();
        // The middle rung looks worse than the one above at every rate that it could have.
        curves[2] = curve([2e6, 7e5], [60.0, 40.0], 2_000_000);
        assert_eq!(indices(&choose(&curves, EYES)), [0, 1, 3]);
    }

    #[test]
    fn still_pictures_have_one_rung_or_more() {
        let flat = |rate: f64| curve([rate, rate / 1.1], [99.0, 99.0], 8_000_000);
        let chosen = choose(&[flat(20_000.0), flat(15_000.0), flat(10_000.0)], EYES);
        assert_eq!(indices(&chosen), [2]);
        assert!(choose(&[], EYES).is_empty());
    }

    #[test]
    fn points_without_sense_make_no_curve() {
        let point = |crf_tenths, rate_bps, quality| Point {
            crf_tenths,
            rate_bps,
            quality,
        };
        for pair in [
            [point(230, 1e6, 90.0), point(310, 1e6, 80.0)],
            [point(230, 1e6, 90.0), point(310, 0.0, 80.0)],
            [point(230, 1e6, 80.0), point(310, 5e5, 90.0)],
            [point(230, 1e6, f64::INFINITY), point(310, 5e5, 90.0)],
            [point(310, 1e6, 90.0), point(230, 5e5, 80.0)],
        ] {
            assert!(Curve::new(pair, 1).is_none(), "{pair:?}");
        }
    }

    proptest! {
        #[test]
        fn rungs_are_apart_and_in_order(
            raw in prop::collection::vec((1e4..1e8_f64, 1.1..8.0_f64, 20.0..99.0_f64, 0.0..15.0_f64, 1_u64..50_000_000), 1..8),
            indifferent in 0.0..2.0_f64, content in 50.0..99.0_f64,
        ) {
            let curves: Vec<Curve> = raw
                .iter()
                .map(|&(rate, ratio, quality, loss, cap)| {
                    curve([rate, rate / ratio], [quality, quality - loss], cap.max(1000))
                })
                .collect();
            let chosen = choose(&curves, Eyes { indifferent, content });
            prop_assert!(!chosen.is_empty());
            prop_assert!(chosen.len() <= curves.len());
            for pair in chosen.windows(2) {
                prop_assert!(pair[0].index < pair[1].index);
                prop_assert!(pair[1].rate_bps as f64 * APART <= pair[0].rate_bps as f64 + 2.0);
            }
            for choice in &chosen {
                prop_assert!(choice.rate_bps >= 1 && choice.crf_tenths <= 510);
                prop_assert!(choice.rate_bps <= raw[choice.index].4.max(1000) + 1);
            }
        }
    }
}
