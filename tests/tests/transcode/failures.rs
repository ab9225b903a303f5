//! What cannot be done is said, with the exit code of its kind, and publishes nothing.

use std::{fs, process::Output};

use super::job::Place;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn is_published(place: &Place) -> bool {
    place.path("films/film/current.json").is_file()
}

#[test]
fn an_input_that_is_missing_or_no_media_is_4() {
    for content in [None, Some(&b"no media at all"[..])] {
        let place = Place::new();
        let source = place.path("film.mp4");
        fs::remove_file(&source).expect("source");
        if let Some(content) = content {
            fs::write(&source, content).expect("source");
        }
        let output = place.output();
        assert_eq!(output.status.code(), Some(4), "{}", said(&output));
        assert!(said(&output).contains("film.mp4"), "{}", said(&output));
        assert!(!is_published(&place));
    }
}

#[test]
fn a_truncated_source_is_never_published() {
    let place = Place::new();
    let source = place.path("film.mp4");
    // The index stays whole, as in a download that was dropped.
    harness::clips::ffmpeg(
        place.root.path(),
        "-i film.mp4 -map 0 -c copy -movflags +faststart new.mp4",
    );
    let bytes = fs::read(place.path("new.mp4")).expect("source");
    fs::write(&source, &bytes[..bytes.len() * 6 / 10]).expect("source");
    let output = place.output();
    let code = output.status.code();
    assert!(
        matches!(code, Some(1 | 4 | 5)),
        "{code:?} {}",
        said(&output)
    );
    assert!(!is_published(&place));
}

#[test]
fn a_wrong_wish_is_2() {
    for more in [
        ["--preset", "none-such"],
        ["--speed", "hasty"],
        ["--to", "http://127.0.0.1/x"],
        ["--threads", "x"],
    ] {
        let mut place = Place::new();
        place.more = more.map(str::to_owned).to_vec();
        let output = place.output();
        assert_eq!(output.status.code(), Some(2), "{more:?} {}", said(&output));
    }
}

#[test]
fn two_commands_on_one_job_do_not_work_twice() {
    let place = Place::new();
    let mut first = place.start();
    assert!(first.begun("chunk"));
    let second = place.output();
    assert_ne!(second.status.code(), Some(0));
    assert!(
        said(&second).contains("another process"),
        "{}",
        said(&second)
    );
    first.drain();
    assert_eq!(first.guard.wait().code(), Some(0));
    assert!(is_published(&place));
}
