//! AdaptationSets and Representations.

use std::collections::HashSet;

use super::{
    MpdError, MpdSource, SourceAddressing, addressing,
    place::Place,
    presentation::{join_base, kept_elements},
};
use crate::{
    mpd::{CHANNEL_SCHEME, ROLE_SCHEME, SET_ATTRIBUTES, TRACK_ATTRIBUTES},
    presentation::{Content, FrameRate, SwitchingSet, Track},
    time::Time,
    xml::Element,
};

/// Children of an AdaptationSet or Representation that are not kept: read into fields, or true
/// only of the source.
const DROPPED: [&str; 6] = [
    "Representation",
    "BaseURL",
    "SegmentBase",
    "SegmentList",
    "SegmentTemplate",
    "ProducerReferenceTime",
];

/// More sets, or more tracks, in one Period are refused.
const MAX_TRACKS: usize = 2000;

/// Reads all AdaptationSets of a Period into `source`.
pub(super) fn read(
    period: &Place<'_>,
    base: &str,
    period_duration: Option<Time>,
    source: &mut MpdSource,
) -> Result<(), MpdError> {
    let sets = period.children("AdaptationSet");
    if sets.is_empty() {
        return Err(period.fail(if period.attribute("xlink:href").is_some() {
            "the Period is remote (xlink:href); its AdaptationSets must be in the MPD"
        } else {
            "there is no AdaptationSet"
        }));
    }
    let mut ids = HashSet::new();
    let too_many = || period.fail(format!("more than {MAX_TRACKS} sets or Representations"));
    if sets.len() > MAX_TRACKS {
        return Err(too_many());
    }
    for set in &sets {
        let representations = set.children("Representation");
        if ids.len() + representations.len() > MAX_TRACKS {
            return Err(too_many());
        }
        let Some(first) = representations.first() else {
            return Err(set.fail("there is no Representation"));
        };
        let levels = [first, set, period];
        let Some(content) = content(&levels) else {
            source.ignored.push(format!(
                "line {}, {}: left out, neither contentType, mimeType nor codecs say video, \
                 audio, text or image",
                set.element.position.line,
                set.path()
            ));
            continue;
        };
        let base = join_base(set, base)?;
        let mut switching_set = switching_set(set, content);
        for place in &representations {
            let levels = [place, set, period];
            let id = identity(place, &mut ids)?;
            let base = join_base(place, &base)?;
            let found = addressing::read(&levels, &base, period_duration)?;
            if matches!(found.source.addressing, SourceAddressing::Base { .. }) {
                rename_subsegment_attributes(&mut switching_set.attributes);
            }
            switching_set
                .tracks
                .push(track(&levels, id, content, &found)?);
            source.tracks.push(found.source);
        }
        source.shape.sets.push(switching_set);
    }
    if source.shape.sets.is_empty() {
        return Err(period.fail("no AdaptationSet carries video, audio, text or images"));
    }
    Ok(())
}

/// Reads `Representation@id`, which must be there, once.
fn identity(place: &Place<'_>, ids: &mut HashSet<String>) -> Result<String, MpdError> {
    let id = place.attribute("id").unwrap_or_default();
    if id.is_empty() {
        return Err(place.fail_at("id", "every Representation needs an id"));
    }
    if !ids.insert(id.to_owned()) {
        let reason = format!("`{id}` is the id of an earlier Representation of the Period");
        return Err(place.fail_at("id", reason));
    }
    Ok(id.to_owned())
}

/// Single-file content is announced as segments, so what was said of subsegments is now said of
/// segments.
fn rename_subsegment_attributes(attributes: &mut Vec<(String, String)>) {
    for (old, new) in [
        ("subsegmentAlignment", "segmentAlignment"),
        ("subsegmentStartsWithSAP", "startWithSAP"),
    ] {
        let taken = attributes.iter().any(|(name, _)| name == new);
        if taken {
            attributes.retain(|(name, _)| name != old);
        } else if let Some(found) = attributes.iter_mut().find(|(name, _)| name == old) {
            new.clone_into(&mut found.0);
        }
    }
}

