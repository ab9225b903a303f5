//! Sources that are downloaded: what breaks goes on, what is cut off is never published.

use std::{fs, time::Duration};

use harness::origin::{Manner, Origin};
use rustix::process::Signal;
use serde_json::Value;

use super::job::{Place, is_of};

/// Bytes between two checkpoints of a download.
const STEP: usize = 8 << 20;

/// Returns the clip of a place with a long box of nothing behind it, so that it takes a while to come.
fn long_film(place: &Place) -> Vec<u8> {
    let mut film = fs::read(place.path("film.mp4")).expect("clip");
    let length = 3 * STEP as u32;
    film.extend(length.to_be_bytes());
    film.extend(b"free");
    film.resize(film.len() + length as usize - 8, 0);
    film
}

/// Tells how far the download is, from a progress event.
fn fetched(event: &Value) -> Option<u64> {
    let steps = event["report"]["steps"].as_array()?;
    let fetch = steps.iter().find(|step| step["step"] == "fetch")?;
    fetch["progress"]["done"].as_u64()
}

/// What the job makes of a file beside which nothing happens.
fn wanted(place: &mut Place, film: &[u8]) -> String {
    let path = place.path("film.mp4");
    fs::write(&path, film).expect("clip");
    place.input = path.display().to_string();
    place.finish();
    let version = place.version();
    place.forget();
    version
}

#[test]
fn a_download_that_is_killed_goes_on_where_it_was() {
    let mut place = Place::new();
    let film = long_film(&place);
    let wanted = wanted(&mut place, &film);
    let slow = Manner {
        pause: Duration::from_millis(60),
        ..Manner::default()
    };
    let origin = Origin::start(film.clone(), slow);
    place.input = origin.url("film.mp4");
    let mut job = place.start();
    let mut stored = 0;
    while stored < STEP as u64 + (1 << 20) {
        let event = job.next().expect("the download goes on");
        stored = fetched(&event).unwrap_or(stored);
    }
    job.kill_tree();
    job.drain();
    assert_eq!(origin.asked(), [0]);
    assert!(!place.path("films/film").is_dir(), "something is published");
    origin.set(Manner::default());
    place.finish();
    assert_eq!(place.version(), wanted);
    let asked = origin.asked();
    assert!(asked[0] >= STEP, "it began anew: {asked:?}");
}

#[test]
fn a_download_that_is_told_to_end_goes_on_where_it_was() {
    let mut place = Place::new();
    let film = long_film(&place);
    let wanted = wanted(&mut place, &film);
    // So slow that waiting for its end would take longer than the job may go on.
    let slow = Manner {
        pause: Duration::from_millis(300),
        ..Manner::default()
    };
    let origin = Origin::start(film.clone(), slow);
    place.input = origin.url("film.mp4");
    let mut job = place.start();
    let mut stored = 0;
    while stored < 2 << 20 {
        let event = job.next().expect("the download goes on");
        stored = fetched(&event).unwrap_or(stored);
    }
    job.guard.signal(Signal::TERM);
    job.drain();
    assert_eq!(job.guard.wait().code(), Some(0));
    origin.asked();
    origin.set(Manner::default());
    place.finish();
    assert_eq!(place.version(), wanted);
    let asked = origin.asked();
    assert!(asked[0] as u64 >= stored, "less was kept: {asked:?}");
}

#[test]
fn connections_that_drop_are_taken_up_again() {
    let mut place = Place::new();
    let film = long_film(&place);
    let wanted = wanted(&mut place, &film);
    let dropping = Manner {
        cut: Some(5 << 20),
        ..Manner::default()
    };
    let origin = Origin::start(film.clone(), dropping);
    place.input = origin.url("film.mp4");
    let events = place.finish();
    assert_eq!(place.version(), wanted);
    let asked = origin.asked();
    assert_eq!(asked.len(), film.len().div_ceil(5 << 20), "{asked:?}");
    assert_eq!(origin.sent(), film.len(), "nothing is read twice");
    let again = events
        .iter()
        .any(|it| it["event"] == "again" && is_of(it, "fetch"));
    assert!(!again, "a connection that drops is no failed attempt");
}
