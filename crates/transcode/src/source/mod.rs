//! What the input is.
