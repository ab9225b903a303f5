//! Codecs described by an elementary stream descriptor (`esds`, ISO/IEC 14496-14 and 14496-1): AAC
//! in all its kinds, MP3, MPEG-4 video. `mp4a.OO[.A]`, `mp4v.OO[.P]`, RFC 6381, 3.3.

use super::{BoxError, Inner, Reader, SampleEntry};
use crate::isobmff::reader::Bits;

/// Sampling rates by samplingFrequencyIndex, ISO/IEC 14496-3, table 1.18.
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// objectTypeIndication of MPEG-4 audio and of MP3 (MPEG-2 and MPEG-1 layer III).
const MPEG4_AUDIO: u8 = 0x40;
const MPEG2_AUDIO: u8 = 0x69;
const MPEG1_AUDIO: u8 = 0x6b;
/// Audio object types, ISO/IEC 14496-3, table 1.17.
const SBR: u32 = 5;
const LOW_DELAY: u32 = 23;
const PS: u32 = 29;
const ENHANCED_LOW_DELAY: u32 = 39;
const USAC: u32 = 42;

/// A decoder configuration: objectTypeIndication and DecoderSpecificInfo.
struct Config<'a> {
    object_type: u8,
    specific: &'a [u8],
}

/// Reads an `mp4a` entry.
pub(super) fn audio(inner: &Inner<'_>, read: &mut SampleEntry) -> Result<(), BoxError> {
    // QuickTime puts the descriptor into a `wave` box.
    let found = match (inner.child(b"esds")?, inner.child(b"wave")?) {
        (None, Some(wave)) => wave.child(b"esds")?,
        (found, _) => found,
    };
    let Some(found) = found else { return Ok(()) };
    let config = found.parse(config)?;
    match config.object_type {
        MPEG4_AUDIO => {
            let aac = found.parse(|_| aac(config.specific))?;
            read.codec = format!("mp4a.40.{}", aac.object_type);
            read.sampling_rate = aac.sampling_rate.or(read.sampling_rate);
            read.channels = aac.channels.or(read.channels);
            read.samples_per_frame = aac.samples_per_frame;
        }
        MPEG2_AUDIO | MPEG1_AUDIO => {
            mp3(read);
            read.codec = format!("mp4a.{:02X}", config.object_type);
        }
        // MPEG-2 AAC has frames of 1,024 samples as well.
        other => {
            read.codec = format!("mp4a.{other:02X}");
            read.samples_per_frame = matches!(other, 0x66..=0x68).then_some(1024);
        }
    }
    Ok(())
}

/// Fills in what is known of MP3.
pub(super) fn mp3(read: &mut SampleEntry) {
    "mp4a.6B".clone_into(&mut read.codec);
    // MPEG-2's half rates have half the samples.
    let half = read.sampling_rate.is_some_and(|rate| rate < 32_000);
    read.samples_per_frame = Some(if half { 576 } else { 1152 });
}

/// Makes the codec string of an `mp4v` entry.
pub(super) fn video(inner: &Inner<'_>) -> Result<Option<String>, BoxError> {
    let Some(found) = inner.child(b"esds")? else {
        return Ok(None);
    };
    let config = found.parse(config)?;
    let mut codec = format!("mp4v.{:02X}", config.object_type);
    // visual_object_sequence_start_code and profile_and_level_indication, ISO/IEC 14496-2.
    if config.object_type == 0x20
        && let [0, 0, 1, 0xb0, profile, ..] = config.specific
    {
        codec.push_str(&format!(".{profile}"));
    }
    Ok(Some(codec))
}