fn switching_set(set: &Place<'_>, content: Content) -> SwitchingSet {
    let elements = kept_elements(set.element, &DROPPED);
    let label = elements
        .iter()
        .find(|element| element.local_name() == "Label")
        .map(Element::text)
        .or_else(|| set.attribute("label").map(str::to_owned))
        .filter(|label| !label.is_empty());
    let roles = elements
        .iter()
        .filter(|element| {
            element.local_name() == "Role" && element.attribute("schemeIdUri") == Some(ROLE_SCHEME)
        })
        .filter_map(|element| element.attribute("value").map(str::to_owned))
        .collect();
    SwitchingSet {
        id: set.attribute("id").map(str::to_owned),
        content,
        lang: set.attribute("lang").map(str::to_owned),
        label,
        roles,
        attributes: kept_attributes(set.element, &SET_ATTRIBUTES),
        elements,
        tracks: Vec::new(),
    }
}

fn kept_attributes(element: &Element, modelled: &[&str]) -> Vec<(String, String)> {
    element
        .attributes
        .iter()
        .filter(|(name, _)| !modelled.contains(&name.as_str()) && !name.starts_with("xlink:"))
        .cloned()
        .collect()
}

/// Finds an attribute that a Representation inherits: its own, the AdaptationSet's, or that of
/// the SegmentTemplate of either, where some packagers put it.
fn inherited<'a>(levels: &[&'a Place<'a>; 3], name: &str) -> Option<&'a str> {
    let [representation, set, _] = levels;
    [representation, set]
        .into_iter()
        .find_map(|place| place.attribute(name))
        .or_else(|| {
            levels
                .iter()
                .find_map(|place| place.child("SegmentTemplate")?.attribute(name))
        })
}

