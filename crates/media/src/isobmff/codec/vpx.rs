//! VP8 and VP9: `vp09.PP.LL.DD[.CC.cp.tc.mc.FF]`, VP Codec ISO Media File Format Binding.

use super::{BoxError, FourCc, Inner};
use crate::isobmff::reader::Bits;

/// Code points of "unspecified" and of BT.709.
const USUAL: [u32; 2] = [1, 2];

/// Makes the codec string from `vpcC`, the long form when chroma subsampling or colour are not
/// those that the short one implies.
pub(super) fn codec(format: FourCc, inner: &Inner<'_>) -> Result<Option<String>, BoxError> {
    let Some(found) = inner.child(b"vpcC")? else {
        return Ok(None);
    };
    found
        .parse(|body| {
            let mut bits = Bits::new(body);
            bits.skip(32); // version, flags
            let (profile, level, depth) = (bits.get(8), bits.get(8), bits.get(4));
            let (chroma, full_range) = (bits.get(3), bits.get(1));
            let colour = [bits.get(8), bits.get(8), bits.get(8)];
            bits.ok()?;
            let mut codec = format!("{format}.{profile:02}.{level:02}.{depth:02}");
            let usual = chroma <= 1 && full_range == 0;
            if !usual || colour.iter().any(|point| !USUAL.contains(point)) {
                let [primaries, transfer, matrix] = colour;
                codec.push_str(&format!(
                    ".{chroma:02}.{primaries:02}.{transfer:02}.{matrix:02}.{full_range:02}"
                ));
            }
            Some(codec)
        })
        .map(Some)
}
