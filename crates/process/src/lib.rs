//! process: see docs/design/house.md.
