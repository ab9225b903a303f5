//! HEVC (H.265): `hvc1.P.C.TL.B…`, ISO/IEC 14496-15, annex E.3; Dolby Vision: `dvh1.PP.LL`, "Dolby
//! Vision Streams Within the ISO Base Media File Format", 2.4.

use super::{BoxError, FourCc, Inner, Reader};
use crate::isobmff::reader::Bits;

/// Makes the codec string from `hvcC`.
pub(super) fn codec(format: FourCc, inner: &Inner<'_>) -> Result<Option<String>, BoxError> {
    let Some(found) = inner.child(b"hvcC")? else {
        return Ok(None);
    };
    found
        .parse(|body| {
            let mut reader = Reader::new(body);
            reader.skip(1); // configurationVersion
            let profile = reader.u8();
            let compatibility = reader.u32();
            let constraints = reader.take(6);
            let level = reader.u8();
            reader.ok()?;
            let space = match profile >> 6 {
                1 => "A",
                2 => "B",
                3 => "C",
                _ => "",
            };
            let tier = if profile & 0x20 == 0 { 'L' } else { 'H' };
            let mut codec = format!(
                "{format}.{space}{}.{:X}.{tier}{level}",
                profile & 0x1f,
                compatibility.reverse_bits()
            );
            let used = constraints.iter().rposition(|byte| *byte != 0);
            for byte in constraints.iter().take(used.map_or(0, |last| last + 1)) {
                codec.push_str(&format!(".{byte:X}"));
            }
            Some(codec)
        })
        .map(Some)
}

/// Makes the codec string of a Dolby Vision entry from `dvcC`, `dvvC` or `dvwC`.
pub(super) fn dolby_vision(format: FourCc, inner: &Inner<'_>) -> Result<Option<String>, BoxError> {
    for kind in [b"dvcC", b"dvvC", b"dvwC"] {
        if let Some(found) = inner.child(kind)? {
            return found
                .parse(|body| {
                    let mut bits = Bits::new(body);
                    bits.skip(16); // dv_version_major, dv_version_minor
                    let (profile, level) = (bits.get(7), bits.get(6));
                    bits.ok()?;
                    Some(format!("{format}.{profile:02}.{level:02}"))
                })
                .map(Some);
        }
    }
    Ok(None)
}
