//! How far a media playlist goes.

use std::fmt;

use media::hls::read::{Media, RenditionReport};

/// The end of a media playlist: all segments before `next_msn`, and `parts` parts of that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) next_msn: u64,
    pub(crate) parts: u64,
}

impl Position {
    /// Returns where a playlist ends.
    pub(crate) fn of(list: &Media) -> Self {
        Self {
            next_msn: list.next_sequence(),
            parts: list.open.as_ref().map_or(0, |open| open.parts.len() as u64),
        }
    }

    /// Returns what a rendition report claims at least.
    pub(crate) fn claimed(report: &RenditionReport) -> Option<Self> {
        let msn = report.last_msn?;
        Some(match report.last_part {
            Some(part) => Self {
                next_msn: msn,
                parts: part.saturating_add(1),
            },
            None => Self {
                next_msn: msn.saturating_add(1),
                parts: 0,
            },
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts {
            0 => write!(f, "segment {}", self.next_msn.saturating_sub(1)),
            parts => write!(f, "part {} of segment {}", parts - 1, self.next_msn),
        }
    }
}
