//! What `asset check` says of an asset: a verdict, and a row for each representation.

use serde::Serialize;

/// How good an asset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing to say.
    Ok,
    /// Usable, but see the warnings.
    Warnings,
    /// Not usable.
    Bad,
}
