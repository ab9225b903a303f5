//! serve: see docs/design/house.md.
