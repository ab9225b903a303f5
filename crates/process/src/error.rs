//! What can go wrong with a child, with enough in it to know which one and why.

use std::{fmt, io, process::ExitStatus, time::Duration};

use std::os::unix::process::ExitStatusExt;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It ended by itself with this code.
    Code(i32),
    /// A signal of this number ended it.
    Signal(i32),
}

impl Exit {
    /// Tells whether the process ended by itself with code 0.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            // Only a stopped or continued process has neither, and those are not waited for.
            (None, None) => Self::Code(-1),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
        }
    }
}

/// A process that did not do what it was started for.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Name of the program without its folder.
    pub program: String,
    /// Program and arguments as one line, secrets masked.
    pub command: String,
    /// How it ended; `None` if it was ended by us.
    pub exit: Option<Exit>,
    /// Its last lines on stderr, oldest first, secrets masked.
    pub stderr: Vec<String>,
}

impl Failure {
    /// Returns the last line of stderr that says something.
    pub fn last_line(&self) -> Option<&str> {
        let said = |line: &&String| !line.trim().is_empty() && !is_hollow(line);
        self.stderr.iter().rev().find(said).map(String::as_str)
    }
}

/// Tells whether ffmpeg says in this line only that it failed, after a line that says why.
fn is_hollow(line: &str) -> bool {
    let hollow = [
        "Conversion failed!",
        "Could not write header for output file",
        "Error initializing output stream",
        "Error while processing the decoded",
    ];
    hollow.iter().any(|start| line.trim().starts_with(start))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.last_line() {
            write!(f, ": {line}")?;
        }
        Ok(())
    }
}

/// Why a child gave no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program is not installed.
    #[error("`{program}` is needed and was not found{}", advice(*package))]
    Missing {
        /// The program as it was named.
        program: String,
        /// The Debian package that has it, when known.
        package: Option<&'static str>,
    },
    /// The process could not be started.
    #[error("`{program}` cannot be started: {source}")]
    Spawn {
        /// The program as it was named.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// It ended with another code than 0, or by a signal.
    #[error("{} {}{failure}", failure.program, failure.exit.unwrap_or(Exit::Code(-1)))]
    Failed {
        /// Who, how and its last words.
        failure: Box<Failure>,
    },
    /// It took longer than allowed and was ended.
    #[error("{} was ended after {limit:?}, which is its time limit{failure}", failure.program)]
    Timeout {
        /// Who, and its last words.
        failure: Box<Failure>,
        /// What it was allowed.
        limit: Duration,
    },
    /// It was ended because the caller wished so.
    #[error("{program} was stopped on request")]
    Stopped {
        /// Name of the program.
        program: String,
    },
    /// Its output cannot be understood, or is more than allowed.
    #[error("output of {program}: {reason}")]
    Output {
        /// Name of the program.
        program: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A pipe to or from it failed.
    #[error("pipe of {program}: {source}")]
    Pipe {
        /// Name of the program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
}

fn advice(package: Option<&str>) -> String {
    package.map_or_else(String::new, |package| {
        format!("; on Debian: apt-get install {package}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_who_how_and_why() {
        let failure = Failure {
            program: "ffmpeg".to_owned(),
            command: "/usr/bin/ffmpeg -i x".to_owned(),
            exit: Some(Exit::Code(1)),
            stderr: vec![
                "x: Invalid data found".to_owned(),
                "Conversion failed!".to_owned(),
                String::new(),
            ],
        };
        let error = Error::Failed {
            failure: Box::new(failure),
        };
        assert_eq!(
            error.to_string(),
            "ffmpeg exited with code 1: x: Invalid data found"
        );
    }

    #[test]
    fn a_missing_program_names_its_package() {
        let error = Error::Missing {
            program: "ffprobe".to_owned(),
            package: Some("ffmpeg"),
        };
        assert!(error.to_string().ends_with("apt-get install ffmpeg"));
    }
}
