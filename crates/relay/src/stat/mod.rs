//! What feeds, streams and clients do, as plain values: pages, JSON and metrics only render them.
