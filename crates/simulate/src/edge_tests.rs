use std::sync::Arc;

use media::{
    hls,
    isobmff::segment::{TrackDefaults, samples},
    presentation::{AvailabilityOffset, Live, Liveness, LowLatency, Presentation, Run, Timeline},
    supply::{Delivery, Supplier},
    template::Key,
    time::Timescale,
};
use proptest::prelude::*;

use super::*;
use crate::{
    options::Options,
    reel::Reel,
    synthetic::{asset, track, with_media, with_samples},
};

/// Video of 30 fps with a key frame a second, audio, subtitles and thumbnails.
fn channel(options: &str) -> Looped {
    let tracks = vec![
        with_samples(track("V", 90_000, &[180_000; 4]), 3000, 30),
        with_media(
            track("A", 48_000, &[96_256, 96_256, 96_256, 95_232]),
            |_| Vec::new(),
        ),
        with_media(track("S", 1000, &[2000; 4]), |_| b"<tt/>".to_vec()),
        with_media(track("T", 1, &[2; 4]), |_| b"picture".to_vec()),
    ];
    let reel = Arc::new(Reel::new(Arc::new(asset("a", tracks))));
    Looped::new(reel, Options::parse(options.split_terminator('/')).unwrap())
}

fn live(presentation: &Presentation) -> &Live {
    match &presentation.liveness {
        Liveness::Live(live) => live,
        Liveness::Static { .. } => panic!("is static"),
    }
}

fn timelines(channel: &Looped, now: i64) -> Vec<Timeline> {
    let mut presentation = channel.presentation(0, now).unwrap();
    presentation.periods.remove(0).timelines
}

