//! The plan of a job: exact tables from which every step works alone. A pure function of what the
//! source is and what is wanted; the same input gives the same bytes.

mod model;
mod time;

pub use model::*;
pub use time::{Rate, Seconds};
