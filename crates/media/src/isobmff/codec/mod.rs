//! Sample entries: what is coded and how, with codec strings of RFC 6381. One file for each codec
//! family.
//!
//! A malformed configuration is an error; a missing one leaves the bare four characters as codec
//! string, and so does a codec that is not known.

mod ac3;
mod ac4;
mod av1;
mod avc;
mod esds;
mod hevc;
mod mpegh;
mod text;
mod vpx;
mod vvc;
mod xiph;

use super::{
    BoxError, FourCc,
    fields::Tenc,
    init::{Colour, Protection},
    reader::Reader,
    walk::{BoxView, Boxes, first},
};
use crate::presentation::Content;

/// What a sample entry of `stsd` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleEntry {
    /// Its type, that of the clear one when it is protected.
    pub format: FourCc,
    /// Codec string of RFC 6381.
    pub codec: String,
    /// Coded width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// Sample aspect ratio.
    pub sar: Option<(u32, u32)>,
    /// Colour description.
    pub colour: Option<Colour>,
    /// Audio sampling rate in Hz as decoded.
    pub sampling_rate: Option<u32>,
    /// Audio channels, low-frequency ones counted.
    pub channels: Option<u32>,
    /// Audio samples in an access unit at `sampling_rate`, when the codec fixes them.
    pub samples_per_frame: Option<u32>,
    /// Complexity index of Dolby Atmos in E-AC-3 (JOC).
    pub joc_complexity: Option<u8>,
    /// Common encryption.
    pub protection: Option<Protection>,
}

/// The boxes inside a sample entry.
#[derive(Clone, Debug)]
struct Inner<'a>(Boxes<'a>);

impl<'a> Inner<'a> {
    fn child(&self, kind: impl Into<FourCc>) -> Result<Option<BoxView<'a>>, BoxError> {
        first(self.0.clone(), kind)
    }
}

/// Reads a sample entry of a track. `stsd_version` tells QuickTime's longer audio entries from
/// ISO's. Errors: a box that cannot be read.
pub fn read(
    entry: &BoxView<'_>,
    content: Content,
    stsd_version: u8,
) -> Result<SampleEntry, BoxError> {
    let mut read = SampleEntry {
        format: entry.kind,
        ..SampleEntry::default()
    };
    let fields_len = match content {
        Content::Video | Content::Image => entry.parse(|body| video_fields(body, &mut read))?,
        Content::Audio => entry.parse(|body| audio_fields(body, stsd_version, &mut read))?,
        Content::Text => entry.parse(|body| text::fields_len(entry.kind, body))?,
    };
    let inner = Inner(entry.children_after(fields_len));
    if matches!(&entry.kind.0, b"encv" | b"enca" | b"enct" | b"encs") {
        protection(&inner, &mut read)?;
    }
    if let Some(found) = inner.child(b"pasp")? {
        read.sar = found
            .parse(|body| {
                let mut reader = Reader::new(body);
                let sar = (reader.u32(), reader.u32());
                reader.ok().map(|()| sar)
            })
            .map(|sar| Some(sar).filter(|(h, v)| *h > 0 && *v > 0))?;
    }
    if let Some(found) = inner.child(b"colr")? {
        read.colour = colour(found.body());
    }
    read.codec = read.format.to_string();
    match content {
        Content::Video | Content::Image => video_codec(&inner, &mut read)?,
        Content::Audio => audio_codec(&inner, &mut read)?,
        Content::Text => read.codec = text::codec(read.format, entry.body(), &inner)?,
    }
    Ok(read)
}

/// Reads the fields of a VisualSampleEntry, ISO/IEC 14496-12, 12.1.3, and returns their length.
fn video_fields(body: &[u8], read: &mut SampleEntry) -> Option<usize> {
    let mut reader = Reader::new(body);
    reader.skip(8 + 16); // SampleEntry, pre_defined and reserved
    let size = (reader.u16().into(), reader.u16().into());
    reader.skip(50); // resolutions, frame_count, compressorname, depth, pre_defined
    reader.ok()?;
    read.size = Some(size).filter(|(width, height)| *width > 0 && *height > 0);
    Some(reader.position())
}

