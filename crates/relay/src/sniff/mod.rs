//! Containers, as far as a relay must know them: where a packet, cluster or fragment ends, where a
//! client can join, and what it needs before that. Pure state machines over bytes; no clock, no I/O.
