//! Whole results: packaged, and found right by `verify` and by ffmpeg's own HLS and DASH readers.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use transcode::{
    encode::{Output, TrackOutput},
    package::{self, Extent, TrackParts, package},
    plan::{Plan, plan},
    source::inspect,
    verify::{self, Severity},
};

use crate::{
    bench::{Bench, options},
    gallery::{self, Kind, run},
};

/// Puts the outputs of tasks together, by track.
fn parts(outputs: &[Output]) -> Vec<TrackParts> {
    let mut parts: Vec<TrackParts> = Vec::new();
    for track in outputs.iter().flat_map(|output| &output.tracks) {
        let init = track.init.as_ref().map(|path| read(path));
        match parts.iter_mut().find(|part| part.id == track.id) {
            Some(part) => {
                part.inits.extend(init);
                part.parts.push(track.facts());
            }
            None => parts.push(TrackParts {
                id: track.id.clone(),
                inits: init.into_iter().collect(),
                parts: vec![track.facts()],
            }),
        }
    }
    parts
}

fn read(path: &Path) -> Bytes {
    fs::read(path).expect("the file is there").into()
}

fn write(path: &Path, content: &[u8]) {
    let folder = path.parent().expect("a file in a folder");
    fs::create_dir_all(folder).expect("a folder of the result");
    fs::write(path, content).expect("the result can be written");
}

/// Makes the result of a plan in a folder.
fn publish(bench: &Bench, plan: &Plan, folder: &Path) {
    let mut outputs = bench.chunks(plan, "result");
    let sounds = 0..plan.audios.len() as u32;
    outputs.extend(sounds.map(|index| bench.track(index)));
    let texts = 0..plan.texts.len() as u32;
    outputs.extend(texts.map(|index| bench.text(index)));
    let thumbnails = plan.thumbnails.map(|_| bench.thumbnails(&outputs));
    outputs.extend(thumbnails);
    for file in package(plan, &parts(&outputs), Extent::Whole).expect("a result") {
        write(&folder.join(&file.name), &file.content);
    }
    let tracks = outputs.iter().flat_map(|output: &Output| &output.tracks);
    for (track, segment) in tracks
        .flat_map(|track: &TrackOutput| track.segments.iter().map(move |segment| (track, segment)))
    {
        let name = segment.path.file_name().expect("a file");
        write(&folder.join(&track.id).join(name), &read(&segment.path));
    }
    let plan = serde_json::to_vec(plan).expect("a plan is JSON");
    write(&folder.join(verify::PLAN), &plan);
}

/// How many pictures a reader of ffmpeg gets.
fn pictures(bench: &Bench, manifest: &Path) -> u64 {
    let text = run(
        &bench.ffmpeg,
        &format!(
            "{} -i {} -map 0:v:0 -fps_mode passthrough -f framemd5 -",
            // Its HLS reader wants to be told that names mean nothing.
            if manifest.ends_with(package::MASTER) {
                "-allowed_extensions ALL"
            } else {
                ""
            },
            manifest.display()
        ),
    );
    let text = String::from_utf8(text).expect("framemd5 is text");
    text.lines().filter(|line| !line.starts_with('#')).count() as u64
}

fn is_right(kind: Kind) {
    let Some(bench) = Bench::new(kind) else {
        return;
    };
    let plan = &bench.chunked;
    let folder: PathBuf = bench.folder.join("film");
    publish(&bench, plan, &folder);
    let report = verify::folder(&folder);
    let errors: Vec<_> = report
        .findings
        .iter()
        .filter(|it| it.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{kind:?}: {errors:?}");
    let tracks = plan.videos.len() + plan.audios.len();
    assert_eq!(report.tracks.len(), tracks, "{kind:?}");
    if !plan.videos.is_empty() {
        assert_eq!(report.tracks[0].frames, plan.grid.frames, "{kind:?}");
        let found = pictures(&bench, &folder.join(package::MASTER));
        assert_eq!(
            found, plan.grid.frames,
            "{kind:?}: ffmpeg reads it otherwise"
        );
        if !plan.audios.is_empty() {
            assert_eq!(report.skew_us, Some(0), "{kind:?}");
        }
    }
}

#[test]
fn of_films_are_right() {
    for kind in [Kind::BPyramid, Kind::OpenTs, Kind::EditList, Kind::Silent] {
        is_right(kind);
    }
}

#[test]
fn of_odd_pictures_are_right() {
    for kind in [
        Kind::Variable,
        Kind::Sparse,
        Kind::Portrait,
        Kind::Interlaced,
    ] {
        is_right(kind);
    }
}

#[test]
fn of_odd_sounds_are_right() {
    for kind in [
        Kind::Surround,
        Kind::Cd,
        Kind::Delayed,
        Kind::Held,
        Kind::AudioOnly,
    ] {
        is_right(kind);
    }
}

/// Two sounds and subtitles, each with a language.
#[test]
fn of_several_tracks_have_languages() {
    let Some(ffmpeg) = gallery::ffmpeg() else {
        return;
    };
    let subtitles = gallery::folder().join("words.srt");
    let words = "1\n00:00:00,500 --> 00:00:01,750\nFirst\n\n\
                 2\n00:00:03,900 --> 00:00:05,200\nOver the <i>cut</i>\n";
    write(&subtitles, words.as_bytes());
    let source = gallery::folder().join("tracks.mkv");
    run(
        &ffmpeg,
        &format!(
            "-i {} -f lavfi -i anoisesrc=r=44100:d=11:c=brown:seed=3:a=0.4 -i {} -map 0 -map 1 \
             -map 2 -c:v copy -c:a:0 copy -c:a:1 aac -ac:a:1 1 -c:s srt \
             -metadata:s:a:1 language=eng -metadata:s:a:1 title=Narration \
             -metadata:s:s:0 language=ger -disposition:a:0 0 -disposition:a:1 default {}",
            gallery::source(&ffmpeg, Kind::Closed).display(),
            subtitles.display(),
            source.display()
        ),
    );
    let facts = inspect(&ffmpeg, &source, |_| ControlFlow::Continue(())).expect("a source");
    let plan = plan(facts, &options()).expect("a plan").plan;
    let ids: Vec<&str> = plan.audios.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["a1-en", "a2-sv"], "the default one is first");
    assert_eq!(plan.audios[0].label.as_deref(), Some("Narration"));
    assert_eq!(plan.texts[0].id, "t1-de");
    let bench = Bench::of(ffmpeg, source, plan, "tracks");
    let folder = bench.folder.join("film");
    publish(&bench, &bench.chunked, &folder);
    let report = verify::folder(&folder);
    assert!(report.is_right(), "{:?}", report.findings);
    let master = fs::read_to_string(folder.join(package::MASTER)).expect("a playlist");
    for language in ["LANGUAGE=\"en\"", "LANGUAGE=\"sv\"", "LANGUAGE=\"de\""] {
        assert!(master.contains(language), "{master}");
    }
    let mpd = fs::read_to_string(folder.join(package::MPD)).expect("an MPD");
    assert!(
        mpd.contains("lang=\"de\"") && mpd.contains("lang=\"en\""),
        "{mpd}"
    );
    let found = pictures(&bench, &folder.join(package::MPD));
    assert_eq!(found, bench.chunked.grid.frames, "ffmpeg reads the MPD");
}
