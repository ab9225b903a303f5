//! The endless repetition of a track, in exact integer arithmetic.
//!
//! A track's live time line is a row of *slots* without gap or overlap: slot `n` lies between
//! boundaries `n` and `n + 1`, and boundary 0 is media time zero. Every boundary is computed from
//! the slot's number alone, never by adding up, so nothing drifts: loop `w` begins at `w * L`,
//! where `L` is the exact rational length of the loop, rounded to a tick of this track at the end.
//!
//! | track | boundary `n` |
//! |---|---|
//! | [`Cycle::Stored`] | start of stored segment `n mod N`, plus the start of loop `n / N` |
//! | [`Cycle::Recut`] | the reference track's boundary `n`, up to the next audio frame |
//!
//! All results are `None` beyond the range of `i64` ticks.

use std::sync::Arc;

use asset::model::TrackIndex;
use media::time::{Round, Time, Timescale};

/// The slots of one track.
#[derive(Clone, Debug)]
pub(crate) enum Cycle {
    /// Its own stored segments, repeated.
    Stored(Stored),
    /// Audio cut anew at the boundaries of the reference track.
    Recut(Recut),
}

/// The stored segments of a track, repeated.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    index: Arc<TrackIndex>,
    /// Segments in a loop: those that begin before its end.
    count: usize,
    /// Decode time, as stored, that is the start of the loop.
    origin: i64,
    /// Length of the loop.
    length: Time,
    /// The length in ticks of this track when it is whole.
    whole: Option<i64>,
    /// The duration of every slot when they are all alike, across the end of the loop too.
    uniform: Option<u64>,
}

/// Audio frames grouped by the boundaries of the reference track.
#[derive(Clone, Debug)]
pub(crate) struct Recut {
    reference: Stored,
    scale: Timescale,
    /// Ticks of one frame, not zero.
    frame: u32,
}

impl Cycle {
    /// Returns the timescale of the boundaries.
    #[cfg(test)]
    pub(crate) fn scale(&self) -> Timescale {
        match self {
            Self::Stored(stored) => stored.index.timescale,
            Self::Recut(recut) => recut.scale,
        }
    }

    /// Returns the start of slot `n` in ticks since media time zero; never negative.
    pub(crate) fn boundary(&self, n: u64) -> Option<i64> {
        match self {
            Self::Stored(stored) => stored.boundary(n),
            Self::Recut(recut) => recut.up_to_frame(recut.reference.boundary(n)?),
        }
    }

    /// Returns the duration of slot `n` in ticks.
    pub(crate) fn duration(&self, n: u64) -> Option<u64> {
        let end = self.boundary(n.checked_add(1)?)?;
        u64::try_from(end.checked_sub(self.boundary(n)?)?).ok()
    }

    /// Returns the time from which slot `n` may be handed out, relative to media time zero. Cut
    /// audio follows its reference, so that both tracks list the same slots.
    pub(crate) fn end(&self, n: u64) -> Option<Time> {
        let next = n.checked_add(1)?;
        let stored = self.clock();
        Some(Time::new(stored.boundary(next)?, stored.index.timescale))
    }

    /// Returns how many slots have ended at `time` after media time zero.
    pub(crate) fn ended(&self, time: Time) -> u64 {
        let stored = self.clock();
        stored.ended(time.ticks_in(stored.index.timescale, Round::Down))
    }

    /// Returns the slot that starts at `tick`, exactly.
    pub(crate) fn starting_at(&self, tick: i64) -> Option<u64> {
        match self {
            Self::Stored(stored) => {
                let n = stored.ended(tick);
                (stored.boundary(n)? == tick).then_some(n)
            }
            Self::Recut(recut) => {
                let last = self.ended(Time::new(tick, recut.scale));
                (last.saturating_sub(1)..=last).find(|n| self.boundary(*n) == Some(tick))
            }
        }
    }

    /// Returns the loop of slot `n` and the slot's position in it.
    pub(crate) fn place(&self, n: u64) -> (u64, usize) {
        self.clock().place(n)
    }

