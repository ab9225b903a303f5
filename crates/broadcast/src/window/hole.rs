//! Time without media between two stretches: it is listed as segments that were lost, so that
//! durations add up to the dates (RFC 8216bis, 4.4.4.7), and has numbers of its own.
//!
//! In each track it is listed together with the first part behind it. Players that find nothing behind
//! a gap take it for a fault.

use media::time::{Round, Time};

use super::{
    inner::{Inner, clamped},
    track::Stored,
};

impl Inner {
    /// Lists as lost, at the end of the stretch at a place, the segments of a track from its next
    /// number up to `until`. They share the time up to `end` equally.
    pub(super) fn lose_until(&mut self, place: usize, track: usize, until: u64, end: Time) {
        let (Some(shown), Some(reel)) = (self.stretches.get_mut(place), self.reels.get_mut(track))
        else {
            return;
        };
        let (Some(Some(init)), Some(timeline)) =
            (shown.inits.get(track), shown.timelines.get(track))
        else {
            return;
        };
        let first = timeline.next_number();
        if timeline.is_empty() || reel.end() != first || until <= first {
            return;
        }
        let (scale, start, count) = (init.track.timescale, timeline.next_start(), until - first);
        let span = u64::try_from(end.ticks_in(scale, Round::Nearest))
            .unwrap_or(0)
            .saturating_sub(start)
            .max(count);
        let border = |step: u64| {
            let share = u128::from(span) * u128::from(step) / u128::from(count);
            start.saturating_add(u64::try_from(share).unwrap_or(span))
        };
        // What players may have seen parts of stays on its side of the discontinuity.
        shown.timelines[track].hole = Some(first.max(self.announced)).filter(|hole| *hole < until);
        for step in 0..count {
            let (start, duration) = (border(step), border(step + 1) - border(step));
            shown.list(track, first + step, start, duration, true);
            reel.segments.push_back(Stored::lost(start, duration));
        }
        let end = Time::new(clamped(border(count)), scale);
        self.resume.end = self.resume.end.max(end);
    }
}
