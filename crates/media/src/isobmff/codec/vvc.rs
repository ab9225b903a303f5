//! VVC (H.266): `vvc1.P.TL[.C…][.S…][.O…]`, ISO/IEC 14496-15, annex E.6; profile, tier and level
//! from the VvcPTLRecord, 11.2.4.2.

use super::{BoxError, FourCc, Inner};
use crate::isobmff::reader::Bits;

/// Makes the codec string from `vvcC`.
pub(super) fn codec(format: FourCc, inner: &Inner<'_>) -> Result<Option<String>, BoxError> {
    match inner.child(b"vvcC")? {
        Some(found) => found.parse(|body| read(format, body)).map(Some),
        None => Ok(None),
    }
}

/// Reads a `vvcC` body; without a profile-tier-level record there is only the bare type to tell.
fn read(format: FourCc, body: &[u8]) -> Option<String> {
    let mut bits = Bits::new(body);
    bits.skip(32); // version, flags
    bits.skip(5 + 2); // reserved, LengthSizeMinusOne
    let has_ptl = bits.flag();
    bits.ok()?;
    if !has_ptl {
        return Some(format.to_string());
    }
    let ols_idx = bits.get(9);
    let sublayers = bits.get(3);
    bits.skip(2 + 2 + 3 + 5); // constant_frame_rate, chroma_format_idc, bit_depth_minus8, reserved
    bits.skip(2); // reserved
    let constraint_len = bits.get(6);
    let profile = bits.get(7);
    let tier = if bits.flag() { 'H' } else { 'L' };
    let level = bits.get(8);
    // The two flags before general_constraint_info complete its bytes.
    let constraints: Vec<u8> = (0..constraint_len).map(|_| bits.get(8) as u8).collect();
    let present: Vec<bool> = (1..sublayers).map(|_| bits.flag()).collect();
    if sublayers > 1 {
        bits.align();
    }
    for _ in present.iter().filter(|present| **present) {
        bits.skip(8); // sublayer_level_idc
    }
    let sub_profile_count = bits.get(8);
    let sub_profiles: Vec<String> = (0..sub_profile_count)
        .map(|_| format!("{:02X}", bits.get(32)))
        .collect();
    bits.ok()?;

    let mut codec = format!("{format}.{profile}.{tier}{level}");
    let used = constraints.iter().rposition(|byte| *byte != 0);
    if let Some(used) = used.and_then(|last| constraints.get(..=last)) {
        codec.push_str(".C");
        codec.push_str(&base32(used));
    }
    if !sub_profiles.is_empty() {
        codec.push_str(".S");
        codec.push_str(&sub_profiles.join("+"));
    }
    if ols_idx != 0 {
        codec.push_str(&format!(".O{ols_idx}+{}", sublayers.saturating_sub(1)));
    }
    Some(codec)
}

/// Base 32 of RFC 4648 without padding.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bits = Bits::new(bytes);
    let mut text = String::new();
    while bits.left() > 0 {
        // Reading past the end gives the zero bits that the last character is filled with.
        let index = bits.get(5) as usize;
        text.extend(ALPHABET.get(index).map(|letter| char::from(*letter)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base32;

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (bytes, text) in [
            (&b"f"[..], "MY"),
            (b"fo", "MZXQ"),
            (b"foo", "MZXW6"),
            (b"fooba", "MZXW6YTB"),
            (b"\x80", "QA"),
        ] {
            assert_eq!(base32(bytes), text);
        }
    }
}
