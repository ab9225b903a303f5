//! Audio tracks, each in one uninterrupted encode.
