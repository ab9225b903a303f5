use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use super::*;
use crate::engine::{
    Failure, Needs, State,
    conformance::{self, Bench},
};

/// An engine whose clock is turned by hand.
fn engine(path: Option<&Path>) -> (Arc<Embedded>, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(1_000_000));
    let hand = Arc::clone(&now);
    let clock: Clock = Arc::new(move || hand.load(Relaxed));
    (Arc::new(Embedded::open(path, clock).unwrap()), now)
}

fn bench(path: Option<&Path>) -> Bench {
    let (engine, now) = engine(path);
    Bench {
        engine,
        pass: Box::new(move |time| {
            now.fetch_add(time.as_millis() as i64, Relaxed);
        }),
    }
}

#[test]
fn the_engine_in_memory_does_what_engines_do() {
    conformance::suite(|| bench(None));
}

#[test]
fn the_engine_on_disk_does_what_engines_do() {
    let folder = tempfile::tempdir().unwrap();
    let number = AtomicI64::new(0);
    conformance::suite(|| {
        let name = number.fetch_add(1, Relaxed).to_string();
        bench(Some(&folder.path().join(name)))
    });
}

fn film(engine: &Embedded, count: u64) {
    let job = Job {
        name: "film".to_owned(),
        priority: 3,
        submitted_ms: 7,
        paused: false,
    };
    engine.put_job(&job).unwrap();
    let tasks: Vec<Task> = (0..count)
        .map(|position| Task {
            name: format!("chunk-{position}"),
            position,
            size: 1,
            needs: Needs::default(),
        })
        .collect();
    engine.enqueue("film", &tasks).unwrap();
}

fn ask() -> Ask {
    Ask {
        worker: "w".to_owned(),
        free: Needs::default(),
        idle: false,
        slots: 1,
    }
}

#[test]
fn what_is_known_outlives_the_process_and_leases_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine.redb");
    let (first, _) = engine(Some(&path));
    film(&first, 4);
    let done = first.claim(&ask()).unwrap().unwrap();
    first.complete(&done).unwrap();
    let broken = first.claim(&ask()).unwrap().unwrap();
    let setback = Setback {
        failure: Failure::Permanent,
        reason: "no picture".to_owned(),
        stderr: Vec::new(),
    };
    first.fail(&broken, &setback).unwrap();
    let held = first.claim(&ask()).unwrap().unwrap();
    drop(first);

    let (second, _) = engine(Some(&path));
    assert_eq!(second.jobs().unwrap()[0].priority, 3);
    let reports = second.tasks("film").unwrap();
    assert!(matches!(reports[0].state, State::Done { .. }));
    assert_eq!(reports[1].setback.as_ref(), Some(&setback));
    assert!(matches!(reports[2].state, State::Ready { .. }));
    let next = second.claim(&ask()).unwrap().unwrap();
    assert_eq!((&next.task.name, next.attempt), (&held.task.name, 1));
    assert!(next.fence > held.fence, "fences grow over a restart");
    assert!(second.complete(&held).is_err());
}

#[test]
fn one_process_has_a_database_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine.redb");
    let (_first, _) = engine(Some(&path));
    let error = Embedded::open(Some(&path), Arc::new(|| 0)).unwrap_err();
    assert!(matches!(error, super::Error::InUse { .. }), "{error}");
}

#[test]
fn a_damaged_database_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine.redb");
    let (first, _) = engine(Some(&path));
    film(&first, 1);
    drop(first);
    std::fs::write(&path, b"no database").unwrap();
    let (second, _) = engine(Some(&path));
    assert!(second.jobs().unwrap().is_empty());
    film(&second, 1);
    assert!(second.claim(&ask()).unwrap().is_some());
    let aside = folder.path().join("engine.redb.damaged");
    assert_eq!(std::fs::read(aside).unwrap(), b"no database");
}
