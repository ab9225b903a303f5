//! Plans given to a real ffmpeg for two seconds: what comes out of the pipes is CMAF with a fragment
//! a frame, on the time line of the channel, with key frames at the same instants in every rung.

use std::{collections::BTreeMap, time::Duration};

use broadcast::{
    encode::{Format, Layout, Request, Secrets, Threads},
    input::{Facilities, Input, Source, Take, parse_uri},
    ladder::{Plan, Profile, Spec, plan},
    probe::{Summary, VideoStream},
    units::Seconds,
};
use media::isobmff::segment::FragmentInfo;
use process::Command;

use crate::bench::{Bench, OFFSET, Track, near_offset, parsed, spec};

/// What is known of an input: assumed, with the video given.
fn known(uri: &str, size: &str, rate: &str, audio: usize) -> (Source, Summary) {
    let source = parse_uri(uri).unwrap();
    let mut summary = Input::default().assumed(&source, 0);
    summary.video = Some(VideoStream {
        codec: "h264".to_owned(),
        ..VideoStream::plain(size.parse().unwrap(), rate.parse().unwrap())
    });
    let model = summary.audio[0].clone();
    summary.audio = (0..audio)
        .map(|ordinal| broadcast::probe::AudioStream {
            ordinal: u32::try_from(ordinal).unwrap(),
            ..model.clone()
        })
        .collect();
    (source, summary)
}

/// Checks what holds for every plan: expected codecs and sizes, the time line, key frames together.
fn check(plan: &Plan, tracks: &BTreeMap<String, Track>) {
    let mut grids = Vec::new();
    for video in &plan.video {
        let track = &tracks[&video.id];
        if let Some(codecs) = &video.codecs {
            assert_eq!(&track.codecs, codecs, "{}", video.id);
            assert_eq!(track.size, Some((video.size.width, video.size.height)));
            grids.push(track.keys());
        }
        assert_eq!(track.timescale, 90_000);
        near_offset(&video.id, track);
        let frames = u64::from(video.rate.frames_in(Seconds::millis(2_200).time()));
        let found = track.fragments.len() as u64;
        assert!(
            found.abs_diff(frames) <= 3,
            "{}: {found} frames, not {frames}",
            video.id
        );
    }
    for grid in &grids {
        assert_eq!(grid, &grids[0], "key frames are at the same instants");
        let gop = plan.gop.unwrap().ticks_in(
            media::time::Timescale::literal(90_000),
            media::time::Round::Nearest,
        );
        let steps: Vec<u64> = grid.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(!steps.is_empty());
        assert!(
            steps
                .iter()
                .all(|step| step.abs_diff(gop.unsigned_abs()) <= 1),
            "{steps:?} instead of {gop}"
        );
    }
    for audio in &plan.audio {
        let track = &tracks[&audio.id];
        assert_eq!(track.codecs, audio.codecs, "{}", audio.id);
        assert_eq!(track.timescale, u64::from(audio.sampling_rate));
        near_offset(&audio.id, track);
        assert!(
            track.fragments.len() > 90,
            "{}: {}",
            audio.id,
            track.fragments.len()
        );
    }
    assert_eq!(tracks.len(), plan.video.len() + plan.audio.len());
}

#[test]
fn the_test_source_in_three_rungs() {
    let bench = Bench::new();
    let source = parse_uri("testsrc").unwrap();
    let summary = Input::default().assumed(&source, 0);
    let plan = plan(&summary, &spec("720p,480p,240p")).unwrap();
    let tracks = bench.run(&plan, &[source], Profile::LowLatency);
    check(&plan, &tracks);
    assert_eq!(tracks["v720"].fragments[0].duration, 3_000);
}

