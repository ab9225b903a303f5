//! MPEG-H 3D audio: `mhm1.0xNN` with the profile and level from `mhaC`, ISO/IEC 23008-3, 20.

use super::{BoxError, Inner, Reader, SampleEntry};

/// Loudspeakers by ChannelConfiguration, ISO/IEC 23091-3, table 1; 0 where it is not fixed.
const CHANNELS: [u32; 21] = [
    0, 1, 2, 3, 4, 5, 6, 8, 2, 3, 4, 7, 8, 24, 8, 12, 10, 12, 14, 12, 14,
];

/// Reads an `mha1`, `mha2`, `mhm1` or `mhm2` entry.
pub(super) fn read(inner: &Inner<'_>, read: &mut SampleEntry) -> Result<(), BoxError> {
    read.samples_per_frame = Some(1024);
    let Some(found) = inner.child(b"mhaC")? else {
        return Ok(());
    };
    found.parse(|body| {
        let mut reader = Reader::new(body);
        reader.skip(1); // configurationVersion
        let profile_level = reader.u8();
        let layout = reader.u8();
        reader.ok()?;
        read.codec = format!("{}.0x{profile_level:02X}", read.format);
        let channels = CHANNELS.get(usize::from(layout)).copied();
        read.channels = channels.filter(|count| *count > 0).or(read.channels);
        Some(())
    })
}
