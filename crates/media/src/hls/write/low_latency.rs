//! What low latency adds to media playlists: server control, parts, hints and reports
//! (RFC 8216bis, 4.4.3.8, 4.4.3.7, 4.4.4.9, 4.4.5).

use std::fmt::Write as _;

use super::{groups::is_trick_mode, media::Stretch, push_media_uri};
use crate::{
    presentation::{Content, Liveness, Part, Presentation, SwitchingSet},
    time::{Round, Time, Timescale},
};

const MICROSECONDS: Timescale = Timescale::literal(1_000_000);
/// `PART-HOLD-BACK` in part targets.
const PART_HOLD_BACK: i64 = 3;
/// `HOLD-BACK` in target durations.
const HOLD_BACK: i64 = 3;
/// `CAN-SKIP-UNTIL` in target durations.
const SKIP_UNTIL: i64 = 6;
/// For how long parts stay listed, in target durations.
const PARTS_UNTIL: i64 = 3;

/// What a playlist of a low-latency presentation has beside its segments.
#[derive(Clone, Copy)]
pub(super) struct Extras {
    part_target: Time,
    /// `EXT-X-TARGETDURATION` in seconds.
    target: i64,
    /// Whether this track has parts; subtitles have none.
    pub(super) has_parts: bool,
}

impl Extras {
    /// Returns what there is for a track of `set`; nothing unless the presentation has parts.
    pub(super) fn of(presentation: &Presentation, set: &SwitchingSet, target: u64) -> Option<Self> {
        Some(Self {
            part_target: part_target(presentation)?,
            target: i64::try_from(target).unwrap_or(i64::MAX),
            has_parts: matches!(set.content, Content::Video | Content::Audio),
        })
    }

    /// Returns how far from the end a segment has to lie to be left out of a delta update.
    pub(super) fn skip_boundary(&self) -> Time {
        Time::from_secs(self.target.saturating_mul(SKIP_UNTIL))
    }

    /// Returns how far from the end a segment may lie for its parts to be listed.
    pub(super) fn part_boundary(&self) -> Time {
        Time::from_secs(self.target.saturating_mul(PARTS_UNTIL))
    }

    /// Writes `EXT-X-SERVER-CONTROL`, the same for all tracks, and `EXT-X-PART-INF`. The target is
    /// rounded up to what a decimal can say, so that all that is written fits together exactly.
    pub(super) fn push_control(&self, out: &mut String) {
        let part_target = self.part_target.rescale(MICROSECONDS, Round::Up);
        let hold_back = part_target.ticks.saturating_mul(PART_HOLD_BACK);
        let _ = writeln!(
            out,
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={},HOLD-BACK={},CAN-SKIP-UNTIL={}",
            Time::new(hold_back, part_target.scale),
            self.target.saturating_mul(HOLD_BACK),
            self.skip_boundary(),
        );
        if self.has_parts {
            let _ = writeln!(out, "#EXT-X-PART-INF:PART-TARGET={part_target}");
        }
    }
}

/// Returns the part target of a presentation that is listed part by part.
pub(super) fn part_target(presentation: &Presentation) -> Option<Time> {
    match &presentation.liveness {
        Liveness::Live(live) => live.low_latency?.part_target,
        Liveness::Static { .. } => None,
    }
}

/// Writes `EXT-X-PART` for a part whose URI `push_uri` writes.
pub(super) fn push_part(
    out: &mut String,
    part: &Part,
    scale: Timescale,
    push_uri: impl FnOnce(&mut String),
) {
    let duration = Time::new(i64::try_from(part.duration).unwrap_or(i64::MAX), scale);
    let _ = write!(out, "#EXT-X-PART:DURATION={duration},URI=\"");
    push_uri(out);
    out.push('"');
    if part.independent {
        out.push_str(",INDEPENDENT=YES");
    }
    if part.gap {
        out.push_str(",GAP=YES");
    }
    out.push('\n');
}

/// Writes `EXT-X-PRELOAD-HINT` of a type for what `push_uri` writes the URI of.
pub(super) fn push_hint(out: &mut String, kind: &str, push_uri: impl FnOnce(&mut String)) {
    let _ = write!(out, "#EXT-X-PRELOAD-HINT:TYPE={kind},URI=\"");
    push_uri(out);
    out.push_str("\"\n");
}

/// Writes `EXT-X-RENDITION-REPORT` for a track: the last segment that is listed in whole or in part,
/// and the last part of it. Nothing when the track has neither.
pub(super) fn push_report(
    out: &mut String,
    set: &SwitchingSet,
    stretches: &[Stretch<'_>],
    climb: &str,
    query: &str,
) {
    let is_rendition = match set.content {
        Content::Video | Content::Audio => !is_trick_mode(set),
        Content::Text => true,
        Content::Image => false,
    };
    let newest = stretches
        .iter()
        .rev()
        .find(|stretch| !stretch.is_empty())
        .filter(|_| is_rendition);
    let Some(Stretch {
        track, timeline, ..
    }) = newest
    else {
        return;
    };
    let part = timeline.parts.last();
    let Some(last) = part.map_or_else(
        || timeline.next_number().checked_sub(1),
        |part| Some(part.segment),
    ) else {
        return;
    };
    out.push_str("#EXT-X-RENDITION-REPORT:URI=\"");
    out.push_str(climb);
    push_media_uri(out, &track.id, query);
    let _ = write!(out, "\",LAST-MSN={last}");
    if let Some(part) = part {
        let _ = write!(out, ",LAST-PART={}", part.index);
    }
    out.push('\n');
}

#[cfg(test)]
mod tests;
