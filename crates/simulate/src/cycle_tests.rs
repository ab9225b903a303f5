use proptest::prelude::*;

use super::*;
use crate::synthetic::track;

fn stored(timescale: u32, durations: &[u64]) -> Stored {
    let index = track("V", timescale, durations);
    let length = index.duration();
    Stored::new(Arc::new(index), 0, length).unwrap()
}

fn recut(timescale: u32, durations: &[u64], scale: u32, frame: u32) -> Cycle {
    let scale = Timescale::new(scale).unwrap();
    Cycle::Recut(Recut::new(stored(timescale, durations), scale, frame).unwrap())
}

/// Known boundaries, written out.
#[test]
fn boundaries_repeat_with_the_loop() {
    let even = Cycle::Stored(stored(90_000, &[180_000; 4]));
    let unequal = Cycle::Stored(stored(90_000, &[360_000, 720_000]));
    let ntsc = Cycle::Stored(stored(30_000, &[60_060; 4]));
    for (cycle, n, start) in [
        (&even, 0, 0),
        (&even, 4, 720_000),
        (&even, 800_000_000, 144_000_000_000_000),
        (&unequal, 1, 360_000),
        (&unequal, 2, 1_080_000),
        (&unequal, 283_333_322, 152_999_993_880_000),
        (&ntsc, 18, 1_081_080),
        (&ntsc, 849_150_840, 50_999_999_450_400),
    ] {
        assert_eq!(cycle.boundary(n), Some(start), "{n}");
        assert_eq!(cycle.starting_at(start), Some(n), "{start}");
        assert_eq!(cycle.starting_at(start + 1), None, "{start}");
    }
    assert_eq!(even.uniform(), Some(180_000));
    assert_eq!(unequal.uniform(), None);
}

/// The figures of well-known assets: frames per segment and starts.
#[test]
fn audio_is_cut_at_the_next_frame() {
    let two = recut(90_000, &[180_000; 4], 48_000, 1024);
    let six = recut(90_000, &[540_000; 2], 48_000, 1024);
    let ntsc = recut(30_000, &[60_060; 4], 48_000, 1024);
    let ac3 = recut(12_288, &[24_576; 4], 48_000, 1536);
    for (cycle, n, start, frames) in [
        (&two, 2, 192_512, 94),
        (&two, 3, 288_768, 93),
        (&two, 4, 384_000, 94),
        (&two, 5, 480_256, 94),
        (&two, 800_000_000, 76_800_000_000_000, 94),
        (&six, 2, 576_512, 281),
        (&six, 3, 864_256, 281),
        (&six, 4, 1_152_000, 282),
        (&six, 283_333_331, 81_599_999_328_256, 281),
        (&ntsc, 849_150_840, 81_599_999_121_408, 94),
        (&ac3, 1, 96_768, 62 * 1536 / 1024),
    ] {
        assert_eq!(cycle.boundary(n), Some(start), "{n}");
        assert_eq!(cycle.boundary(n + 1), Some(start + frames * 1024), "{n}");
        assert_eq!(cycle.starting_at(start), Some(n), "{start}");
        for off in [1, 1024, frames * 1024 - 1] {
            assert_eq!(cycle.starting_at(start + off), None, "{start}+{off}");
        }
    }
}

#[test]
fn a_slot_has_ended_at_its_end_and_not_before() {
    for cycle in [
        Cycle::Stored(stored(90_000, &[180_000; 4])),
        Cycle::Stored(stored(12_800, &[16_896, 25_600, 25_600, 34_304])),
        recut(30_000, &[60_060; 4], 48_000, 1024),
    ] {
        for n in (0..20).chain(850_000_000..850_000_009) {
            let end = cycle.end(n).unwrap();
            let before = Time::new(end.ticks - 1, end.scale);
            assert_eq!(cycle.ended(end), n + 1);
            assert_eq!(cycle.ended(before), n);
        }
        assert_eq!(cycle.ended(Time::from_secs(-5)), 0);
    }
}

#[test]
fn a_track_that_begins_late_or_early_keeps_its_distance() {
    let mut index = track("V", 1000, &[2000, 2000]);
    for (origin, starts) in [
        (-500, [500, 2500, 4500]),
        (300, [0, 1700, 3700]),
        (50_000, [0, 2000, 4000]),
    ] {
        index.origin = origin;
        let stored = Stored::new(Arc::new(clone(&index)), origin, Time::from_secs(4)).unwrap();
        let cycle = Cycle::Stored(stored);
        let found: Vec<_> = (0..3).filter_map(|n| cycle.boundary(n)).collect();
        assert_eq!(found, starts, "origin {origin}");
        assert_eq!(cycle.ended(Time::from_ms(starts[1])), 1);
        assert_eq!(cycle.ended(Time::from_ms(starts[1] - 1)), 0);
    }
}

fn clone(index: &TrackIndex) -> TrackIndex {
    let durations: Vec<u64> = index.segments.iter().map(|s| s.duration).collect();
    track("V", index.timescale.get(), &durations)
}

