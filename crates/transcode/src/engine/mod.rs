//! Who does what next.
