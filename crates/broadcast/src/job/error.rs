//! A fault of a job with the place that it has in what the user wrote.

use std::fmt;

use crate::document::Fault;

/// Stands for the name of a file when the command line is at fault.
pub(super) const COMMAND_LINE: &str = "command line";

/// One thing that is wrong with a job.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct JobError {
    /// The job file, or `command line`.
    pub source: String,
    /// What is wrong and where.
    #[serde(flatten)]
    pub fault: Fault,
}

impl JobError {
    /// Makes an error of a fault in `source`.
    pub fn new(source: &str, fault: Fault) -> Self {
        Self {
            source: source.to_owned(),
            fault,
        }
    }
}

impl std::error::Error for JobError {}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some((line, column)) = self.fault.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.fault)
    }
}
