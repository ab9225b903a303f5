//! Big-endian integers at offsets of a byte slice.
//!
//! Field views check lengths once when they are made; a read or write outside the slice, which
//! that check rules out, gives zero or does nothing instead of a panic.

/// Reads an 8-bit integer.
pub(super) fn u8(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or_default()
}

/// Reads a 16-bit integer.
pub(super) fn u16(bytes: &[u8], at: usize) -> u16 {
    chunk(bytes, at).map_or(0, u16::from_be_bytes)
}

/// Reads a 24-bit integer.
pub(super) fn u24(bytes: &[u8], at: usize) -> u32 {
    chunk(bytes, at).map_or(0, |[a, b, c]| u32::from_be_bytes([0, a, b, c]))
}

/// Reads a 32-bit integer.
pub(super) fn u32(bytes: &[u8], at: usize) -> u32 {
    chunk(bytes, at).map_or(0, u32::from_be_bytes)
}

/// Reads a 64-bit integer.
pub(super) fn u64(bytes: &[u8], at: usize) -> u64 {
    chunk(bytes, at).map_or(0, u64::from_be_bytes)
}

/// Writes bytes.
pub(super) fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes
        .get_mut(at..)
        .and_then(|rest| rest.get_mut(..value.len()))
    {
        place.copy_from_slice(value);
    }
}

fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
