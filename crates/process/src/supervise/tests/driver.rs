//! The driver with shells and sleepers.

use std::{
    fs,
    future::Future,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{
    Command, Spawner, Stream,
    supervise::{
        Ceiling, Class, Handle, LogFile, LogLimits, Notice, Outcome, Patience, Policy, Pulse,
        Reason, Restart, Run, Settings, State, Track, Work, supervise,
    },
};

/// Far more than anything here takes, for loaded machines.
const DEADLINE: Duration = Duration::from_mins(1);

/// Makes the run of a number.
type Script = Box<dyn FnMut(u32) -> Result<Run, Reason> + Send>;

/// A job whose runs are made by a closure, and what it heard.
struct Scripted {
    script: Script,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Work for Scripted {
    fn prepare(&mut self, run: u32) -> impl Future<Output = Result<Run, Reason>> + Send {
        std::future::ready((self.script)(run))
    }

    fn notice(&mut self, notice: Notice) {
        let text = match notice {
            Notice::Started { run, .. } => format!("started {run}"),
            Notice::Flowing => "flowing".to_owned(),
            Notice::Alarm(_) => "alarm".to_owned(),
            Notice::Recovered => "recovered".to_owned(),
            Notice::Ended(reason) => format!("ended by {}", reason.class),
            Notice::Restarting { failures, .. } => format!("restarting {failures}"),
            Notice::Done(outcome) => format!("done {}", outcome.exit_code()),
        };
        self.heard.lock().unwrap().push(text);
    }

    async fn over(&mut self, _: &Reason) {
        self.heard.lock().unwrap().push("over".to_owned());
    }
}

fn shell(script: &str) -> Command {
    Command::new("sh").args(["-c", script])
}

fn run_of(main: Command) -> Run {
    Run {
        main,
        feeds: Vec::new(),
        progress: false,
        tracks: Vec::new(),
        pulse: Arc::new(Pulse::new(0)),
        patience: Patience::default(),
    }
}

fn quick() -> Settings {
    Settings {
        restart: Restart {
            delay: Duration::from_millis(20),
            max_delay: Duration::from_millis(50),
            ..Restart::default()
        },
        ..Settings::default()
    }
}

/// Runs a job until it is done, or `then` ends it.
fn play(
    settings: Settings,
    script: impl FnMut(u32) -> Result<Run, Reason> + Send + 'static,
    then: impl AsyncFnOnce(&Handle),
) -> (Outcome, Vec<String>, Handle) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let work = Scripted {
        script: Box::new(script),
        heard: Arc::clone(&heard),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (outcome, handle) = runtime.block_on(async {
        let (handle, mut supervisor) = supervise(settings, Spawner::direct().unwrap(), work);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { supervisor.run().await });
        handle.start();
        then(&handle).await;
        let done = tokio::time::timeout(DEADLINE, tasks.join_next()).await;
        (done.unwrap().unwrap().unwrap(), handle)
    });
    let heard = heard.lock().unwrap().clone();
    (outcome, heard, handle)
}

/// Waits until a job is in a state.
async fn until(handle: &Handle, state: State) {
    let start = Instant::now();
    while handle.status(Instant::now()).state != state {
        assert!(
            start.elapsed() < DEADLINE,
            "{:?}",
            handle.status(Instant::now())
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn is_gone(pid: u32) -> bool {
    fs::metadata(format!("/proc/{pid}")).is_err()
}

#[test]
fn it_stops_when_told_to_and_leaves_nothing() {
    let (outcome, heard, handle) = play(
        quick(),
        |_| Ok(run_of(shell("sleep 1000 & echo here >&2; wait"))),
        async |handle| {
            until(handle, State::Running).await;
            handle.stop();
        },
    );
    assert_eq!(outcome, Outcome::Stopped);
    assert_eq!(
        heard,
        ["started 1", "flowing", "over", "ended by stop", "done 0"]
    );
    let status = handle.status(Instant::now());
    assert_eq!((status.state, status.run), (State::Stopped, 1));
    assert_eq!(status.commands.len(), 1);
}

#[test]
fn who_does_not_end_is_killed_at_once_when_in_a_hurry() {
    let (outcome, ..) = play(
        quick(),
        |_| {
            let stubborn = shell("trap '' TERM; while :; do sleep 0.05; done");
            Ok(run_of(stubborn.grace(Duration::from_hours(1))))
        },
        async |handle| {
            until(handle, State::Running).await;
            handle.stop();
            until(handle, State::Stopping).await;
            handle.kill();
        },
    );
    assert_eq!(outcome, Outcome::Stopped);
}

#[test]
fn a_crash_is_followed_by_a_new_run_and_reports_are_kept() {
    let (outcome, heard, handle) = play(
        quick(),
        |number| {
            Ok(run_of(match number {
                1 => shell("echo rtsp://u:secret@h/ >&2; kill -9 $$"),
                2 => shell("echo no good >&2; exit 3"),
                _ => shell("sleep 1000"),
            }))
        },
        async |handle| {
            let start = Instant::now();
            while handle.status(Instant::now()).run < 3 {
                assert!(start.elapsed() < DEADLINE);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            until(handle, State::Running).await;
            handle.stop();
        },
    );
    assert_eq!(outcome, Outcome::Stopped);
    let ends: Vec<&str> = heard
        .iter()
        .filter(|it| it.starts_with("ended") || it.starts_with("restarting"))
        .map(String::as_str)
        .collect();
    assert_eq!(
        ends,
        [
            "ended by signal",
            "restarting 1",
            "ended by fail",
            "restarting 2",
            "ended by stop"
        ]
    );
    let reports = handle.reports();
    assert_eq!(reports.len(), 3);
    assert_eq!(reports[0].first, ["rtsp://***@h/"]);
    let reason = reports[1].reason.as_ref().unwrap();
    assert_eq!(reason.text, "sh exited with code 3: no good");
    assert_eq!(handle.status(Instant::now()).restarts, 2);
}

#[test]
fn ends_have_their_exit_codes() {
    let with = |policy, max_restarts, finish_on_eof| Settings {
        restart: Restart {
            policy,
            max_restarts,
            finish_on_eof,
            ..quick().restart
        },
        ..Settings::default()
    };
    for (settings, script, code) in [
        (with(Policy::Never, 0, false), "exit 1", 1),
        (with(Policy::Never, 0, true), "exit 0", 0),
        (with(Policy::OnFailure, 2, true), "exit 1", 6),
        (with(Policy::OnFailure, 2, true), "exit 0", 0),
        (with(Policy::Always, 1, true), "exit 0", 6),
    ] {
        let (outcome, ..) = play(settings, |_| Ok(run_of(shell(script))), async |_| {});
        assert_eq!(outcome.exit_code(), code, "{script} {outcome}");
    }
    let missing = |_| Ok(run_of(Command::new("no-such-program")));
    let (outcome, ..) = play(quick(), missing, async |_| {});
    assert_eq!(outcome.exit_code(), 3, "{outcome}");
    let unreadable = |_| Err(Reason::new(Class::Input, "nobody there"));
    let (outcome, ..) = play(with(Policy::Never, 0, false), unreadable, async |_| {});
    assert_eq!(outcome.exit_code(), 4, "{outcome}");
}

#[test]
fn a_track_that_stands_still_ends_the_run() {
    let (outcome, heard, handle) = play(
        Settings {
            restart: Restart {
                policy: Policy::Never,
                ..Restart::default()
            },
            ..Settings::default()
        },
        |_| {
            let pulse = Arc::new(Pulse::new(2));
            let beats = Arc::clone(&pulse);
            thread::spawn(move || {
                beats.beat(0);
                beats.beat(1);
                // The first track goes on, and outlives the run.
                for _ in 0..600 {
                    beats.beat(0);
                    thread::sleep(Duration::from_millis(20));
                }
            });
            let track = |name: &str| Track {
                name: name.to_owned(),
                required: true,
            };
            Ok(Run {
                tracks: vec![track("v"), track("a")],
                pulse,
                patience: Patience {
                    stall: Some(Duration::from_secs(1)),
                    ..Patience::default()
                },
                ..run_of(shell("sleep 1000"))
            })
        },
        async |_| {},
    );
    assert_eq!(
        outcome.reason().map(|it| (it.class, it.text.as_str())),
        Some((Class::Stall, "track a gave nothing for 1 s"))
    );
    assert_eq!(
        heard,
        ["started 1", "flowing", "over", "ended by stall", "done 1"]
    );
    let status = handle.status(Instant::now());
    assert!(status.tracks[0].count > status.tracks[1].count);
}

#[test]
fn an_input_that_does_not_open_ends_the_run() {
    let settings = Settings {
        restart: Restart {
            policy: Policy::Never,
            ..Restart::default()
        },
        ..Settings::default()
    };
    let (outcome, heard, _) = play(
        settings,
        |_| {
            Ok(Run {
                tracks: vec![Track {
                    name: "v".to_owned(),
                    required: true,
                }],
                pulse: Arc::new(Pulse::new(1)),
                patience: Patience {
                    open: Some(Duration::from_millis(300)),
                    ..Patience::default()
                },
                ..run_of(shell("sleep 1000"))
            })
        },
        async |handle| until(handle, State::Connecting).await,
    );
    assert_eq!(outcome.exit_code(), 1);
    assert!(!heard.contains(&"flowing".to_owned()), "{heard:?}");
}

#[test]
fn what_makes_nothing_of_use_is_ended() {
    let settings = Settings {
        restart: Restart {
            policy: Policy::Never,
            ..Restart::default()
        },
        ..Settings::default()
    };
    let (outcome, ..) = play(
        settings,
        |_| {
            let pulse = Arc::new(Pulse::new(0));
            pulse.fail(Reason::new(Class::Output, "no boxes"));
            Ok(Run {
                pulse,
                ..run_of(shell("sleep 1000"))
            })
        },
        async |_| {},
    );
    assert_eq!(outcome.exit_code(), 5, "{outcome}");
}

#[test]
fn a_command_feeds_the_main_process_and_both_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fed");
    let script = format!("cat > {}", path.display());
    let settings = || Settings {
        restart: Restart {
            policy: Policy::Never,
            finish_on_eof: true,
            ..Restart::default()
        },
        ..Settings::default()
    };
    let make = move |feed: &'static str| {
        let script = script.clone();
        move |_| {
            Ok(Run {
                feeds: vec![shell(feed).stdout(Stream::Piped)],
                ..run_of(shell(&script))
            })
        }
    };
    let (outcome, ..) = play(settings(), make("echo through"), async |_| {});
    assert_eq!(outcome, Outcome::Finished);
    assert_eq!(fs::read_to_string(&path).unwrap(), "through\n");

    // A feed that fails is the reason, although the main process ends well.
    let failing = make("echo through; echo no source >&2; exit 9");
    let (outcome, ..) = play(settings(), failing, async |_| {});
    assert_eq!(
        outcome.reason().unwrap().text,
        "sh exited with code 9: no source"
    );

    // A main process that goes on without its feed has its grace, then it is ended.
    let (outcome, ..) = play(
        settings(),
        |_| {
            let main = shell("exec sleep 1000").grace(Duration::from_millis(300));
            Ok(Run {
                feeds: vec![shell("exit 9").stdout(Stream::Piped)],
                ..run_of(main)
            })
        },
        async |_| {},
    );
    assert_eq!(outcome.reason().unwrap().text, "sh exited with code 9");

    // One that goes on is ended with the main process.
    let (pid, at) = (folder.path().join("pid"), folder.path().join("pid"));
    let (outcome, ..) = play(
        settings(),
        move |_| {
            let feed = format!("echo $$ > {}; exec sleep 1000", at.display());
            let wait = format!("until [ -s {} ]; do sleep 0.02; done", at.display());
            Ok(Run {
                feeds: vec![shell(&feed).stdout(Stream::Piped)],
                ..run_of(shell(&wait))
            })
        },
        async |_| {},
    );
    assert_eq!(outcome, Outcome::Finished);
    let pid = fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    assert!(is_gone(pid));
}

#[test]
fn progress_is_read_and_logs_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.log");
    let settings = Settings {
        log: Some(LogFile::open(&path, LogLimits::default(), || "now".to_owned()).unwrap()),
        ..quick()
    };
    let (_, _, handle) = play(
        settings,
        |_| {
            let script = "echo first >&2; printf 'frame=7\\nspeed=1.5x\\nprogress=continue\\n'; \
                          exec sleep 1000";
            Ok(Run {
                progress: true,
                ..run_of(shell(script).stdout(Stream::Piped))
            })
        },
        async |handle| {
            let start = Instant::now();
            while handle.status(Instant::now()).progress.is_none() {
                assert!(start.elapsed() < DEADLINE);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            handle.stop();
        },
    );
    let progress = handle.status(Instant::now()).progress.unwrap();
    assert_eq!(
        (progress.frame, progress.speed_permille),
        (Some(7), Some(1500))
    );
    let start = Instant::now();
    while fs::read_to_string(&path).unwrap() != "now sh: first\n" {
        assert!(start.elapsed() < DEADLINE);
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn who_takes_too_much_is_ended() {
    let settings = Settings {
        restart: Restart {
            policy: Policy::Never,
            ..Restart::default()
        },
        ceiling: Ceiling {
            memory: Some(1),
            wait: Duration::ZERO,
            ..Ceiling::default()
        },
        ..Settings::default()
    };
    let (outcome, ..) = play(settings, |_| Ok(run_of(shell("sleep 1000"))), async |_| {});
    assert_eq!(outcome.reason().unwrap().class, Class::Limit, "{outcome}");
}

#[test]
fn a_new_run_is_begun_on_request() {
    let (_, heard, _) = play(
        quick(),
        |_| Ok(run_of(shell("sleep 1000"))),
        async |handle| {
            until(handle, State::Running).await;
            handle.again();
            let start = Instant::now();
            while handle.status(Instant::now()).run < 2 {
                assert!(start.elapsed() < DEADLINE);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            until(handle, State::Running).await;
            handle.stop();
        },
    );
    assert_eq!(
        heard,
        [
            "started 1",
            "flowing",
            "over",
            "ended by again",
            "started 2",
            "flowing",
            "over",
            "ended by stop",
            "done 0"
        ]
    );
}

#[test]
fn a_job_without_a_handle_ends_and_a_dropped_one_leaves_nothing() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pid");
    let job = |path: &std::path::Path| {
        let script = format!("echo $$ > {}; exec sleep 1000", path.display());
        let work = Scripted {
            script: Box::new(move |_| Ok(run_of(shell(&script)))),
            heard: Arc::clone(&heard),
        };
        supervise(quick(), Spawner::direct().unwrap(), work)
    };
    let pid_in = |path: &std::path::Path| fs::read_to_string(path).ok()?.trim().parse::<u32>().ok();
    runtime.block_on(async {
        let (handle, mut supervisor) = job(&path);
        handle.start();
        let start = Instant::now();
        {
            let mut running = std::pin::pin!(supervisor.run());
            while pid_in(&path).is_none() {
                assert!(start.elapsed() < DEADLINE);
                let tick = Duration::from_millis(10);
                assert!(tokio::time::timeout(tick, &mut running).await.is_err());
            }
            drop(handle);
            let outcome = tokio::time::timeout(DEADLINE, running).await.unwrap();
            assert_eq!(outcome, Outcome::Stopped);
        }
        assert!(is_gone(pid_in(&path).unwrap()));

        let path = folder.path().join("other");
        let (handle, mut supervisor) = job(&path);
        handle.start();
        {
            let mut running = std::pin::pin!(supervisor.run());
            while pid_in(&path).is_none() {
                assert!(start.elapsed() < DEADLINE);
                let tick = Duration::from_millis(10);
                assert!(tokio::time::timeout(tick, &mut running).await.is_err());
            }
        }
        while !is_gone(pid_in(&path).unwrap()) {
            assert!(start.elapsed() < DEADLINE);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}
