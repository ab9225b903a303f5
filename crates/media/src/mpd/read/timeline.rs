//! SegmentTimeline: `S` elements to runs, with every repeat count resolved.

use super::{MpdError, place::Place};
use crate::{presentation::Run, time::Timescale};

/// More segments than this in one timeline are refused (46 days of one-second segments).
const MAX_SEGMENTS: u64 = 4_000_000;
const TICKS: &str = "a whole number of ticks";

/// The segments of a SegmentTimeline.
pub(super) struct Resolved {
    pub(super) runs: Vec<Run>,
    /// `@n` of the first `S`, which counts more than `@startNumber`.
    pub(super) first_number: Option<u64>,
}

/// Reads a SegmentTimeline. `end` is where the Period ends, in ticks, when known; it resolves an
/// open repeat count of the last `S`.
pub(super) fn read(
    timeline: &Place<'_>,
    timescale: Timescale,
    end: Option<u64>,
) -> Result<Resolved, MpdError> {
    let list = timeline.children("S");
    let mut resolved = Resolved {
        runs: Vec::new(),
        first_number: None,
    };
    let mut total: u64 = 0;
    let mut next_start: u64 = 0;
    for (index, s) in list.iter().enumerate() {
        let start = s.parsed("t", TICKS)?.unwrap_or(next_start);
        let duration: u64 = s.parsed("d", TICKS)?.unwrap_or(0);
        if duration == 0 {
            return Err(s.fail_at("d", "every S needs a duration above 0"));
        }
        if resolved.runs.last().is_some_and(|run| start < run.start) {
            return Err(s.fail_at("t", format!("{start} is before the S above it")));
        }
        check_number(s, total, &mut resolved.first_number)?;
        let repeat: i64 = s.parsed("r", "a whole number")?.unwrap_or(0);
        let count = if let Ok(repeat) = u64::try_from(repeat) {
            repeat.saturating_add(1)
        } else {
            let next = match list.get(index + 1) {
                Some(next) => next.parsed("t", TICKS)?.map(|t| (t, 0)),
                None => end.map(|end| (end, u64::from(timescale.get()) / 1000)),
            };
            let Some((limit, slack)) = next else {
                let reason = "a negative repeat count needs the `t` of the next S, or the \
                              duration of the Period or MPD";
                return Err(s.fail_at("r", reason));
            };
            open_count(start, duration, limit, slack)
        };
        total = total.saturating_add(count);
        if total > MAX_SEGMENTS {
            let reason = format!("more than {MAX_SEGMENTS} segments in one timeline");
            return Err(s.fail_at("r", reason));
        }
        next_start = count
            .checked_mul(duration)
            .and_then(|length| length.checked_add(start))
            .ok_or_else(|| s.fail("the times exceed 64 bits"))?;
        push(&mut resolved.runs, start, duration, count);
    }
    if resolved.runs.is_empty() {
        return Err(timeline.fail("there is no S: no segment is listed"));
    }
    Ok(resolved)
}

/// Counts the segments from `start` up to `limit`. A last one that would be no longer than `slack`
/// is an artefact of a rounded Period duration.
fn open_count(start: u64, duration: u64, limit: u64, slack: u64) -> u64 {
    let span = limit.saturating_sub(start).saturating_sub(slack);
    span.div_ceil(duration).max(1)
}

/// Checks `S@n`: it may set the first number, but not leave a gap later.
fn check_number(s: &Place<'_>, before: u64, first: &mut Option<u64>) -> Result<(), MpdError> {
    if let Some(sequence) = s.parsed::<u64>("k", "a whole number")?
        && sequence > 1
    {
        let reason = "segment sequences (k above 1) are not supported";
        return Err(s.fail_at("k", reason));
    }
    let Some(number) = s.parsed::<u64>("n", "a whole number")? else {
        return Ok(());
    };
    if before == 0 {
        *first = Some(number);
    } else if first.is_some_and(|first| first.saturating_add(before) != number) {
        let reason = format!("{number} does not continue the numbers of the segments before it");
        return Err(s.fail_at("n", reason));
    }
    Ok(())
}

fn push(runs: &mut Vec<Run>, start: u64, duration: u64, count: u64) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if let Some(run) = runs.last_mut()
        && run.duration == duration
        && run.start + u64::from(run.count) * duration == start
    {
        run.count += count;
        return;
    }
    runs.push(Run {
        start,
        duration,
        count,
    });
}
