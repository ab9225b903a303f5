//! Why a run ended, what a job came to, and the exit code that tells of it.

use std::fmt;

use crate::{Error, Exit};

/// The kind of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The user wished it.
    Stop,
    /// The user wished a new run.
    Again,
    /// The source came to its end: the process ended by itself with code 0.
    Eof,
    /// The process ended by itself with another code.
    Fail,
    /// A signal that was not ours ended the process.
    Signal,
    /// A track stood still, or the input did not open in time.
    Stall,
    /// More processor time or memory than allowed.
    Limit,
    /// The input could not be read, or there is nothing in it to show.
    Input,
    /// What was made is not what was to be made.
    Output,
    /// A program that is needed is not installed.
    Missing,
    /// What is wished for cannot be had.
    Config,
}

impl Class {
    /// All kinds, in order.
    pub const ALL: [Self; 11] = [
        Self::Stop,
        Self::Again,
        Self::Eof,
        Self::Fail,
        Self::Signal,
        Self::Stall,
        Self::Limit,
        Self::Input,
        Self::Output,
        Self::Missing,
        Self::Config,
    ];

    /// Returns the exit code of a program whose one job ended so.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Stop | Self::Again => 0,
            Self::Eof | Self::Fail | Self::Signal | Self::Stall | Self::Limit => 1,
            Self::Config => 2,
            Self::Missing => 3,
            Self::Input => 4,
            Self::Output => 5,
        }
    }

    /// Returns the name used in status, events and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Again => "again",
            Self::Eof => "eof",
            Self::Fail => "fail",
            Self::Signal => "signal",
            Self::Stall => "stall",
            Self::Limit => "limit",
            Self::Input => "input",
            Self::Output => "output",
            Self::Missing => "missing",
            Self::Config => "config",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Reason {
    /// Its kind.
    pub class: Class,
    /// In words for people, with the last line that the process said; secrets masked.
    pub text: String,
    /// Whether another start would end the same way, so that none is tried.
    pub permanent: bool,
}

impl Reason {
    /// Makes a reason that another start may do away with.
    pub fn new(class: Class, text: impl Into<String>) -> Self {
        Self {
            class,
            text: text.into(),
            permanent: false,
        }
    }

    /// Makes it one that no further start can do away with.
    #[must_use]
    pub fn permanent(mut self) -> Self {
        self.permanent = true;
        self
    }

    /// Returns the wish of the user.
    pub fn stop() -> Self {
        Self::new(Class::Stop, "stopped on request")
    }

    /// Says why `program` ended that nobody had told to; `said` is its last line.
    pub fn of_exit(program: &str, exit: Exit, said: Option<&str>) -> Self {
        let class = match exit {
            Exit::Code(0) => Class::Eof,
            Exit::Code(_) => Class::Fail,
            Exit::Signal(_) => Class::Signal,
        };
        let mut text = format!("{program} {exit}");
        if let Some(said) = said {
            text.push_str(": ");
            text.push_str(said);
        }
        Self::new(class, text)
    }
}

impl From<&Error> for Reason {
    fn from(error: &Error) -> Self {
        match error {
            Error::Missing { .. } => Self::new(Class::Missing, error.to_string()).permanent(),
            error => Self::new(Class::Fail, error.to_string()),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a job came to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Stopped on request.
    Stopped,
    /// The source came to its end, and that was to be the end of the job.
    Finished,
    /// A failure that is not followed by another start.
    Failed(Reason),
    /// The limit of restarts is reached; this is the last failure.
    GaveUp(Reason),
}

impl Outcome {
    /// Returns the exit code of a program whose one job came to this.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Stopped | Self::Finished => 0,
            Self::Failed(reason) => reason.class.exit_code(),
            Self::GaveUp(_) => 6,
        }
    }

    /// Returns the failure, if it is one.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Stopped | Self::Finished => None,
            Self::Failed(reason) | Self::GaveUp(reason) => Some(reason),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped on request"),
            Self::Finished => f.write_str("the source came to its end"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::GaveUp(reason) => write!(f, "gave up after the restart limit: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_classed_by_how_the_process_ended() {
        for (exit, class, text) in [
            (Exit::Code(0), Class::Eof, "ffmpeg exited with code 0: bye"),
            (
                Exit::Code(255),
                Class::Fail,
                "ffmpeg exited with code 255: bye",
            ),
            (
                Exit::Signal(9),
                Class::Signal,
                "ffmpeg was ended by signal 9: bye",
            ),
        ] {
            assert_eq!(
                Reason::of_exit("ffmpeg", exit, Some("bye")),
                Reason::new(class, text)
            );
        }
    }

    #[test]
    fn classes_stand_at_their_places() {
        for (place, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, place, "{class}");
        }
    }

    #[test]
    fn exit_codes_tell_what_happened() {
        let failed = |class| Outcome::Failed(Reason::new(class, "x"));
        for (outcome, code) in [
            (Outcome::Stopped, 0),
            (Outcome::Finished, 0),
            (failed(Class::Eof), 1),
            (failed(Class::Signal), 1),
            (failed(Class::Missing), 3),
            (failed(Class::Input), 4),
            (failed(Class::Output), 5),
            (Outcome::GaveUp(Reason::new(Class::Input, "x")), 6),
        ] {
            assert_eq!(outcome.exit_code(), code, "{outcome}");
        }
    }

    #[test]
    fn a_missing_program_is_not_tried_again() {
        let reason = Reason::from(&Error::Missing {
            program: "ffmpeg".to_owned(),
            package: None,
        });
        assert!(reason.permanent && reason.class == Class::Missing);
    }
}
