//! What a run said: its first lines, its last lines, and how it ended.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Reason;

/// First lines kept of a run: what the program is, and what it found in its input.
const FIRST: usize = 100;

/// Last lines kept of a run.
const LAST: usize = 100;

/// Ended runs whose reports are kept.
pub(super) const HISTORY: usize = 3;

/// What is kept of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Number of the run, from 1.
    pub run: u32,
    /// Commands as lines, secrets masked.
    pub commands: Vec<String>,
    /// First lines on stderr, secrets masked.
    pub first: Vec<String>,
    /// Last lines on stderr behind those, secrets masked.
    pub last: VecDeque<String>,
    /// Lines between, which were not kept.
    pub left_out: u64,
    /// Why it ended; `None` while it runs.
    pub reason: Option<Reason>,
}

impl Report {
    /// Returns the last `count` lines, oldest first.
    pub fn tail(&self, count: usize) -> Vec<String> {
        let lines = self.first.iter().chain(&self.last);
        let skipped = (self.first.len() + self.last.len()).saturating_sub(count);
        lines.skip(skipped).cloned().collect()
    }

    fn push(&mut self, line: &str) {
        if self.first.len() < FIRST {
            self.first.push(line.to_owned());
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
            self.left_out += 1;
        }
        self.last.push_back(line.to_owned());
    }
}

/// The report of the run under way, written by the readers of its stderr.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder(Arc<Mutex<Report>>);

impl Recorder {
    pub(super) fn new(run: u32) -> Self {
        Self(Arc::new(Mutex::new(Report {
            run,
            ..Report::default()
        })))
    }

    pub(super) fn command(&self, line: String) {
        self.lock().commands.push(line);
    }

    pub(super) fn line(&self, line: &str) {
        self.lock().push(line);
    }

    pub(super) fn ended(&self, reason: Reason) {
        self.lock().reason = Some(reason);
    }

    /// Returns the report as it is.
    pub(super) fn report(&self) -> Report {
        self.lock().clone()
    }

    /// Returns the last `count` lines, oldest first.
    pub(super) fn tail(&self, count: usize) -> Vec<String> {
        self.lock().tail(count)
    }

    fn lock(&self) -> MutexGuard<'_, Report> {
        // Lines are pushed whole, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_lines_are_kept() {
        let recorder = Recorder::new(2);
        for number in 0..250 {
            recorder.line(&number.to_string());
        }
        let report = recorder.report();
        assert_eq!((report.first.len(), report.last.len()), (100, 100));
        assert_eq!(report.left_out, 50);
        assert_eq!(report.last[0], "150");
        assert_eq!(report.tail(2), ["248", "249"]);
        assert_eq!(recorder.tail(1000).len(), 200);
    }
}
