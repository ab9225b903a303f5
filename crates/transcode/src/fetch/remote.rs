//! The seam between the loop of the download and the ways to ask for bytes.

use super::{Error, Identity};

/// A source that can be asked for its bytes from an offset on.
pub(super) trait Remote {
    /// Asks what is there, without its bytes.
    fn identify(&mut self, into: &mut dyn Receiver) -> Result<Identity, Fault>;

    /// Asks for the bytes from `from` on. `known` is what the bytes before it belong to; bytes of
    /// another version must not be mixed with them, so a way that cannot make sure of it reads from
    /// the beginning. Tells `into` of the identity and where the bytes begin, which may be before
    /// `from`, then of the bytes.
    fn read(
        &mut self,
        from: u64,
        known: Option<&Identity>,
        into: &mut dyn Receiver,
    ) -> Result<(), Fault>;
}

/// Takes what arrives.
pub(super) trait Receiver {
    /// The bytes that follow begin at `from`, not behind what is there.
    fn begin(&mut self, identity: Identity, from: u64) -> Result<(), Fault>;

    /// Bytes.
    fn piece(&mut self, bytes: &[u8]) -> Result<(), Fault>;

    /// Tells whether to give up.
    fn is_stopped(&self) -> bool;
}

/// Why the bytes ended before their end.
#[derive(Debug)]
pub(super) enum Fault {
    /// Another request may get further; after so many seconds if the server says so.
    Passing {
        /// What happened.
        reason: String,
        /// `Retry-After`.
        after_s: Option<u64>,
    },
    /// The source is another one than before.
    Changed,
    /// No request will get further.
    Final(Error),
}

impl Fault {
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self::Passing {
            reason: reason.into(),
            after_s: None,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}
