//! Each rule of low-latency playlists that the writer answers for has a test named after it. L2, L5
//! to L7, L13 and L15 are about what a supplier puts into a presentation.

use std::sync::Arc;

use crate::{
    hls::{
        read::{self, HintKind, Media},
        write::{MediaOptions, media, media_with, multivariant, target_duration},
    },
    mpd::sample,
    presentation::{
        Addressing, Content, Liveness, LowLatency, Part, Presentation, Shape, Timeline,
    },
    template::Template,
    time::Time,
};

/// Position of the first video track, of an audio track and of subtitles in the rich sample.
const VIDEO: usize = 0;
const AUDIO: usize = 2;
const TEXT: usize = 6;

/// Half-second parts of all listed segments, and `open` parts of the one in progress.
fn add_parts(timeline: &mut Timeline, segment: u64, open: u32) {
    let next = timeline.next_number();
    for number in timeline.first_number..=next {
        let count = if number == next { open } else { 4 };
        timeline.parts.extend((0..count).map(|index| Part {
            segment: number,
            index,
            duration: segment / 4,
            independent: index == 0,
            gap: false,
        }));
    }
}

fn make_low(presentation: &mut Presentation, open: u32) {
    let Liveness::Live(live) = &mut presentation.liveness else {
        panic!("is static");
    };
    live.low_latency = Some(LowLatency {
        part_target: Some(Time::from_ms(501)),
        availability_offset: None,
        incomplete: true,
        latency_target: None,
        latency_max: None,
    });
    let last = presentation.periods.len() - 1;
    for (at, period) in presentation.periods.iter_mut().enumerate() {
        let shape = Arc::clone(&period.shape);
        for ((set, track), timeline) in shape.tracks().zip(&mut period.timelines) {
            if matches!(set.content, Content::Video | Content::Audio) {
                let open = if at == last { open } else { 0 };
                add_parts(timeline, 2 * u64::from(track.timescale.get()), open);
            }
        }
    }
}

/// The window of two-second segments between two instants, with `open` parts behind it.
fn low(from_ms: i64, to_ms: i64, open: u32) -> Presentation {
    let shape = sample::shape(sample::RICH);
    let mut presentation = sample::live(&shape, Addressing::Number, from_ms, to_ms);
    make_low(&mut presentation, open);
    presentation
}

fn two_periods(open: u32) -> Presentation {
    let shape = sample::shape(sample::RICH);
    let mut presentation = sample::two_periods(&shape, Addressing::Number);
    make_low(&mut presentation, open);
    presentation
}

