//! The ring against a plain model, and each promise of its module on its own.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use proptest::prelude::*;

use super::{Bounds, End, Leave, OnSlow, Piece, Reader, Start, Writer};

fn bounds(ms: u64, bytes: usize) -> Bounds {
    Bounds {
        window: Duration::from_millis(ms),
        bytes,
    }
}

fn piece(text: &str) -> Piece {
    Piece::whole(Bytes::copy_from_slice(text.as_bytes()))
}

fn join(header: &str, text: &str) -> Piece {
    Piece {
        join: Some(Bytes::copy_from_slice(header.as_bytes())),
        ..piece(text)
    }
}

fn part(text: &str) -> Piece {
    Piece {
        leave: Leave::Never,
        ..piece(text)
    }
}

/// Everything that is there for a reader.
fn all(reader: &mut Reader) -> String {
    let mut text = String::new();
    while let Some(bytes) = reader.ready() {
        text.push_str(std::str::from_utf8(&bytes).unwrap());
    }
    text
}

#[test]
fn who_is_there_first_gets_every_byte() {
    let mut writer = Writer::new(Bounds::default());
    let ring = writer.ring();
    let now = Instant::now();
    let mut readers: Vec<Reader> = [Start::Newest, Start::Live, Start::Back(Duration::ZERO)]
        .map(|start| ring.join(start, OnSlow::Skip))
        .into();
    for text in ["a", "b"] {
        writer.push(piece(text), now);
    }
    writer.push(join("H", "c"), now);
    writer.finish();
    for reader in &mut readers {
        assert_eq!(all(reader), "abc", "no header: it has read on to the join");
        assert_eq!(reader.end(), Some(End::Finished));
    }
    assert_eq!(ring.stats().readers, 3);
    drop(readers);
    let stats = ring.stats();
    assert_eq!((stats.readers, stats.read, stats.pieces), (0, 9, 3));
    assert!(stats.ended);
}

#[test]
fn later_ones_begin_at_a_join_point_with_its_header() {
    let mut writer = Writer::new(Bounds::default());
    let ring = writer.ring();
    let begun = Instant::now();
    for (second, text) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let now = begun + Duration::from_secs(second as u64);
        writer.push(join("H", text), now);
        writer.push(piece("."), now);
    }
    let read = |start| all(&mut ring.join(start, OnSlow::Skip));
    assert_eq!(read(Start::Newest), "Hd.");
    assert_eq!(read(Start::Back(Duration::from_secs(1))), "Hc.d.");
    assert_eq!(read(Start::Back(Duration::from_millis(1001))), "Hb.c.d.");
    assert_eq!(read(Start::Back(Duration::from_hours(1))), "Ha.b.c.d.");
    let mut live = ring.join(Start::Live, OnSlow::Skip);
    writer.push(piece("."), begun);
    assert_eq!(all(&mut live), "");
    writer.push(join("I", "e"), begun);
    assert_eq!(all(&mut live), "Ie");
}

#[test]
fn without_a_join_point_they_wait_for_one() {
    let mut writer = Writer::new(Bounds::default());
    let ring = writer.ring();
    let now = Instant::now();
    writer.push(piece("a"), now);
    let mut first = ring.join(Start::Newest, OnSlow::Skip);
    let mut never = ring.join(Start::Live, OnSlow::Skip);
    assert_eq!(all(&mut first), "");
    writer.push(join("", "b"), now);
    assert_eq!(all(&mut first), "b");
    let mut late = ring.join(Start::Live, OnSlow::Skip);
    assert_eq!(all(&mut never), "b");
    writer.finish();
    assert_eq!(all(&mut late), "");
    assert_eq!(late.end(), Some(End::Finished));
}