    /// Returns the duration of every slot when they are all alike.
    pub(crate) fn uniform(&self) -> Option<u64> {
        match self {
            Self::Stored(stored) => stored.uniform,
            Self::Recut(_) => None,
        }
    }

    /// Returns the mean duration of a slot, exactly.
    pub(crate) fn mean(&self) -> Mean {
        let stored = self.clock();
        let ticks = stored.length.ticks.unsigned_abs();
        let per_second = u64::from(stored.length.scale.get()) * stored.count as u64;
        let divisor = gcd(ticks, per_second).max(1);
        Mean {
            ticks: ticks / divisor,
            per_second: per_second / divisor,
        }
    }

    /// Tells whether some slot begins more than half a mean duration away from its multiple of that:
    /// then numbers and the mean alone do not tell when it is there.
    pub(crate) fn strays(&self) -> bool {
        let stored = self.clock();
        let count = i128::try_from(stored.count).unwrap_or(i128::MAX);
        let scale = stored.index.timescale;
        let length = i128::from(stored.length.ticks_in(scale, Round::Nearest));
        (0_u32..).take(stored.count).any(|n| {
            let Some(begin) = stored.boundary(n.into()) else {
                return false;
            };
            // In parts of a tick, of which one has as many as the loop has slots.
            let off = i128::from(begin) * count - i128::from(n) * length;
            off.abs() * 2 > length
        })
    }

    /// Returns the duration of the longest slot. Cut audio lasts up to a frame longer than its
    /// reference; that is left out where it makes no difference to whole seconds, to which a
    /// playlist rounds.
    pub(crate) fn longest(&self) -> Time {
        let stored = self.clock();
        let slot = Time::new(stored.longest(), stored.index.timescale);
        let Self::Recut(recut) = self else {
            return slot;
        };
        let cut = slot
            .ticks_in(recut.scale, Round::Up)
            .saturating_add(i64::from(recut.frame));
        let cut = Time::new(cut, recut.scale);
        let seconds = |time: Time| time.ticks_in(Timescale::SECONDS, Round::Nearest);
        if seconds(cut) > seconds(slot) {
            cut
        } else {
            slot
        }
    }

    fn clock(&self) -> &Stored {
        match self {
            Self::Stored(stored) => stored,
            Self::Recut(recut) => &recut.reference,
        }
    }
}

/// An exact duration: `ticks / per_second` seconds in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mean {
    pub(crate) ticks: u64,
    pub(crate) per_second: u64,
}

impl Stored {
    /// Repeats the segments of `index` every `length`; `None` when there is nothing to repeat.
    ///
    /// `origin` is the stored decode time of the loop's start. A track that begins a whole loop or
    /// more away from it begins the loop itself.
    pub(crate) fn new(index: Arc<TrackIndex>, origin: i64, length: Time) -> Option<Self> {
        let first = i64::try_from(index.segments.first()?.start).ok()?;
        if length.ticks <= 0 {
            return None;
        }
        let ticks = length.ticks_in(index.timescale, Round::Down);
        let origin = match first.checked_sub(origin) {
            Some(lead) if lead.abs() < ticks => origin,
            _ => first,
        };
        let whole = length.is_exact_in(index.timescale).then_some(ticks);
        let loop_end = i128::from(origin) + i128::from(ticks);
        let count = index
            .segments
            .partition_point(|segment| i128::from(segment.start) < loop_end)
            .max(1);
        let mut stored = Self {
            index,
            count,
            origin,
            length,
            whole,
            uniform: None,
        };
        stored.uniform = stored.find_uniform();
        Some(stored)
    }

    fn find_uniform(&self) -> Option<u64> {
        let count = self.count as i64;
        let whole = self.whole.filter(|ticks| ticks % count == 0)?;
        let duration = whole / count;
        let alike = (0..=self.count as u64)
            .zip(0_i64..)
            .all(|(n, i)| self.boundary(n) == i.checked_mul(duration));
        alike.then(|| duration.unsigned_abs())
    }

