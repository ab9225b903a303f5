//! Reading of segment indexes, ISO/IEC 14496-12, 8.16.3. Work in progress: types are final.

use super::BoxError;
use crate::time::Timescale;

/// A segment index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidx {
    /// Ticks per second of the times below.
    pub timescale: Timescale,
    /// Presentation time of the first access unit of the first reference, in ticks.
    pub earliest_presentation_time: u64,
    /// Bytes from the end of the box to the first byte referred to.
    pub first_offset: u64,
    /// What is referred to, contiguous, in order.
    pub references: Vec<Reference>,
}

/// An entry of a segment index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Length in bytes.
    pub size: u32,
    /// Duration in ticks of the index.
    pub duration: u32,
    /// Whether it starts with a stream access point.
    pub starts_with_sap: bool,
    /// Whether it is another index rather than media.
    pub is_index: bool,
}

/// Reads the index at the front of `data` (a whole `sidx` box; what follows is ignored).
pub fn read(data: &[u8]) -> Result<Sidx, BoxError> {
    let found = super::walk::find(data, &[b"sidx"])?;
    Err(found.map_or_else(
        || BoxError {
            path: String::new(),
            offset: 0,
            reason: "has no `sidx`".into(),
        },
        |found| found.error("not read yet"),
    ))
}