#[test]
fn slow_readers_skip_to_the_newest_join_point_or_end() {
    let mut writer = Writer::new(bounds(1000, 1 << 20));
    let ring = writer.ring();
    let mut skipping = ring.join(Start::Newest, OnSlow::Skip);
    let mut dropped = ring.join(Start::Newest, OnSlow::Drop);
    let begun = Instant::now();
    for second in 0..5 {
        let now = begun + Duration::from_secs(second);
        writer.push(join("H", &second.to_string()), now);
        writer.push(piece("."), now);
    }
    assert_eq!(all(&mut skipping), "H4.");
    assert_eq!(all(&mut dropped), "");
    assert_eq!(dropped.end(), Some(End::TooSlow));
    assert_eq!((ring.stats().skips, ring.stats().drops), (1, 1));
    // The header is known by now; a new one is said.
    for second in 5..9 {
        let header = if second < 8 { "H" } else { "I" };
        let now = begun + Duration::from_secs(second);
        writer.push(join(header, &second.to_string()), now);
        if second == 7 {
            assert_eq!(all(&mut skipping), "7");
        }
    }
    assert_eq!(all(&mut skipping), "8");
}

#[test]
fn a_header_that_changed_is_said_after_a_skip() {
    let mut writer = Writer::new(bounds(0, 1 << 20));
    let ring = writer.ring();
    let mut reader = ring.join(Start::Newest, OnSlow::Skip);
    let begun = Instant::now();
    writer.push(join("", "a"), begun);
    assert_eq!(all(&mut reader), "a");
    for second in 1..4 {
        let now = begun + Duration::from_secs(second);
        writer.push(join("I", &second.to_string()), now);
    }
    assert_eq!(all(&mut reader), "I3");
}

#[test]
fn a_pause_makes_nobody_late() {
    let mut writer = Writer::new(bounds(1000, 1 << 20));
    let ring = writer.ring();
    let mut reader = ring.join(Start::Newest, OnSlow::Drop);
    let begun = Instant::now();
    writer.push(join("", "a"), begun);
    assert_eq!(all(&mut reader), "a");
    for minute in 1..10 {
        writer.push(piece("b"), begun + Duration::from_mins(minute));
        assert_eq!(all(&mut reader), "b");
    }
}

#[test]
fn who_began_at_the_second_newest_join_point_is_not_late() {
    let mut writer = Writer::new(bounds(1, 1 << 20));
    let ring = writer.ring();
    let begun = Instant::now();
    let at = |second| begun + Duration::from_secs(second);
    writer.push(join("", "a"), at(0));
    let mut reader = ring.join(Start::Newest, OnSlow::Drop);
    writer.push(piece("."), at(10));
    writer.push(join("", "b"), at(20));
    writer.push(piece("."), at(30));
    let mut slower = ring.join(Start::Back(Duration::from_mins(1)), OnSlow::Drop);
    assert_eq!(all(&mut reader), "a.b.");
    writer.push(join("", "c"), at(40));
    assert_eq!(all(&mut reader), "c");
    assert_eq!(all(&mut slower), "");
    assert_eq!(slower.end(), Some(End::TooSlow));
}

#[test]
fn units_of_several_pieces_are_read_to_their_end() {
    let mut writer = Writer::new(bounds(1000, 1 << 20));
    let ring = writer.ring();
    let mut reader = ring.join(Start::Newest, OnSlow::Skip);
    let begun = Instant::now();
    let at = |ms| begun + Duration::from_millis(ms);
    let unit = |writer: &mut Writer, name: &str, ms| {
        writer.push(
            Piece {
                leave: Leave::Never,
                ..join("", name)
            },
            at(ms),
        );
        writer.push(part("-"), at(ms));
        writer.push(piece(")"), at(ms));
    };
    unit(&mut writer, "a", 0);
    let first = reader.ready().unwrap();
    assert_eq!(first, "a");
    for (name, ms) in [("b", 400), ("c", 800), ("d", 1200), ("e", 1600)] {
        unit(&mut writer, name, ms);
    }
    assert_eq!(all(&mut reader), "-)e-)", "late, but inside of a unit");
    let mut stuck = ring.join(Start::Newest, OnSlow::Skip);
    assert_eq!(stuck.ready().unwrap(), "e");
    for second in 2..9 {
        unit(&mut writer, "f", second * 1000);
    }
    assert_eq!(all(&mut stuck), "");
    assert_eq!(stuck.end(), Some(End::TooSlow), "it cannot be continued");
}

