//! Versions of an asset and the pointer to the current one.
