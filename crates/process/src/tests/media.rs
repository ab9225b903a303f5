//! ffmpeg itself.

use std::ops::ControlFlow;

use super::spawner;
use crate::{
    Error, Ffmpeg,
    probe::{self, Kind, Rational},
};

/// Finds ffmpeg, or says loudly that the test is skipped.
fn ffmpeg() -> Option<Ffmpeg> {
    Ffmpeg::locate(spawner())
        .inspect_err(|error| println!("SKIPPED: {error}"))
        .ok()
}

#[test]
fn the_environment_names_the_programs() {
    let located = Ffmpeg::locate_by(spawner(), |name| {
        (name == "HEADEND_FFPROBE").then(|| "/nowhere/ffprobe".into())
    });
    let Err(Error::Missing { program, package }) = located else {
        panic!("{located:?}");
    };
    // Either is missing here, and both come with one package.
    assert!(program == "/nowhere/ffprobe" || program == "ffmpeg");
    assert_eq!(package, Some("ffmpeg"));
}

#[test]
fn it_tells_what_it_is() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let version = ffmpeg.version().unwrap();
    assert!(
        version
            .text
            .starts_with(|c: char| c.is_ascii_alphanumeric())
    );
    let abilities = ffmpeg.abilities().unwrap();
    for (names, name) in [
        (&abilities.encoders, "aac"),
        (&abilities.decoders, "h264"),
        (&abilities.muxers, "mp4"),
        (&abilities.demuxers, "matroska"),
        (&abilities.filters, "fps"),
        (&abilities.protocols, "file"),
    ] {
        assert!(names.contains(name), "{name} in {names:?}");
    }
}

#[test]
fn what_it_makes_is_probed() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.mkv");
    let mut arguments: Vec<std::ffi::OsString> =
        "-f lavfi -i testsrc2=s=64x36:r=25:d=2 -f lavfi -i sine=d=2:r=48000 \
         -c:v mpeg4 -g 25 -bf 0 -c:a aac -metadata:s:a language=swe"
            .split_whitespace()
            .map(Into::into)
            .collect();
    arguments.push(path.clone().into());
    let mut reports = Vec::new();
    ffmpeg
        .convert(arguments, |report| {
            reports.push(report);
            ControlFlow::Continue(())
        })
        .unwrap();
    let last = reports.last().unwrap();
    assert!(last.done && last.frame == Some(50), "{last:?}");

    let found = probe::probe(&ffmpeg, path.as_os_str()).unwrap();
    let [video, audio] = found.streams.as_slice() else {
        panic!("{found:?}");
    };
    let size = video
        .video
        .as_ref()
        .map(|it| (it.width, it.height, it.base_rate));
    assert_eq!(size, Some((64, 36, Rational::new(25, 1))));
    assert_eq!(
        (audio.kind, audio.language.as_deref()),
        (Kind::Audio, Some("swe"))
    );
    assert_eq!(
        audio.audio.as_ref().map(|it| it.sampling_rate),
        Some(48_000)
    );

    let packets = probe::packets(&ffmpeg, path.as_os_str(), |_| ControlFlow::Continue(())).unwrap();
    let pictures = &packets[&video.index];
    assert_eq!(pictures.count, 50);
    let distances: Vec<i64> = pictures
        .keys
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .collect();
    assert_eq!(distances, [1000]);
    assert!(pictures.timed && !pictures.discarded);
}

#[test]
fn failures_say_why() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let absent = probe::probe(&ffmpeg, "/nowhere/a.mp4".as_ref()).unwrap_err();
    assert!(absent.to_string().contains("No such file"), "{absent}");
    let error = ffmpeg
        .convert(
            [
                "-f",
                "lavfi",
                "-i",
                "testsrc2=d=1",
                "-c:v",
                "nonsense",
                "-f",
                "null",
                "-",
            ],
            |_| ControlFlow::Continue(()),
        )
        .unwrap_err();
    assert!(error.to_string().contains("Unknown encoder"), "{error}");
    let stopped = ffmpeg.convert(
        ["-re", "-f", "lavfi", "-i", "testsrc2", "-f", "null", "-"],
        |_| ControlFlow::Break(()),
    );
    assert!(matches!(stopped, Err(Error::Stopped { .. })), "{stopped:?}");
}
