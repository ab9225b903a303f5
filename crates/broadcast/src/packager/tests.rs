use media::{
    isobmff::{
        segment::{self, TrackDefaults},
        walk::boxes,
    },
    presentation::Content,
    time::{Round, Time},
};
use proptest::prelude::*;

use super::{
    testing::{self, EPOCH_MS, Studio, frame, payloads, segments},
    *,
};

const AV: [(&str, Content); 2] = [("v", Content::Video), ("a", Content::Audio)];

/// What holds for everything that comes out, whatever went in.
fn check(out: &[Output], settings: &Settings) {
    let tracks = settings.tracks.len();
    let mut next_number = vec![None::<u64>; tracks];
    let mut open: Vec<Vec<Part>> = vec![Vec::new(); tracks];
    let mut scales = vec![None; tracks];
    let mut inside = false;
    let mut stretch_end = Time::ZERO;
    for output in out {
        match output {
            Output::Stretch(stretch) => {
                assert!(!inside, "stretches do not nest");
                inside = true;
                assert!(stretch.start >= stretch_end, "time only grows");
                for number in &mut next_number {
                    if let Some(number) = number {
                        let lost_ms = stretch.start.ms(Round::Down) - stretch_end.ms(Round::Down);
                        let segment_ms = settings.segment.ms(Round::Up);
                        let skipped = stretch.first_number.checked_sub(*number);
                        let skipped = skipped.expect("numbers only grow") as i64;
                        let room = (skipped - 1) * segment_ms..=skipped * segment_ms;
                        let is_filled = skipped == 0 && lost_ms < segment_ms / 2
                            || room.contains(&lost_ms)
                            || room.contains(&(lost_ms + 501));
                        assert!(is_filled, "{skipped} segments for {lost_ms} ms");
                    }
                    *number = Some(stretch.first_number);
                }
            }
            Output::Init { track, init } => scales[*track] = Some(init.track.timescale),
            Output::Part { track, part } => {
                assert!(inside);
                assert_eq!(Some(part.segment), next_number[*track]);
                assert_eq!(part.index as usize, open[*track].len());
                assert!(part.duration > 0);
                assert_eq!(part.gap, part.bytes.is_empty());
                let scale = scales[*track].expect("init before parts");
                if part.samples > 1 || part.gap {
                    let duration = Time::new(part.duration as i64, scale);
                    assert!(duration <= settings.part_target, "{part:?}");
                }
                if let Some(last) = open[*track].last() {
                    assert_eq!(
                        last.start + last.duration,
                        part.start,
                        "parts follow each other"
                    );
                }
                if !part.gap {
                    let info =
                        segment::read(&part.bytes, &TrackDefaults::default()).expect("reads");
                    assert_eq!(info.fragments.len(), 1, "one moof a part");
                    assert_eq!(info.first_decode_time, part.start);
                    assert_eq!(info.duration, part.duration);
                    assert_eq!(info.sample_count, part.samples);
                }
                open[*track].push(part.clone());
            }
            Output::Segment { track, segment } => {
                let parts = std::mem::take(&mut open[*track]);
                assert_eq!(Some(segment.number), next_number[*track]);
                next_number[*track] = Some(segment.number + 1);
                assert_eq!(parts[0].start, segment.start);
                let sum: u64 = parts.iter().map(|part| part.duration).sum();
                assert_eq!(sum, segment.duration);
                assert_eq!(segment.gap, parts.iter().all(|part| part.gap));
            }
            Output::End { end } => {
                assert!(inside);
                inside = false;
                stretch_end = *end;
                assert!(open.iter().all(Vec::is_empty), "all segments ended");
                let numbers: Vec<u64> = next_number.iter().flatten().copied().collect();
                assert!(
                    numbers.windows(2).all(|pair| pair[0] == pair[1]),
                    "{numbers:?}"
                );
            }
        }
    }
}

fn part_durations(out: &[Output], of: usize) -> Vec<u64> {
    out.iter()
        .filter_map(|output| match output {
            Output::Part { track, part } if *track == of => Some(part.duration),
            _ => None,
        })
        .collect()
}

