//! Named fields of single boxes, in place.
