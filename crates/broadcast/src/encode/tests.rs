//! The arguments as text. What ffmpeg makes of them is tried in `tests/encode.rs`.

use std::fmt::Write;

use process::Spawner;
use proptest::prelude::*;

use super::*;
use crate::{
    ladder::{AudioOptions, MissingAudio, Spec, plan},
    probe::{AudioStream, Summary, VideoStream},
    units::{Rate, Seconds, Size},
};

struct Case {
    summary: Summary,
    spec: Spec,
    sources: Vec<Source>,
    threads: Threads,
}

fn case(uris: &[&str], ladder: &str) -> Case {
    Case {
        summary: Summary {
            formats: Vec::new(),
            video: Some(VideoStream {
                codec: "h264".to_owned(),
                ..VideoStream::plain(Size::new(1280, 720), Rate::whole(30))
            }),
            audio: vec![AudioStream {
                codec: "aac".to_owned(),
                ..AudioStream::plain(48_000, 2)
            }],
        },
        spec: Spec {
            ladder: ladder.parse().unwrap(),
            upscale: false,
            audio: AudioOptions::default(),
            profile: Profile::LowLatency,
            segment: Seconds::whole(2),
            gop: Seconds::whole(1),
        },
        sources: uris
            .iter()
            .map(|uri| crate::input::parse_uri(uri).unwrap())
            .collect(),
        threads: Threads::default(),
    }
}

fn made(case: &Case) -> Invocation {
    let plan = plan(&case.summary, &case.spec).unwrap();
    let layout = Layout {
        folder: PathBuf::from("/run/ch"),
    };
    let facilities = Facilities::default();
    invocation(
        Path::new("ffmpeg"),
        &Request {
            plan: &plan,
            sources: &case.sources,
            wall_clock: &[],
            profile: case.spec.profile,
            threads: case.threads,
            processors: 4,
            facilities: &facilities,
            layout: &layout,
            offset: Duration::from_millis(12_345),
            limit: None,
        },
    )
}

/// One option with its value a line.
fn lines(invocation: &Invocation) -> String {
    let mut out = String::new();
    for argument in &invocation.arguments {
        let text = argument.masked();
        if text.starts_with('-') && text.len() > 1 && !text.starts_with("-1") {
            write!(out, "\n{text}").unwrap();
        } else {
            write!(out, " {text}").unwrap();
        }
    }
    out.trim_start().to_owned()
}

#[test]
fn a_ladder_of_three() {
    insta::assert_snapshot!(lines(&made(&case(&["testsrc"], "720p,480p,240p"))));
}

#[test]
fn an_efficient_rung_of_a_merged_interlaced_source() {
    let mut case = case(
        &["udp://239.0.0.1:5000", "srt://h:9000?passphrase=0123456789"],
        "480p",
    );
    case.spec.profile = Profile::Efficient;
    let video = case.summary.video.as_mut().unwrap();
    video.interlaced = true;
    case.summary.audio[0].input = 1;
    insta::assert_snapshot!(lines(&made(&case)));
}

#[test]
fn a_copy_with_silence() {
    let mut case = case(&["rtmp://h/app/KEY"], "copy");
    case.summary.audio.clear();
    case.spec.audio.missing = MissingAudio::Silence;
    insta::assert_snapshot!(lines(&made(&case)));
}

#[test]
fn rungs_of_half_the_rate_take_every_other_frame() {
    let mut case = case(&["testsrc"], "720p-hfr,480p");
    let video = case.summary.video.as_mut().unwrap();
    video.rate = "59.94".parse().unwrap();
    video.assumed = true;
    let text = lines(&made(&case));
    assert!(
        text.contains("[0:v:0]fps=60000/1001,split=2[s0][s1];[s0]scale="),
        "{text}"
    );
    assert!(text.contains("[s1]framestep=2,scale="), "{text}");
    assert!(text.contains("pad=1280:720"), "{text}");
    assert!(
        text.contains("-g:v 60\n") && text.contains("-g:v 30\n"),
        "{text}"
    );
}

#[test]
fn threads_follow_the_processors() {
    let mut case = case(&["testsrc"], "720p,480p,240p");
    let counts = |case: &Case| {
        let text = lines(&made(case));
        let of = |line: &str| line.strip_prefix("-threads:v ").map(str::to_owned);
        text.lines().filter_map(of).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(counts(&case), "3 1 1");
    case.threads.count = Some(20);
    assert_eq!(counts(&case), "8 8 8");
    case.threads.mode = ThreadMode::Frame;
    assert_eq!(counts(&case), "16 16 16");
    assert!(lines(&made(&case)).contains("sliced-threads=0"));
}

#[test]
fn a_dry_run_hides_secrets_unless_asked() {
    let mut case = case(&["sh:cat \"it's\" a.ts", "rtmp://h/app/KEY"], "720p");
    case.summary.audio[0].input = 1;
    let invocation = made(&case);
    let mut out = String::new();
    for format in [Format::Shell, Format::Json] {
        out.push_str(&invocation.render(format, Secrets::Masked));
    }
    insta::assert_snapshot!(out);
    assert!(!out.contains("KEY"));
    assert!(
        invocation
            .render(Format::Argv, Secrets::Shown)
            .contains("\nrtmp://h/app/KEY\n")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What a shell reads from the rendering is what the program would have got.
    #[test]
    fn the_shell_form_is_the_same_arguments(
        given in proptest::collection::vec("[^\u{0}]{0,12}|[-a-z '\"$`\\\\*\n]{0,12}", 0..6)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut arguments = vec![Argument::plain("%s\\0")];
        arguments.extend(given.iter().map(Argument::plain));
        let invocation = Invocation {
            program: PathBuf::from("printf"),
            arguments,
            feeders: Vec::new(),
            tracks: Vec::new(),
            folder: folder.path().to_owned(),
        };
        let text = invocation.render(Format::Shell, Secrets::Shown);
        let command = Command::new("sh").args(["-c", &text]);
        let output = Spawner::direct().unwrap().run(command).unwrap();
        let mut read: Vec<String> = output
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8(word.to_vec()).unwrap())
            .collect();
        prop_assert_eq!(read.pop(), Some(String::new()));
        // printf without further arguments writes its format once.
        let expected = if given.is_empty() { vec![String::new()] } else { given };
        prop_assert_eq!(read, expected);
    }
}
