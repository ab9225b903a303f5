//! Plans: the tables tile exactly whatever the source.

use media::time::Round;
use proptest::prelude::*;

use super::*;
use crate::preset;

fn video(width: u32, height: u32, rate: Rate, frames: u64) -> VideoFacts {
    let first = Seconds::new(22, 15).unwrap();
    VideoFacts {
        stream: 0,
        codec: "h264".to_owned(),
        width,
        height,
        sar: (1, 1),
        rotation: 0,
        interlaced: false,
        rate,
        variable: false,
        first,
        end: first.plus(rate.duration(frames)),
        frames,
        key_distance: Seconds::from_ms(2000),
        bitrate: None,
        pixel_format: "yuv420p".to_owned(),
        colour: Colour::default(),
    }
}

fn audio(stream: u32, language: Option<&str>, channels: u32, rate: u32) -> AudioFacts {
    AudioFacts {
        stream,
        codec: "aac".to_owned(),
        sampling_rate: rate,
        channels,
        language: language.map(str::to_owned),
        title: None,
        is_default: stream == 2,
        is_impaired: false,
        is_comment: false,
        first: Seconds::new(7, 5).unwrap(),
        end: Seconds::new(40, 1),
        bitrate: None,
    }
}

fn source(video: Option<VideoFacts>, audios: Vec<AudioFacts>) -> SourceFacts {
    SourceFacts {
        format: "mpegts".to_owned(),
        bytes: Some(1),
        start: Seconds::new(7, 5).unwrap(),
        duration: Some(Seconds::whole(39)),
        bitrate: None,
        video,
        audios,
        texts: Vec::new(),
    }
}

fn make(source: SourceFacts, options: &Options) -> Planned {
    plan(source, options).unwrap()
}

fn rate(num: u32, den: u32) -> Rate {
    Rate::new(num, den).unwrap()
}

/// The table of frame rates: key frames and segments in frames, chunk and segment exact.
#[test]
fn grids_are_those_of_the_table() {
    for (num, den, gop, segment) in [
        (24_000, 1001, 48, 144),
        (24, 1, 48, 144),
        (25, 1, 50, 150),
        (30_000, 1001, 60, 180),
        (30, 1, 60, 180),
        (50, 1, 100, 300),
        (60_000, 1001, 120, 360),
        (60, 1, 120, 360),
        (15, 1, 30, 90),
    ] {
        let facts = video(640, 360, rate(num, den), 100_000);
        let plan = make(source(Some(facts), vec![]), &Options::default()).plan;
        let grid = plan.grid;
        assert_eq!((grid.gop, grid.segment), (gop, segment), "{num}/{den}");
        assert_eq!(plan.chunks[0].frames, u64::from(segment) * 10);
        let exact = u64::from(grid.timescale) * u64::from(den);
        assert_eq!(exact, u64::from(grid.frame_ticks) * u64::from(num));
    }
}

#[test]
fn fast_and_interlaced_sources_get_a_rate_that_players_take() {
    for (num, den, interlaced, expected, deinterlace) in [
        (25, 1, true, "50", Deinterlace::Fields),
        (30_000, 1001, true, "60000/1001", Deinterlace::Fields),
        (50, 1, true, "50", Deinterlace::Frames),
        (120, 1, false, "60", Deinterlace::Off),
        (100, 1, false, "50", Deinterlace::Off),
        (60_000, 1001, false, "60000/1001", Deinterlace::Off),
    ] {
        let facts = VideoFacts {
            interlaced,
            ..video(640, 360, rate(num, den), 1000)
        };
        let seconds = facts.end.minus(facts.first);
        let plan = make(source(Some(facts), vec![]), &Options::default()).plan;
        assert_eq!(plan.grid.rate.to_string(), expected);
        let picture = plan.picture.unwrap();
        assert_eq!(picture.deinterlace, deinterlace);
        let plain = !interlaced && rate(num, den) <= rate(60, 1);
        assert_eq!(picture.cadence == Cadence::Same, plain);
        assert_eq!(plan.grid.duration(), seconds, "{num}/{den}");
    }
}

