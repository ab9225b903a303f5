use std::sync::Arc;

use media::time::Timescale;

use super::*;
use crate::{
    cycle::{Recut, Stored},
    synthetic::track,
};

fn stored(timescale: u32, durations: &[u64]) -> Stored {
    let index = track("V", timescale, durations);
    let length = index.duration();
    Stored::new(Arc::new(index), 0, length).unwrap()
}

fn window(start_s: i64, depth: u32, now: i64) -> Window {
    Window {
        start: start_s * 1000,
        depth,
        now,
        ahead: AvailabilityOffset::Ahead(Time::ZERO),
        in_chunks: false,
    }
}

#[test]
fn a_slot_is_there_from_its_end_to_the_grace_after_the_window() {
    let early = |wait_ms, at_ms| {
        Err(Refusal::TooEarly {
            what: "it".to_owned(),
            wait_ms,
            at_ms,
        })
    };
    let gone = |since_ms, ago_ms| {
        Err(Refusal::Gone {
            what: "it".to_owned(),
            since_ms,
            ago_ms,
        })
    };
    let two = Time::from_secs(2);
    // 2.002 s and one third of a millisecond.
    let odd = Time::new(6_007, Timescale::literal(3000));
    for (start, depth, end, now, expected) in [
        (0, 60, two, 0, early(2000, 2000)),
        (0, 60, two, 1999, early(1, 2000)),
        (0, 60, two, 2000, Ok(())),
        (0, 60, two, 72_000, Ok(())),
        (0, 60, two, 72_001, gone(72_000, 1)),
        (0, 0, two, 12_000, Ok(())),
        (0, 0, two, 12_001, gone(12_000, 1)),
        (980, 60, two, 981_999, early(1, 982_000)),
        (980, 60, two, 982_000, Ok(())),
        (980, 60, two, 1_052_001, gone(1_052_000, 1)),
        (0, 60, odd, 2002, early(1, 2003)),
        (0, 60, odd, 2003, Ok(())),
        (0, 0, odd, 12_002, Ok(())),
        (0, 0, odd, 12_003, gone(12_002, 1)),
    ] {
        let result = window(start, depth, now).check(end, || "it".to_owned());
        assert_eq!(result, expected, "start {start} depth {depth} now {now}");
    }
}

#[test]
fn nothing_is_there_before_the_start() {
    let check = |now| window(980, 60, now).check_started(|| "it".to_owned());
    assert_eq!(
        check(979_999),
        Err(Refusal::TooEarly {
            what: "it".to_owned(),
            wait_ms: 1,
            at_ms: 980_000
        })
    );
    assert_eq!(check(980_000), Ok(()));
}

#[test]
fn one_slot_more_than_the_window_is_listed() {
    let even = Cycle::Stored(stored(90_000, &[180_000; 4]));
    let unequal = Cycle::Stored(stored(90_000, &[360_000, 720_000]));
    for (cycle, start, depth, now, first, end) in [
        (&even, 0, 60, 0, 0, 0),
        (&even, 0, 60, 1999, 0, 0),
        (&even, 0, 60, 2000, 0, 1),
        (&even, 0, 60, 100_000, 19, 50),
        (&even, 0, 60, 100_001, 19, 50),
        (&even, 0, 0, 100_000, 49, 50),
        (&even, 0, 8, 1_001_000, 495, 500),
        (&even, 980, 60, 990_000, 0, 5),
        (&unequal, 0, 60, 100_000, 6, 17),
    ] {
        assert_eq!(
            window(start, depth, now).listed(cycle),
            Listed { first, end },
            "start {start} depth {depth} now {now}"
        );
    }
}

#[test]
fn timelines_are_run_length_coded() {
    let even = Cycle::Stored(stored(90_000, &[180_000; 4]));
    let listed = window(0, 60, 100_000).listed(&even);
    let timeline = listed.timeline(&even, 0, 5);
    assert_eq!(timeline.first_number, 24);
    assert_eq!(
        timeline.runs,
        [Run {
            start: 3_420_000,
            duration: 180_000,
            count: 31
        }]
    );
    let empty = window(0, 60, 1999).listed(&even).timeline(&even, 0, 7);
    assert_eq!((empty.first_number, empty.runs.len()), (7, 0));
}

