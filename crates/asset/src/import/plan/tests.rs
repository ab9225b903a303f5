use process::probe::{Audio, Video};

use super::{video::made_rate, *};

fn video(codec: &str) -> Stream {
    Stream {
        index: 0,
        kind: Kind::Video,
        codec: codec.to_owned(),
        time_base: Rational::new(1, 1000),
        video: Some(Video {
            width: 640,
            height: 360,
            base_rate: Rational::new(25, 1),
            mean_rate: Rational::new(25, 1),
            pixel_format: Some("yuv420p".to_owned()),
            ..Video::default()
        }),
        ..Stream::default()
    }
}

fn audio(codec: &str) -> Stream {
    Stream {
        index: 1,
        kind: Kind::Audio,
        codec: codec.to_owned(),
        time_base: Rational::new(1, 1000),
        audio: Some(Audio {
            sampling_rate: 48_000,
            channels: 2,
            layout: None,
        }),
        ..Stream::default()
    }
}

/// Pictures of 40 ms from `start` on, with a key frame every `key_every` of them.
fn pictures(start: i64, count: i64, key_every: usize) -> Packets {
    Packets {
        count: count as u64,
        first_pts: Some(start),
        end_pts: Some(start + count * 40),
        keys: (0..count)
            .step_by(key_every)
            .map(|i| start + i * 40)
            .collect(),
        timed: true,
        discarded: false,
        steps: Some((40, 40)),
        times: (0..count).map(|i| start + i * 40).collect(),
    }
}

fn sound(start: i64, end: i64) -> Packets {
    Packets {
        count: ((end - start) / 21) as u64,
        first_pts: Some(start),
        end_pts: Some(end),
        keys: vec![],
        timed: true,
        discarded: false,
        steps: Some((21, 22)),
        times: Vec::new(),
    }
}

fn make_of(streams: Vec<(Stream, Packets)>) -> Option<Plan> {
    let packets = streams
        .iter()
        .map(|(stream, packets)| (stream.index, packets.clone()))
        .collect();
    let probe = Probe {
        streams: streams.into_iter().map(|(stream, _)| stream).collect(),
        ..Probe::default()
    };
    make(&probe, &packets)
}

#[test]
fn what_players_take_is_copied() {
    let plan = make_of(vec![
        (video("h264"), pictures(21, 250, 50)),
        (audio("aac"), sound(0, 10_030)),
    ])
    .unwrap();
    assert_eq!(plan.zero_us, 21_000);
    assert_eq!(plan.duration_us, 10_000_000);
    assert!(plan.tracks.iter().all(|it| it.treatment == Treatment::Copy));
    assert_eq!(plan.tracks[0].rate, Rational::new(25, 1));
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
    assert_eq!(plan.share_written(5_000_000), Some(500));
}

/// Alters a video or its packets.
type Alter = fn(&mut Stream, &mut Packets);

#[test]
fn pictures_are_encoded_for_a_reason() {
    fn of(stream: &mut Stream) -> &mut Video {
        stream.video.as_mut().unwrap()
    }
    let cases: [(Alter, &str); 8] = [
        (|it, _| it.codec = "vp8".to_owned(), "do not take vp8"),
        (
            |it, _| of(it).pixel_format = Some("yuv444p".to_owned()),
            "yuv444p",
        ),
        (|it, _| of(it).rotation = 90, "turned by 90"),
        (|_, packets| packets.timed = false, "no times"),
        (|_, packets| packets.discarded = true, "edit list"),
        (|_, packets| packets.steps = Some((0, 40)), "same time"),
        (
            |_, packets| packets.keys = vec![200],
            "begin with a key frame",
        ),
        (|_, packets| packets.keys = vec![0, 6_040], "6040 ms apart"),
    ];
    for (alter, expected) in cases {
        let (mut stream, mut packets) = (video("h264"), pictures(0, 250, 50));
        alter(&mut stream, &mut packets);
        let plan = make_of(vec![(stream, packets)]).unwrap();
        let Treatment::Encode(reason) = &plan.tracks[0].treatment else {
            panic!("{expected}: copied");
        };
        assert!(reason.contains(expected), "{reason}");
        assert!(plan.notes.iter().any(|note| note.contains(expected)));
    }
}