/// What comes of asking: milliseconds to wait, 0 when it is there, -1 when it is gone.
fn wait<T>(result: Result<T, Refusal>) -> i64 {
    match result {
        Ok(_) => 0,
        Err(Refusal::TooEarly { wait_ms, .. }) => wait_ms,
        Err(Refusal::Gone { .. }) => -1,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_segment_may_be_asked_for_early_and_comes_chunk_by_chunk() {
    let channel = channel("ato_1.5/chunkdur_0.5");
    let key = Key::Number(25);
    // Milliseconds to wait: to be allowed to ask, for the segment, for its parts.
    for (now, asked, whole, parts) in [
        (50_000, 500, 2000, [500, 1000, 1500, 2000]),
        (50_499, 1, 1501, [1, 501, 1001, 1501]),
        (50_500, 0, 1500, [0, 500, 1000, 1500]),
        (51_999, 0, 1, [0, 0, 0, 1]),
        (52_000, 0, 0, [0, 0, 0, 0]),
        (120_500, 0, 0, [0, 0, 0, 0]),
        (120_501, -1, -1, [-1, -1, -1, -1]),
    ] {
        assert_eq!(wait(channel.delivery(0, 0, key, now)), asked, "{now}");
        assert_eq!(wait(channel.segment(0, 0, key, now)), whole, "{now}");
        for (index, expected) in (0..).zip(parts) {
            let part = channel.part(0, 0, key, index, now);
            assert_eq!(wait(part), expected, "{now} {index}");
        }
    }
    let part = |index| channel.part(0, 0, key, index, 52_000);
    assert!(!part(2).unwrap().last && part(3).unwrap().last);
    assert!(matches!(part(4), Err(Refusal::NotFound(_))));
    let delivery = channel.delivery(0, 0, key, 52_000);
    assert!(matches!(delivery, Ok(Delivery::Growing { .. })));
    // Pictures are there whole, and as early.
    let picture = |now| channel.delivery(0, 3, key, now);
    assert_eq!(wait(picture(50_499)), 1);
    assert!(matches!(picture(50_500), Ok(Delivery::Whole(_))));
    assert!(channel.part(0, 3, key, 0, 52_000).is_err());
}

#[test]
fn l5_parts_are_the_bytes_of_their_segment() {
    let channel = channel("chunkdur_0.5");
    for track in 0..3 {
        for number in 20..30 {
            let key = Key::Number(number);
            let now = 62_000;
            let whole = channel.segment(0, track, key, now).unwrap();
            let mut joined = Vec::new();
            for index in 0.. {
                let part = channel.part(0, track, key, index, now).unwrap();
                joined.extend(part.payload.slices.concat());
                if part.last {
                    break;
                }
            }
            assert_eq!(joined, whole.slices.concat(), "{track} {number}");
            assert!(
                !samples(&joined, &TrackDefaults::default())
                    .unwrap()
                    .is_empty()
            );
        }
    }
}

#[test]
fn low_latency_is_announced_as_asked_for() {
    let scale = Timescale::literal(1_000_000);
    let ahead = |us| Some(AvailabilityOffset::Ahead(Time::new(us, scale)));
    let target = Some(Time::from_ms(3500));
    for (options, expected) in [
        ("", None),
        ("chunkdur_0/ato_0", None),
        ("chunkdur_0.5", Some((Some(512), None, true, None))),
        ("ato_1.5", Some((None, ahead(1_500_000), false, target))),
        (
            "ato_1.5/chunkdur_0.5/ltgt_2500",
            Some((Some(512), ahead(1_500_000), true, Some(Time::from_ms(2500)))),
        ),
        (
            "ato_1.5/chunkdur_0.5",
            Some((Some(512), ahead(1_500_000), true, Some(Time::from_ms(1750)))),
        ),
        (
            "ato_inf",
            Some((None, Some(AvailabilityOffset::Infinite), false, target)),
        ),
        (
            "ltgt_1000",
            Some((None, None, false, Some(Time::from_secs(1)))),
        ),
    ] {
        let presentation = channel(options).presentation(0, 100_000).unwrap();
        let expected = expected.map(
            |(part_target_ms, availability_offset, incomplete, latency_target)| LowLatency {
                part_target: part_target_ms.map(Time::from_ms),
                availability_offset,
                incomplete,
                latency_target,
                latency_max: latency_target.map(|target| Time::new(target.ticks * 2, target.scale)),
            },
        );
        assert_eq!(live(&presentation).low_latency, expected, "{options}");
    }
}

#[test]
fn parts_are_listed_up_to_now() {
    let channel = channel("chunkdur_0.5");
    for (now, video, audio) in [
        (100_000, 0, 0),
        (100_499, 0, 0),
        (100_500, 1, 0),
        // Sound is cut at whole frames behind the pictures.
        (100_540, 1, 1),
        (101_999, 3, 3),
    ] {
        let found = timelines(&channel, now);
        let open: Vec<usize> = found.iter().map(|t| t.parts_of(50).len()).collect();
        assert_eq!(open, [video, audio, 0, 0], "{now}");
        for timeline in &found[..2] {
            assert_eq!(timeline.next_number(), 50);
            // Three segments of two seconds, and some more for the writer to leave out.
            let oldest = timeline.parts.first().unwrap().segment;
            assert!((45..=47).contains(&oldest), "{oldest}");
            for number in oldest..50 {
                let sum: u64 = timeline.parts_of(number).iter().map(|p| p.duration).sum();
                let (_, _, whole) = timeline
                    .segments()
                    .find(|(listed, _, _)| *listed == number)
                    .unwrap();
                assert_eq!(sum, whole);
            }
        }
        assert!(found[2].parts.is_empty() && found[3].parts.is_empty());
    }
    let independent: Vec<bool> = timelines(&channel, 102_000)[0]
        .parts_of(50)
        .iter()
        .map(|part| part.independent)
        .collect();
    assert_eq!(independent, [true, false, true, false]);
}

#[test]
fn the_timeline_lists_what_may_be_asked_for() {
    for (options, now, segments, ahead, publish) in [
        ("segtimeline_1/ato_1.75/chunkdur_0.25", 10_200, 5, 0, 8_250),
        ("segtimeline_1/ato_1.75/chunkdur_0.25", 10_300, 5, 1, 10_250),
        (
            "segtimelinenr_1/ato_3.5/chunkdur_0.25",
            10_500,
            5,
            2,
            10_500,
        ),
        ("segtimeline_1/ato_1.75", 10_300, 6, 0, 10_250),
        ("segtimeline_1/chunkdur_0.25", 10_300, 5, 0, 10_000),
        (
            "segtimeline_1/ato_1.75/chunkdur_0.25/start_100",
            100_300,
            0,
            1,
            100_250,
        ),
        ("ato_1.75/chunkdur_0.25", 10_300, 5, 0, 0),
    ] {
        let channel = channel(options);
        let presentation = channel.presentation(0, now).unwrap();
        assert_eq!(live(&presentation).publish_time, publish, "{options} {now}");
        for timeline in &presentation.periods[0].timelines[..3] {
            assert_eq!(timeline.len(), segments, "{options} {now}");
            let runs: u32 = timeline.ahead.iter().map(|run: &Run| run.count).sum();
            assert_eq!(runs, ahead, "{options} {now}");
            if let Some(first) = timeline.ahead.first() {
                assert_eq!(first.start, timeline.next_start());
            }
        }
    }
}

#[test]
fn l7_the_target_duration_never_changes() {
    let unequal = vec![
        with_samples(
            track("V", 12_800, &[16_896, 25_600, 25_600, 34_304]),
            512,
            25,
        ),
        with_media(track("A", 48_000, &[1024 * 94; 4]), |_| Vec::new()),
    ];
    let reel = Arc::new(Reel::new(Arc::new(asset("a", unequal))));
    let options = Options::parse(["chunkdur_0.5", "tsbd_4"]).unwrap();
    let channel = Looped::new(reel, options);
    for now in (60_000..70_000).step_by(250) {
        let presentation = channel.presentation(0, now).unwrap();
        for track in 0..2 {
            let text = hls::write::media(&presentation, track, "");
            assert!(text.contains("#EXT-X-TARGETDURATION:3\n"), "{now}: {text}");
        }
    }
}

#[test]
fn golden_playlist_of_a_simulated_channel() {
    let channel = channel("chunkdur_0.5/tsbd_6");
    let presentation = channel.presentation(0, 101_250).unwrap();
    insta::assert_snapshot!(hls::write::media(&presentation, 1, ""));
}

#[test]
fn waiting_for_what_is_far_away_has_an_end_too() {
    let channel = channel("chunkdur_0.5/start_100/snr_7");
    let when = |segment, parts| channel.when(0, 0, Edge { segment, parts }, 101_000);
    for (segment, parts, at) in [
        (0, 0, None),
        (7, 2, None),
        (7, 3, Some(101_500)),
        (7, 4, Some(102_000)),
        (7, 9, Some(102_000)),
        (8, 0, Some(102_000)),
        (8, 1, Some(102_500)),
        (1007, 1, Some(2_100_500)),
    ] {
        match (when(segment, parts), at) {
            (When::Now, None) => {}
            (When::At(found), Some(at)) => assert_eq!(found, at, "{segment} {parts}"),
            (other, _) => panic!("{segment} {parts}: {other:?}"),
        }
    }
    assert!(matches!(when(u64::MAX, 1), When::Never));
    let unknown = channel.when(0, 9, Edge::default(), 101_000);
    assert!(matches!(unknown, When::Never));
    assert_eq!(channel.number(0, 0, Key::Number(9)), Ok(9));
    assert_eq!(channel.number(0, 0, Key::Time(180_000)), Ok(8));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is announced comes when it was said to come, not a millisecond earlier.
    #[test]
    fn l6_the_next_part_comes_when_it_was_said(
        now in 1_700_000_000_000_i64..1_700_000_020_000,
        chunk_ms in 100_i64..2500,
        track in 0_usize..3,
        more in 0_u32..6,
    ) {
        let seconds = format!("{}.{:03}", chunk_ms / 1000, chunk_ms % 1000);
        let channel = channel(&format!("chunkdur_{seconds}"));
        let reached = channel.edge(0, track, now).unwrap();
        for wanted in [
            Edge { parts: reached.parts + 1 + more, ..reached },
            Edge { segment: reached.segment + 1, parts: more },
        ] {
            let When::At(at) = channel.when(0, track, wanted, now) else {
                panic!("{wanted:?} is not to come");
            };
            prop_assert!(at > now);
            prop_assert!(channel.edge(0, track, at).unwrap() >= wanted);
            prop_assert!(channel.edge(0, track, at - 1).unwrap() < wanted);
        }
    }

    /// What is listed is what the edge says, can be fetched, and fits the target; what is hinted at
    /// is too early.
    #[test]
    fn l2_what_is_listed_is_there_and_fits(
        now in 60_000_i64..90_000,
        chunk_ms in 100_i64..2500,
        start in 0_i64..10,
    ) {
        let seconds = format!("{}.{:03}", chunk_ms / 1000, chunk_ms % 1000);
        let channel = channel(&format!("chunkdur_{seconds}/start_{start}"));
        let presentation = channel.presentation(0, now).unwrap();
        let Some(target) = live(&presentation).low_latency.unwrap().part_target else {
            return Ok(());
        };
        let scales = [90_000, 48_000].map(Timescale::literal);
        for (track, timeline) in presentation.periods[0].timelines[..2].iter().enumerate() {
            let edge = channel.edge(0, track, now).unwrap();
            prop_assert_eq!(Edge::of(timeline), edge);
            let mut parts = timeline.parts.iter().peekable();
            while let Some(part) = parts.next() {
                let duration = Time::new(part.duration as i64, scales[track]);
                prop_assert!(duration <= target);
                if parts.peek().is_some_and(|next| next.segment == part.segment) {
                    let most = Time::new(part.duration as i64 * 100, scales[track]);
                    prop_assert!(most >= Time::new(target.ticks * 85, target.scale));
                }
                let key = Key::Number(part.segment);
                let found = channel.part(0, track, key, part.index, now).unwrap();
                let next = timeline.parts_of(part.segment).len() as u32;
                let whole = part.segment < timeline.next_number();
                prop_assert_eq!(found.last, whole && part.index + 1 == next);
            }
            let hinted = channel.part(0, track, Key::Number(edge.segment), edge.parts, now);
            prop_assert!(wait(hinted) > 0);
        }
    }

    /// L14: tracks are in step within one part.
    #[test]
    fn l14_tracks_are_within_one_part(now in 60_000_i64..90_000) {
        let channel = channel("chunkdur_0.5");
        let video = channel.edge(0, 0, now).unwrap();
        let audio = channel.edge(0, 1, now).unwrap();
        let position = |edge: Edge| edge.segment * 4 + u64::from(edge.parts);
        prop_assert!(position(video).abs_diff(position(audio)) <= 1);
    }
}
