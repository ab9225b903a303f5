//! The kill matrix: at every step, every way to be ended; and at random, again and again.

use std::{fs, thread, time::Duration};

use harness::launch;
use rustix::process::Signal;

use super::job::{CHUNKS, Contents, Place, signal, source, worked};

/// The kinds of steps, in order.
const STEPS: [&str; 7] = [
    "fetch",
    "plan",
    "chunk",
    "audio",
    "thumbnails",
    "package",
    "publish",
];

#[test]
fn a_job_that_is_killed_at_any_step_goes_on_and_comes_to_the_same() {
    let place = Place::new();
    place.finish();
    let wanted = place.version();
    for step in STEPS {
        place.forget();
        let mut job = place.start();
        assert!(job.begun(step), "{step}");
        let children: Vec<i32> = launch::descendants(job.guard.pid())
            .into_iter()
            .map(|(pid, _)| pid)
            .collect();
        // Its children are not told: they have to notice.
        job.guard.signal(Signal::KILL);
        job.guard.wait();
        let gone = launch::wait_within(Duration::from_secs(10), || {
            (!children.iter().any(|pid| launch::lives(*pid))).then_some(())
        });
        assert!(gone.is_some(), "{step}: an encoder outlived the job");
        let events = place.finish();
        assert_eq!(place.version(), wanted, "{step}");
        let chunks = worked(&events, "chunk");
        assert!(chunks <= CHUNKS, "{step}: {chunks}");
    }
}

#[test]
fn a_job_that_is_told_to_end_at_any_step_ends_soon_and_goes_on() {
    let place = Place::new();
    place.finish();
    let wanted = place.version();
    for step in STEPS {
        for signal in [Signal::TERM, Signal::INT] {
            place.forget();
            let mut job = place.start();
            assert!(job.begun(step), "{step}");
            job.guard.signal(signal);
            job.drain();
            let status = job.guard.wait();
            assert_eq!(status.code(), Some(0), "{step}");
            let gone = launch::descendants(job.guard.pid());
            assert!(gone.is_empty(), "{step}: {gone:?}");
            place.finish();
            assert_eq!(place.version(), wanted, "{step}");
        }
    }
}

#[test]
fn a_job_that_is_stopped_and_continued_does_not_notice() {
    let place = Place::new();
    place.finish();
    let wanted = place.version();
    for step in ["fetch", "chunk", "publish"] {
        place.forget();
        let mut job = place.start();
        assert!(job.begun(step), "{step}");
        let mut tree = vec![job.guard.pid()];
        tree.extend(
            launch::descendants(job.guard.pid())
                .iter()
                .map(|(pid, _)| *pid),
        );
        for pid in &tree {
            signal(*pid, Signal::STOP);
        }
        // Longer than a pause that counts as a standstill.
        thread::sleep(Duration::from_millis(2500));
        for pid in &tree {
            signal(*pid, Signal::CONT);
        }
        job.drain();
        assert_eq!(job.guard.wait().code(), Some(0), "{step}");
        assert_eq!(place.version(), wanted, "{step}");
        assert_eq!(worked(&job.events, "chunk"), CHUNKS, "{step}");
    }
}

#[test]
fn an_encoder_that_hangs_is_ended_and_the_chunk_tried_again() {
    let mut place = Place::new();
    place.finish();
    let wanted = place.version();
    place.forget();
    place.more = ["--stall-seconds", "3"].map(str::to_owned).to_vec();
    let mut job = place.start();
    assert!(job.begun("chunk"));
    let encoder = launch::wait_for("an encoder", || {
        let below = launch::descendants(job.guard.pid());
        below.into_iter().find(|(_, line)| line.contains("ffmpeg"))
    });
    signal(encoder.0, Signal::STOP);
    job.drain();
    assert_eq!(job.guard.wait().code(), Some(0));
    assert_eq!(place.version(), wanted);
    let again: Vec<_> = job
        .events
        .iter()
        .filter(|event| event["event"] == "again")
        .collect();
    assert_eq!(again.len(), 1, "{again:?}");
    let reason = again[0]["reason"].as_str().expect("reason");
    assert!(reason.contains("did not get on"), "{reason}");
}

/// Kills of the random test; `make soak` does a hundred.
fn rounds() -> usize {
    let set = std::env::var("KILL_ROUNDS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(6)
}

#[test]
fn killing_everything_at_random_costs_no_more_than_a_chunk_each() {
    const WORKERS: usize = 2;
    let kills = rounds();
    // As many chunks as kills, so that one job lives through all of them.
    let chunks = kills.max(CHUNKS);
    let mut place = Place::of("film.mp4", &source(&(2 * chunks).to_string()));
    // Slow enough that a kill mostly hits an encode.
    place.write_preset("slower");
    place.more = ["--threads".to_owned(), WORKERS.to_string()].into();
    let mut undisturbed = place.start();
    undisturbed.drain();
    assert_eq!(undisturbed.guard.wait().code(), Some(0));
    assert_eq!(worked(&undisturbed.events, "chunk"), chunks);
    let wanted = (place.version(), Contents::of(&place.result()));
    place.forget();

    let mut chance = Chance(0x5eed_1234_9876_5432);
    let (mut killed, mut again, mut done) = (0, 0, 0);
    loop {
        let mut job = place.start();
        // Sooner when the job is ahead, so that it does not end before all kills are dealt.
        let is_ahead = done * kills >= killed * chunks;
        let span = if is_ahead { 300 } else { 1500 };
        let limit = Duration::from_millis(100 + chance.below(span));
        if killed < kills {
            let ended = launch::wait_within(limit, || job.guard.ended());
            assert!(ended.is_none(), "the job ended after {killed} kills");
            job.kill_tree();
            killed += 1;
        }
        job.drain();
        let begun = worked(&job.events, "chunk");
        let before = std::mem::replace(&mut done, committed(&place));
        // What a kill costs is what was being worked on, and nothing that had been done before.
        let lost = begun.saturating_sub(done - before);
        assert!(
            lost <= WORKERS,
            "{begun} begun, {done} done, {before} before"
        );
        again += lost;
        if let Some(code) = job.guard.wait().code() {
            assert_eq!(code, 0);
            break;
        }
    }
    assert_eq!(place.version(), wanted.0);
    Contents::of(&place.result()).assert_same(&wanted.1, "after all kills");
    println!("{killed} kills over one job of {chunks} chunks: {again} were begun in vain");
    let film = place.path("film.mp4").display().to_string();
    let left = launch::mentioning(&film);
    assert!(left.is_empty(), "{left:?} outlived the job");
}

/// Counts the chunks that have a record.
fn committed(place: &Place) -> usize {
    if !place.path("films/.headend/jobs").is_dir() {
        return 0;
    }
    let steps = place.work().join("steps");
    let names = fs::read_dir(steps).into_iter().flatten().flatten();
    names
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("chunk-"))
        .count()
}

/// Numbers that look random and are the same in each run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