#[test]
fn a_variable_rate_fills_the_grid() {
    let facts = VideoFacts {
        variable: true,
        frames: 1594,
        end: Seconds::new(22, 15).unwrap().plus(Seconds::whole(72)),
        ..video(1280, 720, rate(30_000, 1001), 0)
    };
    let plan = make(source(Some(facts), vec![]), &Options::default()).plan;
    assert_eq!(plan.picture.unwrap().cadence, Cadence::Resampled);
    assert_eq!(plan.grid.frames, 2158);
}

#[test]
fn sizes_follow_the_source() {
    let sized = |facts: VideoFacts| -> Vec<String> {
        let plan = make(source(Some(facts), vec![]), &Options::default()).plan;
        let videos = plan.videos.iter();
        videos
            .map(|it| format!("{} {}x{}", it.id, it.width, it.height))
            .collect()
    };
    let plain = |width, height| video(width, height, rate(25, 1), 1000);
    assert_eq!(
        sized(plain(1920, 1080)),
        [
            "v1080 1920x1080",
            "v720 1280x720",
            "v540 960x540",
            "v432 768x432",
            "v360 640x360",
            "v234 416x234"
        ]
    );
    assert_eq!(
        sized(plain(320, 180)),
        ["v180 320x180"],
        "smaller than all rungs"
    );
    let phone = VideoFacts {
        rotation: 90,
        ..plain(1280, 720)
    };
    assert_eq!(sized(phone)[..2], ["v720 720x1280", "v540 540x960"]);
    assert_eq!(
        sized(plain(320, 240)),
        ["v240 320x240"],
        "its own size, and nothing that is hardly smaller"
    );
    assert_eq!(sized(plain(1920, 1088))[0], "v1088 1920x1088");
    assert_eq!(
        sized(plain(1100, 620))[..2],
        ["v620 1100x620", "v540 958x540"]
    );
    // PAL with wide pixels: 720x576 at 64:45 is 1024x576.
    let pal = VideoFacts {
        sar: (64, 45),
        ..plain(720, 576)
    };
    assert_eq!(sized(pal)[0], "v540 960x540");
    let odd = sized(plain(719, 405));
    assert_eq!(odd[0], "v404 718x404");
    let caps: Vec<_> = make(source(Some(plain(1100, 620)), vec![]), &Options::default())
        .plan
        .videos
        .iter()
        .map(|it| it.quality)
        .collect();
    // That of 720p, less by the share of its pixels.
    assert!(matches!(
        caps[0],
        Quality::Capped {
            maxrate_bps: 3_300_000..3_400_000,
            ..
        }
    ));
}

#[test]
fn high_dynamic_range_gets_ten_bits_where_it_can() {
    let facts = VideoFacts {
        colour: Colour {
            transfer: Some("smpte2084".to_owned()),
            ..Colour::default()
        },
        ..video(1920, 1080, rate(25, 1), 1000)
    };
    let options = Options {
        codec: Some(VideoCodec::H265),
        ..Options::default()
    };
    let planned = make(source(Some(facts.clone()), vec![]), &options);
    assert_eq!(planned.plan.videos[0].pixel_format, "yuv420p10le");
    assert_eq!(planned.plan.videos[0].profile.as_deref(), Some("main10"));
    assert_eq!(planned.plan.picture.unwrap().colour, facts.colour);
    assert!(planned.notes.is_empty(), "{:?}", planned.notes);
    let planned = make(source(Some(facts), vec![]), &Options::default());
    assert_eq!(planned.plan.videos[0].pixel_format, "yuv420p");
    assert!(
        planned.notes[0].contains("dynamic range"),
        "{:?}",
        planned.notes
    );
}

#[test]
fn audio_tracks_keep_language_and_layout() {
    let facts = video(640, 360, rate(25, 1), 963);
    let audios = vec![
        audio(1, Some("eng"), 2, 48_000),
        audio(2, Some("ger"), 6, 44_100),
        audio(3, Some("x/y"), 1, 96_000),
    ];
    let plan = make(
        source(Some(facts.clone()), audios.clone()),
        &Options::default(),
    )
    .plan;
    let told: Vec<_> = plan
        .audios
        .iter()
        .map(|it| (it.id.as_str(), it.channels, it.sampling_rate, it.is_default))
        .collect();
    assert_eq!(
        told,
        [
            ("a1-de", 6, 44_100, true),
            ("a1-de-stereo", 2, 44_100, true),
            ("a2-en", 2, 48_000, false),
            ("a3", 1, 48_000, false)
        ]
    );
    // 22/15 s of origin; 38.52 s of grid.
    assert_eq!(plan.audios[2].first_sample, 70_400);
    assert_eq!(plan.audios[2].samples, 963 * 1920);
    assert_eq!(plan.audios[1].bitrate_bps, 128_000);
    let options = Options {
        downmix: false,
        ..Options::default()
    };
    let plan = make(source(Some(facts.clone()), audios.clone()), &options).plan;
    assert_eq!(plan.audios.len(), 3);
    let options = Options {
        audio_languages: vec!["en".to_owned()],
        max_channels: 2,
        ..Options::default()
    };
    let plan = make(source(Some(facts.clone()), audios.clone()), &options).plan;
    assert_eq!(plan.audios.len(), 1);
    let options = Options {
        audio: AudioPick::None,
        ..options
    };
    assert!(
        make(source(Some(facts), audios), &options)
            .plan
            .audios
            .is_empty()
    );
}