fn track(
    levels: &[&Place<'_>; 3],
    id: String,
    content: Content,
    found: &addressing::Found,
) -> Result<Track, MpdError> {
    let [representation, set, _] = levels;
    let number = |name| -> Result<Option<u32>, MpdError> {
        let here = representation.parsed(name, "a whole number below 2^32")?;
        match here {
            Some(value) => Ok(Some(value)),
            None => set.parsed(name, "a whole number below 2^32"),
        }
    };
    let mime_type = inherited(levels, "mimeType")
        .map(str::trim)
        .filter(|mime| !mime.is_empty())
        .unwrap_or(match content {
            Content::Video => "video/mp4",
            Content::Audio => "audio/mp4",
            Content::Text => "application/mp4",
            Content::Image => "image/jpeg",
        });
    let elements = kept_elements(representation.element, &DROPPED);
    let channels = channels(representation.element).or_else(|| channels(set.element));
    Ok(Track {
        codecs: inherited(levels, "codecs")
            .unwrap_or_default()
            .trim()
            .to_owned(),
        mime_type: mime_type.to_owned(),
        bandwidth: representation
            .parsed("bandwidth", "a whole number of bits per second")?
            .unwrap_or(0),
        peak_bandwidth: 0,
        average_bandwidth: 0,
        timescale: found.source.timescale,
        size: number("width")?.zip(number("height")?),
        sar: inherited(levels, "sar").and_then(|text| fraction(text, ':')),
        frame_rate: inherited(levels, "frameRate")
            .and_then(|text| fraction(text, '/'))
            .map(|(num, den)| FrameRate { num, den }),
        sampling_rate: inherited(levels, "audioSamplingRate")
            .and_then(|text| text.split_ascii_whitespace().last()?.parse().ok()),
        channels,
        init: found.init.clone(),
        media: found.media.clone(),
        nominal: found.nominal,
        attributes: kept_attributes(representation.element, &TRACK_ATTRIBUTES),
        elements,
        id,
    })
}

/// Reads `30`, `30000/1001`, `16:9` or `29.97` as a fraction of two positive numbers.
fn fraction(text: &str, separator: char) -> Option<(u32, u32)> {
    let text = text.trim();
    let (num, den) = match (text.split_once(separator), text.split_once('.')) {
        (Some((num, den)), _) => (num.trim().parse().ok()?, den.trim().parse().ok()?),
        (None, Some((whole, places))) => {
            let den = 10_u32.checked_pow(u32::try_from(places.len()).ok()?)?;
            (format!("{whole}{places}").parse().ok()?, den)
        }
        (None, None) => (text.parse().ok()?, 1),
    };
    (num > 0 && den > 0).then_some((num, den))
}

/// Counts the channels that an AudioChannelConfiguration announces.
fn channels(parent: &Element) -> Option<u32> {
    parent
        .elements()
        .filter(|element| element.local_name() == "AudioChannelConfiguration")
        .find_map(|element| {
            let value = element.attribute("value")?.trim();
            match element.attribute("schemeIdUri")? {
                "urn:mpeg:dash:23003:3:audio_channel_configuration:2011" => value.parse().ok(),
                CHANNEL_SCHEME => cicp_channels(value.parse().ok()?),
                "tag:dolby.com,2014:dash:audio_channel_configuration:2011"
                | "urn:dolby:dash:audio_channel_configuration:2011" => {
                    dolby_channels(u16::from_str_radix(value, 16).ok()?)
                }
                _ => None,
            }
        })
}

/// Counts the channels of a layout of ISO/IEC 23091-3, table 3.
fn cicp_channels(layout: u32) -> Option<u32> {
    const COUNTS: [u32; 21] = [
        0, 1, 2, 3, 4, 5, 6, 8, 2, 3, 4, 7, 8, 24, 8, 12, 10, 12, 14, 12, 14,
    ];
    COUNTS
        .get(usize::try_from(layout).ok()?)
        .copied()
        .filter(|count| *count > 0)
}

/// Counts the channels of a Dolby channel map (ETSI TS 102 366, table E.1.4), where some bits
/// stand for a pair.
fn dolby_channels(map: u16) -> Option<u32> {
    const PAIRS: u16 = 0b0000_0110_0111_0100;
    Some(map.count_ones() + (map & PAIRS).count_ones()).filter(|count| *count > 0)
}

/// Decides what a set carries: contentType, else mimeType, else codecs.
fn content(levels: &[&Place<'_>; 3]) -> Option<Content> {
    let component = || {
        levels[1]
            .child("ContentComponent")?
            .attribute("contentType")
    };
    let declared = inherited(levels, "contentType").or_else(component);
    let by_type = |text: &str| match text.split('/').next().unwrap_or_default() {
        "video" => Some(Content::Video),
        "audio" => Some(Content::Audio),
        "text" => Some(Content::Text),
        "image" => Some(Content::Image),
        _ => None,
    };
    let mime = inherited(levels, "mimeType").unwrap_or_default().trim();
    declared
        .and_then(by_type)
        .or_else(|| by_type(mime))
        .or_else(|| (mime == "application/ttml+xml").then_some(Content::Text))
        .or_else(|| by_codec(inherited(levels, "codecs")?))
}

fn by_codec(codecs: &str) -> Option<Content> {
    let first = codecs.trim().split(['.', ',', ' ']).next()?;
    Some(match first {
        "avc1" | "avc2" | "avc3" | "avc4" | "hvc1" | "hev1" | "vvc1" | "vvi1" | "av01" | "vp08"
        | "vp09" | "vp8" | "vp9" | "dvh1" | "dvhe" | "dva1" | "dvav" | "dav1" | "mp4v" | "evc1"
        | "lvc1" => Content::Video,
        "mp4a" | "ac-3" | "ec-3" | "ac-4" | "opus" | "Opus" | "flac" | "fLaC" | "alac" | "mhm1"
        | "mhm2" | "mha1" | "mha2" | "dtsc" | "dtse" | "dtsh" | "dtsl" | "dtsx" | "iamf"
        | "vorbis" => Content::Audio,
        "stpp" | "wvtt" | "c608" | "c708" => Content::Text,
        "jpeg" | "png" | "mjpg" => Content::Image,
        _ => return None,
    })
}
