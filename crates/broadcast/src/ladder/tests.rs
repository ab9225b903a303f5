use std::fmt::Write;

use super::*;
use crate::{
    document::Document,
    probe::{AudioStream, Summary, VideoStream},
    units::{Rate, Seconds, Size},
};

fn source(size: &str, rate: &str) -> Summary {
    let size: Size = size.parse().unwrap();
    let rate: Rate = rate.parse().unwrap();
    Summary {
        formats: vec!["mpegts".to_owned()],
        video: Some(VideoStream {
            codec: "h264".to_owned(),
            ..VideoStream::plain(size, rate)
        }),
        audio: vec![AudioStream {
            codec: "aac".to_owned(),
            ..AudioStream::plain(48_000, 2)
        }],
    }
}

fn spec(ladder: &str) -> Spec {
    Spec {
        ladder: ladder.parse().unwrap(),
        upscale: false,
        audio: AudioOptions::default(),
        profile: Profile::LowLatency,
        segment: Seconds::whole(2),
        gop: Seconds::whole(1),
    }
}

fn told(plan: &Plan) -> String {
    let mut out = String::new();
    for track in &plan.video {
        let gop = match &track.coding {
            Coding::H264(settings) => format!("{} {}", settings.level, settings.gop),
            Coding::Copy { codec } => format!("copy {codec}"),
        };
        writeln!(out, "{} {} {} {gop}", track.id, track.size, track.rate).unwrap();
    }
    for track in &plan.audio {
        writeln!(out, "{} {}ch {}", track.id, track.channels, track.bitrate).unwrap();
    }
    for note in &plan.notes {
        writeln!(out, "note: {note}").unwrap();
    }
    out
}

fn planned(summary: &Summary, ladder: &str) -> String {
    told(&plan(summary, &spec(ladder)).unwrap())
}

