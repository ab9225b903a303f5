//! Arguments of a command, each with the form that may be shown.

use process::mask;

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// What the program gets.
    pub value: String,
    /// What may be shown instead, when it is secret beyond what [`mask::text`] sees.
    shown: Option<String>,
}

impl Argument {
    /// Makes an argument whose secrets, if any, are where [`mask::text`] looks.
    pub fn plain(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            shown: None,
        }
    }

    /// Makes an argument that is shown as `shown`.
    pub fn secret(value: impl Into<String>, shown: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            shown: Some(shown.into()),
        }
    }

    /// Returns what may be shown.
    pub fn masked(&self) -> String {
        self.shown
            .clone()
            .unwrap_or_else(|| mask::text(&self.value))
    }
}

impl<T: Into<String>> From<T> for Argument {
    fn from(value: T) -> Self {
        Self::plain(value)
    }
}

/// Makes plain arguments.
pub(crate) fn plain<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Vec<Argument> {
    values.into_iter().map(Argument::plain).collect()
}

/// Quotes a text so that a POSIX shell takes it as one word.
pub fn shell_quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