#[test]
fn a_plain_run_is_cut_on_the_grid() {
    let mut studio = Studio::new(&AV, Resume::default());
    studio.start(10_000);
    studio.run(6500);
    studio.end_run();
    check(&studio.out, studio.packager.settings());
    let second = 90_000;
    assert_eq!(
        segments(&studio.out, 0),
        [
            (0, 10 * second, 2 * second, false, false),
            (1, 12 * second, 2 * second, false, false),
            (2, 14 * second, 2 * second, false, false),
            (3, 16 * second, second / 2, false, true),
        ]
    );
    // Sound is cut at the frame nearest to the border, which is 93.75 frames of 1024 away, 187.5, …
    let audio: Vec<(u64, u64)> = segments(&studio.out, 1)
        .iter()
        .map(|(number, start, duration, ..)| (*number, (start + duration - 480_000) / 1024))
        .collect();
    assert_eq!(audio, [(0, 94), (1, 187), (2, 281), (3, 305)]);
    let video_parts = part_durations(&studio.out, 0);
    assert!(video_parts.iter().all(|duration| *duration == 45_000));
    assert_eq!(
        &part_durations(&studio.out, 1)[..5],
        [23 * 1024, 23 * 1024, 23 * 1024, 23 * 1024, 2 * 1024]
    );
    let counters = studio.packager.counters();
    assert_eq!(counters.stretches, 1);
    for track in &counters.tracks {
        assert_eq!(track.samples_in, track.samples_out);
        assert_eq!(
            (track.uneven_parts, track.rounded, track.forced_cuts),
            (0, 0, 0)
        );
    }
}

#[test]
fn parts_are_out_as_soon_as_they_are_whole() {
    let mut studio = Studio::new(&AV, Resume::default());
    studio.start(10_000);
    studio.run(499);
    assert_eq!(part_durations(&studio.out, 0), [45_000]);
    // The last part of a segment and its end come with the next key frame.
    studio.run(1999);
    assert_eq!(part_durations(&studio.out, 0).len(), 3);
    studio.run(2001);
    assert_eq!(part_durations(&studio.out, 0).len(), 4);
    assert_eq!(segments(&studio.out, 0).len(), 1);
}

