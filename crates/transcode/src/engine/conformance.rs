//! What every backend does alike. A backend runs [`suite`] in a test of its own.

use std::{sync::Arc, thread, time::Duration};

use super::{
    ATTEMPTS, Ask, Counts, Engine, Error, Failure, Job, LEASE_MS, Lease, Needs, Setback, State,
    Task, Verdict,
};

/// An engine without jobs, and what makes time pass for it.
pub(super) struct Bench {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) pass: Box<dyn Fn(Duration)>,
}

impl Bench {
    fn claim(&self, worker: &str) -> Option<Lease> {
        self.engine.claim(&ask(worker)).unwrap()
    }

    fn names(&self, count: usize) -> Vec<String> {
        let claimed = (0..count).map_while(|_| self.claim("w"));
        claimed.map(|it| it.task.name).collect()
    }

    fn counts(&self, job: &str) -> Counts {
        Counts::of(&self.engine.tasks(job).unwrap())
    }

    fn fail(&self, lease: &Lease, failure: Failure) -> Verdict {
        self.engine.fail(lease, &setback(failure)).unwrap()
    }
}

/// Runs everything, each time with a fresh engine.
pub(super) fn suite(bench: impl Fn() -> Bench) {
    for check in [
        a_task_is_one_workers_and_is_done_once,
        known_tasks_are_left_as_they_are,
        a_released_task_comes_back_and_does_not_count,
        a_failed_task_is_tried_again_and_then_set_aside,
        what_cannot_be_helped_is_set_aside_at_once,
        a_silent_worker_loses_its_task_to_the_next,
        a_slow_worker_goes_on_if_nobody_took_its_task,
        a_task_that_silences_workers_is_set_aside,
        the_order_is_class_then_age_then_position,
        jobs_of_a_class_take_turns_with_the_oldest,
        the_largest_go_first_near_the_end,
        what_does_not_fit_waits_but_not_for_ever,
        paused_jobs_wait_and_dropped_ones_are_gone,
        removed_tasks_are_nobodys,
        whoever_watches_is_told,
        racing_workers_never_share_a_task,
    ] {
        check(&bench());
    }
}

fn a_task_is_one_workers_and_is_done_once(bench: &Bench) {
    put(bench, "film", 0, 1);
    let lease = bench.claim("w").unwrap();
    assert_eq!((lease.job.as_str(), lease.attempt), ("film", 1));
    assert_eq!(bench.claim("v"), None);
    bench.engine.heartbeat(&lease).unwrap();
    bench.engine.complete(&lease).unwrap();
    assert_eq!(bench.claim("v"), None);
    assert_eq!(bench.counts("film").done, 1);
    let again = bench.engine.complete(&lease).unwrap_err();
    assert!(matches!(again, Error::Lost { .. }), "{again}");
    let nobody = bench.engine.enqueue("none", &[]).unwrap_err();
    assert!(matches!(nobody, Error::NoJob { .. }), "{nobody}");
}

fn known_tasks_are_left_as_they_are(bench: &Bench) {
    put(bench, "film", 0, 1);
    let lease = bench.claim("w").unwrap();
    bench.engine.complete(&lease).unwrap();
    bench.engine.enqueue("film", &[task(0), task(1)]).unwrap();
    assert_eq!(bench.names(9), ["1"]);
    // Unless it is said that what was done is no longer there.
    bench.engine.retry("film", &["0".to_owned()]).unwrap();
    assert_eq!(bench.names(9), ["0"]);
}

fn a_released_task_comes_back_and_does_not_count(bench: &Bench) {
    put(bench, "film", 0, 1);
    for _ in 0..=ATTEMPTS {
        let lease = bench.claim("w").unwrap();
        assert_eq!(lease.attempt, 1);
        bench.engine.release(&lease, Duration::ZERO).unwrap();
    }
    let lease = bench.claim("w").unwrap();
    let delay = Duration::from_secs(2);
    bench.engine.release(&lease, delay).unwrap();
    assert_eq!(bench.claim("w"), None);
    (bench.pass)(delay);
    assert!(bench.claim("w").is_some());
}

fn a_failed_task_is_tried_again_and_then_set_aside(bench: &Bench) {
    put(bench, "film", 0, 1);
    let mut delays = Vec::new();
    for attempt in 1..=ATTEMPTS {
        let lease = bench.claim("w").unwrap();
        assert_eq!(lease.attempt, attempt);
        let verdict = bench.fail(&lease, Failure::Transient);
        if attempt == ATTEMPTS {
            assert_eq!(verdict, Verdict::SetAside);
            break;
        }
        assert!(matches!(verdict, Verdict::Again { .. }));
        assert_eq!(bench.claim("w"), None, "it waits");
        let mut waited = Duration::ZERO;
        let step = Duration::from_millis(500);
        while bench.counts("film").ready == 1 {
            (bench.pass)(step);
            waited += step;
            if let Some(lease) = bench.claim("w") {
                bench.engine.release(&lease, Duration::ZERO).unwrap();
                break;
            }
            assert!(waited < Duration::from_hours(1));
        }
        delays.push(waited);
    }
    assert!(delays.is_sorted_by(|a, b| a < b), "{delays:?}");
    let reports = bench.engine.tasks("film").unwrap();
    assert_eq!(reports[0].state, State::SetAside);
    let said = reports[0].setback.as_ref().unwrap();
    assert_eq!(said, &setback(Failure::Transient));
    // Somebody asks for it again: it begins anew.
    bench.engine.retry("film", &["0".to_owned()]).unwrap();
    assert_eq!(bench.claim("w").unwrap().attempt, 1);
}

