use std::sync::{
    atomic::{AtomicI64, AtomicU32},
    mpsc,
};

use super::*;
use crate::engine::{Counts, Embedded, Job, LEASE_MS, State as Where, Task, TaskReport};
use crate::worker::Unit;

/// Longer than anything takes on a busy machine.
const LONG: Duration = Duration::from_mins(1);

/// What the fake tasks do; the name of a task says which.
#[derive(Default)]
struct Fake {
    running: AtomicU32,
    most: AtomicU32,
    ran: AtomicU32,
}

impl Work for Fake {
    fn run(&self, lease: &Lease, reins: &Reins) -> Result<(), Setback> {
        self.ran.fetch_add(1, Ordering::SeqCst);
        let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let outcome = Self::act(lease, reins);
        self.running.fetch_sub(1, Ordering::SeqCst);
        outcome
    }

    fn patience(&self, _: &Task) -> Option<Duration> {
        Some(Duration::from_mins(1))
    }
}

impl Fake {
    fn act(lease: &Lease, reins: &Reins) -> Result<(), Setback> {
        let setback = |failure| Setback {
            failure,
            reason: "as told".to_owned(),
            stderr: vec!["last words".to_owned()],
        };
        match lease.task.name.split('-').next() {
            Some("quick") => Ok(()),
            Some("bad") => Err(setback(Failure::Permanent)),
            Some("panics") => panic!("as told"),
            // `half` is half done at once, and then hangs like the others.
            Some("half") => {
                reins.report(Progress {
                    unit: Unit::Frames,
                    done: 1,
                    total: Some(2),
                    ..Progress::default()
                });
                hang(reins);
                Err(setback(Failure::Transient))
            }
            _ => {
                hang(reins);
                Err(setback(Failure::Transient))
            }
        }
    }
}

fn hang(reins: &Reins) {
    while !reins.stopped() {
        thread::sleep(Duration::from_millis(1));
    }
}

struct Bench {
    engine: Arc<Embedded>,
    work: Arc<Fake>,
    now: Arc<AtomicI64>,
    /// How often the pool has looked at its clock.
    looks: Arc<AtomicI64>,
    pool: Option<Pool>,
}

impl Bench {
    fn new(threads: u32, tasks: &[&str]) -> Self {
        let now = Arc::new(AtomicI64::new(0));
        let hand = Arc::clone(&now);
        let clock: Clock = Arc::new(move || hand.load(Ordering::SeqCst));
        let engine = Arc::new(Embedded::open(None, Arc::clone(&clock)).unwrap());
        let looks = Arc::new(AtomicI64::new(0));
        let counted = Arc::clone(&looks);
        let job = Job {
            name: "film".to_owned(),
            priority: 0,
            submitted_ms: 0,
            paused: false,
        };
        engine.put_job(&job).unwrap();
        let tasks: Vec<Task> = (0..)
            .zip(tasks)
            .map(|(position, name)| Task {
                name: (*name).to_owned(),
                position,
                size: 1,
                needs: Needs {
                    threads: 1,
                    ..Needs::default()
                },
            })
            .collect();
        engine.enqueue("film", &tasks).unwrap();
        let work: Arc<Fake> = Arc::default();
        let free = Needs {
            threads,
            places: 1,
            memory: 1,
            disk: 1,
        };
        let options = Options {
            worker: "w".to_owned(),
            capacity: Box::new(move || Capacity {
                total: free,
                now: free,
            }),
            heartbeat: Duration::from_secs(10),
            clock: Arc::new(move || {
                let now = clock();
                counted.fetch_add(1, Ordering::SeqCst);
                now
            }),
        };
        let pool = Pool::start(
            Arc::<Embedded>::clone(&engine),
            Arc::<Fake>::clone(&work),
            options,
        );
        Self {
            engine,
            work,
            now,
            looks,
            pool: Some(pool.unwrap()),
        }
    }

    fn tasks(&self) -> Vec<TaskReport> {
        self.engine.tasks("film").unwrap()
    }