#[test]
fn a_portrait_at_29_97() {
    let bench = Bench::new();
    let uri = bench.sample(
        "portrait.mp4",
        "-f lavfi -i testsrc2=size=360x640:rate=30000/1001:duration=3 -c:v libx264 -preset ultrafast",
    );
    let (source, summary) = known(&uri, "360x640", "29.97", 0);
    let plan = plan(&summary, &spec("360p,240p")).unwrap();
    assert_eq!(plan.video[1].size.to_string(), "240x426");
    check(&plan, &bench.run(&plan, &[source], Profile::LowLatency));
}

#[test]
fn an_interlaced_source_with_wide_pixels() {
    let bench = Bench::new();
    let uri = bench.sample(
        "interlaced.ts",
        "-f lavfi -i testsrc2=size=352x288:rate=50:duration=3 -f lavfi -i sine=duration=3 \
         -vf interlace,setsar=16/11 -c:v mpeg2video -flags +ilme+ildct -b:v 2M -c:a mp2",
    );
    let (source, mut summary) = known(&uri, "352x288", "25", 1);
    let video = summary.video.as_mut().unwrap();
    video.interlaced = true;
    video.sar = (16, 11);
    let plan = plan(&summary, &spec("240p,144p")).unwrap();
    check(&plan, &bench.run(&plan, &[source], Profile::LowLatency));
}

#[test]
fn silence_beside_a_source_without_sound() {
    let bench = Bench::new();
    let uri = bench.sample(
        "mute.mkv",
        "-f lavfi -i testsrc2=size=320x240:rate=24000/1001:duration=3 -c:v libx264 -preset ultrafast",
    );
    let (source, summary) = known(&uri, "320x240", "23.976", 0);
    let wish = Spec {
        audio: "silence".parse().unwrap(),
        ..spec("240p")
    };
    let plan = plan(&summary, &wish).unwrap();
    assert_eq!(plan.audio.len(), 1);
    check(&plan, &bench.run(&plan, &[source], Profile::LowLatency));
}

#[test]
fn two_audio_tracks_of_two_inputs() {
    let bench = Bench::new();
    let pictures = bench.sample(
        "pictures.mkv",
        "-f lavfi -i testsrc2=size=320x240:rate=25:duration=3 -f lavfi -i sine=duration=3 \
         -c:v libx264 -preset ultrafast -c:a aac",
    );
    let sound = bench.sample(
        "sound.mkv",
        "-f lavfi -i sine=frequency=300:duration=3 -c:a libopus",
    );
    let (source, mut summary) = known(&pictures, "320x240", "25", 1);
    let german = Input {
        take: Take::Audio,
        language: Some("deu".to_owned()),
        ..Input::default()
    };
    let other = parse_uri(&sound).unwrap();
    summary.audio.extend(german.assumed(&other, 1).audio);
    let plan = plan(&summary, &spec("240p")).unwrap();
    let ids: Vec<&str> = plan.ids().collect();
    assert_eq!(ids, ["v240", "a1", "a2-de"]);
    check(
        &plan,
        &bench.run(&plan, &[source, other], Profile::LowLatency),
    );
}

#[test]
fn a_copy_of_video_and_sound() {
    let bench = Bench::new();
    let uri = bench.sample(
        "copy.ts",
        "-f lavfi -i testsrc2=size=320x240:rate=25:duration=3 -f lavfi -i sine=sample_rate=48000:duration=3 \
         -c:v libx264 -preset veryfast -g 25 -c:a aac",
    );
    let (source, summary) = known(&uri, "320x240", "25", 1);
    let wish = Spec {
        audio: "copy".parse().unwrap(),
        ..spec("copy")
    };
    let plan = plan(&summary, &wish).unwrap();
    let tracks = bench.run(&plan, &[source], Profile::LowLatency);
    check(&plan, &tracks);
    assert!(tracks["v-copy"].codecs.starts_with("avc1.6400"));
}

