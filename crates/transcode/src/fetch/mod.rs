//! The input, downloaded once and whole.