fn problems(summary: &Summary, spec: &Spec) -> String {
    let all = plan(summary, spec).unwrap_err();
    let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

#[test]
fn sources_get_the_rungs_that_suit_them() {
    let mut out = String::new();
    for (size, rate, ladder) in [
        ("1280x720", "30", "default"),
        ("1920x1080", "25", "default"),
        ("1920x1080", "59.94", "1080p-hfr,1080p,720p-hfr,480p"),
        ("1280x720", "30", "1080p-hfr,1080p,720p-hfr,720p,480p"),
        ("1080x1920", "30", "720p,480p,240p"),
        ("1920x804", "24", "default"),
        ("1917x1079", "30", "default"),
        ("176x144", "15", "default"),
        ("1920x1080", "30", "apple"),
        ("1920x1080", "30", "avbroadcast"),
        ("1280x720", "50", "720p-hfr,480p"),
    ] {
        writeln!(out, "== {size}@{rate} {ladder}").unwrap();
        out.push_str(&planned(&source(size, rate), ladder));
    }
    insta::assert_snapshot!(out);
}

#[test]
fn pixels_that_are_not_square_are_counted_as_seen() {
    let mut summary = source("720x576", "25");
    if let Some(video) = &mut summary.video {
        video.sar = (64, 45);
        video.interlaced = true;
    }
    let plan = plan(&summary, &spec("576p,360p")).unwrap();
    let sizes: Vec<String> = plan.video.iter().map(|it| it.size.to_string()).collect();
    assert_eq!(sizes, ["1024x576", "640x360"]);
    assert!(plan.picture.unwrap().deinterlace);
}

#[test]
fn segments_are_whole_numbers_of_gops() {
    use media::time::Time;
    let plan = plan(&source("1280x720", "29.97"), &spec("720p")).unwrap();
    assert_eq!(plan.gop, Some(Time::from_ms(1001)));
    assert_eq!(plan.segment, Some(Time::from_ms(2002)));
    assert_eq!(plan.cadences().len(), 2);
}

#[test]
fn larger_rungs_are_made_when_asked() {
    let wish = Spec {
        upscale: true,
        ..spec("1080p,480p")
    };
    let plan = plan(&source("640x360", "30"), &wish).unwrap();
    assert_eq!(plan.video[0].size, Size::new(1920, 1080));
}

#[test]
fn video_is_copied_when_asked() {
    assert_eq!(
        planned(&source("1280x720", "30"), "copy"),
        "v-copy 1280x720 30 copy h264\na1 2ch 128k\n"
    );
    let mut summary = source("1280x720", "30");
    if let Some(video) = &mut summary.video {
        video.codec = "mpeg2video".to_owned();
    }
    assert_eq!(
        problems(&summary, &spec("copy")),
        "input: its video is mpeg2video, which cannot be copied; only h264 and hevc can"
    );
}

#[test]
fn a_source_without_video_needs_the_audio_ladder() {
    let mut summary = source("1280x720", "30");
    summary.video = None;
    assert!(problems(&summary, &spec("720p")).contains("there is no video"));
    assert_eq!(planned(&summary, "audio"), "a1 2ch 128k\n");
}

#[test]
fn sound_is_as_asked() {
    let mut summary = source("640x360", "25");
    summary.audio = vec![
        AudioStream {
            language: Some("en".to_owned()),
            codec: "aac".to_owned(),
            ..AudioStream::plain(48_000, 6)
        },
        AudioStream {
            ordinal: 1,
            language: Some("de".to_owned()),
            codec: "mp2".to_owned(),
            ..AudioStream::plain(48_000, 1)
        },
    ];
    for (audio, expected) in [
        ("all", "a1-en 2ch 128k\na2-de 2ch 128k\n"),
        ("first", "a1-en 2ch 128k\n"),
        ("none", ""),
        ("deu", "a1-de 2ch 128k\n"),
        ("de,en", "a1-de 2ch 128k\na2-en 2ch 128k\n"),
        (
            "copy",
            "input: its sound is mp2, which cannot be copied; aac, ac3, eac3 and opus can",
        ),
        ("fr", "input: there is no sound in `fr`; there is en, de"),
    ] {
        let wish = Spec {
            audio: audio.parse().unwrap(),
            ..spec("360p")
        };
        let found = match plan(&summary, &wish) {
            Ok(plan) => told(&plan).replace("v360 640x360 25 3.0 25\n", ""),
            Err(_) => problems(&summary, &wish),
        };
        assert_eq!(found, expected, "{audio}");
    }
    let mut wish = spec("360p");
    wish.audio.layout = AudioLayout::Surround;
    let found = plan(&summary, &wish).unwrap();
    let channels: Vec<u32> = found.audio.iter().map(|track| track.channels).collect();
    assert_eq!(channels, [6, 2]);
}

#[test]
fn silence_or_a_note_stands_for_missing_sound() {
    let mut summary = source("640x360", "25");
    summary.audio.clear();
    let found = plan(&summary, &spec("360p")).unwrap();
    assert_eq!(found.notes, ["the source has no sound"]);
    let mut wish = spec("360p");
    wish.audio.missing = MissingAudio::Silence;
    let found = plan(&summary, &wish).unwrap();
    assert_eq!(found.audio[0].source, Sound::Silence);
    wish.audio.missing = MissingAudio::Fail;
    assert_eq!(problems(&summary, &wish), "input: there is no sound in it");
}

#[test]
fn every_fault_of_a_ladder_is_named() {
    let text = "
- 720q
- { name: 720p, bitrate: 3M, maxrate: 2M }
- { name: mine }
- { name: 'no way', height: 9000, bitrate: 0 }
";
    let (ladder, faults) = Document::parse(text).unwrap().read::<Ladder>();
    assert_eq!(faults, []);
    let mut all: Vec<String> = ladder.check().iter().map(ToString::to_string).collect();
    for names in ["480p,1080p,720p", "720p,720p", "audio,720p"] {
        let ladder: Ladder = names.parse().unwrap();
        all.extend(ladder.check().iter().map(ToString::to_string));
    }
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn an_own_rung_takes_the_rest_from_the_named_one() {
    let (ladder, faults) = Document::parse("[{ name: 720p, bitrate: 3M }]")
        .unwrap()
        .read::<Ladder>();
    assert_eq!(faults, []);
    let rungs = ladder.resolve().unwrap().rungs;
    assert_eq!(rungs[0].size, Size::new(1280, 720));
    assert_eq!(rungs[0].maxrate.to_string(), "3.6M");
}

#[test]
fn ultrafast_is_baseline_whatever_was_asked() {
    let (ladder, _) = Document::parse("[{ name: 720p, preset: ultrafast, profile: high }]")
        .unwrap()
        .read::<Ladder>();
    let wish = Spec {
        ladder,
        ..spec("720p")
    };
    let found = plan(&source("1280x720", "30"), &wish).unwrap();
    assert_eq!(found.video[0].codecs.as_deref(), Some("avc1.42c01f"));
}

#[test]
fn named_ladders_are_right() {
    let listing = list();
    assert_eq!(listing.ladders.len(), 3);
    for (name, rungs) in &listing.ladders {
        let ladder: Ladder = name.parse().unwrap();
        assert_eq!(ladder.check(), [], "{name}");
        assert!(rungs.iter().all(|rung| rung.maxrate >= rung.bitrate));
    }
}
