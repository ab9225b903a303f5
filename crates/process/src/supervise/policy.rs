//! When a job is started again after an end, and how long after.

use std::time::Duration;

use super::{Class, Reason};

/// After which ends a job is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// After none.
    Never,
    /// After any but the end of the source, if that is to be the end of the job.
    #[default]
    OnFailure,
    /// After any.
    Always,
}

/// The rule of restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// After which ends.
    pub policy: Policy,
    /// Whether the first restart of a row has no delay; the growing ones come after it.
    pub first_at_once: bool,
    /// Delay of the first restart.
    pub delay: Duration,
    /// What the delay is multiplied by with each failure in a row, in thousandths.
    pub factor_permille: u32,
    /// The delay grows up to this.
    pub max_delay: Duration,
    /// The delay is shortened or lengthened by up to this share, so that many jobs that lost one
    /// source do not come back at once. In hundredths, at most 100.
    pub jitter_percent: u8,
    /// How many restarts in a row are tried before giving up; 0 for no limit.
    pub max_restarts: u32,
    /// A run that flows for this long ends the row of failures that leads to giving up.
    pub reset_after: Duration,
    /// A run that flows for this long, or for `reset_after` if that is shorter, begins the delays
    /// anew: the source is there, so there is nothing to wait for.
    pub settled_after: Duration,
    /// Whether the end of the source (a process that ends with code 0) is the end of the job. Live
    /// sources end so when they are lost; for them it is a failure like others.
    pub finish_on_eof: bool,
    /// Whether another start is tried even where it is likely to end the same way: a program that
    /// is not installed now may be, a while later.
    pub despite_permanent: bool,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            policy: Policy::OnFailure,
            first_at_once: false,
            delay: Duration::from_secs(2),
            factor_permille: 2000,
            max_delay: Duration::from_mins(1),
            jitter_percent: 10,
            max_restarts: 0,
            reset_after: Duration::from_mins(1),
            settled_after: Duration::from_secs(3),
            finish_on_eof: false,
            despite_permanent: false,
        }
    }
}

/// What follows an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sequel {
    /// The job is done.
    Finish,
    /// It failed, without another try.
    Fail,
    /// It failed once too often.
    GiveUp,
    /// It is tried again.
    Retry,
}

impl Restart {
    /// Decides what follows an end that the user did not wish, after `failures` in a row before it.
    pub(super) fn sequel(&self, reason: &Reason, failures: u32) -> Sequel {
        let eof = reason.class == Class::Eof && self.finish_on_eof;
        match self.policy {
            Policy::Never | Policy::OnFailure if eof => Sequel::Finish,
            Policy::Never => Sequel::Fail,
            _ if reason.permanent && !self.despite_permanent => Sequel::Fail,
            _ if self.max_restarts > 0 && failures >= self.max_restarts => Sequel::GiveUp,
            Policy::OnFailure | Policy::Always => Sequel::Retry,
        }
    }

    /// Returns the delay of the next restart after `failures` of the kind that lengthens it.
    /// `random` is evenly spread over its range.
    pub fn delay_after(&self, failures: u32, random: u32) -> Duration {
        let failures = match (self.first_at_once, failures) {
            (true, 0) => return Duration::ZERO,
            (at_once, failures) => failures - u32::from(at_once),
        };
        let most = self.max_delay.as_millis();
        let mut delay = self.delay.as_millis().min(most);
        for _ in 0..failures {
            let grown = delay.saturating_mul(u128::from(self.factor_permille)) / 1000;
            if delay >= most || grown == delay {
                break;
            }
            delay = grown.min(most);
        }
        let spread = delay * u128::from(self.jitter_percent.min(100)) / 100;
        let jittered = delay - spread + 2 * spread * u128::from(random) / u128::from(u32::MAX);
        Duration::from_millis(u64::try_from(jittered).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_delay_doubles_up_to_a_minute() {
        let restart = Restart {
            jitter_percent: 0,
            ..Restart::default()
        };
        let delays: Vec<u64> = (0..8)
            .map(|failures| restart.delay_after(failures, 7).as_secs())
            .collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(restart.delay_after(u32::MAX, 0).as_secs(), 60);
    }

    #[test]
    fn the_first_restart_may_have_no_delay() {
        let restart = Restart {
            first_at_once: true,
            delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            jitter_percent: 0,
            ..Restart::default()
        };
        let delays: Vec<u128> = (0..9)
            .map(|failures| restart.delay_after(failures, 7).as_millis())
            .collect();
        assert_eq!(
            delays,
            [0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
        );
    }

    #[test]
    fn sequels_follow_the_policy() {
        let eof = Reason::new(Class::Eof, "");
        let fail = Reason::new(Class::Signal, "");
        let rule = |policy, finish_on_eof, max_restarts| Restart {
            policy,
            max_restarts,
            finish_on_eof,
            ..Restart::default()
        };
        for (rule, reason, failures, expected) in [
            (rule(Policy::Never, false, 0), &fail, 0, Sequel::Fail),
            (rule(Policy::Never, false, 0), &eof, 0, Sequel::Fail),
            (rule(Policy::Never, true, 0), &eof, 0, Sequel::Finish),
            (rule(Policy::OnFailure, true, 0), &eof, 9, Sequel::Finish),
            (rule(Policy::OnFailure, false, 0), &eof, 9, Sequel::Retry),
            (rule(Policy::OnFailure, false, 3), &fail, 2, Sequel::Retry),
            (rule(Policy::OnFailure, false, 3), &fail, 3, Sequel::GiveUp),
            (rule(Policy::Always, true, 0), &eof, 0, Sequel::Retry),
            (rule(Policy::Always, true, 1), &eof, 1, Sequel::GiveUp),
        ] {
            assert_eq!(
                rule.sequel(reason, failures),
                expected,
                "{rule:?} {reason:?}"
            );
        }
        let permanent = fail.permanent();
        assert_eq!(
            rule(Policy::Always, false, 0).sequel(&permanent, 0),
            Sequel::Fail
        );
        let patient = Restart {
            despite_permanent: true,
            ..rule(Policy::OnFailure, true, 0)
        };
        assert_eq!(patient.sequel(&permanent, 0), Sequel::Retry);
    }

    proptest! {
        #[test]
        fn delays_stay_within_their_bounds(
            delay in 0_u64..100_000, factor in 0_u32..10_000, most in 0_u64..100_000,
            jitter in any::<u8>(), failures in 0_u32..100, random in any::<u32>(),
        ) {
            let restart = Restart {
                delay: Duration::from_millis(delay),
                factor_permille: factor,
                max_delay: Duration::from_millis(most),
                jitter_percent: jitter,
                ..Restart::default()
            };
            let result = restart.delay_after(failures, random);
            prop_assert!(result <= Duration::from_millis(most) * 2);
            let least = restart.delay_after(failures, 0);
            let greatest = restart.delay_after(failures, u32::MAX);
            prop_assert!(least <= result && result <= greatest);
        }
    }
}