fn what_cannot_be_helped_is_set_aside_at_once(bench: &Bench) {
    put(bench, "film", 0, 2);
    let lease = bench.claim("w").unwrap();
    assert_eq!(bench.fail(&lease, Failure::Permanent), Verdict::SetAside);
    assert_eq!(bench.names(9), ["1"], "the others go on");
}

fn a_silent_worker_loses_its_task_to_the_next(bench: &Bench) {
    put(bench, "film", 0, 1);
    let silent = bench.claim("w").unwrap();
    (bench.pass)(Duration::from_millis(LEASE_MS as u64));
    let next = bench.claim("v").unwrap();
    assert!(next.fence > silent.fence);
    assert_eq!(next.attempt, 2);
    for late in [
        bench.engine.heartbeat(&silent),
        bench.engine.complete(&silent),
        bench.engine.release(&silent, Duration::ZERO),
        bench
            .engine
            .fail(&silent, &setback(Failure::Permanent))
            .map(drop),
    ] {
        assert!(matches!(late, Err(Error::Lost { .. })), "{late:?}");
    }
    bench.engine.complete(&next).unwrap();
}

fn a_slow_worker_goes_on_if_nobody_took_its_task(bench: &Bench) {
    put(bench, "film", 0, 1);
    let slow = bench.claim("w").unwrap();
    (bench.pass)(Duration::from_millis(LEASE_MS as u64));
    bench.engine.heartbeat(&slow).unwrap();
    assert_eq!(bench.claim("v"), None, "the lease holds again");
    bench.engine.complete(&slow).unwrap();
}

fn a_task_that_silences_workers_is_set_aside(bench: &Bench) {
    put(bench, "film", 0, 2);
    for attempt in 1..=ATTEMPTS {
        let lease = bench.claim("w").unwrap();
        assert_eq!((lease.task.name.as_str(), lease.attempt), ("0", attempt));
        (bench.pass)(Duration::from_millis(LEASE_MS as u64));
    }
    assert_eq!(bench.names(9), ["1"]);
    assert_eq!(bench.counts("film").set_aside, 1);
}

