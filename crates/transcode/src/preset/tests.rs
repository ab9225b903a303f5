//! Presets: conditions, checks, documents.

use super::*;
use crate::plan::{Colour, Seconds};

fn picture(width: u32, height: u32, bitrate: Option<u64>) -> VideoFacts {
    VideoFacts {
        stream: 0,
        codec: "h264".to_owned(),
        width,
        height,
        sar: (1, 1),
        rotation: 0,
        interlaced: false,
        rate: Rate { num: 25, den: 1 },
        variable: false,
        first: Seconds::ZERO,
        end: Seconds::whole(10),
        frames: 250,
        key_distance: Seconds::from_ms(2000),
        bitrate,
        pixel_format: "yuv420p".to_owned(),
        colour: Colour::default(),
    }
}

fn chosen(preset: &Preset, video: &VideoFacts) -> Vec<String> {
    let rungs = preset.choose(video).unwrap();
    rungs.into_iter().map(|rung| rung.name).collect()
}

#[test]
fn named_presets_are_right() {
    for name in names() {
        let preset = named(name).unwrap();
        assert_eq!(preset.name, name);
        preset.check().unwrap();
        let text = serde_json::to_string(&preset).unwrap();
        assert_eq!(serde_json::from_str::<Preset>(&text).unwrap(), preset);
    }
    assert_eq!(default().name, names().next().unwrap());
    let error = named("nope").unwrap_err().to_string();
    assert!(
        error.contains("`nope`") && error.contains("django"),
        "{error}"
    );
}

#[test]
fn the_table_of_django_goes_by_size_and_rate() {
    let django = named("django").unwrap();
    let rich = Some(8_000_000);
    for (width, height, bitrate, expected) in [
        (1920, 1080, rich, 4),
        (1920, 1080, None, 4),
        (1920, 1080, Some(3_999_999), 3),
        (1919, 1080, rich, 3),
        (1280, 720, Some(2_500_000), 3),
        (1280, 720, Some(1_300_000), 2),
        (854, 480, Some(1_200_000), 2),
        (853, 480, rich, 1),
        (64, 36, Some(1), 1),
        // A portrait is measured upright.
        (1080, 1920, rich, 4),
        (3840, 2160, Some(100_000), 1),
    ] {
        let rungs = chosen(&django, &picture(width, height, bitrate));
        assert_eq!(rungs.len(), expected, "{width}x{height} {bitrate:?}");
        assert_eq!(rungs.last().unwrap(), "360p");
    }
}

#[test]
fn the_first_profile_that_holds_wins_and_none_is_an_error() {
    let mut preset = named("django").unwrap();
    preset.profiles.truncate(1);
    preset.profiles[0].min_rate = Rate::new(50, 1);
    let video = picture(1920, 1080, None);
    let error = preset.choose(&video).unwrap_err();
    assert!(error.to_string().contains("1920x1080"), "{error}");
    let fast = VideoFacts {
        rate: Rate { num: 50, den: 1 },
        ..video
    };
    assert_eq!(chosen(&preset, &fast).len(), 4);
}

#[test]
fn own_presets_are_short() {
    let text = r#"{"name": "mine", "rungs": [
        {"name": "a", "width": 640, "height": 360, "maxrate_bps": 800000},
        {"name": "b", "width": 320, "height": 180, "maxrate_bps": 200000, "codec": "h265"}]}"#;
    let preset: Preset = serde_json::from_str(text).unwrap();
    preset.check().unwrap();
    assert_eq!(
        (preset.gop_ms, preset.segment_ms, preset.chunk_ms),
        (2000, 6000, 60_000)
    );
    assert_eq!(preset.rungs[1].codec, VideoCodec::H265);
    assert!(serde_json::from_str::<Preset>(r#"{"name": "x", "colour": 3}"#).is_err());
}

#[test]
fn faults_are_told_with_their_place() {
    type Spoil = fn(&mut Preset);
    let cases: [(&str, Spoil); 9] = [
        ("/gop_ms", |it| it.gop_ms = 0),
        ("/chunk_ms", |it| it.chunk_ms = u32::MAX),
        ("/rungs", |it| it.rungs.clear()),
        ("/rungs/1/width", |it| it.rungs[1].width = 0),
        ("/rungs/0/maxrate_bps", |it| {
            it.rungs[0].maxrate_bps = u64::MAX;
        }),
        ("/rungs/0/speed", |it| {
            it.rungs[0].speed = Some("warp".to_owned());
        }),
        ("/rungs/3/name", |it| it.rungs[3].name = "1080p".to_owned()),
        ("/profiles/0/rungs/1", |it| {
            it.profiles[0].rungs[1] = "4k".to_owned();
        }),
        ("/profiles/2/rungs", |it| it.profiles[2].rungs.clear()),
    ];
    for (place, spoil) in cases {
        let mut preset = named("django").unwrap();
        spoil(&mut preset);
        match preset.check() {
            Err(Error::Wrong { place: found, .. }) => assert_eq!(found, place),
            other => panic!("{place}: {other:?}"),
        }
    }
}
