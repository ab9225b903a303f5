//! Edits that change sizes.
