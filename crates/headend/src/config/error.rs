//! What can be wrong with a configuration: all of it at once, each with its place.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Issue {
    /// Line and column, from 1, when known.
    pub(crate) position: Option<(u64, u64)>,
    /// The key, with its parents: `limits.connections`. Empty for the file as a whole.
    pub(crate) key: String,
    /// What is wrong.
    pub(crate) reason: String,
    /// The key below, whose absence it is.
    #[serde(skip)]
    pub(crate) missing: Option<&'static str>,
}

impl Issue {
    /// Names a fault of the file as a whole.
    pub(crate) fn whole(reason: String) -> Self {
        Self {
            position: None,
            key: String::new(),
            reason,
            missing: None,
        }
    }

    /// Names a fault of a key without a place in a file.
    pub(crate) fn at_key(key: &str, reason: String) -> Self {
        Self {
            position: None,
            key: key.to_owned(),
            reason,
            missing: None,
        }
    }
}

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// File name, or `settings` for flags and environment.
    pub(crate) source: String,
    /// What is wrong, in the order of the file.
    pub(crate) issues: Vec<Issue>,
}

impl Error {
    /// Makes an error of all that is wrong with `source`.
    pub(crate) fn new(source: &str, issues: Vec<Issue>) -> Self {
        Self {
            source: source.to_owned(),
            issues,
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, issue) in self.issues.iter().enumerate() {
            if index > 0 {
                f.write_str("\n       ")?;
            }
            f.write_str(&self.source)?;
            if let Some((line, column)) = issue.position {
                write!(f, ":{line}:{column}")?;
            }
            if !issue.key.is_empty() {
                write!(f, ": `{}`", issue.key)?;
            }
            write!(f, ": {}", issue.reason)?;
        }
        Ok(())
    }
}