#[test]
fn a_segment_is_the_bytes_of_its_parts_and_begins_with_styp() {
    let mut settings = testing::settings(&AV);
    settings.producer_time = true;
    let mut studio = Studio::with(settings, Resume::default());
    studio.start(10_000);
    studio.run(2100);
    let bytes: Vec<u8> = studio
        .out
        .iter()
        .filter_map(|output| match output {
            Output::Part { track: 0, part } if part.segment == 0 => Some(part.bytes.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let kinds: Vec<String> = boxes(&bytes)
        .map(|found| found.expect("reads").kind.to_string())
        .collect();
    assert_eq!(kinds[..4], ["styp", "prft", "moof", "mdat"]);
    assert_eq!(kinds.iter().filter(|kind| *kind == "styp").count(), 1);
    assert_eq!(kinds.iter().filter(|kind| *kind == "prft").count(), 4);
    let prft = boxes(&bytes).nth(1).expect("is there").expect("reads");
    let prft = media::isobmff::fields::Prft::new(prft.body()).expect("reads");
    assert_eq!(prft.media_time(), 900_000);
    assert_eq!(
        prft.ntp_timestamp() >> 32,
        (EPOCH_MS / 1000) as u64 + 10 + 2_208_988_800
    );
    let info = segment::read(&bytes, &TrackDefaults::default()).expect("reads");
    assert_eq!((info.sample_count, info.fragments.len()), (60, 4));
}

#[test]
fn a_killed_encoder_leaves_one_new_stretch() {
    let mut studio = Studio::new(&AV, Resume::default());
    studio.start(10_000);
    studio.run(3700);
    let frame = frame(0, 1, true, b"cut off");
    studio.push(0, &frame[..40], EPOCH_MS + 13_700);
    studio.end_run();
    studio.start(16_000);
    studio.run(2500);
    studio.end_run();
    check(&studio.out, studio.packager.settings());
    let stretches: Vec<(u64, Time, u64)> = studio
        .out
        .iter()
        .filter_map(|output| match output {
            Output::Stretch(stretch) => Some((stretch.number, stretch.start, stretch.first_number)),
            _ => None,
        })
        .collect();
    assert_eq!(
        stretches,
        [(0, Time::from_secs(10), 0), (1, Time::from_secs(16), 4)]
    );
    let video = segments(&studio.out, 0);
    assert_eq!(video[1], (1, 1_080_000, 153_000, false, true));
    assert_eq!(video[2], (4, 1_440_000, 180_000, false, false));
    assert_eq!(studio.packager.counters().tracks[0].cut_off_bytes, 40);
    assert_eq!(payloads(&studio.out, 0).len(), 111 + 75);
}

#[test]
fn a_track_that_lacks_the_last_segment_gets_a_gap() {
    let mut studio = Studio::new(
        &[("v", Content::Video), ("w", Content::Video)],
        Resume::default(),
    );
    studio.start(10_000);
    studio.run(1900);
    studio.run_only(&[0], 2700);
    studio.end_run();
    check(&studio.out, studio.packager.settings());
    let other = segments(&studio.out, 1);
    assert_eq!(other[0], (0, 900_000, 180_000, false, false));
    assert_eq!((other[1].0, other[1].3), (1, true));
}

#[test]
fn a_track_that_stands_still_gets_gaps_and_goes_on() {
    let mut studio = Studio::new(&AV, Resume::default());
    studio.start(10_000);
    studio.run(3000);
    studio.run_only(&[0], 15_000);
    assert!(segments(&studio.out, 1).len() >= 4, "numbers keep up");
    studio.run(20_100);
    studio.end_run();
    check(&studio.out, studio.packager.settings());
    let audio = segments(&studio.out, 1);
    assert_eq!(audio.len(), segments(&studio.out, 0).len());
    assert!(audio[3].3 && !audio[8].3, "{audio:?}");
    assert_eq!(studio.packager.counters().stretches, 1);
}

#[test]
fn lost_media_becomes_gaps_in_place() {
    let mut studio = Studio::new(&AV, Resume::default());
    studio.start(10_000);
    studio.run(2600);
    studio.run_only(&[1], 7300);
    studio.run(9000);
    studio.end_run();
    check(&studio.out, studio.packager.settings());
    let gaps: Vec<bool> = segments(&studio.out, 0).iter().map(|one| one.3).collect();
    assert_eq!(gaps, [false, false, true, false, false]);
    assert_eq!(
        part_durations(&studio.out, 0).iter().sum::<u64>(),
        9 * 90_000
    );
    assert_eq!(studio.packager.counters().stretches, 1);
}

#[test]
fn a_jump_of_the_source_clock_is_one_new_stretch_for_all_tracks() {
    for jump_ms in [3_600_000, -9000] {
        let mut studio = Studio::new(&AV, Resume::default());
        studio.start(10_000);
        studio.run(5100);
        // The wall clock does not jump with it.
        let (wall, frames) = (EPOCH_MS + 15_100, studio.frames.clone());
        let base = 15_100 + jump_ms;
        let deliver = |studio: &mut Studio, track: usize, number: i64| {
            let (bytes, end) = match track {
                0 => (
                    frame(base * 90 + number * 3000, 3000, number % 30 == 0, b"v"),
                    number * 33,
                ),
                _ => (
                    frame(base * 48 + number * 1024, 1024, true, b"a"),
                    number * 21,
                ),
            };
            studio.push(track, &bytes, wall + end + 30);
        };
        for number in 0..60 {
            deliver(&mut studio, 0, number);
            // Sound still comes from before the jump for a while.
            if number < 10 {
                let old = (10_000 * 48) + (frames[1] + number) * 1024;
                studio.push(1, &frame(old, 1024, true, b"old"), wall + number * 21);
            } else {
                deliver(&mut studio, 1, (number - 10) * 3 / 2);
            }
        }
        studio.end_run();
        check(&studio.out, studio.packager.settings());
        let counters = studio.packager.counters();
        assert_eq!((counters.stretches, counters.jumps), (2, 1), "{jump_ms}");
        let start = studio.out.iter().rev().find_map(|output| match output {
            Output::Stretch(stretch) => Some(stretch.start),
            _ => None,
        });
        let start = start.expect("is there").ms(media::time::Round::Nearest);
        assert!((15_050..15_300).contains(&start), "{start}");
    }
}

#[test]
fn times_that_do_not_fit_the_wall_clock_are_moved() {
    let mut studio = Studio::new(&AV, Resume::default());
    studio.push(0, testing::AVC_INIT, EPOCH_MS + 60_000);
    studio.push(1, testing::AAC_INIT, EPOCH_MS + 60_000);
    // Priming lies before zero.
    studio.push(1, &frame(-1024, 1024, true, b"p"), EPOCH_MS + 60_000);
    studio.push(1, &frame(0, 1024, true, b"a"), EPOCH_MS + 60_020);
    studio.push(0, &frame(0, 3000, true, b"v"), EPOCH_MS + 60_033);
    studio.end_run();
    check(&studio.out, studio.packager.settings());
    assert_eq!(segments(&studio.out, 0)[0].1, 60_000 * 90);
    assert_eq!(segments(&studio.out, 1)[0].1, 60_000 * 48);
    assert_eq!(payloads(&studio.out, 1), ["a"]);
}

#[test]
fn a_run_never_begins_before_the_last_ended() {
    let resume = Resume {
        next_number: 40,
        next_stretch: 3,
        end: Time::from_ms(90_001),
    };
    let mut studio = Studio::new(&AV, resume);
    studio.start(80_000);
    studio.run(1000);
    studio.end_run();
    check(&studio.out, studio.packager.settings());
    assert_eq!(segments(&studio.out, 0)[0].0, 40);
    assert!(segments(&studio.out, 0)[0].1 >= 90_001 * 90);
    assert_eq!(studio.packager.resume().next_number, 41);
    assert_eq!(studio.packager.resume().next_stretch, 4);
}

#[test]
fn a_run_never_begins_before_the_last_ended_in_any_time_scale() {
    let mut init = testing::AAC_INIT.to_vec();
    let rate = init
        .windows(4)
        .position(|it| it == 48_000_u32.to_be_bytes());
    let rate = rate.expect("mdhd");
    init[rate..rate + 4].copy_from_slice(&44_100_u32.to_be_bytes());
    let scale = media::time::Timescale::new(44_100).expect("not 0");
    for past in 0..100 {
        let end = Time::new(4_000_000 + past, scale);
        let resume = Resume {
            end,
            ..Resume::default()
        };
        let mut studio = Studio::new(&[("a", Content::Audio)], resume);
        studio.push(0, &init, EPOCH_MS + 10_000);
        for n in 0..50 {
            let arrival = EPOCH_MS + 10_025 + n * 1024 * 1000 / 44_100;
            studio.push(0, &frame(441_000 + n * 1024, 1024, true, b"a"), arrival);
        }
        let stretches = |output: &Output| matches!(output, Output::Stretch(_));
        let Some(Output::Stretch(stretch)) = studio.out.iter().find(|it| stretches(it)) else {
            panic!("{:?}", studio.out);
        };
        assert!(stretch.start >= end, "{stretch:?} before {end:?}");
    }
}

#[test]
fn a_silent_source_starts_without_sound_after_the_wait() {
    let mut studio = Studio::new(&AV, Resume::default());
    studio.push(0, testing::AVC_INIT, EPOCH_MS + 10_000);
    for number in 0..300 {
        let bytes = frame(900_000 + number * 3000, 3000, number % 30 == 0, b"v");
        studio.push(0, &bytes, EPOCH_MS + 10_000 + (number + 1) * 1000 / 30);
    }
    assert_eq!(segments(&studio.out, 0).len(), 4);
    studio.push(1, testing::AAC_INIT, EPOCH_MS + 20_000);
    studio.push(
        1,
        &frame(480_000 + 480 * 1024, 1024, true, b"a"),
        EPOCH_MS + 20_270,
    );
    studio.end_run();
    check(&studio.out, studio.packager.settings());
    let audio = segments(&studio.out, 1);
    assert_eq!(audio.len(), segments(&studio.out, 0).len().max(6));
    assert!(audio[..5].iter().all(|segment| segment.3));
}

#[test]
fn without_key_frames_segments_still_keep_their_length() {
    let mut studio = Studio::new(&[("v", Content::Video)], Resume::default());
    studio.push(0, testing::AVC_INIT, EPOCH_MS + 10_000);
    for number in 0..400 {
        let bytes = frame(900_000 + number * 3000, 3000, number == 0, b"v");
        studio.push(0, &bytes, EPOCH_MS + 10_000 + (number + 1) * 1000 / 30);
    }
    check(&studio.out, studio.packager.settings());
    let segments = segments(&studio.out, 0);
    assert!(segments.iter().all(|one| one.2 < 225_000), "{segments:?}");
    assert_eq!(
        studio.packager.counters().tracks[0].forced_cuts,
        segments.len() as u64
    );
}

#[test]
fn what_is_no_stream_is_an_error_with_its_place() {
    let mut packager = Packager::new(testing::settings(&AV), Resume::default());
    let mut out = Vec::new();
    let error = packager.push(1, b"HTTP/1.1 404 Not Found", 0, &mut out);
    let error = error.expect_err("is refused").to_string();
    assert!(
        error.starts_with("track `a`, byte 0 of its stream"),
        "{error}"
    );
    let fragment = frame(0, 1, true, b"");
    let error = packager
        .push(0, &fragment, 0, &mut out)
        .expect_err("is refused");
    assert!(error.reason.contains("before the init"), "{error}");
    assert!(packager.push(7, b"", 0, &mut out).is_err());
}

/// One sample of a made-up source: step from the last, duration, key frame.
fn wild_sample() -> impl Strategy<Value = (i64, u32, bool, i64)> {
    (
        prop_oneof![
            12 => Just(0_i64),
            3 => -2000_i64..2000,
            1 => -400_000_i64..900_000,
        ],
        prop_oneof![12 => 2000_u32..4000, 1 => Just(0), 1 => 0_u32..500_000],
        prop::bool::weighted(0.05),
        0_i64..60,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_what_goes_out_is_consistent(
        samples in proptest::collection::vec((0_usize..3, wild_sample()), 1..400),
        ends in proptest::collection::vec(0_usize..400, 0..3),
    ) {
        let tracks = [("v", Content::Video), ("w", Content::Video), ("a", Content::Audio)];
        let mut studio = Studio::new(&tracks, Resume::default());
        let mut times = [900_000_i64, 900_000, 480_000];
        let mut now = EPOCH_MS + 10_000;
        studio.start(10_000);
        for (at, (track, (step, duration, sync, later))) in samples.into_iter().enumerate() {
            if ends.contains(&at) {
                studio.end_run();
                studio.start(now - EPOCH_MS);
                times = [90, 90, 48].map(|scale| (now - EPOCH_MS) * scale);
            }
            now += later;
            times[track] = (times[track] + step).max(0);
            let bytes = frame(times[track], duration, sync || track == 2, b"x");
            studio.push(track, &bytes, now);
            times[track] += i64::from(duration);
        }
        studio.end_run();
        check(&studio.out, studio.packager.settings());
        for counters in &studio.packager.counters().tracks {
            let gone = counters.repeated + counters.before_start;
            prop_assert_eq!(counters.samples_in, counters.samples_out + gone);
        }
    }

    #[test]
    fn a_clean_source_loses_and_doubles_nothing(
        rate in 0_usize..6,
        gop_seconds in 1_i64..3,
        gops in 1_i64..4,
        frames in 1_i64..500,
        target in prop::sample::select(vec![251_i64, 334, 501, 1001]),
    ) {
        // 23.976, 24, 25, 29.97, 30 and 60 pictures a second.
        let frame_ticks = [3754_i64, 3750, 3600, 3003, 3000, 1500][rate];
        let per_gop = (90_000 * gop_seconds + frame_ticks / 2) / frame_ticks;
        let mut settings = testing::settings(&[("v", Content::Video)]);
        let scale = media::time::Timescale::literal(90_000);
        settings.gop = Time::new(per_gop * frame_ticks, scale);
        settings.segment = Time::new(per_gop * frame_ticks * gops, scale);
        settings.part_target = Time::from_ms(target);
        let mut studio = Studio::with(settings, Resume::default());
        studio.push(0, testing::AVC_INIT, EPOCH_MS + 10_000);
        for number in 0..frames {
            let payload = format!("v:{number}");
            let time = 900_000 + number * frame_ticks;
            let bytes = frame(time, frame_ticks as u32, number % per_gop == 0, payload.as_bytes());
            studio.push(0, &bytes, EPOCH_MS + (time + frame_ticks) / 90 + 5);
        }
        studio.end_run();
        check(&studio.out, studio.packager.settings());
        let expected: Vec<String> = (0..frames).map(|number| format!("v:{number}")).collect();
        prop_assert_eq!(payloads(&studio.out, 0), expected);
        let counters = studio.packager.counters().tracks[0];
        prop_assert_eq!((counters.uneven_parts, counters.forced_cuts), (0, 0));
    }
}

#[test]
fn what_is_read_faster_than_it_plays_is_one_stretch() {
    for (is_paced, stretches) in [(false, 1), (true, 3)] {
        let settings = Settings {
            is_paced,
            ..testing::settings(&AV)
        };
        let mut studio = Studio::with(settings.clone(), Resume::default());
        studio.speed = 100;
        studio.start(10_000);
        studio.run(60_000);
        studio.end_run();
        check(&studio.out, &settings);
        assert_eq!(studio.packager.counters().stretches, stretches);
        assert!(is_paced || payloads(&studio.out, 0).len() == 1800);
    }
}

#[test]
fn tracks_that_are_not_paced_come_in_any_order() {
    for (is_paced, has_gaps) in [(false, false), (true, true)] {
        let settings = Settings {
            is_paced,
            ..testing::settings(&AV)
        };
        let mut studio = Studio::with(settings.clone(), Resume::default());
        studio.start(10_000);
        studio.run(1000);
        let delivered = studio.frames.clone();
        studio.run_only(&[1], 11_900);
        studio.frames[0] = delivered[0];
        studio.frames[1] = i64::from(i32::MAX);
        studio.run_only(&[0], 11_900);
        studio.end_run();
        check(&studio.out, &settings);
        let gaps: u64 = studio
            .packager
            .counters()
            .tracks
            .iter()
            .map(|it| it.gap_parts)
            .sum();
        assert_eq!(gaps > 0, has_gaps);
    }
}
