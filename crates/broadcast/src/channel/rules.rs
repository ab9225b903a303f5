//! From what a job says of processes to what supervision is told.

use std::time::Duration;

use process::supervise::{Ceiling, IoClass, Patience, Policy, Priority, Restart, Settings, Track};

use crate::{
    input::{RtmpMode, Source, SrtMode},
    job::{IoPriority, Job, OnEof, Resources, RestartPolicy},
    ladder::Plan,
};

/// A listener that waits for its publisher to come back is not kept waiting for longer, unless the
/// job says so.
const LISTENER_DELAY: Duration = Duration::from_secs(5);

/// How long a source that was opened may take to give its first frames.
const OPEN: Duration = Duration::from_secs(30);

/// Returns the rules of restarts and limits.
pub(super) fn settings(job: &Job, sources: &[Source]) -> Settings {
    let restart = &job.runtime.restart;
    let usual = crate::job::Restart::default().max_delay;
    let mut max_delay = restart.max_delay.0;
    if sources.iter().any(listens) && restart.max_delay == usual {
        max_delay = LISTENER_DELAY.max(restart.delay.0);
    }
    let resources = &job.runtime.resources;
    Settings {
        restart: Restart {
            policy: match restart.policy {
                RestartPolicy::Never => Policy::Never,
                RestartPolicy::OnFailure => Policy::OnFailure,
                RestartPolicy::Always => Policy::Always,
            },
            delay: restart.delay.0,
            factor_permille: restart.factor.saturating_mul(1000),
            max_delay,
            jitter_percent: u8::try_from(restart.jitter.0).unwrap_or(100),
            max_restarts: restart.max_restarts,
            reset_after: restart.reset_after.0,
            finish_on_eof: job.on_eof(sources) == OnEof::Finish,
            ..Restart::default()
        },
        ceiling: Ceiling {
            cpu_percent: resources.cpu_limit.map(|it| it.0),
            memory: resources.mem_limit.map(|it| it.0),
            wait: resources.wait.0,
        },
        ..Settings::default()
    }
}

/// Returns what the processes are worth to the machine.
pub(super) fn priority(resources: &Resources) -> Priority {
    Priority {
        nice: resources.nice.and_then(|it| i8::try_from(it).ok()),
        io: resources.ionice.map(|it| match it {
            IoPriority::Idle => IoClass::Idle,
            IoPriority::BestEffort(level) => IoClass::BestEffort(level),
        }),
        cpus: resources
            .cpu_affinity
            .iter()
            .filter_map(|it| u16::try_from(*it).ok())
            .collect(),
        oom_score_adj: resources
            .oom_score_adj
            .and_then(|it| i16::try_from(it).ok()),
        strict: resources.strict,
    }
}

/// Returns how long things may take.
pub(super) fn patience(job: &Job, sources: &[Source]) -> Patience {
    Patience {
        // Somebody will come, or not.
        open: (!sources.iter().any(listens)).then_some(OPEN),
        stall: Some(job.runtime.stall.0),
        ..Patience::default()
    }
}

/// Returns the tracks to watch: the channel is nothing without any of them.
pub(super) fn tracks(plan: &Plan) -> Vec<Track> {
    plan.ids()
        .map(|id| Track {
            name: id.to_owned(),
            required: true,
        })
        .collect()
}

/// Tells whether a source waits for a publisher.
fn listens(source: &Source) -> bool {
    match source {
        Source::Rtmp(rtmp) => rtmp.mode() == RtmpMode::Listen,
        Source::Srt(srt) => srt.mode == SrtMode::Listener,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::testing;

    fn sources(job: &Job) -> Vec<Source> {
        job.inputs()
            .unwrap()
            .into_iter()
            .map(|(_, it)| it)
            .collect()
    }

    #[test]
    fn listeners_wait_without_end_and_are_soon_back() {
        for (input, waits, delay) in [
            ("testsrc", false, 60),
            ("srt://127.0.0.1:9000?mode=listener", true, 5),
            ("srt://127.0.0.1:9000", false, 60),
            ("rtmp://127.0.0.1:1935/live/a#mode=listen", true, 5),
        ] {
            let job = testing::job_of(&format!("job: {{inputs: \"{input}\"}}"));
            let sources = sources(&job);
            assert_eq!(patience(&job, &sources).open.is_none(), waits, "{input}");
            let settings = settings(&job, &sources);
            assert_eq!(settings.restart.max_delay.as_secs(), delay, "{input}");
        }
    }

    #[test]
    fn resources_are_handed_on() {
        let job = testing::job_of(
            "job: {inputs: testsrc}\nruntime:\n  resources: {nice: 5, ionice: 'best-effort:6', \
             cpu_affinity: [0, 2], oom_score_adj: 100, cpu_limit: 150%, mem_limit: 1G, wait: 3s, \
             strict: true}\n  restart: {policy: always, delay: 1s, factor: 3, max_restarts: 4}",
        );
        let priority = priority(&job.runtime.resources);
        assert_eq!(
            priority,
            Priority {
                nice: Some(5),
                io: Some(IoClass::BestEffort(6)),
                cpus: vec![0, 2],
                oom_score_adj: Some(100),
                strict: true,
            }
        );
        let settings = settings(&job, &sources(&job));
        assert_eq!(settings.ceiling.cpu_percent, Some(150));
        assert!(
            settings
                .ceiling
                .memory
                .is_some_and(|it| it >= 1_000_000_000)
        );
        assert_eq!(settings.restart.policy, Policy::Always);
        assert_eq!(settings.restart.factor_permille, 3000);
        assert_eq!(settings.restart.max_restarts, 4);
    }
}
