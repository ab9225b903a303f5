use asset::model::TrackIndex;
use bytes::Bytes;
use media::{isobmff::segment::samples, presentation::Timeline};
use proptest::prelude::*;

use super::*;
use crate::synthetic::{FRAME, asset, track, with_media};

fn channel(options: &str, tracks: Vec<TrackIndex>) -> Looped {
    let reel = Arc::new(Reel::new(Arc::new(asset("a", tracks))));
    Looped::new(reel, Options::parse(options.split_terminator('/')).unwrap())
}

/// Two-second segments at 30 fps, audio that is a few frames short, and thumbnails.
fn tracks() -> Vec<TrackIndex> {
    vec![
        with_media(track("V", 90_000, &[180_000; 4]), |n| vec![n as u8; 100]),
        with_media(
            track("A", 48_000, &[96_256, 96_256, 96_256, 93_184]),
            |_| Vec::new(),
        ),
        with_media(track("T", 1, &[2; 4]), |n| format!("picture {n}").into()),
    ]
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

fn bytes(payload: &Payload) -> Bytes {
    payload.slices.concat().into()
}

/// Decode time of the first sample, and the data of all, as `isobmff` reads them back.
fn read(payload: &Payload) -> (u64, Vec<Bytes>) {
    let all = bytes(payload);
    let found = samples(&all, &media::isobmff::segment::TrackDefaults::default()).unwrap();
    let data = found
        .iter()
        .map(|sample| all.slice(sample.data.clone()))
        .collect();
    (found[0].decode_time, data)
}

#[test]
fn segments_that_a_mean_duration_would_misplace_are_listed() {
    let of = |options: &str, durations: &[u64]| {
        let channel = channel(options, vec![track("V", 90_000, durations)]);
        channel
            .presentation(0, 1_700_000_000_000)
            .unwrap()
            .addressing
    };
    // Five of 6 s and one of 0.16 s: the fifth begins at 24 s and not at 20 s.
    let sliver = [540_000, 540_000, 540_000, 540_000, 540_000, 14_400];
    assert_eq!(of("", &sliver), Addressing::TimelineNumber);
    assert_eq!(of("segtimeline_1/", &sliver), Addressing::TimelineTime);
    assert_eq!(of("ato_inf/", &sliver), Addressing::Number);
    assert_eq!(of("", &[540_000, 540_000, 300_000]), Addressing::Number);
    assert_eq!(of("", &[540_000; 3]), Addressing::Number);
}

#[test]
fn the_manifest_of_plain_numbers_never_changes() {
    let channel = channel("tsbd_30/", tracks());
    let early = channel.presentation(0, 0).unwrap();
    let late = channel.presentation(0, 1_700_000_000_000).unwrap();
    for presentation in [&early, &late] {
        let live = live(presentation);
        assert_eq!((live.availability_start, live.publish_time), (0, 0));
        assert_eq!(live.minimum_update_period, Some(Time::from_secs(2)));
        assert_eq!(live.time_shift_buffer_depth, Some(Time::from_secs(30)));
        assert_eq!(presentation.periods[0].start_number, StartNumber::Fixed(0));
        assert_eq!(presentation.periods[0].id, "P0");
    }
}

#[test]
fn a_presentation_delay_is_announced_when_it_is_asked_for() {
    for (options, delay) in [("", None), ("spd_6/", Some(Time::from_secs(6)))] {
        let channel = channel(options, tracks());
        let presentation = channel.presentation(0, 100_000).unwrap();
        assert_eq!(live(&presentation).suggested_presentation_delay, delay);
    }
}

#[test]
fn publish_time_is_the_end_of_the_newest_segment() {
    for (options, now, publish) in [
        ("segtimeline_1/", 0, 0),
        ("segtimeline_1/", 1999, 0),
        ("segtimeline_1/", 2000, 2000),
        ("segtimelinenr_1/", 3999, 2000),
        ("segtimeline_1/start_980/", 981_999, 980_000),
        ("segtimeline_1/start_980/", 983_000, 982_000),
    ] {
        let channel = channel(options, tracks());
        let presentation = channel.presentation(0, now).unwrap();
        assert_eq!(live(&presentation).publish_time, publish, "{options} {now}");
    }
    let ntsc = channel("segtimeline_1/", vec![track("V", 30_000, &[60_060; 4])]);
    let presentation = ntsc.presentation(0, 100_000).unwrap();
    assert_eq!(live(&presentation).publish_time, 98_098);
}

#[test]
fn numbers_begin_where_they_are_told() {
    for (options, first, announced) in [
        ("", 19, StartNumber::Fixed(0)),
        ("snr_5/", 24, StartNumber::Fixed(5)),
        ("snr_-1/", 20, StartNumber::Omitted),
    ] {
        let channel = channel(options, tracks());
        let presentation = channel.presentation(0, 100_000).unwrap();
        let period = &presentation.periods[0];
        assert_eq!(period.start_number, announced, "{options}");
        for timeline in &period.timelines {
            assert_eq!(timeline.first_number, first, "{options}");
            assert_eq!(timeline.len(), 31, "{options}");
        }
    }
}

#[test]
fn nothing_is_shown_before_the_start() {
    let channel = channel("start_980/", tracks());
    for now in [0, 979_999] {
        assert!(matches!(
            channel.presentation(0, now),
            Err(Refusal::TooEarly { at_ms: 980_000, .. })
        ));
        assert!(matches!(
            channel.init(0, 0, now),
            Err(Refusal::TooEarly { at_ms: 980_000, .. })
        ));
        assert!(matches!(
            channel.segment(0, 0, Key::Number(0), now),
            Err(Refusal::TooEarly { at_ms: 980_000, .. })
        ));
    }
    assert!(channel.presentation(0, 980_000).is_ok());
    assert!(channel.init(0, 0, 980_000).is_ok());
}

#[test]
fn what_does_not_exist_is_not_found() {
    let numbered = channel("snr_5/", tracks());
    let timed = channel("segtimeline_1/", tracks());
    for (channel, manifest, track, key) in [
        (&numbered, 0, 0, Key::Number(4)),
        (&numbered, 0, 1, Key::Number(4)),
        (&numbered, 0, 9, Key::Number(5)),
        (&numbered, 9, 0, Key::Number(5)),
        (&numbered, 0, 0, Key::Number(u64::MAX)),
        (&timed, 0, 0, Key::Time(1)),
        (&timed, 0, 1, Key::Time(96_257)),
        (&timed, 0, 1, Key::Time(1024)),
        (&timed, 0, 1, Key::Time(u64::MAX)),
    ] {
        let result = channel.segment(manifest, track, key, 20_000);
        assert!(matches!(result, Err(Refusal::NotFound(_))), "{key:?}");
    }
    assert!(matches!(
        numbered.init(0, 2, 20_000),
        Err(Refusal::NotFound(_))
    ));
}

#[test]
fn video_is_moved_and_pictures_are_not_touched() {
    let channel = channel("", tracks());
    let now = 1_600_000_010_000;
    let segment = channel
        .segment(0, 0, Key::Number(800_000_001), now)
        .unwrap();
    assert_eq!(
        read(&segment),
        (144_000_000_180_000, vec![vec![1; 100].into()])
    );
    assert_eq!(segment.content_type, "video/mp4");
    let picture = channel
        .segment(0, 2, Key::Number(800_000_001), now)
        .unwrap();
    assert!(bytes(&picture).ends_with(b"picture 1"));
    assert_eq!(picture.content_type, "image/jpeg");
    assert_ne!(picture.version, segment.version);
}

#[test]
fn subtitles_move_inside_the_segment() {
    let document = |n: usize| {
        let (from, to) = (2 * n, 2 * n + 1);
        format!(r#"<tt><body><p begin="00:00:0{from}.000" end="00:00:0{to}.000">x</p></body></tt>"#)
            .into_bytes()
    };
    let channel = channel(
        "",
        vec![
            track("V", 90_000, &[180_000; 4]),
            with_media(track("S", 1000, &[2000; 4]), document),
        ],
    );
    let segment = channel.segment(0, 1, Key::Number(5), 20_000).unwrap();
    let (decode_time, data) = read(&segment);
    assert_eq!(decode_time, 10_000);
    assert_eq!(
        data[0],
        r#"<tt><body><p begin="00:00:10.000" end="00:00:11.000">x</p></body></tt>"#
    );
}

/// A player's walk along the audio: every listed segment is there, begins where the last one
/// ended, and its frames go on from the last one's, around the loop.
fn walk_audio(options: &str, tracks: Vec<TrackIndex>, from: u64, count: u64) {
    let stored: u64 = tracks[1].segments.iter().map(|s| s.duration / FRAME).sum();
    let loop_frames = tracks[0]
        .duration()
        .ticks_in(tracks[1].timescale, Round::Up) as u64
        / FRAME;
    let channel = channel(options, tracks);
    let view = channel.view();
    let (_, strip) = channel.reel.strip(view, 0, 1).unwrap();
    let mut expected = None;
    let mut last: Option<u64> = None;
    for n in from..from + count {
        let end = strip.cycle.end(n).unwrap();
        let now = channel.options.start_ms() + end.ms(Round::Up);
        let number = n + channel.options.first_number();
        let payload = channel.segment(0, 1, Key::Number(number), now).unwrap();
        let (decode_time, frames) = read(&payload);
        assert_eq!(expected.unwrap_or(decode_time), decode_time, "segment {n}");
        expected = Some(decode_time + frames.len() as u64 * FRAME);
        for frame in &frames {
            let frame = u64::from(u32::from_be_bytes(frame[..].try_into().unwrap()));
            assert!(frame < stored);
            if let Some(last) = last {
                let goes_on = frame == last + 1;
                let wraps = frame == 0 && last + 1 >= stored.min(loop_frames);
                let held = frame == last && last == stored - 1;
                assert!(goes_on || wraps || held, "segment {n}: {last} -> {frame}");
            }
            last = Some(frame);
        }
    }
}

#[test]
fn audio_goes_on_without_gap_over_many_loops() {
    for audio in [
        [96_256, 96_256, 96_256, 95_232], // just right
        [96_256, 96_256, 96_256, 93_184], // two frames short
        [96_256, 96_256, 98_304, 98_304], // five frames long
    ] {
        for (scale, video) in [(90_000, 180_000), (30_000, 60_060), (24_000, 48_048)] {
            let tracks = vec![
                track("V", scale, &[video; 4]),
                with_media(track("A", 48_000, &audio), |_| Vec::new()),
            ];
            walk_audio("", tracks, 0, 1000);
        }
    }
}

#[test]
fn audio_goes_on_at_wall_clock_magnitude_and_with_unequal_segments() {
    let unequal = || {
        vec![
            track("V", 12_800, &[16_896, 25_600, 25_600, 34_304]),
            with_media(
                track("A", 44_100, &[1024 * 100, 1024 * 3, 1024 * 241]),
                |_| Vec::new(),
            ),
        ]
    };
    walk_audio("", unequal(), 850_000_000, 100);
    walk_audio("start_1700000003/snr_7/", unequal(), 0, 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the cut of the video, listed audio can be fetched by its listed time, and the list
    /// is without gap.
    #[test]
    fn what_is_listed_is_there(
        lengths in prop::collection::vec(12_000_u64..200_000, 1..5),
        start in 0_i64..2_000_000_000,
        after in 0_i64..200_000,
        edit in prop::sample::select(vec![0_i64, 1024, 2048]),
    ) {
        let mut audio = with_media(track("A", 48_000, &[96_256; 4]), |_| Vec::new());
        audio.edit_media_time = edit;
        let video = with_media(track("V", 90_000, &lengths), |_| vec![0]);
        let channel = channel(&format!("start_{start}/segtimeline_1/tsbd_10"), vec![video, audio]);
        let now = start * 1000 + after;
        for (track, timeline) in timelines(&channel, now).iter().enumerate() {
            let mut end = None;
            for (_, time, duration) in timeline.segments() {
                prop_assert_eq!(end.unwrap_or(time), time);
                end = Some(time + duration);
                let segment = channel.segment(0, track, Key::Time(time), now);
                prop_assert!(segment.is_ok(), "track {} time {}: {:?}", track, time, segment);
            }
        }
    }
}
