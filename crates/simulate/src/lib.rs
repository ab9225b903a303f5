//! simulate: see docs/design/house.md.
