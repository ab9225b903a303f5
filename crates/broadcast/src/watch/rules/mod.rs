//! The rules, each one small function over plain values that says what is wrong in sentences.
//!
//! Sentences name things by number and never by age, so that the same fault is the same sentence
//! at every look and is told once. Ids begin with the letter and number of the requirement: L, D and
//! H are Low-Latency HLS (RFC 8216bis), M is Low-Latency DASH, C is consistency of what is served with
//! what is said.
//!
//! ```text
//! playlist      one media playlist as it is     answer      one HTTP answer
//! change        one before and after            directive   an answer to delivery directives
//! channel       all media playlists together    media       a segment or part that was fetched
//! multivariant  a multivariant playlist         mpd         an MPD, mpd_change: before and after,
//!                                               served: what it promises
//! ```

pub(crate) mod answer;
pub(crate) mod change;
pub(crate) mod channel;
pub(crate) mod directive;
pub(crate) mod media;
pub(crate) mod mpd;
pub(crate) mod mpd_change;
pub(crate) mod multivariant;
pub(crate) mod playlist;
pub(crate) mod served;

use serde::Serialize;

use super::report::{Report, Scene};

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Requirement and perhaps aspect, such as `L2-length`.
    pub id: &'static str,
    /// What demands it.
    pub clause: &'static str,
    /// What it demands, in one line.
    pub about: &'static str,
    /// Whether it is checked without `--strict` too.
    pub always: bool,
}

/// A rule and the function that checks it.
pub(crate) struct Entry<F> {
    pub(crate) rule: Rule,
    pub(crate) check: F,
}

const fn entry<F>(
    id: &'static str,
    clause: &'static str,
    about: &'static str,
    check: F,
) -> Entry<F> {
    Entry {
        rule: Rule {
            id,
            clause,
            about,
            always: false,
        },
        check,
    }
}

/// A rule that is checked without `--strict` too.
const fn always<F>(
    id: &'static str,
    clause: &'static str,
    about: &'static str,
    check: F,
) -> Entry<F> {
    Entry {
        rule: plain(id, clause, about),
        check,
    }
}

/// A rule that is checked where it is used, because it needs no table.
const fn plain(id: &'static str, clause: &'static str, about: &'static str) -> Rule {
    Rule {
        id,
        clause,
        about,
        always: true,
    }
}

/// A playlist or MPD that cannot be read.
pub(crate) const SYNTAX: Rule = plain(
    "C1-syntax",
    "RFC 8216bis 4, ISO/IEC 23009-1 5.2",
    "playlists and MPDs follow their grammar",
);

/// A playlist that is named and not there.
pub(crate) const REACHABLE: Rule = plain(
    "C1-playlist",
    "RFC 8216bis 4.4.6",
    "every playlist that is named answers 200",
);

/// Runs a table of rules over a view.
macro_rules! run_table {
    ($view:ty) => {
        /// What checks a rule of the table.
        pub(crate) type Check = fn(&$view) -> Vec<String>;

        /// Runs all rules of the table.
        pub(crate) fn run(
            view: &$view,
            scene: crate::watch::report::Scene<'_>,
            report: &mut crate::watch::report::Report,
        ) {
            for entry in &RULES {
                super::tell(report, &entry.rule, scene, (entry.check)(view));
            }
        }

        #[cfg(test)]
        /// Returns the ids of the rules that the view breaks.
        pub(crate) fn broken(view: &$view) -> Vec<&'static str> {
            RULES
                .iter()
                .filter(|entry| !(entry.check)(view).is_empty())
                .map(|entry| entry.rule.id)
                .collect()
        }
    };
}
use run_table;

/// One sentence, when something is wrong.
fn when(wrong: bool, sentence: impl FnOnce() -> String) -> Vec<String> {
    if wrong { vec![sentence()] } else { Vec::new() }
}

fn tell(report: &mut Report, rule: &Rule, scene: Scene<'_>, sentences: Vec<String>) {
    if !sentences.is_empty() {
        report.broken(rule, scene, sentences);
    }
}

/// Lists all rules, by id.
pub fn all() -> Vec<Rule> {
    let mut rules = vec![
        SYNTAX,
        REACHABLE,
        media::FETCHABLE,
        media::READABLE,
        media::INIT_KEPT,
        media::HINT_ANSWERED,
        media::REMOVED_KEPT,
        media::DROPPED_KEPT,
        media::DECLARED.rule,
    ];
    rules.extend(playlist::RULES.iter().map(|entry| entry.rule));
    rules.extend(change::RULES.iter().map(|entry| entry.rule));
    rules.extend(change::ARRIVAL.iter().map(|entry| entry.rule));
    rules.extend(channel::RULES.iter().map(|entry| entry.rule));
    rules.extend(multivariant::RULES.iter().map(|entry| entry.rule));
    rules.extend(answer::RULES.iter().map(|entry| entry.rule));
    rules.extend(directive::RULES.iter().map(|entry| entry.rule));
    rules.extend(media::RULES.iter().map(|entry| entry.rule));
    rules.extend(mpd::RULES.iter().map(|entry| entry.rule));
    rules.extend(mpd_change::RULES.iter().map(|entry| entry.rule));
    rules.extend(served::RULES.iter().map(|entry| entry.rule));
    rules.sort_by_key(|rule| rule.id);
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_say_what_they_are_about() {
        let rules = all();
        for pair in rules.windows(2) {
            assert_ne!(pair[0].id, pair[1].id);
        }
        for rule in rules {
            assert!(rule.id.starts_with(['L', 'D', 'H', 'M', 'C']), "{rule:?}");
            assert!(
                !rule.about.ends_with('.') && !rule.clause.is_empty(),
                "{rule:?}"
            );
        }
    }
}
