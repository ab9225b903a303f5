//! The kill matrix: at every step, every way to be ended; and at random, again and again.

use std::{thread, time::Duration};

use harness::launch;
use rustix::process::Signal;

use super::job::{CHUNKS, Place, signal, worked};

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

/// Rounds of the random test; `make soak` runs a hundred.
fn rounds() -> usize {
    let set = std::env::var("KILL_ROUNDS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(6)
}

#[test]
fn killing_everything_at_random_costs_no_more_than_a_chunk_each() {
    let mut place = Place::new();
    // Slow enough that a kill mostly hits an encode.
    place.write_preset("slower");
    place.more = ["--threads", "2"].map(str::to_owned).to_vec();
    place.finish();
    let wanted = place.version();
    let mut chance = Chance(0x5eed_1234_9876_5432);
    let (mut kills, mut attempts, mut jobs) = (0, 0, 0);
    while kills < rounds() {
        place.forget();
        jobs += 1;
        loop {
            let mut job = place.start();
            let limit = Duration::from_millis(100 + chance.below(1500));
            let ended = launch::wait_within(limit, || job.guard.ended());
            if ended.is_none() && kills < rounds() {
                job.kill_tree();
                kills += 1;
            }
            job.drain();
            attempts += worked(&job.events, "chunk");
            match job.guard.wait().code() {
                None => {}
                code => {
                    assert_eq!(code, Some(0));
                    break;
                }
            }
        }
        assert_eq!(place.version(), wanted, "after {kills} kills");
    }
    let most = jobs * CHUNKS + kills * 2;
    assert!(attempts <= most, "{attempts} attempts, {most} are allowed");
    println!(
        "{kills} kills over {jobs} jobs, {attempts} attempts at {} chunks",
        jobs * CHUNKS
    );
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
