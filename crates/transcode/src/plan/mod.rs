//! The plan of a job: exact tables from which every step works alone. A pure function of what the
//! source is and what is wanted; the same input gives the same bytes.
//!
//! | module | what |
//! |---|---|
//! | `model` | the types of a plan and the arithmetic on its tables |
//! | `time` | exact seconds and frame rates |
//! | `options` | what is wanted |
//! | `build` | from source and wishes to the plan |
//! | `grid` | frame rate, GOP, segments and chunks |
//! | `video`, `sound`, `text` | the tracks |

mod build;
mod grid;
mod model;
mod options;
mod sound;
mod text;
mod time;
mod video;

pub use build::{Error, Planned, plan};
pub use model::*;
pub use options::{AudioPick, Options};
pub use time::{Rate, Seconds};

#[cfg(test)]
mod tests;
