//! One media playlist as it is.

use media::hls::read::{HintKind, Media, Part, PlaylistType};

use super::{Entry, entry, run_table, when};
use crate::watch::{
    hls::timeline,
    nanos::{from_ms, nanos, seconds, sum},
};

/// A media playlist.
pub(crate) struct View<'a> {
    pub(crate) list: &'a Media,
    /// What instants may differ by, in ms.
    pub(crate) tolerance: i64,
}

impl View<'_> {
    /// Tells whether parts are listed, or announced.
    fn low_latency(&self) -> bool {
        self.list.part_target.is_some() || self.parts().next().is_some()
    }

    /// Iterates over all parts as (segment, number in it, part, whether it ends its segment or
    /// nobody knows yet, whether a gap follows).
    fn parts(&self) -> impl Iterator<Item = Placed<'_>> {
        let first = self.list.first_listed();
        let whole = (first..)
            .zip(&self.list.segments)
            .map(|(msn, segment)| (msn, segment.parts.as_slice()));
        let open = self
            .list
            .open
            .iter()
            .map(|open| (self.list.next_sequence(), open.parts.as_slice()));
        whole.chain(open).flat_map(|(msn, parts)| {
            parts.iter().enumerate().map(move |(index, part)| Placed {
                msn,
                index,
                part,
                is_last: index + 1 == parts.len(),
                before_gap: parts.get(index + 1).is_some_and(|next| next.gap),
            })
        })
    }
}

struct Placed<'a> {
    msn: u64,
    index: usize,
    part: &'a Part,
    is_last: bool,
    before_gap: bool,
}

impl Placed<'_> {
    fn name(&self) -> String {
        format!("part {} of segment {}", self.index, self.msn)
    }
}