#[test]
fn what_is_longer_than_the_loop_is_cut_and_what_is_shorter_held() {
    let long = track("V", 1000, &[2000; 5]);
    let long = Cycle::Stored(Stored::new(Arc::new(long), 0, Time::from_secs(8)).unwrap());
    assert_eq!(long.place(4), (1, 0));
    let short = track("V", 1000, &[2000, 1000]);
    let short = Cycle::Stored(Stored::new(Arc::new(short), 0, Time::from_secs(8)).unwrap());
    assert_eq!(short.end(1), Some(Time::from_secs(8)));
    assert_eq!(short.boundary(2), Some(8000));
}

#[test]
fn numbers_beyond_all_time_are_refused() {
    for cycle in [
        Cycle::Stored(stored(90_000, &[180_000; 4])),
        recut(30_000, &[60_060; 4], 48_000, 1024),
    ] {
        assert_eq!(cycle.boundary(u64::MAX), None);
        assert_eq!(cycle.end(u64::MAX), None);
        cycle.ended(Time::from_ms(i64::MAX));
        cycle.starting_at(i64::MAX);
    }
}

#[test]
fn the_mean_is_in_lowest_terms() {
    let ntsc = recut(30_000, &[60_060; 4], 48_000, 1024);
    assert_eq!(
        ntsc.mean(),
        Mean {
            ticks: 1001,
            per_second: 500
        }
    );
}

#[test]
fn the_longest_slot_counts_a_frame_where_it_changes_the_second() {
    for (milliseconds, longest) in [(2000, 96_000), (2499, 119_952 + 1024), (5000, 240_000)] {
        let stored = stored(1000, &[1000, milliseconds]);
        let video = Cycle::Stored(stored.clone());
        assert_eq!(video.longest(), Time::from_ms(milliseconds as i64));
        let scale = Timescale::literal(48_000);
        let audio = Cycle::Recut(Recut::new(stored, scale, 1024).unwrap());
        assert_eq!(audio.longest(), Time::new(longest, scale));
    }
}

proptest! {
    /// Slots follow each other without gap, and a loop that does not divide the track's ticks
    /// never drifts by a tick.
    #[test]
    fn nothing_drifts(
        durations in prop::collection::vec(1_u64..200_000, 1..6),
        timescale in 1_u32..100_000,
        loop_ms in 1_i64..20_000,
        wraps in 0_u64..1_000_000_000,
    ) {
        let index = track("V", timescale, &durations);
        let length = Time::from_ms(loop_ms);
        if let Some(stored) = Stored::new(Arc::new(index), 0, length) {
            let start = stored.loop_start(wraps).unwrap();
            let exact = i128::from(wraps) * i128::from(loop_ms) * i128::from(timescale);
            prop_assert!((i128::from(start) * 1000 - exact).abs() * 2 <= 1000);
            let cycle = Cycle::Stored(stored.clone());
            let first = wraps * stored.count as u64;
            for n in first..first + 8 {
                let (start, end) = (cycle.boundary(n).unwrap(), cycle.boundary(n + 1).unwrap());
                prop_assert!(start <= end);
                if start < end {
                    prop_assert_eq!(cycle.ended(Time::new(start, cycle.scale())), n);
                    prop_assert_eq!(cycle.starting_at(start), Some(n));
                }
            }
        }
    }

    /// Over a thousand segments: whole frames, no gap or overlap, never a frame from the video.
    #[test]
    fn cut_audio_follows_the_video(
        lengths in prop::collection::vec(0_u64..100_000, 1..6),
        timescale in prop::sample::select(vec![600_u32, 12_800, 30_000, 24_000, 90_000]),
        (scale, frame) in prop::sample::select(vec![
            (48_000_u32, 1024_u32), (44_100, 1024), (48_000, 1536), (22_050, 2048), (48_000, 960),
        ]),
        from in 0_u64..100_000_000,
    ) {
        // Segments that last longer than any frame.
        let durations: Vec<u64> = lengths.iter().map(|d| d + u64::from(timescale) / 8).collect();
        let reference = Cycle::Stored(stored(timescale, &durations));
        let cycle = recut(timescale, &durations, scale, frame);
        let Cycle::Recut(audio) = &cycle else { unreachable!() };
        for n in from..from + 1000 {
            let start = cycle.boundary(n).unwrap();
            let (wraps, i) = cycle.place(n);
            prop_assert_eq!(start % i64::from(frame), 0);
            let video = Time::new(reference.boundary(n).unwrap(), reference.scale());
            let late = Time::new(start, cycle.scale());
            prop_assert!(late >= video);
            prop_assert!(Time::new(start - i64::from(frame), cycle.scale()) < video);
            let first = audio.first_frame(wraps).unwrap();
            prop_assert!(start / i64::from(frame) >= first);
            if i == 0 {
                prop_assert_eq!(start / i64::from(frame), first);
            }
            prop_assert_eq!(cycle.starting_at(start), Some(n));
            prop_assert_eq!(cycle.end(n), reference.end(n));
        }
    }
}