fn the_order_is_class_then_age_then_position(bench: &Bench) {
    put(bench, "new", 1, 2);
    put(bench, "urgent", 5, 2);
    let urgent = Job {
        priority: 1,
        ..job("urgent", 5)
    };
    bench.engine.put_job(&urgent).unwrap();
    let claimed: Vec<(String, String)> = (0..4)
        .map_while(|_| bench.claim("w"))
        .map(|it| (it.job, it.task.name))
        .collect();
    let expected = [("urgent", "0"), ("urgent", "1"), ("new", "0"), ("new", "1")];
    assert_eq!(claimed, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

fn jobs_of_a_class_take_turns_with_the_oldest(bench: &Bench) {
    for (at, name) in ["old", "b", "c"].into_iter().enumerate() {
        put(bench, name, at as i64, 6);
    }
    let turns: Vec<String> = (0..9).map(|_| bench.claim("w").unwrap().job).collect();
    assert_eq!(
        turns,
        ["old", "b", "old", "c", "old", "b", "old", "c", "old"]
    );
}

fn the_largest_go_first_near_the_end(bench: &Bench) {
    bench.engine.put_job(&job("film", 0)).unwrap();
    let tasks: Vec<Task> = (0..5)
        .map(|position| Task {
            size: position,
            ..task(position)
        })
        .collect();
    bench.engine.enqueue("film", &tasks).unwrap();
    assert_eq!(bench.names(9), ["0", "1", "4", "3", "2"]);
}

fn what_does_not_fit_waits_but_not_for_ever(bench: &Bench) {
    bench.engine.put_job(&job("big", 0)).unwrap();
    let mut big = task(0);
    big.needs.threads = 4;
    bench.engine.enqueue("big", &[big]).unwrap();
    put(bench, "small", 1, 100);
    let narrow = Ask {
        free: Needs {
            threads: 2,
            ..ask("w").free
        },
        ..ask("w")
    };
    let overtaking = (0..100)
        .map_while(|_| bench.engine.claim(&narrow).unwrap())
        .count();
    assert!((1..=20).contains(&overtaking), "{overtaking}");
    assert_eq!(bench.claim("w").unwrap().job, "big");
    // More than there ever is: it runs alone.
    let mut huge = task(1);
    huge.needs.threads = 64;
    bench.engine.enqueue("big", &[huge]).unwrap();
    let alone = Ask {
        idle: true,
        ..narrow.clone()
    };
    let turns = [(); 2].map(|()| bench.engine.claim(&alone).unwrap().unwrap().job);
    assert_eq!(turns, ["small", "big"]);
    // A place that is taken keeps nothing else of the job waiting.
    let mut small = task(2);
    small.needs = Needs {
        places: 1,
        ..Needs::default()
    };
    bench.engine.enqueue("big", &[small, task(3)]).unwrap();
    let taken = Ask {
        free: Needs {
            places: 0,
            ..narrow.free
        },
        ..narrow.clone()
    };
    let of_big = |ask: &Ask| -> Vec<String> {
        let leases = (0..6).map_while(|_| bench.engine.claim(ask).unwrap());
        let of_big = leases.filter(|lease| lease.job == "big");
        of_big.map(|lease| lease.task.name).collect()
    };
    assert_eq!(of_big(&taken), ["3"]);
    assert_eq!(of_big(&narrow), ["2"]);
    // A disk that is full cannot be waited for.
    let full = Ask {
        free: Needs {
            disk: 0,
            ..narrow.free
        },
        ..alone
    };
    let mut large = task(4);
    large.needs.disk = 1;
    bench.engine.enqueue("big", &[large]).unwrap();
    for _ in 0..50 {
        assert_eq!(bench.engine.claim(&full).unwrap().unwrap().job, "small");
    }
}

fn paused_jobs_wait_and_dropped_ones_are_gone(bench: &Bench) {
    put(bench, "film", 0, 2);
    let running = bench.claim("w").unwrap();
    let paused = Job {
        paused: true,
        ..job("film", 0)
    };
    bench.engine.put_job(&paused).unwrap();
    assert_eq!(bench.claim("w"), None);
    bench.engine.complete(&running).unwrap();
    bench.engine.put_job(&job("film", 0)).unwrap();
    let running = bench.claim("w").unwrap();
    bench.engine.drop_job("film").unwrap();
    let lost = bench.engine.heartbeat(&running).unwrap_err();
    assert!(matches!(lost, Error::Lost { .. }), "{lost}");
    assert!(bench.engine.jobs().unwrap().is_empty());
    assert!(bench.engine.tasks("film").is_err());
}

fn removed_tasks_are_nobodys(bench: &Bench) {
    put(bench, "film", 0, 2);
    let running = bench.claim("w").unwrap();
    bench.engine.remove("film", &["0".to_owned()]).unwrap();
    assert!(bench.engine.complete(&running).is_err());
    assert_eq!(bench.names(9), ["1"]);
}

fn whoever_watches_is_told(bench: &Bench) {
    put(bench, "film", 0, 1);
    let seen = bench.engine.watch(0, Duration::ZERO);
    assert_eq!(bench.engine.watch(seen, Duration::from_millis(1)), seen);
    let engine = &bench.engine;
    thread::scope(|scope| {
        let watching = scope.spawn(move || engine.watch(seen, Duration::from_mins(1)));
        put(bench, "news", 1, 1);
        assert!(watching.join().unwrap() > seen);
    });
}

fn racing_workers_never_share_a_task(bench: &Bench) {
    put(bench, "film", 0, 200);
    let engine = &bench.engine;
    let mut names: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(move || {
                    let mut names = Vec::new();
                    while let Some(lease) = engine.claim(&ask("w")).unwrap() {
                        engine.complete(&lease).unwrap();
                        names.push(lease.task.name);
                    }
                    names
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|it| it.join().unwrap())
            .collect()
    });
    names.sort();
    let before = names.len();
    names.dedup();
    assert_eq!((names.len(), before), (200, 200));
}

fn put(bench: &Bench, name: &str, submitted_ms: i64, tasks: u64) {
    bench.engine.put_job(&job(name, submitted_ms)).unwrap();
    let tasks: Vec<Task> = (0..tasks).map(task).collect();
    bench.engine.enqueue(name, &tasks).unwrap();
}

fn job(name: &str, submitted_ms: i64) -> Job {
    Job {
        name: name.to_owned(),
        priority: 0,
        submitted_ms,
        paused: false,
    }
}

fn task(position: u64) -> Task {
    Task {
        name: position.to_string(),
        position,
        size: 1,
        needs: Needs {
            threads: 1,
            ..Needs::default()
        },
    }
}

fn ask(worker: &str) -> Ask {
    Ask {
        worker: worker.to_owned(),
        free: Needs {
            threads: 8,
            places: 1,
            memory: 1 << 30,
            disk: 1 << 30,
        },
        idle: false,
        slots: 3,
    }
}

fn setback(failure: Failure) -> Setback {
    Setback {
        failure,
        reason: "ffmpeg was ended by signal 11".to_owned(),
        stderr: vec!["last words".to_owned()],
    }
}
