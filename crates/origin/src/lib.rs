//! origin: see docs/design/house.md.
