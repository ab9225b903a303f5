//! The machine by tables and at random; the driver with real children.

mod driver;
mod machine;
