//! Why VoD jobs did not come to their end, each kind with its exit code.

use transcode::job::{self, Fault};

use crate::exit::Exit;

/// Why it did not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line or the settings.
    #[error("{0}")]
    Usage(String),
    /// A place that cannot be used.
    #[error("`{place}`: {reason}")]
    Place {
        /// As it was named.
        place: String,
        /// Why.
        reason: String,
    },
    /// A job failed. It goes on where it was when it is asked for again.
    #[error("{name}: {reason}")]
    Failed {
        /// Name of the asset.
        name: String,
        /// Why.
        reason: String,
        /// What kind of failure.
        fault: Fault,
    },
    /// A job could not be taken in.
    #[error(transparent)]
    Job(#[from] job::Error),
}

impl Error {
    /// Returns the exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Place { .. } => Exit::Usage,
            Self::Failed { fault, .. } => match fault {
                Fault::Request => Exit::Usage,
                Fault::Program => Exit::MissingProgram,
                Fault::Input => Exit::Unreadable,
                Fault::Check => Exit::CheckFailed,
                Fault::Other => Exit::Failed,
            },
            Self::Job(error) => match error {
                job::Error::Request(_) => Exit::Usage,
                job::Error::Program(process::Error::Missing { .. }) => Exit::MissingProgram,
                _ => Exit::Failed,
            },
        }
    }
}
