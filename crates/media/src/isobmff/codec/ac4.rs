//! AC-4: `ac-4.BB.VV.PP` (bitstream version, presentation version, compatibility level) from `dac4`,
//! ETSI TS 103 190-2, annexes E.6, E.10 and E.13.

use super::{BoxError, Inner, SampleEntry};
use crate::isobmff::reader::Bits;

/// presentation_config that has no compatibility level of its own.
const NO_LEVEL: u32 = 6;

/// Reads an `ac-4` entry. The first presentation counts.
pub(super) fn read(inner: &Inner<'_>, read: &mut SampleEntry) -> Result<(), BoxError> {
    let Some(found) = inner.child(b"dac4")? else {
        return Ok(());
    };
    found.parse(|body| {
        let mut bits = Bits::new(body);
        let dsi_version = bits.get(3);
        let bitstream_version = bits.get(7);
        let rate = if bits.flag() { 48_000 } else { 44_100 };
        bits.skip(4); // frame_rate_index
        let presentations = bits.get(9);
        bits.ok()?;
        read.sampling_rate = Some(rate);
        if dsi_version == 0 || presentations == 0 {
            read.codec = format!("ac-4.{bitstream_version:02x}");
            return Some(());
        }
        if bitstream_version > 1 && bits.flag() {
            bits.skip(16); // short_program_id
            if bits.flag() {
                bits.skip(128); // program_uuid
            }
        }
        bits.skip(2 + 32 + 32); // ac4_bitrate_dsi
        bits.align();
        let version = bits.get(8);
        if bits.get(8) == 255 {
            bits.skip(16); // add_pres_bytes
        }
        let config = bits.get(5);
        let level = if config == NO_LEVEL { 0 } else { bits.get(3) };
        bits.ok()?;
        read.codec = format!("ac-4.{bitstream_version:02x}.{version:02x}.{level:02x}");
        Some(())
    })
}