#[test]
fn sound_alone_is_cut_like_a_film() {
    let plan = make(
        source(None, vec![audio(1, None, 2, 48_000)]),
        &Options::default(),
    )
    .plan;
    assert!(plan.chunks.is_empty() && plan.videos.is_empty() && plan.picture.is_none());
    assert_eq!(plan.origin, Seconds::new(7, 5).unwrap());
    assert_eq!(plan.grid.duration(), Seconds::new(193, 5).unwrap());
    assert_eq!(plan.grid.segments(), 7);
    let nothing = super::plan(source(None, vec![]), &Options::default());
    assert!(matches!(nothing, Err(Error::Nothing { .. })));
}

#[test]
fn subtitles_that_are_text_are_taken() {
    let text = |stream, codec: &str, language: &str| TextFacts {
        stream,
        codec: codec.to_owned(),
        language: Some(language.to_owned()),
        title: Some(" Full\n ".to_owned()),
        is_default: false,
        is_forced: stream == 4,
        is_impaired: false,
    };
    let facts = SourceFacts {
        texts: vec![
            text(3, "subrip", "swe"),
            text(4, "hdmv_pgs_subtitle", "eng"),
            text(5, "mov_text", "eng"),
        ],
        ..source(Some(video(640, 360, rate(25, 1), 750)), vec![])
    };
    let planned = make(facts, &Options::default());
    let ids: Vec<&str> = planned.plan.texts.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["t1-sv", "t2-en"]);
    assert_eq!(planned.plan.texts[0].label.as_deref(), Some("Full"));
    assert!(planned.notes.iter().any(|it| it.contains("hdmv_pgs")));
}

#[test]
fn broken_time_stamps_are_refused() {
    let facts = VideoFacts {
        end: Seconds::whole(1 << 40),
        ..video(640, 360, rate(25, 1), 10)
    };
    let refused = super::plan(source(Some(facts), vec![]), &Options::default());
    assert!(matches!(refused, Err(Error::TooLong { .. })), "{refused:?}");
}

#[test]
fn seek_times_count_from_the_container() {
    let plan = make(
        source(Some(video(640, 360, rate(25, 1), 5000)), vec![]),
        &Options {
            chunk_ms: Some(60_000),
            ..Options::default()
        },
    )
    .plan;
    let chunk = plan.chunks[1];
    let at = plan.source_time(chunk.first_frame);
    assert_eq!(at, Seconds::new(22, 15).unwrap().plus(Seconds::whole(60)));
    // The video begins 1/15 s after the container.
    assert_eq!(
        plan.seek(at),
        Seconds::new(1, 15).unwrap().plus(Seconds::whole(60))
    );
}

