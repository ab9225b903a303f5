//! What the machine does with what it is told, told in order and at random.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::supervise::{
    Class, Machine, Outcome, Policy, Reason, Refused, Restart, State, Step, Wish,
};

fn reason(class: Class) -> Reason {
    Reason::new(class, class.as_str())
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Restarts without jitter.
fn restart() -> Restart {
    Restart {
        jitter_percent: 0,
        ..Restart::default()
    }
}

/// Brings a job to a running state.
fn run(machine: &mut Machine, now: Instant) {
    if !machine.state().is_busy() {
        assert_eq!(machine.wish(Wish::Run, now), Ok(Step::Prepare));
    }
    machine.prepared(now).unwrap();
    machine.started(now).unwrap();
    machine.flowing(now).unwrap();
}

#[test]
fn a_job_runs_and_stops_as_wished() {
    let now = Instant::now();
    let mut machine = Machine::new(restart(), now);
    run(&mut machine, now);
    assert_eq!(
        machine.wish(Wish::Run, now),
        Ok(Step::Stay),
        "it runs already"
    );
    assert_eq!(machine.wish(Wish::Rest, now + seconds(7)), Ok(Step::End));
    assert_eq!(machine.state(), State::Stopping);
    assert_eq!(machine.wish(Wish::Rest, now + seconds(7)), Ok(Step::Stay));
    let ended = machine.ended(reason(Class::Fail), now + seconds(8), 0);
    assert_eq!(ended, Ok(Step::Done(Outcome::Stopped)));
    assert_eq!(
        machine.reason(),
        Some(&Reason::stop()),
        "not what the process says"
    );
    assert_eq!(machine.tally().time(State::Running), seconds(7));
    assert_eq!(machine.tally().entries(State::Stopping), 1);
    run(&mut machine, now + seconds(9));
    assert_eq!((machine.runs(), machine.restarts()), (2, 0));
}

#[test]
fn failures_are_followed_by_growing_delays_until_a_run_has_settled() {
    let mut now = Instant::now();
    let mut machine = Machine::new(restart(), now);
    let (mut delays, mut failures) = (Vec::new(), Vec::new());
    run(&mut machine, now);
    for healthy in [1, 1, 2, 3, 59, 60, 1] {
        now += seconds(healthy);
        assert_eq!(machine.ended(reason(Class::Signal), now, 0), Ok(Step::Wait));
        delays.push(machine.delay_left(now).unwrap().as_secs());
        failures.push(machine.failures());
        assert_eq!(machine.due(now), Ok(Step::Stay), "too early");
        now = machine.next_start().unwrap();
        assert_eq!(machine.due(now), Ok(Step::Prepare));
        run(&mut machine, now);
    }
    assert_eq!(delays, [2, 4, 8, 2, 2, 2, 4]);
    assert_eq!(failures, [1, 2, 3, 4, 5, 1, 2]);
    assert_eq!(machine.restarts(), 7);
}

#[test]
fn a_job_that_never_flows_is_given_up() {
    let mut now = Instant::now();
    let rule = Restart {
        max_restarts: 2,
        ..restart()
    };
    let mut machine = Machine::new(rule, now);
    let mut step = machine.wish(Wish::Run, now).unwrap();
    let mut runs = 0;
    while step == Step::Prepare {
        runs += 1;
        step = machine.ended(reason(Class::Input), now, 0).unwrap();
        if step == Step::Wait {
            now = machine.next_start().unwrap();
            step = machine.due(now).unwrap();
        }
    }
    assert_eq!(runs, 3);
    let Step::Done(outcome) = step else {
        panic!("{step:?}");
    };
    assert_eq!(outcome, Outcome::GaveUp(reason(Class::Input)));
    assert_eq!(outcome.exit_code(), 6);
    assert_eq!(machine.state(), State::Failed);
    // The user may try again, with all tries anew.
    run(&mut machine, now);
    assert_eq!(machine.ended(reason(Class::Fail), now, 0), Ok(Step::Wait));
}

#[test]
fn ends_are_followed_by_what_the_policy_says() {
    let now = Instant::now();
    for (policy, finish_on_eof, class, expected) in [
        (
            Policy::Never,
            false,
            Class::Signal,
            Step::Done(Outcome::Failed(reason(Class::Signal))),
        ),
        (
            Policy::OnFailure,
            true,
            Class::Eof,
            Step::Done(Outcome::Finished),
        ),
        (Policy::OnFailure, false, Class::Eof, Step::Wait),
        (Policy::Always, true, Class::Eof, Step::Wait),
    ] {
        let rule = Restart {
            policy,
            finish_on_eof,
            ..restart()
        };
        let mut machine = Machine::new(rule, now);
        run(&mut machine, now);
        let step = machine.ended(reason(class), now, 0);
        assert_eq!(step, Ok(expected), "{policy:?} {class}");
    }
}

#[test]
fn a_stall_ends_the_run_and_is_its_reason() {
    let now = Instant::now();
    let mut machine = Machine::new(restart(), now);
    run(&mut machine, now);
    machine.degraded(now).unwrap();
    assert_eq!(machine.end(reason(Class::Stall), now), Ok(Step::End));
    assert_eq!(machine.ended(reason(Class::Signal), now, 0), Ok(Step::Wait));
    assert_eq!(machine.reason(), Some(&reason(Class::Stall)));
}

#[test]
fn a_wish_wins_over_what_is_under_way() {
    let now = Instant::now();
    let mut machine = Machine::new(restart(), now);
    // To run after all, while it is being stopped.
    run(&mut machine, now);
    machine.wish(Wish::Rest, now).unwrap();
    assert_eq!(machine.wish(Wish::Run, now), Ok(Step::Stay));
    assert_eq!(
        machine.ended(reason(Class::Fail), now, 0),
        Ok(Step::Prepare)
    );
    // To rest after all, while it is being prepared.
    assert_eq!(machine.wish(Wish::Rest, now), Ok(Step::End));
    let ended = machine.ended(Reason::stop(), now, 0);
    assert_eq!(ended, Ok(Step::Done(Outcome::Stopped)));
    // To rest, during a delay.
    run(&mut machine, now);
    machine.ended(reason(Class::Fail), now, 0).unwrap();
    assert_eq!(
        machine.wish(Wish::Rest, now),
        Ok(Step::Done(Outcome::Stopped))
    );
    assert_eq!(machine.next_start(), None);
    // Anew, during a delay.
    run(&mut machine, now);
    machine.ended(reason(Class::Fail), now, 0).unwrap();
    assert_eq!(machine.again(now), Ok(Step::Prepare));
    // Anew, while it runs: no delay, no failure.
    run(&mut machine, now);
    assert_eq!(machine.again(now), Ok(Step::End));
    assert_eq!(
        machine.ended(reason(Class::Fail), now, 0),
        Ok(Step::Prepare)
    );
    assert_eq!(machine.failures(), 0);
}

/// All that a machine can be told.
#[derive(Clone, Copy, Debug)]
enum Told {
    Run,
    Rest,
    Again,
    Prepared,
    Started,
    Flowing,
    Degraded,
    End(Class),
    Ended(Class),
    Due,
}

impl Told {
    fn tell(self, machine: &mut Machine, now: Instant, random: u32) -> Result<(), Refused> {
        match self {
            Self::Run => machine.wish(Wish::Run, now).map(drop),
            Self::Rest => machine.wish(Wish::Rest, now).map(drop),
            Self::Again => machine.again(now).map(drop),
            Self::Prepared => machine.prepared(now),
            Self::Started => machine.started(now),
            Self::Flowing => machine.flowing(now),
            Self::Degraded => machine.degraded(now),
            Self::End(class) => machine.end(reason(class), now).map(drop),
            Self::Ended(class) => machine.ended(reason(class), now, random).map(drop),
            Self::Due => machine.due(now).map(drop),
        }
    }
}

fn any_class() -> impl Strategy<Value = Class> {
    prop::sample::select(vec![
        Class::Stop,
        Class::Again,
        Class::Eof,
        Class::Fail,
        Class::Signal,
        Class::Stall,
        Class::Limit,
        Class::Input,
    ])
}

fn anything() -> impl Strategy<Value = Told> {
    prop_oneof![
        Just(Told::Run),
        Just(Told::Rest),
        Just(Told::Again),
        Just(Told::Prepared),
        Just(Told::Started),
        Just(Told::Flowing),
        Just(Told::Degraded),
        any_class().prop_map(Told::End),
        any_class().prop_map(Told::Ended),
        Just(Told::Due),
    ]
}

fn any_restart() -> impl Strategy<Value = Restart> {
    let policies = vec![Policy::Never, Policy::OnFailure, Policy::Always];
    (prop::sample::select(policies), 0_u32..4, any::<bool>()).prop_map(
        |(policy, max_restarts, finish_on_eof)| Restart {
            policy,
            max_restarts,
            finish_on_eof,
            ..Restart::default()
        },
    )
}

proptest! {
    #[test]
    fn nothing_it_is_told_breaks_the_table(
        restart in any_restart(),
        told in prop::collection::vec((anything(), 0_u64..90, any::<u32>()), 1..60),
    ) {
        let mut now = Instant::now();
        let mut machine = Machine::new(restart, now);
        for (told, later, random) in told {
            now += seconds(later);
            let before = machine.state();
            let entries = |machine: &Machine| -> u64 {
                State::ALL.iter().map(|state| machine.tally().entries(*state)).sum()
            };
            let count = entries(&machine);
            let result = told.tell(&mut machine, now, random);
            let moves = entries(&machine) - count;
            match result {
                // Only by way of Stopping are two moves made at once.
                Ok(()) if moves == 2 => {
                    prop_assert!(before.may_become(State::Stopping));
                    prop_assert!(State::Stopping.may_become(machine.state()));
                }
                Ok(()) if moves == 1 => prop_assert!(before.may_become(machine.state())),
                Ok(()) => prop_assert_eq!((moves, machine.state()), (0, before)),
                Err(_) => prop_assert_eq!((moves, machine.state()), (0, before)),
            }
            // A delay is there exactly while it is waited for, and within its bounds.
            prop_assert_eq!(machine.next_start().is_some(), machine.state() == State::Backoff);
            if let Some(left) = machine.delay_left(now) {
                prop_assert!(left <= restart.max_delay * 11 / 10, "{:?}", left);
            }
            // Nobody wants a job to run that is at rest, unless it failed.
            if machine.wished() == Wish::Run {
                prop_assert!(!matches!(machine.state(), State::Idle | State::Stopped));
            } else {
                prop_assert!(machine.state() != State::Backoff && !machine.state().is_busy());
            }
            if restart.max_restarts > 0 {
                prop_assert!(machine.failures() <= restart.max_restarts);
            }
        }
        let spent: Duration = State::ALL.iter().map(|state| machine.tally().time(*state)).sum();
        prop_assert!(spent <= now.duration_since(machine.since()) + spent);
    }
}
