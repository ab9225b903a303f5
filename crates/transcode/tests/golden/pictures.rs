//! Pictures: number, time and content of every frame.

use media::time::Round;
use transcode::plan::Seconds;

use crate::{
    bench::{Bench, Frame},
    gallery::Kind,
};

/// Encodes in chunks and in one piece: the same frames, each at its place of the grid. Returns them.
fn equal(bench: &Bench) -> Vec<Frame> {
    let grid = bench.chunked.grid;
    assert!(bench.chunked.chunks.len() >= 2, "there is a boundary");
    assert_eq!(bench.whole.chunks.len(), 1);
    assert_eq!(grid, bench.whole.grid);
    let found = bench.frames(&bench.pictures(&bench.chunked, "chunked"));
    let reference = bench.frames(&bench.pictures(&bench.whole, "whole"));
    assert_eq!(found.len() as u64, grid.frames);
    for (index, frame) in (0..).zip(&found) {
        assert_eq!(frame.0, grid.rate.duration(index), "time of frame {index}");
    }
    same(&found, &reference);
    found
}

/// Tells the first frame that differs rather than two lists.
fn same(found: &[Frame], expected: &[Frame]) {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected).enumerate();
    let differ: Vec<usize> = pairs
        .filter(|(_, (found, expected))| found.1 != expected.1)
        .map(|(index, _)| index)
        .collect();
    assert!(differ.is_empty(), "frames {differ:?} differ");
}

/// The frames of the source as a player shows them from the origin on, with their times from there.
fn shown(bench: &Bench) -> Vec<Frame> {
    let frames = bench.frames(&bench.source).into_iter();
    frames
        .map(|(time, content)| (time.minus(bench.chunked.origin), content))
        .filter(|(time, _)| *time >= Seconds::ZERO)
        .collect()
}

/// The encode is the source, frame for frame, and every frame is within a millisecond of its time.
fn as_the_source(kind: Kind) {
    let Some(bench) = Bench::new(kind) else {
        return;
    };
    let found = equal(&bench);
    let source = shown(&bench);
    assert_eq!(found.len(), source.len());
    for (index, (found, source)) in (0_u64..).zip(found.iter().zip(&source)) {
        assert_eq!(found.1, source.1, "content of frame {index}");
        let due = bench.chunked.grid.rate.duration(index);
        let error = source.0.minus(due).ticks(1_000_000, Round::Nearest).abs();
        assert!(error <= 1000, "frame {index} is {error} us off");
    }
}

#[test]
fn closed_groups() {
    as_the_source(Kind::Closed);
}

#[test]
fn open_groups() {
    as_the_source(Kind::OpenGop);
}

#[test]
fn pyramids_of_b_frames() {
    as_the_source(Kind::BPyramid);
}

#[test]
fn transport_stream_that_starts_late() {
    as_the_source(Kind::Ts);
}

#[test]
fn transport_stream_with_open_groups() {
    as_the_source(Kind::OpenTs);
}

#[test]
fn matroska_with_milliseconds() {
    as_the_source(Kind::MkvMs);
}

#[test]
fn edit_list() {
    as_the_source(Kind::EditList);
}

#[test]
fn groups_longer_than_chunks() {
    as_the_source(Kind::LongGop);
}

#[test]
fn without_sound() {
    as_the_source(Kind::Silent);
}

#[test]
fn portrait_with_rotation() {
    as_the_source(Kind::Portrait);
}

#[test]
fn pictures_beside_surround_sound() {
    as_the_source(Kind::Surround);
}

/// Each place of the grid shows the frame of the source that is on at that time, to the nearest place.
#[test]
fn variable_rate() {
    on_the_grid(Kind::Variable);
}

#[test]
fn pictures_seconds_apart() {
    on_the_grid(Kind::Sparse);
}

fn on_the_grid(kind: Kind) {
    let Some(bench) = Bench::new(kind) else {
        return;
    };
    let found = equal(&bench);
    let source = shown(&bench);
    let rate = bench.chunked.grid.rate;
    assert!(source.len() < found.len());
    let place = |time: Seconds| rate.frames(time, Round::Nearest);
    let mut current = 0;
    for (index, frame) in (0_i64..).zip(&found) {
        while source
            .get(current + 1)
            .is_some_and(|next| place(next.0) <= index)
        {
            current += 1;
        }
        assert_eq!(frame.1, source[current].1, "place {index}");
    }
    assert_eq!(current + 1, source.len(), "no frame is left out");
}

/// Fields become frames: chunks agree with the whole, and no frame is a copy of the one before.
#[test]
fn interlaced() {
    let Some(bench) = Bench::new(Kind::Interlaced) else {
        return;
    };
    let found = equal(&bench);
    assert_eq!(bench.chunked.grid.rate.to_string(), "50");
    let copies = found
        .windows(2)
        .filter(|pair| pair[0].1 == pair[1].1)
        .count();
    assert_eq!(copies, 0);
}

#[test]
fn a_recording_that_begins_anywhere() {
    as_the_source(Kind::MidStream);
}

#[test]
fn webm() {
    as_the_source(Kind::Webm);
}

#[test]
fn avi() {
    as_the_source(Kind::Avi);
}

#[test]
fn pictures_before_sound() {
    as_the_source(Kind::Delayed);
}

#[test]
fn fragmented() {
    as_the_source(Kind::Fragmented);
}

#[test]
fn mpeg2() {
    as_the_source(Kind::Mpeg2);
}

/// Where sound goes on, the last picture stands to its end.
fn stands(kind: Kind) {
    let Some(bench) = Bench::new(kind) else {
        return;
    };
    let found = equal(&bench);
    let source = shown(&bench);
    assert_eq!(source.len(), 75);
    assert!((274..=277).contains(&found.len()), "{}", found.len());
    for (index, frame) in found.iter().enumerate() {
        assert_eq!(frame.1, source[index.min(74)].1, "place {index}");
    }
}

#[test]
fn held() {
    stands(Kind::Held);
}

#[test]
fn held_in_a_transport_stream() {
    stands(Kind::HeldTs);
}
