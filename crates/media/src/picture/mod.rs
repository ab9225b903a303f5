//! What pictures of a ladder need, live or on demand: sizes that fit, levels, usual frame rates.
//!
//! Sizes are (width, height) in pixels.

mod fit;
mod level;
mod rate;

pub use fit::{Fit, fit, floor_even};
pub use level::h264_level;
pub use rate::{near, usual};