    fn longest(&self) -> i64 {
        let durations = (0..self.count as u64)
            .filter_map(|n| self.boundary(n + 1)?.checked_sub(self.boundary(n)?));
        durations.max().unwrap_or(0)
    }

    fn place(&self, n: u64) -> (u64, usize) {
        let count = self.count as u64;
        (n / count, (n % count) as usize)
    }

    /// Returns the start of loop `wraps` in ticks.
    pub(crate) fn loop_start(&self, wraps: u64) -> Option<i64> {
        let wraps = i64::try_from(wraps).ok()?;
        if let Some(ticks) = self.whole {
            return wraps.checked_mul(ticks);
        }
        let scale = i128::from(self.length.scale.get());
        let ticks = i128::from(self.length.ticks) * i128::from(self.index.timescale.get());
        let exact = ticks.checked_mul(i128::from(wraps))?;
        i64::try_from((exact + scale / 2).div_euclid(scale)).ok()
    }

    fn boundary(&self, n: u64) -> Option<i64> {
        let (wraps, i) = self.place(n);
        let start = i64::try_from(self.index.segments.get(i)?.start).ok()?;
        let within = start.checked_sub(self.origin)?;
        Some(self.loop_start(wraps)?.checked_add(within)?.max(0))
    }

    /// Returns the greatest `n` whose boundary is not after `tick`; 0 before the first.
    fn ended(&self, tick: i64) -> u64 {
        if tick < 0 {
            return 0;
        }
        let mut wraps = whole_loops(Time::new(tick, self.index.timescale), self.length);
        let count = self.count as u64;
        let begun = |wraps: u64| {
            wraps
                .checked_mul(count)
                .and_then(|n| self.boundary(n))
                .is_some_and(|start| start <= tick)
        };
        while begun(wraps.saturating_add(1)) {
            wraps += 1;
        }
        while wraps > 0 && !begun(wraps) {
            wraps -= 1;
        }
        let Some(base) = self.loop_start(wraps) else {
            return 0;
        };
        let within = i128::from(tick) - i128::from(base) + i128::from(self.origin);
        let begun = self
            .index
            .segments
            .partition_point(|segment| i128::from(segment.start) <= within)
            .clamp(1, self.count);
        wraps.saturating_mul(count).saturating_add(begun as u64 - 1)
    }
}

/// Returns how many whole loops of `length` lie before `time`.
fn whole_loops(time: Time, length: Time) -> u64 {
    let over = i128::from(time.ticks) * i128::from(length.scale.get());
    let under = i128::from(length.ticks) * i128::from(time.scale.get());
    u64::try_from(over.div_euclid(under.max(1))).unwrap_or(0)
}

impl Recut {
    /// Groups frames of `frame` ticks of `scale` by the slots of `reference`.
    pub(crate) fn new(reference: Stored, scale: Timescale, frame: u32) -> Option<Self> {
        (frame > 0).then_some(Self {
            reference,
            scale,
            frame,
        })
    }

    /// Returns the first frame of loop `wraps`, counted from media time zero.
    pub(crate) fn first_frame(&self, wraps: u64) -> Option<i64> {
        let count = self.reference.count as u64;
        let start = self.reference.boundary(wraps.checked_mul(count)?)?;
        Some(self.up_to_frame(start)? / i64::from(self.frame))
    }

    /// Returns the ticks of one frame.
    pub(crate) fn frame(&self) -> u32 {
        self.frame
    }

    /// Returns the start of the first frame that does not begin before `tick` of the reference, which
    /// is not negative.
    fn up_to_frame(&self, tick: i64) -> Option<i64> {
        let frame = u128::from(self.frame);
        let over = u128::from(tick.unsigned_abs()) * u128::from(self.scale.get());
        let under = u128::from(self.reference.index.timescale.get()) * frame;
        let frames = over.div_ceil(under);
        i64::try_from(frames * frame).ok()
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
#[path = "cycle_tests.rs"]
mod tests;
