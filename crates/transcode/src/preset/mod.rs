//! What renditions are wanted.
