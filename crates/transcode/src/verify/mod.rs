//! Whether a published asset is what its plan says.