#[test]
fn a_unit_that_may_be_torn_is_left_only_when_it_is_gone() {
    let mut writer = Writer::new(bounds(1000, 1 << 20));
    let ring = writer.ring();
    let begun = Instant::now();
    let mut push = |text: &str, is_join: bool, leave, second| {
        let piece = Piece {
            leave,
            ..if is_join { join("", text) } else { piece(text) }
        };
        writer.push(piece, begun + Duration::from_secs(second));
    };
    push("a", true, Leave::IfNeedBe, 0);
    let mut reader = ring.join(Start::Newest, OnSlow::Skip);
    assert_eq!(reader.ready().unwrap(), "a");
    push(")", false, Leave::Well, 0);
    push("b", true, Leave::IfNeedBe, 2);
    assert_eq!(all(&mut reader), ")b");
    for second in [4, 6, 8, 10] {
        push(".)", false, Leave::Well, second);
        push("c", true, Leave::IfNeedBe, second);
    }
    assert_eq!(all(&mut reader), "c");
    assert_eq!((ring.stats().skips, ring.stats().drops), (1, 0));
}

#[test]
fn bytes_are_bounded_whatever_their_age() {
    let mut writer = Writer::new(bounds(3_600_000, 1000));
    let ring = writer.ring();
    let now = Instant::now();
    let large = "x".repeat(300);
    for _ in 0..100 {
        writer.push(join("", &large), now);
        assert!(ring.stats().kept <= 1000);
    }
    let held: usize = ring.0.pages.load().len();
    assert!(held <= 5, "{held} pages");
    writer.push(join("", &"y".repeat(5000)), now);
    let mut reader = ring.join(Start::Newest, OnSlow::Skip);
    assert_eq!(all(&mut reader).len(), 5000, "the newest is always there");
}

#[test]
fn a_writer_rests_when_there_are_many_readers() {
    let writer = Writer::new(Bounds::default());
    let ring = writer.ring();
    let mut readers = Vec::new();
    for (count, ms) in [(0, 0), (250, 0), (450, 20), (1000, 75), (5000, 75)] {
        readers.resize_with(count, || ring.join(Start::Newest, OnSlow::Skip));
        assert_eq!(writer.rest(), Duration::from_millis(ms), "{count} readers");
    }
}

#[test]
fn the_rate_is_that_of_what_is_kept() {
    let mut writer = Writer::new(Bounds::default());
    let ring = writer.ring();
    let begun = Instant::now();
    assert_eq!(ring.rate(), None);
    for ms in (0..=4000).step_by(100) {
        let now = begun + Duration::from_millis(ms);
        writer.push(piece(&"x".repeat(5000)), now);
    }
    assert_eq!(ring.rate(), Some(50_000));
}

