//! AV1: `av01.P.LLT.DD[.M.CCC.cp.tc.mc.F]`, AV1 Codec ISO Media File Format Binding, 5.

use super::{BoxError, Colour, Inner};
use crate::isobmff::reader::Bits;

/// BT.709 in limited range, what the short form implies.
const DEFAULT_COLOUR: Colour = Colour {
    primaries: 1,
    transfer: 1,
    matrix: 1,
    full_range: false,
};
/// Code point of "unspecified".
const UNSPECIFIED: u16 = 2;

/// Makes the codec string from `av1C`, the long form when monochrome, chroma subsampling or colour
/// are not those that the short one implies.
pub(super) fn codec(inner: &Inner<'_>, colour: Option<Colour>) -> Result<Option<String>, BoxError> {
    let Some(found) = inner.child(b"av1C")? else {
        return Ok(None);
    };
    found
        .parse(|body| {
            let mut bits = Bits::new(body);
            bits.skip(8); // marker, version
            let (profile, level) = (bits.get(3), bits.get(5));
            let tier = if bits.flag() { 'H' } else { 'M' };
            let (high, twelve) = (bits.flag(), bits.flag());
            let depth = match (high, twelve) {
                (true, true) => 12,
                (true, false) => 10,
                _ => 8,
            };
            let monochrome = bits.get(1);
            let subsampling = (bits.get(1), bits.get(1), bits.get(2));
            bits.ok()?;
            let mut codec = format!("av01.{profile}.{level:02}{tier}.{depth:02}");
            let colour = colour
                .filter(|colour| colour.primaries != UNSPECIFIED)
                .unwrap_or(DEFAULT_COLOUR);
            // 4:2:0; where its samples lie (the third figure) alone does not call for the long form.
            let usual = monochrome == 0 && (subsampling.0, subsampling.1) == (1, 1);
            if !usual || colour != DEFAULT_COLOUR {
                codec.push_str(&format!(
                    ".{monochrome}.{}{}{}.{:02}.{:02}.{:02}.{}",
                    subsampling.0,
                    subsampling.1,
                    subsampling.2,
                    colour.primaries,
                    colour.transfer,
                    colour.matrix,
                    u8::from(colour.full_range)
                ));
            }
            Some(codec)
        })
        .map(Some)
}
