//! Pictures to seek by.
