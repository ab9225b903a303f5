//! Multivariant playlists.

use quick_m3u8::tag::hls::{self, EnumeratedString, MediaType, StreamInf, Tag};

use super::{
    HlsError, IFrameVariant, Multivariant, Rendition, RenditionKind, Variant,
    attributes::Attributes,
    lines::{Line, Lines},
};
use crate::presentation::FrameRate;

const FOREIGN_TAG: &str = "a tag of media playlists in a multivariant playlist";

pub(super) fn read(text: &str) -> Result<Multivariant, HlsError> {
    let mut lines = Lines::new(text)?;
    let mut found = Multivariant::default();
    let mut pending: Option<Variant> = None;
    while let Some(line) = lines.next()? {
        match line {
            Line::Tag(tag) => match *tag {
                Tag::StreamInf(_) if pending.is_some() => {
                    return Err(lines.fail("the EXT-X-STREAM-INF before this line has no URI"));
                }
                Tag::StreamInf(tag) => pending = Some(variant(&tag, &lines)?),
                Tag::Media(tag) => found.renditions.push(rendition(&tag, &lines)?),
                _ => return Err(lines.fail(FOREIGN_TAG)),
            },
            Line::Text("INF" | "-X-PART", _) => return Err(lines.fail(FOREIGN_TAG)),
            Line::Text(name @ "-X-I-FRAME-STREAM-INF", value) => {
                let attributes = Attributes::read(name, value, &lines)?;
                found.i_frames.push(i_frame_variant(&attributes)?);
            }
            Line::Text("-X-INDEPENDENT-SEGMENTS", _) => found.independent_segments = true,
            Line::Text(..) => {}
            Line::Uri(uri) => {
                let Some(mut variant) = pending.take() else {
                    return Err(lines.fail("a URI without EXT-X-STREAM-INF before it"));
                };
                variant.uri = uri;
                found.variants.push(variant);
            }
        }
    }
    if pending.is_some() {
        return Err(lines.fail("the last EXT-X-STREAM-INF has no URI"));
    }
    if found.variants.is_empty() {
        return Err(lines.fail("there is no EXT-X-STREAM-INF"));
    }
    Ok(found)
}

fn variant(tag: &StreamInf<'_>, lines: &Lines<'_>) -> Result<Variant, HlsError> {
    let pixels =
        |value: u64| u32::try_from(value).map_err(|_| lines.fail("RESOLUTION exceeds 32 bits"));
    let resolution = match tag.resolution() {
        Some(size) => Some((pixels(size.width)?, pixels(size.height)?)),
        None => None,
    };
    Ok(Variant {
        uri: String::new(),
        bandwidth: tag.bandwidth(),
        average_bandwidth: tag.average_bandwidth(),
        codecs: tag.codecs().unwrap_or_default().to_owned(),
        resolution,
        frame_rate: tag.frame_rate().and_then(frame_rate),
        audio: tag.audio().map(str::to_owned),
        subtitles: tag.subtitles().map(str::to_owned),
        line: lines.number(),
    })
}

fn i_frame_variant(tag: &Attributes<'_>) -> Result<IFrameVariant, HlsError> {
    let Some(bandwidth) = tag.number("BANDWIDTH")? else {
        return Err(tag.fail("BANDWIDTH is required"));
    };
    Ok(IFrameVariant {
        uri: tag.required("URI")?,
        bandwidth,
        average_bandwidth: tag.number("AVERAGE-BANDWIDTH")?,
        codecs: tag.text("CODECS").unwrap_or_default(),
        resolution: tag.size("RESOLUTION")?,
        line: tag.line(),
    })
}

/// Turns the three decimals of `FRAME-RATE` into a fraction. The exact rate is in the media.
fn frame_rate(value: f64) -> Option<FrameRate> {
    let thousandths = (value * 1000.0).round();
    if !(1.0..=1_000_000.0).contains(&thousandths) {
        return None;
    }
    let num = thousandths as u32;
    Some(if num.is_multiple_of(1000) {
        FrameRate {
            num: num / 1000,
            den: 1,
        }
    } else {
        FrameRate { num, den: 1000 }
    })
}

fn rendition(tag: &hls::Media<'_>, lines: &Lines<'_>) -> Result<Rendition, HlsError> {
    let kind = match tag.media_type() {
        EnumeratedString::Known(MediaType::Audio) => RenditionKind::Audio,
        EnumeratedString::Known(MediaType::Video) => RenditionKind::Video,
        EnumeratedString::Known(MediaType::Subtitles) => RenditionKind::Subtitles,
        EnumeratedString::Known(MediaType::ClosedCaptions) => RenditionKind::ClosedCaptions,
        EnumeratedString::Unknown(other) => {
            return Err(lines.fail(format!(
                "`{other}` is not one of AUDIO, VIDEO, SUBTITLES, CLOSED-CAPTIONS"
            )));
        }
    };
    Ok(Rendition {
        kind,
        group: tag.group_id().to_owned(),
        name: tag.name().to_owned(),
        language: tag.language().map(str::to_owned),
        uri: tag.uri().map(str::to_owned),
        default: tag.default(),
        autoselect: tag.autoselect(),
        forced: tag.forced(),
        channels: tag
            .channels()
            .and_then(|channels| Some(channels.valid()?.count())),
        line: lines.number(),
    })
}
