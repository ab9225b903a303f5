//! AC-3 and E-AC-3: `ac-3`, `ec-3`; channels and Dolby Atmos from `dac3` and `dec3`, ETSI TS 102 366,
//! annex F.

use super::{BoxError, Inner, SampleEntry};
use crate::isobmff::reader::Bits;

/// Full-range channels by acmod, ETSI TS 102 366, table 4.3.
const CHANNELS: [u32; 8] = [2, 1, 2, 3, 3, 4, 4, 5];
/// Sampling rates by fscod.
const RATES: [u32; 3] = [48_000, 44_100, 32_000];
/// Samples of a sync frame (of six blocks).
const SAMPLES_PER_FRAME: u32 = 1536;

/// Reads an `ac-3` entry.
pub(super) fn ac3(inner: &Inner<'_>, read: &mut SampleEntry) -> Result<(), BoxError> {
    read.samples_per_frame = Some(SAMPLES_PER_FRAME);
    let Some(found) = inner.child(b"dac3")? else {
        return Ok(());
    };
    found.parse(|body| {
        let mut bits = Bits::new(body);
        let rate = bits.get(2);
        bits.skip(5 + 3); // bsid, bsmod
        let channels = channels(&mut bits);
        bits.ok()?;
        read.sampling_rate = RATES.get(rate as usize).copied().or(read.sampling_rate);
        read.channels = Some(channels);
        Some(())
    })
}

/// Reads an `ec-3` entry. The channels are those of all substreams that play together.
pub(super) fn eac3(inner: &Inner<'_>, read: &mut SampleEntry) -> Result<(), BoxError> {
    read.samples_per_frame = Some(SAMPLES_PER_FRAME);
    let Some(found) = inner.child(b"dec3")? else {
        return Ok(());
    };
    found.parse(|body| {
        let mut bits = Bits::new(body);
        bits.skip(13); // data_rate
        let independent = bits.get(3) + 1;
        let mut total = 0;
        for substream in 0..independent {
            let rate = bits.get(2);
            bits.skip(5 + 1 + 1 + 3); // bsid, reserved, asvc, bsmod
            let mut own = channels(&mut bits);
            bits.skip(3); // reserved
            if bits.get(4) > 0 {
                own += added_channels(bits.get(9));
            } else {
                bits.skip(1); // reserved
            }
            // Independent substreams beyond the first are other programs.
            if substream == 0 {
                total = own;
                read.sampling_rate = RATES.get(rate as usize).copied().or(read.sampling_rate);
            }
        }
        bits.ok()?;
        read.channels = Some(total);
        // flag_ec3_extension_type_a, ETSI TS 103 420, C.3: JOC.
        if bits.left() >= 16 {
            bits.skip(7);
            read.joc_complexity = bits.flag().then(|| bits.get(8) as u8);
        }
        Some(())
    })
}

/// Reads acmod and lfeon.
fn channels(bits: &mut Bits<'_>) -> u32 {
    let mode = bits.get(3) as usize;
    CHANNELS.get(mode).copied().unwrap_or_default() + bits.get(1)
}

/// Channels of dependent substreams by chan_loc, table F.6.1. From the least significant bit: Lc/Rc,
/// Lrs/Rrs, Cs, Ts, Lsd/Rsd, Lw/Rw, Lvh/Rvh, Cvh, LFE2.
fn added_channels(locations: u32) -> u32 {
    const PAIRS: u32 = 0b0_0111_0011;
    locations.count_ones() + (locations & PAIRS).count_ones()
}
