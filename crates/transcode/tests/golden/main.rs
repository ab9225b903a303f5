//! The golden matrix: for every kind of source a chunked encode is, frame for frame, what one
//! uninterrupted encode of the same plan is, and sound stands where it stood in the source.
//!
//! Sources are made by ffmpeg; without it the tests say so and pass.

mod bench;
mod colour;
mod facts;
mod gallery;
mod pictures;
mod results;
mod sound;
mod titles;