#[test]
fn high_frame_rates_beside_half_of_them() {
    let bench = Bench::new();
    let uri = bench.sample(
        "fast.mkv",
        "-f lavfi -i testsrc2=size=320x240:rate=60000/1001:duration=3 -c:v libx264 -preset ultrafast",
    );
    let (source, summary) = known(&uri, "320x240", "59.94", 0);
    let ladder = r#"[{"name": "240p-hfr", "height": 240, "fps": 60, "bitrate": "400k", "tune": "film"},
        {"name": "144p"}]"#;
    let wish = Spec {
        ladder: serde_json::from_str(ladder).unwrap(),
        ..spec("240p")
    };
    let plan = plan(&summary, &wish).unwrap();
    let rates: Vec<String> = plan.video.iter().map(|it| it.rate.to_string()).collect();
    assert_eq!(rates, ["60000/1001", "30000/1001"]);
    check(&plan, &bench.run(&plan, &[source], Profile::LowLatency));
}

#[test]
fn the_efficient_profile_reorders_frames() {
    let bench = Bench::new();
    let source = parse_uri("testsrc?size=426x240&rate=25").unwrap();
    let summary = Input::default().assumed(&source, 0);
    let wish = Spec {
        profile: Profile::Efficient,
        ..spec("240p,144p")
    };
    let plan = plan(&summary, &wish).unwrap();
    let tracks = bench.run(&plan, &[source], Profile::Efficient);
    check(&plan, &tracks);
    let shown_later = |it: &FragmentInfo| it.min_presentation_time > it.decode_time as i64;
    assert!(tracks["v240"].fragments.iter().any(shown_later));
}

#[test]
fn a_command_feeds_a_picture_of_another_shape() {
    let bench = Bench::new();
    let line = "sh:ffmpeg -loglevel error -f lavfi -i testsrc2=size=240x320:rate=25:duration=3 \
                -f lavfi -i sine=duration=3 -c:v libx264 -preset ultrafast -g 25 -c:a aac -f mpegts -";
    let source = parse_uri(line).unwrap();
    let input = Input {
        expect: serde_json::from_str(r#"{"size": "426x240", "rate": 25}"#).unwrap(),
        ..Input::default()
    };
    let summary = input.assumed(&source, 0);
    let plan = plan(&summary, &spec("240p")).unwrap();
    assert!(plan.picture.as_ref().unwrap().pad);
    check(&plan, &bench.run(&plan, &[source], Profile::LowLatency));
}

/// R39: with the low-latency profile the encoder holds back less than two frames.
#[test]
fn the_low_latency_profile_has_no_delay() {
    let bench = Bench::new();
    let source = parse_uri("testsrc?size=426x240&sound=off").unwrap();
    let summary = Input::default().assumed(&source, 0);
    let plan = plan(&summary, &spec("240p")).unwrap();
    let tracks = bench.run(&plan, &[source], Profile::LowLatency);
    let reordered = |it: &FragmentInfo| it.min_presentation_time != it.decode_time as i64;
    assert!(!tracks["v240"].fragments.iter().any(reordered));
}

/// R7: the text of a dry run does what the channel would do.
#[test]
fn the_shell_form_runs() {
    let bench = Bench::new();
    let source = parse_uri("testsrc?size=426x240&rate=25").unwrap();
    let summary = Input::default().assumed(&source, 0);
    let plan = plan(&summary, &spec("240p")).unwrap();
    let layout = Layout {
        folder: bench.folder.path().join("it's here"),
    };
    let request = Request {
        plan: &plan,
        sources: &[source],
        wall_clock: &[],
        profile: Profile::LowLatency,
        threads: Threads::default(),
        processors: 2,
        facilities: &Facilities::default(),
        layout: &layout,
        offset: Duration::from_secs(OFFSET),
        limit: Some(Duration::from_millis(500)),
    };
    let invocation = request.invocation(&bench.ffmpeg);
    let text = invocation.render(Format::Shell, Secrets::Masked);
    let command = Command::new("sh")
        .args(["-c", &text])
        .timeout(Duration::from_mins(1));
    bench.ffmpeg.spawner().run(command).unwrap();
    for (id, path) in &invocation.tracks {
        let track = parsed(id, &std::fs::read(path).unwrap());
        near_offset(id, &track);
    }
}
