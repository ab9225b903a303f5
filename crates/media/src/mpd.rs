//! DASH manifests, ISO/IEC 23009-1: [`read`] understands what packagers write, [`write`](mod@write)
//! is the one MPD writer. Neither knows about files or clocks.

pub mod read;
pub mod write;