    fn wait(&self, what: &str, is: impl Fn(&Counts) -> bool) {
        let deadline = std::time::Instant::now() + LONG;
        while !is(&Counts::of(&self.tasks())) {
            assert!(std::time::Instant::now() < deadline, "no {what}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets time pass in steps that are no standstill, each seen by the pool.
    fn pass(&self, ms: i64) {
        for _ in 0..ms / STANDSTILL_MS {
            self.now.fetch_add(STANDSTILL_MS, Ordering::SeqCst);
            // A look that was under way may have seen the time before.
            let enough = self.looks.load(Ordering::SeqCst) + 2;
            while self.looks.load(Ordering::SeqCst) < enough {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn end(&mut self, grace: Duration) {
        let pool = self.pool.take().unwrap();
        pool.stop(grace);
        let (done, ended) = mpsc::channel();
        thread::spawn(move || {
            pool.join();
            done.send(()).unwrap();
        });
        ended.recv_timeout(LONG).expect("the pool ends");
    }
}

#[test]
fn everything_is_done_and_no_more_at_once_than_there_are_threads() {
    let names: Vec<String> = (0..30).map(|it| format!("quick-{it}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bench = Bench::new(2, &names);
    bench.wait("end", |counts| counts.done == 30);
    assert!(bench.work.most.load(Ordering::SeqCst) <= 2);
    assert_eq!(bench.work.ran.load(Ordering::SeqCst), 30);
    bench.end(Duration::ZERO);
}

#[test]
fn a_bad_task_is_set_aside_with_its_last_words_while_others_go_on() {
    let bench = Bench::new(1, &["bad", "quick-1", "panics", "quick-2"]);
    bench.wait("end of the good", |counts| counts.done == 2);
    bench.wait("bad one", |counts| counts.set_aside == 1);
    let tasks = bench.tasks();
    assert_eq!(tasks[0].setback.as_ref().unwrap().stderr, ["last words"]);
    let panicked = tasks[2].setback.as_ref().unwrap();
    assert_eq!(panicked.failure, Failure::Transient);
}

#[test]
fn a_task_that_does_not_get_on_is_ended_and_tried_again() {
    let bench = Bench::new(1, &["hangs"]);
    bench.wait("start", |counts| counts.running == 1);
    bench.pass(61_000);
    bench.wait("end", |counts| counts.running == 0);
    let tasks = bench.tasks();
    assert_eq!(tasks[0].attempts, 1);
    let setback = tasks[0].setback.as_ref().unwrap();
    assert_eq!(setback.reason, "it did not get on for 60 s");
    assert_eq!(setback.stderr, ["last words"]);
}

#[test]
fn heartbeats_keep_leases() {
    let bench = Bench::new(1, &["half"]);
    bench.wait("start", |counts| counts.running == 1);
    bench.pass(LEASE_MS + 10_000);
    let Where::Leased { until_ms, .. } = bench.tasks()[0].state else {
        panic!("{:?}", bench.tasks());
    };
    assert!(until_ms > bench.now.load(Ordering::SeqCst));
}

#[test]
fn time_in_which_the_process_stood_still_is_not_held_against_a_task() {
    let bench = Bench::new(1, &["hangs"]);
    bench.wait("start", |counts| counts.running == 1);
    bench.now.fetch_add(3_600_000, Ordering::SeqCst);
    bench.pass(5_000);
    assert_eq!(bench.work.running.load(Ordering::SeqCst), 1);
    let attempts = bench.tasks()[0].attempts;
    assert_eq!(attempts, 1, "the lease holds again");
}

#[test]
fn a_task_whose_job_is_gone_is_ended() {
    let bench = Bench::new(1, &["hangs"]);
    bench.wait("start", |counts| counts.running == 1);
    bench.engine.drop_job("film").unwrap();
    // The next heartbeat tells.
    for _ in 0..11 {
        bench.now.fetch_add(1000, Ordering::SeqCst);
        bench.engine.put_job(&other()).unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    let deadline = std::time::Instant::now() + LONG;
    while bench.work.running.load(Ordering::SeqCst) > 0 {
        assert!(std::time::Instant::now() < deadline, "it goes on");
        thread::sleep(Duration::from_millis(2));
    }
}

fn other() -> Job {
    Job {
        name: "other".to_owned(),
        priority: 0,
        submitted_ms: 0,
        paused: false,
    }
}

#[test]
fn the_end_gives_tasks_back_and_does_not_count_them() {
    let mut bench = Bench::new(2, &["hangs", "half", "hangs-2"]);
    bench.wait("start", |counts| counts.running == 2);
    // What is half done after 20 s needs another 20.
    bench.pass(20_000);
    bench.end(Duration::from_secs(10));
    let tasks = bench.tasks();
    for task in &tasks {
        assert_eq!(task.attempts, 0, "{task:?}");
        assert!(matches!(task.state, Where::Ready { .. }), "{task:?}");
    }
}
