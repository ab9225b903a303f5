use std::sync::Arc;

use asset::model::TrackIndex;
use media::{
    isobmff::{
        chunk::Cutter,
        segment::{TrackDefaults, samples},
        walk::boxes,
    },
    time::Timescale,
};
use proptest::prelude::*;

use super::*;
use crate::synthetic::{asset, track, with_media, with_samples};

/// Video of 25 fps and audio, both in two-second segments, subtitles and thumbnails.
fn reel() -> Reel {
    let tracks = vec![
        with_samples(track("V", 12_800, &[25_600; 4]), 512, 25),
        with_media(
            track("A", 48_000, &[96_256, 96_256, 96_256, 95_232]),
            |_| Vec::new(),
        ),
        with_media(track("S", 1000, &[2000; 4]), |_| b"<tt/>".to_vec()),
        with_media(track("T", 1, &[2; 4]), |_| b"picture".to_vec()),
    ];
    Reel::new(Arc::new(asset("a", tracks)))
}

fn strip(reel: &Reel, position: usize) -> &Strip {
    reel.all().nth(position).flatten().unwrap()
}

fn ms(ms: i64) -> Time {
    Time::from_ms(ms)
}

#[test]
fn chunks_in_order_are_the_segment() {
    let reel = reel();
    let chunking = Chunking::new(&reel, ms(500));
    for (position, count) in [(0, 4), (1, 4), (2, 1)] {
        let strip = strip(&reel, position);
        for n in 0..40 {
            let whole: Bytes = rewrite::slot(strip, n, 7).unwrap().concat().into();
            let cut = chunking.make_all(position, strip, n, 7).unwrap().concat();
            let cut: Bytes = cut.into();
            let defaults = TrackDefaults::default();
            let read = |bytes: &Bytes| -> Vec<_> {
                let found = samples(bytes, &defaults).unwrap();
                let of = |s: media::isobmff::segment::Sample| {
                    (s.decode_time, s.duration, s.flags, bytes.slice(s.data))
                };
                found.into_iter().map(of).collect()
            };
            assert_eq!(read(&cut), read(&whole), "{position} {n}");
            let spans = chunking.spans(position, strip, n).unwrap();
            for (index, span) in spans.iter().enumerate() {
                let made = chunking.make(position, strip, n, index, 7).unwrap();
                let made: Bytes = made.unwrap().concat().into();
                let found = samples(&made, &defaults).unwrap();
                let duration: u64 = found.iter().map(|s| u64::from(s.duration)).sum();
                assert_eq!(duration, span.duration, "{position} {n} {index}");
                let styp = boxes(&made).any(|b| b.unwrap().kind.0 == *b"styp");
                assert_eq!(styp, index == 0 && position == 0);
            }
            assert_eq!(spans.len(), count, "{position} {n}");
            let none = chunking.make(position, strip, n, spans.len(), 7).unwrap();
            assert!(none.is_none());
        }
    }
}

#[test]
fn pictures_are_one_piece() {
    let reel = reel();
    let chunking = Chunking::new(&reel, ms(500));
    let spans = chunking.spans(3, strip(&reel, 3), 5).unwrap();
    assert_eq!((spans.len(), spans[0].duration), (1, 2));
}

#[test]
fn l2_parts_fit_the_target_and_have_most_of_it() {
    let of = |video: TrackIndex, chunk_ms| {
        let audio = with_media(track("A", 48_000, &[96_256; 4]), |_| Vec::new());
        let reel = Reel::new(Arc::new(asset("a", vec![video, audio])));
        Chunking::new(&reel, ms(chunk_ms))
    };
    let video = |scale, sample: u32| {
        let mut video = track("V", scale, &[2 * u64::from(scale); 4]);
        video.sample_duration = Some(sample);
        video
    };
    let frames = |count: i64| Some(Time::new(count * 1024, Timescale::literal(48_000)));
    let pictures =
        |count: i64, scale, sample: i64| Some(Time::new(count * sample, Timescale::literal(scale)));
    for (scale, sample, chunk_ms, target) in [
        (30, 1, 500, frames(24)),
        (25, 1, 200, frames(10)),
        (24_000, 1001, 500, frames(24)),
        // Four pictures of 24 fps are 78 % of ten frames: five are taken.
        (24, 1, 200, frames(10)),
        (
            30_000,
            1001,
            1000,
            pictures(30, 30_000, 1001).max(frames(47)),
        ),
        (30, 1, 34, None),
        (24, 1, 50, None),
    ] {
        let found = of(video(scale, sample), chunk_ms);
        assert_eq!(found.part_target, target, "{sample}/{scale} {chunk_ms}");
        let rounded = found.lengths[0] != ms(chunk_ms);
        assert_eq!(
            rounded,
            (scale, chunk_ms) == (24, 200),
            "{scale} {chunk_ms}"
        );
    }
    let mut uneven = video(30, 1);
    uneven.sample_duration = None;
    assert_eq!(of(uneven, 500).part_target, None);
    let mut encrypted = video(30, 1);
    encrypted.encrypted = true;
    assert_eq!(of(encrypted, 500).part_target, None);
}

proptest! {
    /// Computed chunks are those that a cutter makes sample by sample.
    #[test]
    fn computed_chunks_are_cut_chunks(
        count in 0_u64..200,
        sample in 1_i64..3000,
        scale in prop::sample::select(vec![24_u32, 1000, 44_100, 48_000, 90_000]),
        length_us in 0_i64..3_000_000,
    ) {
        let scale = Timescale::new(scale).unwrap();
        let length = Time::new(length_us, Timescale::literal(1_000_000));
        let sample = Time::new(sample, scale);
        let mut cutter = Cutter::new(length, scale);
        let mut expected = vec![0];
        for _ in 0..count {
            *expected.last_mut().unwrap() += sample.ticks as u64;
            if cutter.closes_with(sample.ticks as u64) {
                expected.push(0);
            }
        }
        expected.retain(|ticks| *ticks > 0);
        let found = even_spans(count, sample, length);
        let durations: Vec<u64> = found.iter().map(|span| span.duration).collect();
        prop_assert_eq!(durations, expected);
        let mut end = 0;
        for span in found {
            prop_assert_eq!(span.start, end);
            end += span.duration;
        }
    }

    /// No chunk of samples alike is longer or shorter than said, but for the last of a segment.
    #[test]
    fn chunks_are_as_long_as_said(
        count in 1_u64..200,
        sample in 1_i64..3000,
        length_us in 1_i64..3_000_000,
    ) {
        let sample = Time::new(sample, Timescale::literal(48_000));
        let length = Time::new(length_us, Timescale::literal(1_000_000));
        let said = Lengths::of(sample, length);
        let spans = even_spans(count, sample, length);
        for (index, span) in spans.iter().enumerate() {
            let duration = Time::new(span.duration as i64, sample.scale);
            prop_assert!(duration <= said.longest);
            prop_assert!(duration >= said.shortest || index + 1 == spans.len());
        }
    }
}
