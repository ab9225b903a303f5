//! Nothing is trusted for being there: whatever is damaged is made again, with what depends on it, and
//! nothing else.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::job::{Place, files, remade, worked};

/// What is done to a file.
type Harm = (&'static str, fn(&Path));

const HARMS: [Harm; 4] = [
    ("corrupted", |path| {
        let mut bytes = fs::read(path).expect("file");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        fs::write(path, bytes).expect("file");
    }),
    ("truncated", |path| {
        let bytes = fs::read(path).expect("file");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("file");
    }),
    ("emptied", |path| fs::write(path, b"").expect("file")),
    ("deleted", |path| fs::remove_file(path).expect("file")),
];

/// Finds a record of a step, and the objects that it names.
fn record(place: &Place, step: &str) -> (PathBuf, Vec<PathBuf>) {
    let steps = place.work().join("steps");
    let found = files(&steps)
        .into_iter()
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&format!("{step}-"))
        })
        .unwrap_or_else(|| panic!("no record of {step}"));
    let text = fs::read(&found).expect("record");
    let value: serde_json::Value = serde_json::from_slice(&text).expect("record");
    let objects = value["objects"].as_array().expect("objects");
    let store = place.path("films");
    let objects = objects
        .iter()
        .map(|object| store.join(object["place"].as_str().expect("place")))
        .collect();
    (found, objects)
}

/// Objects of the result are links to those of the work; what is written into one would change
/// both, so the result goes first.
fn unpublish(place: &Place) {
    fs::remove_dir_all(place.path("films/film")).expect("result");
}

#[test]
fn a_finished_job_that_is_asked_for_again_does_nothing() {
    let place = Place::new();
    let first = place.finish();
    assert!(worked(&first, "chunk") > 1);
    let version = place.version();
    let events = place.finish();
    assert_eq!(remade(&events), [""; 0]);
    assert_eq!(place.version(), version);
}

#[test]
fn damaged_objects_are_made_again_and_nothing_else_is() {
    let place = Place::new();
    place.finish();
    let wanted = place.version();
    for step in ["chunk-00002", "audio-0", "thumbnails", "package"] {
        for (what, harm) in HARMS {
            unpublish(&place);
            let (_, objects) = record(&place, step);
            harm(&objects[objects.len() - 1]);
            let events = place.finish();
            // What is found only when its digest is read takes the manifests along.
            let made = remade(&events);
            let is_meant = |it: &String| it == step || it == "package";
            assert!(made.iter().any(|it| it == step), "{step} {what}: {made:?}");
            assert!(made.iter().all(is_meant), "{step} {what}: {made:?}");
            assert_eq!(place.version(), wanted, "{step} {what}");
        }
    }
}

#[test]
fn damaged_records_count_as_none() {
    let place = Place::new();
    place.finish();
    let wanted = place.version();
    for step in ["chunk-00000", "audio-0", "package"] {
        for (what, harm) in HARMS {
            unpublish(&place);
            let (path, _) = record(&place, step);
            harm(&path);
            let events = place.finish();
            assert_eq!(remade(&events), [step], "{step} {what}");
            assert_eq!(place.version(), wanted, "{step} {what}");
        }
    }
}

#[test]
fn a_changed_preset_makes_anew_what_it_changes() {
    let mut place = Place::new();
    place.finish();
    let first = place.version();
    // Sound is as it was, so it is not made again.
    place.write_preset("ultrafast");
    let events = place.finish();
    assert_eq!(worked(&events, "audio"), 0);
    assert_eq!(worked(&events, "chunk"), super::job::CHUNKS);
    assert_ne!(place.version(), first);
    // And back: everything is there.
    place.write_preset("veryfast");
    let events = place.finish();
    assert_eq!(remade(&events), [""; 0]);
    assert_eq!(place.version(), first);
    // Pictures are as they were when only sound is wanted otherwise.
    place.more = ["--audio", "none"].map(str::to_owned).to_vec();
    let events = place.finish();
    assert_eq!(worked(&events, "chunk"), 0);
    assert_ne!(place.version(), first);
}

#[test]
fn a_changed_source_makes_everything_anew() {
    let place = Place::new();
    place.finish();
    let source = place.path("film.mp4");
    harness::clips::ffmpeg(
        place.root.path(),
        "-i film.mp4 -map 0 -c copy -metadata title=x new.mp4",
    );
    fs::rename(place.path("new.mp4"), source).expect("source");
    let events = place.finish();
    assert_eq!(worked(&events, "chunk"), super::job::CHUNKS);
    assert_eq!(worked(&events, "audio"), 1);
}