#[test]
fn waiting_ends_with_a_piece_and_with_the_end() {
    let mut writer = Writer::new(Bounds::default());
    let mut reader = writer.ring().join(Start::Newest, OnSlow::Skip);
    let mut cx = Context::from_waker(Waker::noop());
    {
        let mut next = pin!(reader.next());
        assert!(next.as_mut().poll(&mut cx).is_pending());
        writer.push_all([piece("a"), piece("b")], Instant::now());
        assert_eq!(next.poll(&mut cx), Poll::Ready(Some(Bytes::from("a"))));
    }
    assert_eq!(reader.behind(), 1);
    assert_eq!(all(&mut reader), "b");
    let mut next = pin!(reader.next());
    assert!(next.as_mut().poll(&mut cx).is_pending());
    writer.finish();
    assert_eq!(next.poll(&mut cx), Poll::Ready(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_read_every_byte_in_order() {
    const PIECES: u32 = 20_000;
    let mut writer = Writer::new(Bounds::default());
    let ring = writer.ring();
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut reader = ring.join(Start::Newest, OnSlow::Drop);
        readers.spawn(async move {
            let mut expected = 0;
            while let Some(bytes) = reader.next().await {
                assert_eq!(bytes, expected.to_string());
                expected += 1;
            }
            (expected, reader.end())
        });
    }
    let now = Instant::now();
    for number in 0..PIECES {
        writer.push(piece(&number.to_string()), now);
        if number % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    writer.finish();
    for got in readers.join_all().await {
        assert_eq!(got, (PIECES, Some(End::Finished)));
    }
}

#[derive(Clone, Debug)]
enum Act {
    Push { ms: u64, join: bool, whole: bool },
    Read { reader: usize, pieces: usize },
    Join { skip: bool, back_ms: Option<u64> },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..400_u64, any::<bool>(), any::<bool>())
            .prop_map(|(ms, join, whole)| Act::Push { ms, join, whole }),
        3 => (0..6_usize, 0..8_usize).prop_map(|(reader, pieces)| Act::Read { reader, pieces }),
        1 => (any::<bool>(), proptest::option::of(0..3000_u64))
            .prop_map(|(skip, back_ms)| Act::Join { skip, back_ms }),
    ];
    proptest::collection::vec(act, 1..200)
}

proptest! {
    /// Whatever is pushed and read: readers see pieces in order, begin and go on at join points only,
    /// leave units only at their end, and what is kept stays in bounds.
    #[test]
    fn readers_see_pieces_in_order_and_begin_at_join_points(acts in acts()) {
        let mut writer = Writer::new(bounds(1000, 400));
        let ring = writer.ring();
        let mut now = Instant::now();
        // Whether each piece is a join point, and whether it ends a unit.
        let mut pushed: Vec<(bool, bool)> = Vec::new();
        let mut readers: Vec<(Reader, Option<usize>)> = Vec::new();
        for act in acts {
            match act {
                Act::Push { ms, join, whole } => {
                    now += Duration::from_millis(ms);
                    // A join point begins a unit.
                    let join = join && pushed.last().is_none_or(|(_, whole)| *whole);
                    let number = u32::try_from(pushed.len()).unwrap();
                    let bytes = Bytes::copy_from_slice(&number.to_be_bytes());
                    let leave = if whole { Leave::Well } else { Leave::Never };
                    writer.push(
                        Piece { bytes, join: join.then(Bytes::new), leave },
                        now,
                    );
                    pushed.push((join, whole));
                    prop_assert!(ring.stats().kept <= 400 + 4);
                }
                Act::Join { skip, back_ms } => {
                    let start = back_ms.map_or(Start::Newest, |ms| {
                        Start::Back(Duration::from_millis(ms))
                    });
                    let on_slow = if skip { OnSlow::Skip } else { OnSlow::Drop };
                    let first = pushed.is_empty().then_some(usize::MAX);
                    readers.push((ring.join(start, on_slow), first));
                }
                Act::Read { reader, pieces } => {
                    let Some((reader, last)) = readers.get_mut(reader) else { continue };
                    for _ in 0..pieces {
                        let Some(bytes) = reader.ready() else { break };
                        let number = u32::from_be_bytes(bytes[..].try_into().unwrap()) as usize;
                        match *last {
                            Some(usize::MAX) if number == 0 => {}
                            None | Some(usize::MAX) => prop_assert!(pushed[number].0),
                            Some(last) if number == last + 1 => {}
                            Some(last) => {
                                prop_assert!(number > last);
                                prop_assert!(pushed[number].0 && pushed[last].1);
                            }
                        }
                        *last = Some(number);
                    }
                }
            }
        }
    }
}