/// Reads the fields of an AudioSampleEntry, ISO/IEC 14496-12, 12.2.3, or of QuickTime's versions
/// 1 and 2 of it, and returns their length.
fn audio_fields(body: &[u8], stsd_version: u8, read: &mut SampleEntry) -> Option<usize> {
    let mut reader = Reader::new(body);
    reader.skip(8); // SampleEntry
    let version = reader.u16();
    reader.skip(6); // reserved (QuickTime: revision, vendor)
    read.channels = Some(u32::from(reader.u16())).filter(|count| *count > 0);
    reader.skip(2 + 4); // samplesize, pre_defined, reserved
    read.sampling_rate = Some(reader.u32() >> 16).filter(|rate| *rate > 0);
    if stsd_version == 0 {
        reader.skip(match version {
            1 => 16,
            2 => 36,
            _ => 0,
        });
    }
    reader.ok()?;
    Some(reader.position())
}

fn video_codec(inner: &Inner<'_>, read: &mut SampleEntry) -> Result<(), BoxError> {
    let format = read.format;
    let codec = match &format.0 {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" => avc::codec(format, inner)?,
        b"hvc1" | b"hev1" => hevc::codec(format, inner)?,
        b"dvh1" | b"dvhe" | b"dva1" | b"dvav" | b"dav1" => hevc::dolby_vision(format, inner)?,
        b"vvc1" | b"vvi1" => vvc::codec(format, inner)?,
        b"av01" => av1::codec(inner, read.colour)?,
        b"vp08" | b"vp09" => vpx::codec(format, inner)?,
        b"mp4v" => esds::video(inner)?,
        _ => None,
    };
    if let Some(codec) = codec {
        read.codec = codec;
    }
    Ok(())
}

fn audio_codec(inner: &Inner<'_>, read: &mut SampleEntry) -> Result<(), BoxError> {
    match &read.format.0 {
        b"mp4a" => esds::audio(inner, read),
        b"ac-3" => ac3::ac3(inner, read),
        b"ec-3" => ac3::eac3(inner, read),
        b"ac-4" => ac4::read(inner, read),
        b"mha1" | b"mha2" | b"mhm1" | b"mhm2" => mpegh::read(inner, read),
        b"Opus" => xiph::opus(inner, read),
        b"fLaC" => xiph::flac(inner, read),
        b".mp3" => {
            esds::mp3(read);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Reads `sinf`: the original format and how it is protected, ISO/IEC 14496-12, 8.12.
fn protection(inner: &Inner<'_>, read: &mut SampleEntry) -> Result<(), BoxError> {
    let Some(sinf) = inner.child(b"sinf")? else {
        return Ok(());
    };
    let fourcc = |body: &[u8], at: usize| body.get(at..)?.first_chunk().copied().map(FourCc);
    read.format = sinf.required(b"frma")?.parse(|body| fourcc(body, 0))?;
    let scheme = match sinf.child(b"schm")? {
        Some(schm) => schm.parse(|body| fourcc(body, 4))?,
        None => FourCc::default(),
    };
    let Some(schi) = sinf.child(b"schi")? else {
        return Ok(());
    };
    if let Some(found) = schi.child(b"tenc")? {
        let tenc = found.parse(Tenc::new)?;
        read.protection = Some(Protection {
            scheme,
            default_kid: tenc.default_kid(),
            per_sample_iv_size: tenc.per_sample_iv_size(),
            constant_iv: tenc.constant_iv().to_vec(),
            pattern: tenc.pattern(),
        });
    }
    Ok(())
}

/// Reads a `colr` body of type `nclx` or QuickTime's `nclc`, ISO/IEC 14496-12, 12.1.5.
fn colour(body: &[u8]) -> Option<Colour> {
    let mut reader = Reader::new(body);
    let with_range = match reader.take(4) {
        b"nclx" => true,
        b"nclc" => false,
        _ => return None,
    };
    let (primaries, transfer, matrix) = (reader.u16(), reader.u16(), reader.u16());
    let full_range = with_range && reader.u8() >> 7 == 1;
    reader.ok()?;
    Some(Colour {
        primaries,
        transfer,
        matrix,
        full_range,
    })
}

#[cfg(test)]
mod tests;