#[test]
fn an_edit_list_moves_the_timeline_and_shortens_its_first_entry() {
    let reference = stored(12_800, &[25_600; 4]);
    let audio = Cycle::Recut(Recut::new(reference, Timescale::literal(48_000), 1024).unwrap());
    let listed = window(0, 60, 10_000).listed(&audio);
    let timeline = listed.timeline(&audio, 2048, 0);
    let runs: Vec<_> = timeline
        .runs
        .iter()
        .map(|run| (run.start, run.duration, run.count))
        .collect();
    assert_eq!(
        runs,
        [
            (0, 94_208, 1),
            (94_208, 96_256, 2),
            (286_720, 95_232, 1),
            (381_952, 96_256, 1)
        ]
    );
}

#[test]
fn an_offset_moves_everything_ahead() {
    let even = Cycle::Stored(stored(90_000, &[180_000; 4]));
    let half = Time::from_ms(1500);
    let ahead = |now| Window {
        ahead: AvailabilityOffset::Ahead(half),
        ..window(0, 60, now)
    };
    let two = Time::from_secs(2);
    let what = || "it".to_owned();
    let early = Refusal::TooEarly {
        what: what(),
        wait_ms: 1,
        at_ms: 500,
    };
    assert_eq!(ahead(499).check(two, what), Err(early));
    assert_eq!(ahead(500).check(two, what), Ok(()));
    assert_eq!(ahead(500).check_made(two, two, what), Ok(()));
    assert_eq!(ahead(70_500).check(two, what), Ok(()));
    let gone = Refusal::Gone {
        what: what(),
        since_ms: 70_500,
        ago_ms: 1,
    };
    assert_eq!(ahead(70_501).check(two, what), Err(gone));
    assert_eq!(ahead(100_499).listed(&even), Listed { first: 19, end: 50 });
    assert_eq!(ahead(100_500).listed(&even), Listed { first: 20, end: 51 });
    assert_eq!(ahead(100_500).ahead(&even), Listed { first: 51, end: 51 });
}

#[test]
fn in_chunks_a_slot_may_be_asked_for_before_it_is_whole() {
    let even = Cycle::Stored(stored(90_000, &[180_000; 4]));
    let chunked = |now| Window {
        ahead: AvailabilityOffset::Ahead(Time::from_ms(1500)),
        in_chunks: true,
        ..window(0, 60, now)
    };
    let (made, two) = (Time::from_ms(1000), Time::from_secs(2));
    let what = || "it".to_owned();
    assert_eq!(chunked(500).check(two, what), Ok(()));
    let waits = |now, made| match chunked(now).check_made(made, two, what) {
        Err(Refusal::TooEarly { wait_ms, .. }) => wait_ms,
        other => panic!("{other:?}"),
    };
    assert_eq!((waits(500, made), waits(500, two)), (500, 1500));
    assert_eq!(chunked(1000).check_made(made, two, what), Ok(()));
    assert_eq!(chunked(2000).check_made(two, two, what), Ok(()));
    assert_eq!(
        chunked(100_500).listed(&even),
        Listed { first: 20, end: 50 }
    );
    assert_eq!(chunked(100_500).ahead(&even), Listed { first: 50, end: 51 });
    assert_eq!(chunked(100_499).ahead(&even), Listed { first: 50, end: 50 });
    let short = Window {
        depth: 0,
        ..chunked(100_500)
    };
    assert_eq!(short.listed(&even), Listed { first: 49, end: 50 });
}

#[test]
fn with_an_infinite_offset_anything_may_be_asked_for() {
    let even = Cycle::Stored(stored(90_000, &[180_000; 4]));
    for in_chunks in [false, true] {
        let endless = Window {
            ahead: AvailabilityOffset::Infinite,
            in_chunks,
            ..window(0, 60, 100_000)
        };
        let what = || "it".to_owned();
        for end in [2, 100, 1_000_000] {
            assert_eq!(endless.check(Time::from_secs(end), what), Ok(()));
        }
        let past = Time::from_secs(2);
        assert_eq!(endless.check_made(past, past, what), Ok(()));
        assert_eq!(endless.listed(&even), Listed { first: 19, end: 50 });
        assert_eq!(endless.ahead(&even), Listed { first: 50, end: 50 });
    }
    let to_come = Time::from_secs(200);
    let chunked = Window {
        ahead: AvailabilityOffset::Infinite,
        in_chunks: true,
        ..window(0, 60, 100_000)
    };
    let refused = chunked.check_made(to_come, to_come, || "it".to_owned());
    assert!(matches!(
        refused,
        Err(Refusal::TooEarly { at_ms: 200_000, .. })
    ));
}
