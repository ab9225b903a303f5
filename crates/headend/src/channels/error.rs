//! What can be wrong with a channel before it runs: all of it at once, each kind with its exit code.

use std::fmt;

use broadcast::{
    channel::StartError, input::PortTaken, job::JobError, ladder::Problem, probe,
    publish::HttpError,
};
use process::supervise::Outcome;

use crate::exit::Exit;

/// Why a channel cannot be started.
#[derive(Debug)]
pub(crate) enum Error {
    /// The job file or the command line, exit code 2.
    Job(Vec<JobError>),
    /// The job file cannot be read, exit code 2.
    File {
        /// The file.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// Inputs that cannot be used, exit code 4, or 3 when ffprobe is missing.
    Probe(Vec<probe::Error>),
    /// What the job wishes does not go with what the source has, exit code 2 or 4.
    Plan(Vec<Problem>),
    /// A port that an input listens on, exit code 2.
    Port(PortTaken),
    /// It cannot be started for another reason: exit code 1, or 2 where the job is at fault.
    Start(StartError),
    /// A publishing target cannot be used, exit code 2.
    Target(HttpError),
    /// A web hook cannot be used, exit code 2.
    Webhook(HttpError),
    /// This process was not made ready for channels: none was configured.
    Unprepared,
    /// The channel in the foreground failed, with the exit code of its reason.
    Over(Outcome),
}

impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Port(taken) => Self::Port(taken),
            other => Self::Start(other),
        }
    }
}

impl Error {
    /// Returns the error that an outcome is, if it is one.
    pub(crate) fn of(outcome: Outcome) -> anyhow::Result<()> {
        match outcome.reason() {
            Some(_) => Err(Self::Over(outcome).into()),
            None => Ok(()),
        }
    }

    /// Returns the exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Job(_)
            | Self::File { .. }
            | Self::Port(_)
            | Self::Target(_)
            | Self::Webhook(_)
            | Self::Start(StartError::Job(_)) => Exit::Usage,
            Self::Start(_) | Self::Unprepared => Exit::Failed,
            Self::Over(outcome) => Exit::of_code(outcome.exit_code()),
            Self::Probe(errors) => {
                let missing = errors.iter().any(|error| {
                    matches!(error, probe::Error::Program(process::Error::Missing { .. }))
                });
                if missing {
                    Exit::MissingProgram
                } else {
                    Exit::Unreadable
                }
            }
            Self::Plan(problems) => {
                let wish = |problem: &Problem| matches!(problem, Problem::Wish(_));
                if problems.iter().any(wish) {
                    Exit::Usage
                } else {
                    Exit::Unreadable
                }
            }
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(errors) => lines(f, errors),
            Self::File { name, source } => write!(f, "{name}: cannot be read: {source}"),
            Self::Probe(errors) => lines(f, errors),
            Self::Plan(problems) => lines(f, problems),
            Self::Start(error) => write!(f, "the channel cannot be started: {error}"),
            Self::Target(error) => write!(f, "/runtime/targets: {error}"),
            Self::Webhook(error) => write!(f, "/runtime/webhooks: {error}"),
            Self::Unprepared => f.write_str("this server has no channels"),
            Self::Over(Outcome::Failed(reason)) => write!(f, "{reason}"),
            Self::Over(outcome) => write!(f, "{outcome}"),
            Self::Port(taken) => write!(f, "/job/inputs/{}: {taken}", taken.input),
        }
    }
}

/// Writes each on a line, below the `error: ` of the first.
fn lines<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str("\n       ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;

    use broadcast::document::Fault;

    use super::*;

    #[test]
    fn each_kind_has_its_code_and_all_is_said() {
        let fault = |pointer: &str| JobError::new("job.yaml", Fault::new(pointer, "is wrong"));
        let source = || Problem::Source("there is no video in it".to_owned());
        let wish = Problem::Wish(Fault::new("/job/part", "is too short"));
        let missing = probe::Error::Program(process::Error::Missing {
            program: "ffprobe".to_owned(),
            package: None,
        });
        let taken = PortTaken {
            input: 1,
            host: "127.0.0.1".to_owned(),
            port: 9000,
            source: io::Error::from(io::ErrorKind::AddrInUse),
        };
        for (error, exit, text) in [
            (
                Error::Job(vec![fault("/job/name"), fault("/job/dvr")]),
                Exit::Usage,
                "job.yaml: /job/name: is wrong\n       job.yaml: /job/dvr: is wrong",
            ),
            (
                Error::Plan(vec![source()]),
                Exit::Unreadable,
                "input: there is no video in it",
            ),
            (
                Error::Plan(vec![source(), wish]),
                Exit::Usage,
                "input: there is no video in it\n       /job/part: is too short",
            ),
            (Error::Probe(vec![missing]), Exit::MissingProgram, "ffprobe"),
            (
                Error::Port(taken),
                Exit::Usage,
                "/job/inputs/1: port 9000 of 127.0.0.1",
            ),
        ] {
            assert_eq!(error.exit(), exit, "{error}");
            assert!(
                error.to_string().starts_with(text) || text == "ffprobe",
                "{error}"
            );
        }
    }
}
