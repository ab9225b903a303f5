//! What a source is known by.

use serde::{Deserialize, Serialize};
use store::digest::Digest;

/// What a server says of a source before its bytes come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Length in bytes, where it is known.
    pub bytes: Option<u64>,
    /// A strong entity tag.
    pub tag: Option<String>,
    /// When it was last changed, as the server writes it.
    pub modified: Option<String>,
}

impl Identity {
    /// Tells whether another version would have another identity. Without that, content is only
    /// known when all of it has come.
    pub(super) fn is_strong(&self) -> bool {
        self.bytes.is_some() && (self.tag.is_some() || self.modified.is_some())
    }

    /// Tells whether both may be of the same version: nothing that both say differs.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        fn same<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        let times = || same(self.modified.as_ref(), other.modified.as_ref());
        same(self.bytes.as_ref(), other.bytes.as_ref())
            && match (&self.tag, &other.tag) {
                (Some(one), Some(other)) => one == other,
                _ => times(),
            }
    }

    /// Returns the content id, if the identity is strong.
    pub(super) fn content_id(&self) -> Option<String> {
        if !self.is_strong() {
            return None;
        }
        let mut digest = Digest::default();
        digest.field("headend source 1");
        digest.field(
            &self
                .bytes
                .map_or_else(String::new, |bytes| bytes.to_string()),
        );
        match (&self.tag, &self.modified) {
            (Some(tag), _) => {
                digest.field("tag");
                digest.field(tag);
            }
            (None, modified) => {
                digest.field("modified");
                digest.field(modified.as_deref().unwrap_or_default());
            }
        }
        Some(digest.hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(bytes: u64, tag: &str, modified: &str) -> Identity {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Identity {
            bytes: (bytes > 0).then_some(bytes),
            tag: some(tag),
            modified: some(modified),
        }
    }

    #[test]
    fn identities_agree_unless_something_differs() {
        let of = identity;
        for (a, b, agree) in [
            (of(9, "x", "t"), of(9, "x", "t"), true),
            (of(9, "x", "t"), of(9, "x", "u"), true),
            (of(9, "x", ""), of(9, "y", ""), false),
            (of(9, "x", "t"), of(8, "x", "t"), false),
            (of(9, "", "t"), of(9, "", "u"), false),
            (of(9, "x", ""), of(9, "", "u"), true),
            (of(0, "", ""), of(9, "x", "t"), true),
        ] {
            assert_eq!(a.agrees_with(&b), agree, "{a:?} {b:?}");
            assert_eq!(b.agrees_with(&a), agree, "{b:?} {a:?}");
        }
    }

    #[test]
    fn strong_identities_have_ids() {
        assert_eq!(identity(9, "", "").content_id(), None);
        assert_eq!(identity(0, "x", "t").content_id(), None);
        let id = identity(9, "x", "t").content_id().unwrap();
        assert_eq!(identity(9, "x", "u").content_id(), Some(id.clone()));
        assert_ne!(identity(9, "y", "t").content_id(), Some(id.clone()));
        assert_ne!(identity(8, "x", "t").content_id(), Some(id));
    }
}
