//! Opus and FLAC in ISO-BMFF (the encapsulations published by opus-codec.org and xiph.org): `opus`
//! and `flac`, in the lower case that all browsers know.

use super::{BoxError, Inner, Reader, SampleEntry};

/// Reads an `Opus` entry: `dOps`. Opus always decodes at 48 kHz; frames may differ in length.
pub(super) fn opus(inner: &Inner<'_>, read: &mut SampleEntry) -> Result<(), BoxError> {
    "opus".clone_into(&mut read.codec);
    read.sampling_rate = Some(48_000);
    let Some(found) = inner.child(b"dOps")? else {
        return Ok(());
    };
    found.parse(|body| {
        let mut reader = Reader::new(body);
        reader.skip(1); // Version
        let channels = u32::from(reader.u8());
        reader.skip(2 + 4 + 2 + 1); // PreSkip, InputSampleRate, OutputGain, ChannelMappingFamily
        reader.ok()?;
        read.channels = Some(channels).filter(|count| *count > 0).or(read.channels);
        Some(())
    })
}

/// Reads an `fLaC` entry: the STREAMINFO block of `dfLa`.
pub(super) fn flac(inner: &Inner<'_>, read: &mut SampleEntry) -> Result<(), BoxError> {
    "flac".clone_into(&mut read.codec);
    let Some(found) = inner.child(b"dfLa")? else {
        return Ok(());
    };
    found.parse(|body| {
        let mut reader = Reader::new(body);
        reader.skip(4 + 4); // version, flags, block header: STREAMINFO comes first
        let (shortest, longest) = (reader.u16(), reader.u16());
        reader.skip(6); // frame sizes
        let packed = reader.u64(); // rate 20, channels-1 3, bits-1 5, samples 36
        reader.ok()?;
        let rate = (packed >> 44) as u32;
        read.samples_per_frame = (shortest == longest).then_some(longest.into());
        read.sampling_rate = Some(rate).filter(|rate| *rate > 0).or(read.sampling_rate);
        read.channels = Some((packed >> 41 & 7) as u32 + 1);
        Some(())
    })
}