fn reread(presentation: &Presentation, track: usize) -> Media {
    let text = media(presentation, track, "");
    let found = read::any_media(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(found.misplaced.is_empty(), "{text}");
    found
}

fn delta(presentation: &Presentation, track: usize) -> String {
    let options = MediaOptions {
        skip: true,
        ..MediaOptions::default()
    };
    media_with(presentation, track, &options)
}

#[test]
fn golden_low_latency() {
    let mut presentation = low(50_000, 60_000, 2);
    let timeline = &mut presentation.periods[0].timelines[VIDEO];
    timeline.gaps = vec![27];
    for part in timeline.parts.iter_mut().filter(|p| p.segment == 27) {
        part.gap = true;
    }
    insta::assert_snapshot!(media(&presentation, VIDEO, "nowMS=61000"));
}

#[test]
fn golden_delta_update() {
    insta::assert_snapshot!(delta(&low(40_000, 60_000, 1), VIDEO));
}

#[test]
fn l1_part_inf_is_there_as_soon_as_parts_can_be() {
    for (presentation, parts) in [(low(50_000, 60_000, 2), 14), (low(0, 1000, 0), 0)] {
        let found = reread(&presentation, VIDEO);
        assert_eq!(found.part_target, Some(Time::from_ms(501)));
        let open = found.open.map_or(0, |open| open.parts.len());
        let listed: usize = found.segments.iter().map(|s| s.parts.len()).sum();
        assert_eq!(listed + open, parts);
    }
    assert_eq!(reread(&low(50_000, 60_000, 2), TEXT).part_target, None);
}

#[test]
fn l3_parts_say_where_how_long_and_whether_they_are_independent() {
    let found = reread(&low(50_000, 60_000, 2), VIDEO);
    let open = found.open.unwrap();
    let parts: Vec<_> = open
        .parts
        .iter()
        .map(|p| (p.uri.as_str(), p.duration, p.independent, p.gap))
        .collect();
    let half = Time::from_ms(500);
    assert_eq!(
        parts,
        [
            ("../../media/v/720/00030.part0.m4s", half, true, false),
            ("../../media/v/720/00030.part1.m4s", half, false, false),
        ]
    );
}

#[test]
fn l4_discontinuity_map_and_date_stand_before_the_first_part() {
    let mut presentation = two_periods(2);
    let mut shape = Shape::clone(&sample::shape(sample::RICH));
    shape.sets[0].tracks[0].init = Some(Template::parse("new.mp4").unwrap());
    presentation.periods[1].shape = Arc::new(shape);
    for drop in [false, true] {
        let timeline = &mut presentation.periods[1].timelines[VIDEO];
        if drop {
            // Nothing but two parts of the period's first segment.
            timeline.runs.clear();
            timeline.parts.retain(|part| part.segment == 488);
            for part in &mut timeline.parts {
                part.segment = timeline.first_number;
            }
        }
        let found = reread(&presentation, VIDEO);
        let first = found.segments.iter().find(|s| s.discontinuity);
        let open = found.open.unwrap_or_default();
        let (broken, date, map) = first.map_or(
            (open.discontinuity, open.program_date_time, open.map),
            |first| (true, first.program_date_time, first.map),
        );
        assert!(broken);
        assert_eq!(date, Some(960_000));
        assert_eq!(found.maps[map.unwrap()].url, "../../new.mp4");
    }
}

#[test]
fn l8_parts_are_listed_for_three_target_durations() {
    for (open, segments) in [(0, 4), (1, 3), (3, 3)] {
        let found = reread(&low(40_000, 60_000, open), VIDEO);
        assert_eq!(found.segments.len(), 10);
        let with: Vec<usize> = found.segments.iter().map(|s| s.parts.len()).collect();
        let from = 10 - segments;
        assert!(with[..from].iter().all(|count| *count == 0), "{with:?}");
        assert!(with[from..].iter().all(|count| *count == 4), "{with:?}");
    }
}

#[test]
fn l9_part_hold_back_is_three_part_targets() {
    let presentation = low(40_000, 60_000, 1);
    for (track, (set, _)) in presentation.periods[0].shape.tracks().enumerate() {
        if set.content == Content::Image {
            continue;
        }
        let control = reread(&presentation, track).server_control.unwrap();
        assert!(control.block_reload);
        assert_eq!(control.part_hold_back, Some(Time::from_ms(1503)));
        assert_eq!(control.hold_back, Some(Time::from_secs(6)));
        assert_eq!(control.skip_until, Some(Time::from_secs(12)));
        assert!(!control.skip_date_ranges);
    }
}

#[test]
fn l9_hold_back_is_exact_for_targets_without_an_end() {
    let mut presentation = low(40_000, 60_000, 1);
    let Liveness::Live(live) = &mut presentation.liveness else {
        panic!("is static");
    };
    let third = Time::new(11, crate::time::Timescale::literal(30));
    live.low_latency.as_mut().unwrap().part_target = Some(third);
    let found = reread(&presentation, VIDEO);
    let target = found.part_target.unwrap();
    assert!(target >= third && target < Time::from_ms(367));
    let hold_back = found.server_control.unwrap().part_hold_back.unwrap();
    assert_eq!(hold_back, Time::new(target.ticks * 3, target.scale));
}

#[test]
fn l10_the_next_part_is_hinted_by_the_name_it_will_have() {
    for open in 0..4 {
        let hints = reread(&low(50_000, 60_000, open), VIDEO).hints;
        assert_eq!(hints.len(), 1);
        assert_eq!(hints[0].kind, HintKind::Part);
        let next = reread(&low(50_000, 60_000, open + 1), VIDEO).open.unwrap();
        assert_eq!(hints[0].uri, next.parts.last().unwrap().uri);
    }
    assert!(reread(&low(50_000, 60_000, 1), TEXT).hints.is_empty());
    let vod = sample::vod(&sample::shape(sample::RICH), Addressing::Number);
    assert!(reread(&vod, VIDEO).hints.is_empty());
}

#[test]
fn l10_a_new_init_segment_is_hinted_once_before_its_first_part() {
    let mut presentation = two_periods(0);
    let mut shape = Shape::clone(&sample::shape(sample::RICH));
    shape.sets[0].tracks[0].init = Some(Template::parse("new.mp4").unwrap());
    presentation.periods[1].shape = Arc::new(shape);
    let timeline = &mut presentation.periods[1].timelines[VIDEO];
    timeline.runs.clear();
    timeline.parts.clear();
    let found = reread(&presentation, VIDEO);
    let hints: Vec<_> = found
        .hints
        .iter()
        .map(|h| (h.kind, h.uri.as_str()))
        .collect();
    assert_eq!(
        hints,
        [
            (HintKind::Map, "../../new.mp4"),
            (HintKind::Part, "../../media/v/720/00480.part0.m4s"),
        ]
    );
    assert!(found.open.is_none());
}

#[test]
fn l11_every_other_rendition_is_reported() {
    let presentation = low(50_000, 60_000, 2);
    let found = reread(&presentation, VIDEO);
    let reports: Vec<_> = found
        .reports
        .iter()
        .map(|r| (r.uri.as_str(), r.last_msn, r.last_part))
        .collect();
    assert_eq!(
        reports,
        [
            ("../../v/360/playlist.m3u8", Some(30), Some(1)),
            ("../../a64/playlist.m3u8", Some(30), Some(1)),
            ("../../a128/playlist.m3u8", Some(30), Some(1)),
            ("../../sv/playlist.m3u8", Some(30), Some(1)),
            ("../../comment/playlist.m3u8", Some(30), Some(1)),
            ("../../sub%20en/playlist.m3u8", Some(29), None),
            ("../../sub-sv/playlist.m3u8", Some(29), None),
        ]
    );
    let closed = reread(&low(50_000, 60_000, 0), AUDIO);
    let report = &closed.reports[0];
    assert_eq!(report.uri, "../v/720/playlist.m3u8");
    assert_eq!((report.last_msn, report.last_part), (Some(29), Some(3)));
    assert!(reread(&low(0, 1000, 0), VIDEO).reports.is_empty());
}

#[test]
fn l12_sequences_only_grow() {
    let mut last = (0, 0);
    for step in 0..12 {
        let mut presentation = two_periods(1);
        let first = &mut presentation.periods[0].timelines[VIDEO];
        first.runs[0].start += step * first.runs[0].duration;
        first.runs[0].count -= u32::try_from(step).unwrap().min(10);
        first.first_number += step.min(10);
        if first.runs[0].count == 0 {
            first.runs.clear();
            first.parts.clear();
        }
        let found = reread(&presentation, VIDEO);
        assert!(found.states_discontinuity_sequence);
        let now = (found.media_sequence, found.discontinuity_sequence);
        assert!(now.0 >= last.0 && now.1 >= last.1, "{last:?} {now:?}");
        last = now;
    }
    assert_eq!(last, (480, 16));
}

#[test]
fn l14_dates_and_targets_agree_in_all_playlists() {
    let presentation = low(40_000, 60_000, 1);
    for (track, (set, _)) in presentation.periods[0].shape.tracks().enumerate() {
        if set.content == Content::Image {
            continue;
        }
        let found = reread(&presentation, track);
        assert_eq!(found.segments[0].program_date_time, Some(40_000), "{track}");
        assert_eq!(found.target_duration, 2, "{track}");
        assert_eq!(target_duration(&presentation, track), 2);
    }
    let mut uneven = low(40_000, 60_000, 1);
    let timeline = &mut uneven.periods[0].timelines[AUDIO];
    timeline.runs[0].duration = 48_000 * 5 / 2;
    assert_eq!(reread(&uneven, VIDEO).target_duration, 3);
    assert_eq!(reread(&uneven, AUDIO).target_duration, 3);
}

#[test]
fn l16_lost_media_is_a_gap() {
    let mut presentation = low(50_000, 60_000, 2);
    let timeline = &mut presentation.periods[0].timelines[VIDEO];
    timeline.gaps = vec![26, 28];
    timeline.parts.last_mut().unwrap().gap = true;
    let found = reread(&presentation, VIDEO);
    let gaps: Vec<bool> = found.segments.iter().map(|s| s.gap).collect();
    assert_eq!(gaps, [false, true, false, true, false]);
    let open = found.open.unwrap();
    assert!(!open.parts[0].gap && open.parts[1].gap);
}

#[test]
fn l16_the_discontinuity_stands_before_the_hole_that_an_outage_left() {
    // Segments 470 to 479, of which the last two are the hole; then 480 and on.
    let holed = |from: u64| {
        let mut presentation = two_periods(2);
        let timeline = &mut presentation.periods[0].timelines[VIDEO];
        let gone = u32::try_from(from - 470).unwrap();
        timeline.first_number = from;
        timeline.runs[0].start += u64::from(gone) * timeline.runs[0].duration;
        timeline.runs[0].count -= gone;
        timeline.gaps = vec![478, 479];
        timeline.hole = Some(478);
        presentation
    };
    let breaks = |text: &str| {
        let found = read::any_media(text).unwrap();
        let numbers = (found.first_listed()..).zip(&found.segments);
        let breaks = numbers.filter(|(_, segment)| segment.discontinuity);
        let breaks: Vec<u64> = breaks.map(|(number, _)| number).collect();
        (found.discontinuity_sequence, breaks)
    };
    for (from, expected) in [
        (470, (15, vec![478])),
        (477, (15, vec![478])),
        // With the last segment before it the discontinuity has left the list.
        (478, (16, vec![])),
        (479, (16, vec![])),
    ] {
        let presentation = holed(from);
        let text = media(&presentation, VIDEO, "");
        assert_eq!(breaks(&text), expected, "{from}: {text}");
        assert_eq!(
            text.matches("#EXT-X-DISCONTINUITY\n").count(),
            expected.1.len()
        );
    }
    // Its date stands behind it.
    let text = media(&holed(470), VIDEO, "");
    assert!(text.contains("#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:15:56"));

    // What a delta update leaves out grows with what is behind the hole.
    for (segments, from, expected) in [
        (4, 477, vec![478]),
        (5, 478, vec![478]),
        (6, 479, vec![]),
        (7, 480, vec![]),
        (8, 481, vec![]),
    ] {
        let mut presentation = holed(470);
        let timeline = &mut presentation.periods[1].timelines[VIDEO];
        timeline.runs[0].count = segments;
        timeline.parts.clear();
        let text = delta(&presentation, VIDEO);
        assert_eq!(
            read::any_media(&text).unwrap().first_listed(),
            from,
            "{text}"
        );
        assert_eq!(breaks(&text), (15, expected), "{text}");
    }
}

#[test]
fn l17_only_a_delta_update_needs_a_later_version() {
    let presentation = low(40_000, 60_000, 1);
    assert_eq!(reread(&presentation, VIDEO).version, Some(7));
    let text = delta(&presentation, VIDEO);
    assert_eq!(read::any_media(&text).unwrap().version, Some(9));
}

#[test]
fn l18_variants_say_all_that_a_player_chooses_by() {
    let text = multivariant(&low(40_000, 60_000, 1), "");
    let found = read::multivariant(&text).unwrap();
    assert!(!found.variants.is_empty());
    for variant in &found.variants {
        assert!(variant.bandwidth > 0 && variant.average_bandwidth.is_some());
        assert!(!variant.codecs.is_empty() && variant.audio.is_some());
        assert!(variant.resolution.is_some() && variant.frame_rate.is_some());
    }
}

#[test]
fn d6_what_lies_beyond_the_skip_boundary_is_skipped() {
    for (from_ms, open, skipped) in [
        (48_000, 3, None),
        (46_000, 0, None),
        (46_000, 1, Some(1)),
        (40_000, 0, Some(3)),
        (40_000, 1, Some(4)),
        (0, 1, Some(24)),
    ] {
        let presentation = low(from_ms, 60_000, open);
        let text = delta(&presentation, VIDEO);
        let found = read::any_media(&text).unwrap();
        let whole = reread(&presentation, VIDEO);
        let skip = found.skip.as_ref();
        assert_eq!(skip.map(|s| s.segments), skipped, "{from_ms} {open}");
        assert!(skip.is_none_or(|s| !s.before_sequence), "{text}");
        assert_eq!(found.media_sequence, whole.media_sequence);
        assert_eq!(found.next_sequence(), whole.next_sequence());
        let from = usize::try_from(skipped.unwrap_or(0)).unwrap();
        for (found, whole) in found.segments.iter().zip(&whole.segments[from..]) {
            assert_eq!(found.uri, whole.uri);
            assert_eq!(found.parts.len(), whole.parts.len());
        }
        // The init segment in force is stated again.
        assert!(found.segments.iter().all(|s| s.map.is_some()), "{text}");
    }
}

#[test]
fn d6_a_discontinuity_stays_with_its_segment() {
    // The second period begins at segment 480.
    for (to_ms, broken) in [
        (970_000, true),
        (972_000, true),
        (974_000, false),
        (990_000, false),
    ] {
        let shape = sample::shape(sample::RICH);
        let mut presentation = sample::two_periods(&shape, Addressing::Number);
        for (timeline, (_, track)) in presentation.periods[1]
            .timelines
            .iter_mut()
            .zip(shape.tracks())
        {
            let segment = 2 * u64::from(track.timescale.get());
            timeline.runs.clear();
            for number in 480..u64::try_from(to_ms).unwrap() / 2000 {
                timeline.push(number * segment, segment);
            }
        }
        make_low(&mut presentation, 1);
        let text = delta(&presentation, VIDEO);
        let found = read::any_media(&text).unwrap();
        assert_eq!(found.discontinuity_sequence, 15);
        let breaks: Vec<u64> = (found.first_listed()..)
            .zip(&found.segments)
            .filter(|(_, segment)| segment.discontinuity)
            .map(|(number, _)| number)
            .collect();
        assert_eq!(
            breaks,
            if broken { vec![480] } else { Vec::new() },
            "{text}"
        );
        assert!(found.segments[0].map.is_some(), "{text}");
    }
}

#[test]
fn d6_without_the_offer_the_list_is_whole() {
    let shape = sample::shape(sample::RICH);
    let live = sample::live(&shape, Addressing::Number, 0, 60_000);
    assert_eq!(delta(&live, VIDEO), media(&live, VIDEO, ""));
    let vod = sample::vod(&shape, Addressing::Number);
    assert_eq!(delta(&vod, VIDEO), media(&vod, VIDEO, ""));
}

#[test]
fn segments_by_time_name_their_parts_by_time() {
    let shape = sample::shape(sample::NTSC);
    let mut presentation = sample::live(&shape, Addressing::Number, 92_000, 100_000);
    make_low(&mut presentation, 1);
    let found = reread(&presentation, 0);
    let open = found.open.unwrap();
    let start = presentation.periods[0].timelines[0].next_start();
    assert_eq!(open.parts[0].uri, format!("../1/{start}.part0.m4s"));
    assert_eq!(found.hints[0].uri, format!("../1/{start}.part1.m4s"));
}
