//! Named fields of single boxes, read and written where they lie.
//!
//! A view is made over the *body* of a box (what follows its header): over `&[u8]` to read, over
//! `&mut [u8]` to write as well. `new` gives nothing when the body is too short for its version,
//! flags and counts; afterwards no access can fail. A setter never changes a size: a value that
//! the version has no room for is refused with [`TooWide`], and [`super::splice`] makes room.

mod emsg;
mod mfhd;
mod prft;
mod saio;
mod saiz;
mod senc;
mod sidx;
mod styp;
mod tenc;
mod tfdt;
mod tfhd;
mod trun;

pub use emsg::Emsg;
pub use mfhd::Mfhd;
pub use prft::Prft;
pub use saio::Saio;
pub use saiz::Saiz;
pub use senc::{Senc, SencSample, Subsample};
pub use sidx::{Sidx, SidxReference};
pub use styp::Styp;
pub use tenc::Tenc;
pub use tfdt::Tfdt;
pub use tfhd::Tfhd;
pub use trun::{Trun, TrunSample};

use super::be;

/// A value that does not fit into the field, whose width its box version and flags fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value} does not fit into {bits} bits")]
pub struct TooWide {
    /// The value.
    pub value: u64,
    /// Width of the field.
    pub bits: u32,
}

/// Length of the version and flags of a full box.
const FULL: usize = 4;

/// Version of a full box; nothing when the body is too short to be one.
fn version(body: &[u8]) -> Option<u8> {
    (body.len() >= FULL).then(|| be::u8(body, 0))
}

/// Flags of a full box.
fn flags(body: &[u8]) -> u32 {
    be::u24(body, 1)
}

/// Length of the field that is 32 bits wide in version 0 and 64 bits in later ones.
fn time_len(version: u8) -> usize {
    if version == 0 { 4 } else { 8 }
}

/// Reads such a field.
fn time(body: &[u8], at: usize, version: u8) -> u64 {
    if version == 0 {
        be::u32(body, at).into()
    } else {
        be::u64(body, at)
    }
}

/// Writes such a field.
fn set_time(body: &mut [u8], at: usize, version: u8, value: u64) -> Result<(), TooWide> {
    if version == 0 {
        let narrow = u32::try_from(value).map_err(|_| TooWide { value, bits: 32 })?;
        be::put(body, at, &narrow.to_be_bytes());
    } else {
        be::put(body, at, &value.to_be_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
