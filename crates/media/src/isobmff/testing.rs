//! Boxes for tests.
