//! The exit codes of every command, and which error leads to which: the one table.

use std::process::ExitCode;

use crate::{channels, config, transcoding};

/// How a command ended. The numbers are part of the outer surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, or stopped on request.
    Done = 0,
    /// Something went wrong that has no number of its own.
    Failed = 1,
    /// The command line or the configuration cannot be understood.
    Usage = 2,
    /// A program that is needed, such as ffmpeg, is missing.
    MissingProgram = 3,
    /// An input could not be read.
    Unreadable = 4,
    /// A check of media found it wrong.
    CheckFailed = 5,
    /// A channel was started again as often as was allowed.
    GaveUp = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// Returns the exit for the number of an outcome of the rooms below.
    pub(crate) fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            2 => Self::Usage,
            3 => Self::MissingProgram,
            4 => Self::Unreadable,
            5 => Self::CheckFailed,
            6 => Self::GaveUp,
            _ => Self::Failed,
        }
    }
}

/// An input, named on the command line, that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`", path.display())]
pub(crate) struct Unreadable {
    /// What was named.
    pub(crate) path: std::path::PathBuf,
    /// Why.
    pub(crate) source: std::io::Error,
}

impl Exit {
    /// Returns the code for an error: that of the first cause in its chain that has one.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        for cause in error.chain() {
            if cause.is::<config::Error>() || cause.is::<relay::Error>() {
                return Self::Usage;
            }
            if let Some(process::Error::Missing { .. }) = cause.downcast_ref() {
                return Self::MissingProgram;
            }
            if let Some(error) = cause.downcast_ref::<channels::Error>() {
                return error.exit();
            }
            if let Some(error) = cause.downcast_ref::<transcoding::Error>() {
                return error.exit();
            }
            if cause.is::<Unreadable>() || cause.is::<store::mirror::Error>() {
                return Self::Unreadable;
            }
        }
        Self::Failed
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_first_cause_with_a_code_decides() {
        let unreadable = Unreadable {
            path: "film.mkv".into(),
            source: io::Error::from(io::ErrorKind::NotFound),
        };
        let cases = [
            (anyhow::anyhow!("anything"), Exit::Failed),
            (
                anyhow::Error::new(unreadable).context("import"),
                Exit::Unreadable,
            ),
            (
                process::Error::Missing {
                    program: "ffmpeg".into(),
                    package: None,
                }
                .into(),
                Exit::MissingProgram,
            ),
            (
                config::Error::new("headend.yaml", vec![]).into(),
                Exit::Usage,
            ),
        ];
        for (error, code) in cases {
            assert_eq!(Exit::of(&error), code, "{error:#}");
        }
    }
}
