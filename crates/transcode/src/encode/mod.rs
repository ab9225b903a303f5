//! One chunk of the grid into every rendition.