#[test]
fn a_plan_reads_back_and_is_the_same_every_time() {
    let facts = source(
        Some(video(1920, 1080, rate(30_000, 1001), 54_321)),
        vec![audio(1, Some("eng"), 6, 48_000)],
    );
    let plan = make(facts.clone(), &Options::default()).plan;
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    let again = make(facts, &Options::default()).plan;
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    assert!(serde_json::from_str::<Rate>(r#"{"num": 0, "den": 1}"#).is_err());
    assert!(serde_json::from_str::<Seconds>(r#"{"num": 1, "den": 0}"#).is_err());
}

fn rates() -> impl Strategy<Value = Rate> {
    prop_oneof![
        Just(rate(24_000, 1001)),
        Just(rate(25, 1)),
        Just(rate(30_000, 1001)),
        Just(rate(60_000, 1001)),
        Just(rate(50, 1)),
        (1_u32..60_000, 1_u32..1002)
            .prop_map(|(num, den)| rate(num, den))
            .prop_filter("between 1 and 60", |it| *it >= rate(1, 1)
                && *it <= rate(60, 1)),
    ]
}

proptest! {
    #[test]
    fn chunks_and_segments_tile_the_grid(
        rate in rates(), frames in 1_u64..200_000, gop_ms in 100_u32..5000,
        segment_ms in 500_u32..12_000, chunk_ms in 500_u32..90_000,
    ) {
        let options = Options {
            gop_ms: Some(gop_ms),
            segment_ms: Some(segment_ms),
            chunk_ms: Some(chunk_ms),
            ..Options::default()
        };
        let plan = make(source(Some(video(640, 360, rate, frames)), vec![]), &options).plan;
        let grid = plan.grid;
        prop_assert_eq!(grid.segment % grid.gop, 0);
        let length = plan.chunks[0].frames;
        let mut at = 0;
        let mut number = 1;
        let last = plan.chunks.len() - 1;
        for (index, chunk) in plan.chunks.iter().enumerate() {
            prop_assert_eq!(chunk.index as usize, index);
            prop_assert_eq!(chunk.first_frame, at);
            prop_assert_eq!(chunk.first_frame % u64::from(grid.segment), 0);
            if index < last {
                prop_assert_eq!(chunk.frames, length);
            } else if index > 0 {
                prop_assert!(chunk.frames * 2 >= length && chunk.frames * 2 < length * 3);
            }
            for segment in chunk.segments(&grid) {
                prop_assert_eq!(segment.number, number);
                prop_assert_eq!(segment.first_frame, at);
                prop_assert_eq!(segment.tfdt, at * u64::from(grid.frame_ticks));
                prop_assert!(segment.frames > 0);
                prop_assert!(segment.frames <= grid.segment || number == grid.segments());
                let half_second = Seconds::from_ms(500);
                let longest = rate.duration(u64::from(grid.segment)).plus(half_second);
                prop_assert!(rate.duration(u64::from(segment.frames)) < longest);
                prop_assert_eq!(grid.segment(number), Some(segment));
                at += u64::from(segment.frames);
                number += 1;
            }
            prop_assert_eq!(chunk.end_frame(), at);
        }
        prop_assert_eq!(at, frames);
        prop_assert_eq!(grid.segments(), number - 1);
        prop_assert_eq!(grid.segment(number), None);
    }

    #[test]
    fn audio_segments_tile_the_track_and_stay_below_the_cut(
        rate in rates(), frames in 1_u64..100_000, sampling in prop_oneof![Just(44_100_u32), Just(48_000)],
    ) {
        let facts = source(
            Some(video(640, 360, rate, frames)),
            vec![audio(1, None, 2, sampling)],
        );
        let plan = make(facts, &Options::default()).plan;
        let track = &plan.audios[0];
        let mut at = 0;
        for segment in track.segments(&plan.grid) {
            prop_assert_eq!(segment.first_frame, at);
            at += segment.frames;
            // The cut of the video in samples, exactly, against the frame's start.
            let cut = plan.grid.rate.duration((segment.number - 1) * u64::from(plan.grid.segment));
            let below = cut.ticks(sampling, Round::Down) as u64;
            let start = segment.first_frame * AAC_FRAME;
            prop_assert!(start <= below && below < start + AAC_FRAME);
        }
        prop_assert_eq!(at, track.frames());
        prop_assert!(track.frames() * AAC_FRAME >= track.samples);
        prop_assert!(track.frames() * AAC_FRAME < track.samples + AAC_FRAME);
    }

    #[test]
    fn any_source_gets_even_sizes_that_are_not_greater(
        (width, height) in (2_u32..8000, 2_u32..8000), sar in (1_u32..200, 1_u32..200),
        rotation in prop_oneof![Just(0_u16), Just(90), Just(180), Just(270)],
    ) {
        let facts = VideoFacts { sar, rotation, ..video(width, height, rate(25, 1), 100) };
        let shown = facts.shown();
        let planned = make(source(Some(facts), vec![]), &Options::default());
        prop_assert!(!planned.plan.videos.is_empty());
        for video in &planned.plan.videos {
            prop_assert!(video.width.is_multiple_of(2) && video.height.is_multiple_of(2));
            prop_assert!(video.width <= shown.0.max(2) && video.height <= shown.1.max(2));
        }
    }

    #[test]
    fn seconds_are_exact(a in -1_000_000_i64..1_000_000, b in 1_i64..100_000, c in -1_000_000_i64..1_000_000, d in 1_i64..100_000) {
        let (x, y) = (Seconds::new(a, b).unwrap(), Seconds::new(c, d).unwrap());
        prop_assert_eq!(x.plus(y).minus(y), x);
        prop_assert_eq!(x.half().plus(x.half()), x);
        prop_assert_eq!(x.times(3), x.plus(x).plus(x));
        prop_assert_eq!(x < y, i128::from(a) * i128::from(d) < i128::from(c) * i128::from(b));
    }

    #[test]
    fn no_number_overflows(a in any::<i64>(), b in 1..i64::MAX, c in any::<i64>(), d in 1..i64::MAX) {
        let (x, y) = (Seconds::new(a, b).unwrap(), Seconds::new(c, d).unwrap());
        let sum = x.plus(y).minus(y).times(c).half();
        prop_assert!(sum.den() > 0);
        let _ = (sum.to_string(), sum.ticks(u32::MAX, Round::Nearest));
    }
}

#[test]
fn a_preset_without_a_profile_for_the_source_is_an_error() {
    let mut options = Options {
        preset: preset::named("django").unwrap(),
        ..Options::default()
    };
    options.preset.profiles.truncate(1);
    let small = source(Some(video(640, 360, rate(25, 1), 100)), vec![]);
    assert!(matches!(
        plan(small, &options),
        Err(Error::Preset(preset::Error::NoProfile { .. }))
    ));
}

#[test]
fn the_last_chunk_is_merged_when_it_is_short() {
    for (frames, expected) in [
        (1, vec![1]),
        (1499, vec![1499]),
        (1500, vec![1500]),
        (1501, vec![1501]),
        (2249, vec![2249]),
        (2250, vec![1500, 750]),
        (3749, vec![1500, 2249]),
        (3750, vec![1500, 1500, 750]),
    ] {
        let facts = source(Some(video(640, 360, rate(25, 1), frames)), vec![]);
        let options = Options {
            chunk_ms: Some(60_000),
            ..Options::default()
        };
        let plan = make(facts, &options).plan;
        let found: Vec<u64> = plan.chunks.iter().map(|chunk| chunk.frames).collect();
        assert_eq!(found, expected, "{frames}");
    }
}

#[test]
fn short_films_have_short_chunks() {
    // Seconds of the film at 25 frames a second, with segments of six: seconds of its chunks.
    for (seconds, expected) in [
        (10, vec![10]),
        (30, vec![18, 12]),
        (40, vec![18, 22]),
        (100, vec![18, 18, 18, 18, 18, 10]),
        (200, vec![30, 30, 30, 30, 30, 30, 20]),
        (480, vec![60, 60, 60, 60, 60, 60, 60, 60]),
        (630, vec![60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 30]),
    ] {
        let facts = source(Some(video(640, 360, rate(25, 1), seconds * 25)), vec![]);
        let plan = make(facts, &Options::default()).plan;
        let found: Vec<u64> = plan.chunks.iter().map(|chunk| chunk.frames / 25).collect();
        assert_eq!(found, expected, "{seconds}");
    }
}

#[test]
fn the_last_picture_stands_while_sound_goes_on() {
    let pictures = video(640, 360, rate(25, 1), 250);
    let tracks = vec![audio(1, None, 2, 48_000)];
    let planned = make(source(Some(pictures.clone()), tracks), &Options::default());
    // From 22/15 s to 40 s.
    assert_eq!(planned.plan.grid.frames, 963);
    assert_eq!(planned.plan.picture.unwrap().cadence, Cadence::Resampled);
    assert!(planned.notes[0].contains("is held"), "{:?}", planned.notes);
    let slightly = AudioFacts {
        end: Some(pictures.end.plus(Seconds::from_ms(900))),
        ..audio(1, None, 2, 48_000)
    };
    let planned = make(source(Some(pictures), vec![slightly]), &Options::default());
    assert_eq!(planned.plan.grid.frames, 250);
    assert_eq!(planned.plan.picture.unwrap().cadence, Cadence::Same);
}