run_table!(View<'_>);

pub(crate) const RULES: [Entry<Check>; 19] = [
    entry(
        "L1-part-inf",
        "RFC 8216bis 4.4.3.7",
        "EXT-X-PART-INF is there as soon as a part is listed",
        part_inf,
    ),
    entry(
        "L2-longest",
        "RFC 8216bis 4.4.4.9",
        "no part is longer than the part target",
        longest_part,
    ),
    entry(
        "L2-shortest",
        "RFC 8216bis 4.4.4.9",
        "a part has 85 % of the part target, unless independent, before a gap or last of its segment",
        shortest_part,
    ),
    entry(
        "L4-order",
        "RFC 8216bis 4.4.4.9",
        "discontinuity, key, map and date stand before the first part of their segment",
        order,
    ),
    entry(
        "L5-sum",
        "RFC 8216bis 4.4.4.9",
        "the parts of a segment are as long as the segment",
        part_sum,
    ),
    entry(
        "L7-present",
        "RFC 8216bis 4.4.3.1",
        "EXT-X-TARGETDURATION is there",
        target_duration,
    ),
    entry(
        "L7-longest",
        "RFC 8216bis 4.4.3.1",
        "no segment, rounded to seconds, is longer than the target duration",
        longest_segment,
    ),
    entry(
        "L9-blocking",
        "RFC 8216bis B.1",
        "a playlist with parts offers blocking reload",
        blocking,
    ),
    entry(
        "L9-part-hold-back",
        "RFC 8216bis 4.4.3.8, Apple authoring rules",
        "PART-HOLD-BACK is there with parts and at least three part targets",
        part_hold_back,
    ),
    entry(
        "L9-hold-back",
        "RFC 8216bis 4.4.3.8",
        "HOLD-BACK is at least three target durations",
        hold_back,
    ),
    entry(
        "L9-skip",
        "RFC 8216bis 4.4.3.8",
        "CAN-SKIP-UNTIL is at least six target durations, and date ranges are skipped only with it",
        skip_until,
    ),
    entry(
        "L10-hints",
        "RFC 8216bis 4.4.5.3",
        "there is at most one preload hint of a type, and none at the end",
        hints,
    ),
    entry(
        "L12-stated",
        "RFC 8216bis 4.4.3.3",
        "a live playlist with discontinuities has EXT-X-DISCONTINUITY-SEQUENCE",
        discontinuity_stated,
    ),
    entry(
        "L13-type",
        "RFC 8216bis 4.4.3.5",
        "a playlist of type VOD has an end",
        playlist_type,
    ),
    entry(
        "L14-present",
        "RFC 8216bis B.1",
        "low-latency playlists have EXT-X-PROGRAM-DATE-TIME from their first segment on",
        date_present,
    ),
    entry(
        "L14-steps",
        "RFC 8216bis 4.4.4.6",
        "dates go on by the durations of the segments unless there is a discontinuity",
        date_steps,
    ),
    entry(
        "L15-map",
        "RFC 8216bis 4.4.4.5",
        "the init segment changes only at a discontinuity",
        map_changes,
    ),
    entry(
        "L17-version",
        "RFC 8216bis 8",
        "EXT-X-VERSION is high enough for the tags used",
        version,
    ),
    entry(
        "L17-skip-order",
        "RFC 8216bis 4.4.5.2",
        "EXT-X-SKIP stands behind EXT-X-MEDIA-SEQUENCE",
        skip_order,
    ),
];

fn part_inf(view: &View<'_>) -> Vec<String> {
    let wrong = view.parts().next().is_some() && view.list.part_target.is_none();
    when(wrong, || {
        "parts are listed without EXT-X-PART-INF".to_owned()
    })
}

fn longest_part(view: &View<'_>) -> Vec<String> {
    let Some(target) = view.list.part_target else {
        return Vec::new();
    };
    view.parts()
        .filter(|placed| placed.part.duration > target)
        .map(|placed| {
            let duration = placed.part.duration;
            format!(
                "{} has {duration} s, the part target is {target} s",
                placed.name()
            )
        })
        .collect()
}

fn shortest_part(view: &View<'_>) -> Vec<String> {
    let Some(target) = view.list.part_target else {
        return Vec::new();
    };
    let is_short =
        |part: &Part| nanos(part.duration).saturating_mul(100) < nanos(target).saturating_mul(85);
    view.parts()
        .filter(|placed| !placed.is_last && !placed.before_gap)
        .filter(|placed| !placed.part.independent && !placed.part.gap && is_short(placed.part))
        .map(|placed| {
            let duration = placed.part.duration;
            format!(
                "{} has {duration} s, less than 85 % of the part target {target} s",
                placed.name()
            )
        })
        .collect()
}

fn order(view: &View<'_>) -> Vec<String> {
    let sentence = |tag| format!("{tag} stands behind a part of the segment that it is about");
    view.list
        .misplaced
        .iter()
        .map(|found| sentence(found.tag))
        .collect()
}

fn part_sum(view: &View<'_>) -> Vec<String> {
    (view.list.first_listed()..)
        .zip(&view.list.segments)
        .filter(|(_, segment)| !segment.parts.is_empty())
        .filter_map(|(msn, segment)| {
            let parts = sum(segment.parts.iter().map(|part| part.duration));
            let rounding = from_ms(1 + segment.parts.len() as i64);
            let off = (parts - nanos(segment.duration)).abs() > rounding;
            off.then(|| {
                format!(
                    "the parts of segment {msn} add up to {}, it has {} s",
                    seconds(parts),
                    segment.duration
                )
            })
        })
        .collect()
}

fn target_duration(view: &View<'_>) -> Vec<String> {
    let wrong = view.list.target_duration == 0;
    when(wrong, || "there is no EXT-X-TARGETDURATION".to_owned())
}

fn longest_segment(view: &View<'_>) -> Vec<String> {
    let target = view.list.target_duration;
    let limit = from_ms(target.saturating_mul(1000).saturating_add(500) as i64);
    (view.list.first_listed()..)
        .zip(&view.list.segments)
        .filter(|(_, segment)| target > 0 && nanos(segment.duration) >= limit)
        .map(|(msn, segment)| {
            let duration = segment.duration;
            format!("segment {msn} has {duration} s, the target duration is {target} s")
        })
        .collect()
}

fn blocking(view: &View<'_>) -> Vec<String> {
    let control = view.list.server_control.as_ref();
    let offered = control.is_some_and(|control| control.block_reload);
    let wrong = view.low_latency() && !view.list.ended && !offered;
    when(wrong, || {
        "parts are listed without CAN-BLOCK-RELOAD=YES".to_owned()
    })
}

fn part_hold_back(view: &View<'_>) -> Vec<String> {
    let Some(target) = view.list.part_target else {
        return Vec::new();
    };
    let control = view.list.server_control.as_ref();
    match control.and_then(|control| control.part_hold_back) {
        None => vec!["there is no PART-HOLD-BACK".to_owned()],
        Some(held) => when(nanos(held) < nanos(target).saturating_mul(3), || {
            format!("PART-HOLD-BACK is {held} s, less than three part targets of {target} s")
        }),
    }
}

fn hold_back(view: &View<'_>) -> Vec<String> {
    let least = from_ms(view.list.target_duration.saturating_mul(3000) as i64);
    let control = view.list.server_control.as_ref();
    let held = control.and_then(|control| control.hold_back);
    held.filter(|held| nanos(*held) < least)
        .map(|held| format!("HOLD-BACK is {held} s, less than three target durations"))
        .into_iter()
        .collect()
}

fn skip_until(view: &View<'_>) -> Vec<String> {
    let Some(control) = &view.list.server_control else {
        return Vec::new();
    };
    let least = from_ms(view.list.target_duration.saturating_mul(6000) as i64);
    match control.skip_until {
        Some(until) => when(nanos(until) < least, || {
            format!("CAN-SKIP-UNTIL is {until} s, less than six target durations")
        }),
        None => when(control.skip_date_ranges, || {
            "CAN-SKIP-DATERANGES without CAN-SKIP-UNTIL".to_owned()
        }),
    }
}

fn hints(view: &View<'_>) -> Vec<String> {
    let count = |kind| {
        view.list
            .hints
            .iter()
            .filter(|hint| hint.kind == kind)
            .count()
    };
    let mut wrong = when(count(HintKind::Part) > 1, || {
        "two preload hints of a part".to_owned()
    });
    wrong.extend(when(count(HintKind::Map) > 1, || {
        "two preload hints of a map".to_owned()
    }));
    let at_end = view.list.ended && !view.list.hints.is_empty();
    wrong.extend(when(at_end, || {
        "a preload hint in a playlist that has ended".to_owned()
    }));
    wrong
}

fn discontinuity_stated(view: &View<'_>) -> Vec<String> {
    let list = view.list;
    let any = list.segments.iter().any(|segment| segment.discontinuity)
        || list.open.as_ref().is_some_and(|open| open.discontinuity);
    let live = !list.ended && list.playlist_type.is_none();
    when(live && any && !list.states_discontinuity_sequence, || {
        "there are discontinuities and no EXT-X-DISCONTINUITY-SEQUENCE".to_owned()
    })
}

fn playlist_type(view: &View<'_>) -> Vec<String> {
    let wrong = view.list.playlist_type == Some(PlaylistType::Vod) && !view.list.ended;
    when(wrong, || {
        "EXT-X-PLAYLIST-TYPE:VOD without EXT-X-ENDLIST".to_owned()
    })
}

fn date_present(view: &View<'_>) -> Vec<String> {
    let list = view.list;
    if !view.low_latency() || list.skip.is_some() {
        return Vec::new();
    }
    let dated = match (list.segments.first(), &list.open) {
        (Some(first), _) => first.program_date_time.is_some(),
        (None, Some(open)) => open.program_date_time.is_some(),
        (None, None) => true,
    };
    when(!dated, || {
        "the first segment has no EXT-X-PROGRAM-DATE-TIME".to_owned()
    })
}

fn date_steps(view: &View<'_>) -> Vec<String> {
    timeline::steps(view.list)
        .into_iter()
        .filter(|step| !step.discontinuity && step.off().abs() > from_ms(view.tolerance))
        .map(|step| {
            format!(
                "the date of segment {} is {} off from where segment {} ends",
                step.msn,
                seconds(step.off()),
                step.msn.saturating_sub(1)
            )
        })
        .collect()
}

fn map_changes(view: &View<'_>) -> Vec<String> {
    let list = view.list;
    (list.first_listed()..)
        .zip(list.segments.windows(2))
        .filter(|(_, pair)| pair[0].map != pair[1].map && !pair[1].discontinuity)
        .map(|(msn, _)| {
            let msn = msn.saturating_add(1);
            format!("segment {msn} has another init segment and no discontinuity before it")
        })
        .collect()
}

fn version(view: &View<'_>) -> Vec<String> {
    let list = view.list;
    let skip = list.skip.as_ref();
    let needs = [
        (
            list.segments.iter().any(|s| s.range.is_some()),
            4,
            "EXT-X-BYTERANGE",
        ),
        (list.i_frames_only, 4, "EXT-X-I-FRAMES-ONLY"),
        (!list.maps.is_empty() && list.i_frames_only, 5, "EXT-X-MAP"),
        (!list.maps.is_empty() && !list.i_frames_only, 6, "EXT-X-MAP"),
        (skip.is_some(), 9, "EXT-X-SKIP"),
        (
            skip.is_some_and(|skip| skip.removed_date_ranges.is_some()),
            10,
            "RECENTLY-REMOVED-DATERANGES",
        ),
    ];
    let version = list.version.unwrap_or(1);
    needs
        .into_iter()
        .filter(|(used, least, _)| *used && version < *least)
        .map(|(_, least, tag)| format!("EXT-X-VERSION is {version}, {tag} needs {least}"))
        .collect()
}

fn skip_order(view: &View<'_>) -> Vec<String> {
    let wrong = view
        .list
        .skip
        .as_ref()
        .is_some_and(|skip| skip.before_sequence);
    when(wrong, || {
        "EXT-X-SKIP stands before EXT-X-MEDIA-SEQUENCE".to_owned()
    })
}
