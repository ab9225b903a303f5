//! What a follower has to say: violations, each once, and news.

use std::collections::HashSet;

use serde::Serialize;

use super::{
    rules::Rule,
    snapshot::{Row, Snapshot},
};

/// So many different violations are told apart; beyond that old ones may be told again.
const MAX_REMEMBERED: usize = 20_000;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The rule, as in [`super::rules::all`].
    pub rule: &'static str,
    /// What demands it.
    pub clause: &'static str,
    /// The rendition; empty when it is about the whole channel.
    pub rendition: String,
    /// What was asked for.
    pub url: String,
    /// When it was seen, Unix ms.
    pub at: i64,
    /// What is wrong, in one sentence.
    pub what: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A playlist or MPD shows something new of a rendition.
    Changed {
        /// When, Unix ms.
        at: i64,
        /// What is followed.
        source: String,
        /// The rendition as it is now.
        rendition: Box<Row>,
    },
    /// A rule was broken.
    Violation(Violation),
    /// Something could not be fetched or read.
    Problem {
        /// When, Unix ms.
        at: i64,
        /// What was asked for.
        url: String,
        /// What came of it.
        what: String,
    },
    /// Everything as it is now, once an interval.
    Status {
        /// One a source.
        sources: Vec<Snapshot>,
    },
}

/// Collects what a follower has to say. Violations of rules that are only checked strictly are
/// dropped unless it is strict.
#[derive(Debug)]
pub(crate) struct Report {
    strict: bool,
    told: HashSet<(&'static str, String, String)>,
    violations: u64,
    events: Vec<Event>,
}

/// Where something was seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) rendition: &'a str,
    pub(crate) url: &'a str,
    pub(crate) at: i64,
}

impl Report {
    pub(crate) fn new(strict: bool) -> Self {
        Self {
            strict,
            told: HashSet::new(),
            violations: 0,
            events: Vec::new(),
        }
    }

    /// Returns how many violations there were.
    pub(crate) fn violations(&self) -> u64 {
        self.violations
    }

    /// Takes what has happened since the last call.
    pub(crate) fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Adds violations of a rule, each sentence once for a rendition.
    pub(crate) fn broken(&mut self, rule: &Rule, scene: Scene<'_>, sentences: Vec<String>) {
        if !self.strict && !rule.always {
            return;
        }
        for what in sentences {
            if self.told.len() >= MAX_REMEMBERED {
                self.told.clear();
            }
            let key = (rule.id, scene.rendition.to_owned(), what.clone());
            if !self.told.insert(key) {
                continue;
            }
            self.violations += 1;
            self.events.push(Event::Violation(Violation {
                rule: rule.id,
                clause: rule.clause,
                rendition: scene.rendition.to_owned(),
                url: scene.url.to_owned(),
                at: scene.at,
                what,
            }));
        }
    }
}
