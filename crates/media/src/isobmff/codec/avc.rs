//! AVC (H.264): `avc1.PPCCLL`, ISO/IEC 14496-15, annex E.2.

use super::{BoxError, FourCc, Inner, Reader};

/// Makes the codec string from `avcC`.
pub(super) fn codec(format: FourCc, inner: &Inner<'_>) -> Result<Option<String>, BoxError> {
    let Some(found) = inner.child(b"avcC")? else {
        return Ok(None);
    };
    let [profile, constraints, level] = found.parse(|body| {
        let mut reader = Reader::new(body);
        reader.skip(1); // configurationVersion
        let bytes = [reader.u8(), reader.u8(), reader.u8()];
        reader.ok().map(|()| bytes)
    })?;
    Ok(Some(format!(
        "{format}.{profile:02x}{constraints:02x}{level:02x}"
    )))
}
