//! Chunks of a film that is on its way.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::fetch::tests::web::{Manner, Web};

/// A film whose index comes first, unless `flags` say otherwise.
fn film(bench: &Bench, look: &str, flags: &str) -> Vec<u8> {
    fs::read(bench.film("film.mp4", look, flags)).unwrap()
}

/// A server that gives out two thirds of a film, and the rest when it is let go.
fn held(bytes: &[u8]) -> (Manner, Arc<AtomicBool>) {
    let go: Arc<AtomicBool> = Arc::default();
    let manner = Manner {
        bytes: bytes.to_vec(),
        tag: Some("\"one\"".to_owned()),
        ranges: true,
        held: Some((bytes.len() * 2 / 3, Arc::clone(&go))),
        ..Manner::default()
    };
    (manner, go)
}

fn has_chunk(report: &JobReport) -> bool {
    let mut done = report.steps.iter().filter(|it| it.state == StepState::Done);
    done.any(|step| matches!(step.step, Step::Chunk(_)))
}

/// Whether the first of the chunks is done; a later one may be before it.
fn has_first_chunk(report: &JobReport) -> bool {
    let mut done = report.steps.iter().filter(|it| it.state == StepState::Done);
    done.any(|step| step.step == Step::Chunk(0))
}

#[test]
fn chunks_are_committed_before_the_last_byte_is_sent() {
    let bench = Bench::new(3);
    let bytes = film(&bench, "null", "-movflags +faststart");
    let (manner, go) = held(&bytes);
    let web = Web::start(manner);
    let id = bench.submit(&web.url("/film.mp4"), "growing");
    let report = bench.wait(&id, has_first_chunk);
    // Between two chunks it but fetches.
    let states = [JobState::Fetching, JobState::Encoding];
    assert!(states.contains(&report.state), "{:?}", report.state);
    assert!(web.sent() < bytes.len() as u64);
    // The one that wants what has not come waits; so does sound, which is one task.
    let records = bench.records(&id);
    assert!(records.contains(&"chunk-00000".to_owned()), "{records:?}");
    for later in ["chunk-00004", "audio-0", "fetch", "package"] {
        assert!(!records.contains(&later.to_owned()), "{records:?}");
    }
    assert!(!bench.path("films/growing").try_exists().unwrap());
    go.store(true, Ordering::Release);
    let report = bench.wait(&id, |report| report.state.is_final());
    assert_eq!(report.state, JobState::Done, "{report:#?}");
    let version = report.version.unwrap();
    assert!(report.steps.iter().all(|step| step.attempts <= 1));
    let ratio = web.sent() as f64 / bytes.len() as f64;
    assert!(ratio <= 1.02, "{ratio}");

    // It is the same as of a film that was there from the beginning.
    let whole = bench.submit(bench.path("film.mp4").to_str().unwrap(), "whole");
    let report = bench.wait(&whole, |report| report.state.is_final());
    let other = report.version.unwrap();
    assert!(bench.media("growing", &version) == bench.media("whole", &other));
}

#[test]
fn a_download_that_is_cut_off_publishes_nothing_and_says_what_came() {
    let bench = Bench::new(2);
    let bytes = film(&bench, "null", "-movflags +faststart");
    let (manner, go) = held(&bytes);
    let lost = bytes.len() * 2 / 3;
    let web = Web::start(Manner {
        lost_from: Some(lost + 1),
        ..manner
    });
    let id = bench.submit(&web.url("/film.mp4"), "cut");
    bench.wait(&id, has_chunk);
    go.store(true, Ordering::Release);
    let failed = |report: &JobReport| report.state == JobState::Failed;
    let report = bench.wait(&id, failed);
    let reason = report.reason.unwrap();
    let said = format!("got {} of {} bytes", lost + 1, bytes.len());
    assert!(reason.contains(&said), "{reason}");
    assert_eq!(report.failure, Some(Fault::Input));
    assert!(!bench.path("films/cut").try_exists().unwrap());
    let records = bench.records(&id);
    assert!(!records.contains(&"package".to_owned()), "{records:?}");

    // Asked for again when all of it can be had, it goes on where it was.
    web.set(|manner| manner.lost_from = None);
    bench.jobs.order(&id, &Order::Retry).unwrap();
    let report = bench.wait(&id, |report| report.state == JobState::Done);
    assert!(report.version.is_some());
    let twice = bench.done(&id);
    let first = twice.iter().filter(|step| **step == Step::Chunk(0));
    assert_eq!(first.count(), 1, "{twice:?}");
}

#[test]
fn nothing_stays_of_a_film_that_turns_out_to_be_another_one() {
    let bench = Bench::new(3);
    let other = film(&bench, "negate,drawbox", "-movflags +faststart");
    fs::rename(bench.path("film.mp4"), bench.path("other.mp4")).unwrap();
    let first = film(&bench, "null", "-movflags +faststart");
    let (manner, go) = held(&first);
    let web = Web::start(Manner {
        lost_from: Some(first.len() * 2 / 3 + 1),
        then: Some(Box::new(Manner {
            bytes: other.clone(),
            tag: Some("\"two\"".to_owned()),
            ranges: true,
            ..Manner::default()
        })),
        ..manner
    });
    let id = bench.submit(&web.url("/film.mp4"), "changed");
    bench.wait(&id, has_chunk);
    go.store(true, Ordering::Release);
    let report = bench.wait(&id, |report| report.state == JobState::Done);
    let whole = bench.submit(bench.path("other.mp4").to_str().unwrap(), "other");
    let expected = bench.wait(&whole, |report| report.state == JobState::Done);
    let (version, expected) = (report.version.unwrap(), expected.version.unwrap());
    assert!(bench.media("changed", &version) == bench.media("other", &expected));
    let records = bench.records(&id);
    let chunks = records.iter().filter(|name| *name == "chunk-00000");
    assert_eq!(
        chunks.count(),
        1,
        "those of the first film are gone: {records:?}"
    );
}

#[test]
fn an_index_at_the_end_is_waited_for() {
    let bench = Bench::new(3);
    let bytes = film(&bench, "null", "");
    let web = Web::start(Manner {
        bytes,
        tag: Some("\"one\"".to_owned()),
        ranges: true,
        ..Manner::default()
    });
    let id = bench.submit(&web.url("/film.mp4"), "late");
    bench.wait(&id, |report| report.state == JobState::Done);
    assert_eq!(bench.done(&id)[..2], [Step::Fetch, Step::Plan]);
}