/// Reads ES_Descriptor and DecoderConfigDescriptor, ISO/IEC 14496-1, 7.2.6.
fn config(body: &[u8]) -> Option<Config<'_>> {
    let mut reader = Reader::new(body);
    reader.skip(4); // version, flags
    let mut stream = Reader::new(descriptor(&mut reader, 3)?);
    stream.skip(2); // ES_ID
    let flags = stream.u8();
    if flags & 0x80 != 0 {
        stream.skip(2); // dependsOn_ES_ID
    }
    if flags & 0x40 != 0 {
        let len = stream.u8();
        stream.skip(len.into()); // URLstring
    }
    if flags & 0x20 != 0 {
        stream.skip(2); // OCR_ES_Id
    }
    let mut decoder = Reader::new(descriptor(&mut stream, 4)?);
    let object_type = decoder.u8();
    decoder.skip(12); // streamType, bufferSizeDB, maxBitrate, avgBitrate
    decoder.ok()?;
    let specific = descriptor(&mut decoder, 5).unwrap_or_default();
    Some(Config {
        object_type,
        specific,
    })
}

/// Reads descriptors up to one with a tag and returns its content.
fn descriptor<'a>(reader: &mut Reader<'a>, wanted: u8) -> Option<&'a [u8]> {
    loop {
        let tag = reader.u8();
        let mut len = 0;
        // Up to four bytes of seven bits, ISO/IEC 14496-1, 8.3.3.
        for _ in 0..4 {
            let byte = reader.u8();
            len = len << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        reader.ok()?;
        // A length beyond the end is met in the wild: take what is there.
        let content = reader.take(len.min(reader.rest().len()));
        if tag == wanted {
            return Some(content);
        }
    }
}

/// What an AudioSpecificConfig says.
struct Aac {
    object_type: u32,
    sampling_rate: Option<u32>,
    channels: Option<u32>,
    samples_per_frame: Option<u32>,
}

/// Reads an AudioSpecificConfig, ISO/IEC 14496-3, 1.6.2.1, with both ways of announcing SBR and PS
/// explicitly.
fn aac(specific: &[u8]) -> Option<Aac> {
    let mut bits = Bits::new(specific);
    let mut object_type = object(&mut bits);
    let mut rate = sampling_rate(&mut bits);
    let layout = bits.get(4);
    let mut core = object_type;
    if matches!(object_type, SBR | PS) {
        rate = sampling_rate(&mut bits);
        core = object(&mut bits);
    }
    bits.ok()?;
    let mut frame = match core {
        1..=4 | 6 | 7 | 17 | 19..=22 => Some(if bits.flag() { 960 } else { 1024 }),
        LOW_DELAY | ENHANCED_LOW_DELAY => Some(if bits.flag() { 480 } else { 512 }),
        _ => None,
    };
    // Behind a plain GASpecificConfig there may be an extension; behind a program configuration
    // (layout 0) it is not looked for.
    if object_type == 2 && layout != 0 {
        if bits.flag() {
            bits.skip(14); // coreCoderDelay
        }
        bits.skip(1); // extensionFlag
        if bits.left() >= 16 && bits.get(11) == 0x2b7 && object(&mut bits) == SBR && bits.flag() {
            object_type = SBR;
            rate = sampling_rate(&mut bits);
            if bits.left() >= 12 && bits.get(11) == 0x548 && bits.flag() {
                object_type = PS;
            }
        }
    }
    if matches!(object_type, SBR | PS) {
        frame = frame.map(|samples| samples * 2);
    }
    let channels = match layout {
        1..=6 => Some(layout),
        7 | 12 | 14 => Some(8),
        11 => Some(7),
        13 => Some(24),
        _ => None,
    };
    let stereo_from_mono = object_type == PS && layout == 1;
    Some(Aac {
        object_type,
        sampling_rate: rate,
        channels: if stereo_from_mono { Some(2) } else { channels },
        samples_per_frame: frame.filter(|_| object_type != USAC),
    })
}

fn object(bits: &mut Bits<'_>) -> u32 {
    match bits.get(5) {
        31 => 32 + bits.get(6),
        object => object,
    }
}

fn sampling_rate(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.get(4) {
        15 => Some(bits.get(24)).filter(|rate| *rate > 0),
        index => RATES.get(index as usize).copied(),
    }
}
