//! The error of this room: what is wrong, in which box, at which byte.

use std::borrow::Cow;

/// A box that cannot be read or edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} at byte {offset}: {reason}", if path.is_empty() { "top level" } else { path.as_str() })]
pub struct BoxError {
    /// Box types from the top level down to the box, such as `moof/traf/tfdt`; empty at top level.
    pub path: String,
    /// Offset in the bytes given to the failing function.
    pub offset: u64,
    /// What is wrong.
    pub reason: Cow<'static, str>,
}