#[test]
fn sound_is_encoded_for_a_reason() {
    for (codec, packets, expected) in [
        ("vorbis", sound(0, 10_000), "do not take vorbis"),
        ("mp3", sound(0, 10_000), "do not take mp3"),
        ("aac", sound(100, 10_000), "starts 100 ms late"),
        (
            "aac",
            sound(-9_100, 10_000),
            "starts 9100 ms before the first picture",
        ),
        ("aac", sound(0, 9_900), "ends 100 ms early"),
        (
            "aac",
            Packets {
                steps: Some((21, 500)),
                ..sound(0, 10_000)
            },
            "hole of 479 ms",
        ),
        (
            "aac",
            Packets {
                timed: false,
                ..sound(0, 10_000)
            },
            "no times",
        ),
    ] {
        let plan = make_of(vec![
            (video("h264"), pictures(0, 250, 50)),
            (audio(codec), packets),
        ])
        .unwrap();
        let Treatment::Encode(reason) = &plan.tracks[1].treatment else {
            panic!("{expected}: copied");
        };
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn a_frame_of_sound_may_be_missing_at_the_ends() {
    let plan = make_of(vec![
        (video("h264"), pictures(0, 250, 50)),
        (audio("opus"), sound(14, 9_985)),
    ])
    .unwrap();
    assert_eq!(plan.tracks[1].treatment, Treatment::Copy);
}

#[test]
fn sound_alone_begins_at_its_own_start() {
    let plan = make_of(vec![(audio("aac"), sound(500, 3000))]).unwrap();
    assert_eq!((plan.zero_us, plan.duration_us), (500_000, 2_500_000));
    assert_eq!(plan.tracks[0].id, "a1");
}

#[test]
fn what_is_left_out_is_noted() {
    let cover = Stream {
        index: 2,
        is_cover: true,
        ..video("mjpeg")
    };
    let subtitles = Stream {
        index: 3,
        kind: Kind::Subtitle,
        codec: "subrip".to_owned(),
        language: Some("swe".to_owned()),
        ..Stream::default()
    };
    let second = Stream {
        index: 4,
        ..video("h264")
    };
    let plan = make_of(vec![
        (video("h264"), pictures(0, 250, 50)),
        (audio("aac"), sound(0, 60_000)),
        (cover, Packets::default()),
        (subtitles, Packets::default()),
        (second, pictures(0, 250, 50)),
    ])
    .unwrap();
    assert_eq!(plan.tracks.len(), 2);
    assert_eq!(
        plan.notes,
        [
            "stream 2 is left out: a cover picture (mjpeg)",
            "stream 3 is left out: subtitles in swe (subrip)",
            "stream 4 is left out: another video (h264)",
            "50000 ms of sound after the last picture are cut off",
        ]
    );
    assert_eq!(make_of(vec![]), None);
    assert_eq!(make_of(vec![(video("png"), pictures(0, 1, 1))]), None);
}

#[test]
fn rates_that_vary_become_usual_ones() {
    let rate = |num, den| Rational::new(num, den);
    for (base, mean, expected) in [
        (rate(25, 1), rate(25, 1), (25, 1)),
        (rate(25, 2), rate(25, 2), (25, 2)),
        (rate(90_000, 1), rate(2_990_000, 100_000), (30_000, 1001)),
        (rate(60, 1), rate(240, 10), (24, 1)),
        (rate(1000, 1), rate(120, 1), (60, 1)),
        (rate(90_000, 1), None, (25, 1)),
        (rate(50, 1), None, (50, 1)),
        (None, None, (25, 1)),
    ] {
        let video = Video {
            base_rate: base,
            mean_rate: mean,
            ..Video::default()
        };
        let made = made_rate(&video);
        assert_eq!((made.num, made.den), expected, "{base:?} {mean:?}");
    }
}

#[test]
fn a_jump_in_time_is_no_constant_rate() {
    let (stream, mut packets) = (video("h264"), pictures(0, 250, 50));
    packets.steps = Some((40, 80));
    let plan = make_of(vec![(stream, packets)]).unwrap();
    assert_eq!(plan.tracks[0].treatment, Treatment::Copy);
    assert_eq!(plan.tracks[0].rate, None);
}
