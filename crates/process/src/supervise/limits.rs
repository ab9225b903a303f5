//! What a process may take of the machine: priorities set before it starts, and ceilings that it is
//! ended for exceeding.

use std::{
    ffi::OsString,
    time::{Duration, Instant},
};

use super::{Class, Reason, Usage, usage::Sampler};

/// When the disk serves a process, as `ionice` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IoClass {
    /// When nobody else wants it.
    Idle,
    /// In turn, at a level from 0 (first) to 7 (last).
    BestEffort(u8),
}

/// Priorities of a process, handed down to its children. They are set by the stepping stone
/// ([`crate::shim`]) before the program starts, so a [`Spawner`](crate::Spawner) without one leaves
/// them out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Priority {
    /// Niceness, from -20 (first) to 19 (last); below 0 needs a privilege.
    pub nice: Option<i8>,
    /// Turn at the disk. Set by the program `ionice`.
    pub io: Option<IoClass>,
    /// Processors that it may run on; empty for all.
    pub cpus: Vec<u16>,
    /// How soon the kernel kills it when memory runs out, from -1000 (never) to 1000 (first).
    pub oom_score_adj: Option<i16>,
    /// Whether a priority that cannot be had keeps the program from starting, rather than being a
    /// warning on its stderr.
    pub strict: bool,
}

impl Priority {
    /// Writes the priorities as arguments of the stepping stone.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut arguments = Vec::new();
        if let Some(nice) = self.nice {
            arguments.push(format!("nice={nice}").into());
        }
        match self.io {
            Some(IoClass::Idle) => arguments.push("io=3".into()),
            Some(IoClass::BestEffort(level)) => {
                arguments.push(format!("io=2:{}", level.min(7)).into());
            }
            None => {}
        }
        if !self.cpus.is_empty() {
            let list: Vec<String> = self.cpus.iter().map(u16::to_string).collect();
            arguments.push(format!("cpus={}", list.join(",")).into());
        }
        if let Some(score) = self.oom_score_adj {
            arguments.push(format!("oom={score}").into());
        }
        if self.strict {
            arguments.push("strict".into());
        }
        arguments
    }
}

/// What a job may take at most, its children included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Processor time in hundredths of one processor.
    pub cpu_percent: Option<u32>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// How long it may exceed them before it is ended.
    pub wait: Duration,
}

impl Default for Ceiling {
    fn default() -> Self {
        Self {
            cpu_percent: None,
            memory: None,
            wait: Duration::from_secs(5),
        }
    }
}

/// Looks for a job that stays above its ceiling.
#[derive(Clone, Debug, Default)]
pub(super) struct Overuse {
    /// What is exceeded, since when.
    since: Option<Instant>,
}

impl Overuse {
    /// Takes a sample and tells whether the job has to end.
    pub(super) fn judge(
        &mut self,
        ceiling: &Ceiling,
        usage: &Usage,
        now: Instant,
    ) -> Option<Reason> {
        let cpu = ceiling
            .cpu_percent
            .filter(|most| usage.cpu_percent.is_some_and(|it| it > *most))
            .map(|most| {
                let used = usage.cpu_percent.unwrap_or_default();
                format!("{used} % of a processor, allowed are {most} %")
            });
        let memory = ceiling
            .memory
            .filter(|most| usage.memory > *most)
            .map(|most| memory_text(usage.memory, most));
        let Some(text) = cpu.or(memory) else {
            self.since = None;
            return None;
        };
        let since = *self.since.get_or_insert(now);
        (now.saturating_duration_since(since) >= ceiling.wait)
            .then(|| Reason::new(Class::Limit, text))
    }
}

fn memory_text(used: u64, most: u64) -> String {
    let (used, most) = (used >> 20, most >> 20);
    format!("{used} MiB of memory, allowed are {most} MiB")
}

/// Looks once whether a process and those of its group have more than `most` bytes of memory, for
/// processes that no supervisor watches. Reads `/proc`, which takes a moment.
pub fn over_memory(leader: u32, most: u64) -> Option<Reason> {
    let used = Sampler::new(leader).sample(Instant::now()).memory;
    (used > most).then(|| Reason::new(Class::Limit, memory_text(used, most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_tells_of_too_much_memory() {
        let spawner = crate::Spawner::direct().unwrap();
        let child = spawner.spawn(crate::Command::new("sleep").arg("1000"));
        let child = child.unwrap();
        let reason = over_memory(child.id(), 0).unwrap();
        assert_eq!(reason.class, Class::Limit);
        assert_eq!(over_memory(child.id(), 1 << 40), None);
    }

    #[test]
    fn a_peak_is_allowed_and_staying_above_is_not() {
        let start = Instant::now();
        let ceiling = Ceiling {
            cpu_percent: Some(150),
            memory: Some(100 << 20),
            wait: Duration::from_secs(3),
        };
        let usage = |cpu, megabytes: u64| Usage {
            cpu_percent: cpu,
            memory: megabytes << 20,
            ..Usage::default()
        };
        let mut overuse = Overuse::default();
        for (second, usage, expected) in [
            (0, usage(None, 50), None),
            (1, usage(Some(200), 50), None),
            (2, usage(Some(200), 50), None),
            (3, usage(Some(100), 50), None),
            (4, usage(Some(100), 101), None),
            (
                7,
                usage(Some(100), 120),
                Some("120 MiB of memory, allowed are 100 MiB"),
            ),
        ] {
            let now = start + Duration::from_secs(second);
            let found = overuse.judge(&ceiling, &usage, now);
            assert_eq!(found.map(|it| it.text).as_deref(), expected, "{second}");
        }
    }

    #[test]
    fn priorities_are_written_out() {
        let priority = Priority {
            nice: Some(5),
            io: Some(IoClass::BestEffort(9)),
            cpus: vec![0, 2],
            oom_score_adj: Some(-1),
            strict: true,
        };
        assert_eq!(
            priority.arguments(),
            ["nice=5", "io=2:7", "cpus=0,2", "oom=-1", "strict"]
        );
        assert!(Priority::default().arguments().is_empty());
    }
}
