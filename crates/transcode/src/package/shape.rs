//! The presentation of a result.

use std::sync::Arc;

use media::{
    presentation::{
        Addressing, Content, FrameRate, KeyFrame, Nominal, Presentation, Shape, SwitchingSet,
        Timeline, Track,
    },
    template::Template,
    time::{Round, Time, Timescale},
    xml::Element,
};

use super::{Extent, join::Joined, protect};
use crate::{
    encode::SegmentFacts,
    plan::{Audio, Plan, Text, Thumbnails, Video, VideoCodec},
    text, thumbs,
};

/// Names of media segments; an init segment lies beside them.
const MEDIA: &str = "$RepresentationID$/$Number$.m4s";
const INIT: &str = "$RepresentationID$/init.mp4";
/// Scheme of transfer characteristics, ISO/IEC 23091-2; also what `VIDEO-RANGE` is told by.
const TRANSFER: &str = "urn:mpeg:mpegB:cicp:TransferCharacteristics";
/// Scheme of tiled pictures, DASH-IF IOP 4.3, 6.2.6.
const TILE: &str = "http://dashif.org/guidelines/thumbnail_tile";
/// Transfer characteristics of BT.709.
const BT709: u16 = 1;

/// What manifests a presentation is for. They differ in the form of subtitles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// Playlists: subtitles are WebVTT, which every player of HLS reads.
    Hls,
    /// An MPD: subtitles are TTML in fragmented MP4.
    Dash,
}

/// Describes a result.
pub(super) fn presentation(
    plan: &Plan,
    joined: &[Joined],
    extent: Extent,
    manifests: For,
) -> Presentation {
    let find = |id: &str| joined.iter().find(|of| of.id == id);
    let mut sets = video_sets(plan, joined);
    for (index, audio) in plan.audios.iter().enumerate() {
        let Some(of) = find(&audio.id) else { continue };
        let set = audio_set(plan, audio, of);
        // In playlists the same sound with more or fewer channels is one set, of which each group of
        // renditions has one; in an MPD sets have one kind of track each.
        let same = |other: &Audio| other.stream == audio.stream;
        let known = plan.audios.iter().take(index).position(same);
        match known.filter(|_| manifests == For::Hls) {
            Some(known) => {
                let id = &plan.audios[known].id;
                let place = sets.iter_mut().find(|set| {
                    let mut tracks = set.tracks.iter();
                    tracks.any(|track| track.id == *id)
                });
                if let Some(place) = place {
                    place.tracks.extend(set.tracks);
                }
            }
            None => sets.push(set),
        }
    }
    sets.extend(plan.texts.iter().filter_map(|text| match manifests {
        For::Hls => Some(text_set(plan, text, find(&text::vtt_id(&text.id))?)),
        For::Dash => Some(text_set(plan, text, find(&text.id)?)),
    }));
    sets.extend(plan.thumbnails.iter().filter_map(|thumbnails| {
        let of = find(thumbs::ID)?;
        Some(image_set(plan, thumbnails, of))
    }));
    let mut namespaces = Vec::new();
    if let Some(encryption) = &plan.encryption {
        namespaces = protect::namespaces();
        for set in sets
            .iter_mut()
            .filter(|set| protect::applies_to(set.content))
        {
            set.elements.splice(0..0, protect::descriptors(encryption));
        }
    }
    let ids: Vec<String> = sets
        .iter()
        .flat_map(|set| set.tracks.iter().map(|track| track.id.clone()))
        .collect();
    let in_order = || {
        ids.iter()
            .filter_map(|id| joined.iter().find(|of| of.id == *id))
    };
    let timed = in_order().filter(|of| of.id != thumbs::ID);
    let longest = timed.flat_map(|of| {
        let durations = of.segments.iter().map(|one| one.duration);
        durations.map(|ticks| Time::new(ticks as i64, of.timescale))
    });
    let segment = plan.grid.tick(plan.grid.segment.into());
    let nominal = Timescale::new(plan.grid.timescale)
        .map_or(Time::from_secs(6), |scale| Time::new(segment as i64, scale));
    let shape = Shape {
        min_buffer_time: Some(nominal),
        max_segment_duration: longest.max(),
        namespaces,
        sets,
        ..Shape::default()
    };
    let duration = match extent {
        Extent::Whole => whole(plan),
        Extent::Growing => in_order().map(end).min().unwrap_or(Time::ZERO),
    };
    let timelines = in_order().map(timeline).collect();
    Presentation::complete(
        Arc::new(shape),
        timelines,
        duration,
        Addressing::TimelineNumber,
    )
}

/// Returns how long the plan is.
fn whole(plan: &Plan) -> Time {
    let ticks = plan.grid.tick(plan.grid.frames);
    Timescale::new(plan.grid.timescale).map_or(Time::ZERO, |scale| Time::new(ticks as i64, scale))
}

fn end(joined: &Joined) -> Time {
    let ticks = joined
        .segments
        .last()
        .map_or(0, |last| last.start + last.duration);
    Time::new(ticks as i64, joined.timescale)
}

fn timeline(joined: &Joined) -> Timeline {
    let mut timeline = Timeline {
        first_number: 1,
        ..Timeline::default()
    };
    for segment in &joined.segments {
        timeline.push(segment.start, segment.duration);
        timeline
            .keys
            .extend(segment.keys.iter().map(|key| KeyFrame {
                segment: segment.number,
                offset: key.offset,
                bytes: key.bytes,
                duration: key.duration,
            }));
    }
    timeline
}

/// Players switch within a codec only, so each codec is a set.
fn video_sets(plan: &Plan, joined: &[Joined]) -> Vec<SwitchingSet> {
    let mut sets: Vec<(VideoCodec, u16, SwitchingSet)> = Vec::new();
    for video in &plan.videos {
        let Some(of) = joined.iter().find(|of| of.id == video.id) else {
            continue;
        };
        let colour = of.init.as_ref().and_then(|(_, track)| track.colour);
        let transfer = colour.map_or(BT709, |colour| match colour.transfer {
            // Unspecified means what everybody has.
            0 | 2 => BT709,
            told => told,
        });
        let track = video_track(plan, video, of);
        let found = sets
            .iter_mut()
            .find(|(codec, range, _)| (*codec, *range) == (video.codec, transfer));
        match found {
            Some((_, _, set)) => set.tracks.push(track),
            None => sets.push((video.codec, transfer, video_set(transfer, track))),
        }
    }
    sets.into_iter().map(|(_, _, set)| set).collect()
}

fn video_set(transfer: u16, track: Track) -> SwitchingSet {
    // What only shows right on a display for it has to be understood; the rest may be passed over.
    let name = if matches!(transfer, 16 | 18) {
        "EssentialProperty"
    } else {
        "SupplementalProperty"
    };
    let attributes = [("schemeIdUri", TRANSFER), ("value", &transfer.to_string())];
    SwitchingSet {
        id: None,
        content: Content::Video,
        lang: None,
        label: None,
        roles: vec!["main".to_owned()],
        attributes: set_attributes(),
        elements: vec![Element::new(name, &attributes)],
        tracks: vec![track],
    }
}

/// Every segment begins with a key frame and all tracks are cut at the same times.
fn set_attributes() -> Vec<(String, String)> {
    [("segmentAlignment", "true"), ("startWithSAP", "1")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

fn audio_set(plan: &Plan, audio: &Audio, of: &Joined) -> SwitchingSet {
    let role = if audio.is_default {
        "main"
    } else {
        "alternate"
    };
    SwitchingSet {
        id: None,
        content: Content::Audio,
        lang: audio.language.clone(),
        label: audio.label.clone(),
        roles: vec![role.to_owned()],
        attributes: set_attributes(),
        elements: Vec::new(),
        tracks: vec![track(plan, of, Content::Audio)],
    }
}

fn video_track(plan: &Plan, video: &Video, of: &Joined) -> Track {
    let rate = plan.grid.rate;
    Track {
        size: Some((video.width, video.height)),
        sar: Some((1, 1)),
        frame_rate: Some(FrameRate {
            num: rate.num,
            den: rate.den,
        }),
        ..track(plan, of, Content::Video)
    }
}

fn text_set(plan: &Plan, text: &Text, of: &Joined) -> SwitchingSet {
    let role = match (text.is_forced, text.is_impaired) {
        (true, _) => "forced-subtitle",
        (_, true) => "caption",
        _ => "subtitle",
    };
    let track = track(plan, of, Content::Text);
    let track = match &of.init {
        Some(_) => track,
        None => Track {
            mime_type: "text/vtt".to_owned(),
            init: None,
            media: template("$RepresentationID$/$Number$.vtt"),
            ..track
        },
    };
    SwitchingSet {
        id: None,
        content: Content::Text,
        lang: text.language.clone(),
        label: text.label.clone(),
        roles: vec![role.to_owned()],
        attributes: Vec::new(),
        elements: Vec::new(),
        tracks: vec![track],
    }
}

/// Describes tiles of pictures (DASH-IF IOP 4.3, 6.2.6).
fn image_set(plan: &Plan, thumbnails: &Thumbnails, of: &Joined) -> SwitchingSet {
    let Thumbnails {
        width,
        height,
        columns,
        rows,
        every,
    } = *thumbnails;
    let layout = format!("{columns}x{rows}");
    let tile = [("schemeIdUri", TILE), ("value", layout.as_str())];
    let frames = u64::from(every) * u64::from(columns) * u64::from(rows);
    SwitchingSet {
        id: None,
        content: Content::Image,
        lang: None,
        label: None,
        roles: Vec::new(),
        attributes: Vec::new(),
        elements: Vec::new(),
        tracks: vec![Track {
            mime_type: "image/jpeg".to_owned(),
            size: Some((width * columns, height * rows)),
            init: None,
            media: template("$RepresentationID$/$Number$.jpg"),
            nominal: Nominal {
                duration: plan.grid.tick(frames),
                timescale: of.timescale,
            },
            elements: vec![Element::new("EssentialProperty", &tile)],
            ..track(plan, of, Content::Image)
        }],
    }
}

fn track(plan: &Plan, of: &Joined, content: Content) -> Track {
    let known = of.init.as_ref().map(|(_, track)| track);
    let rates = Rates::of(&of.segments, of.timescale);
    Track {
        id: of.id.clone(),
        codecs: known.map_or_else(String::new, |known| known.codec.clone()),
        mime_type: match content {
            Content::Video => "video/mp4",
            Content::Audio => "audio/mp4",
            Content::Text | Content::Image => "application/mp4",
        }
        .to_owned(),
        bandwidth: rates.peak.max(1),
        peak_bandwidth: rates.peak.max(1),
        average_bandwidth: rates.average.max(1),
        timescale: of.timescale,
        size: None,
        sar: None,
        frame_rate: None,
        sampling_rate: known.and_then(|known| known.sampling_rate),
        channels: known.and_then(|known| known.channels),
        init: Some(template(INIT)),
        media: template(MEDIA),
        nominal: Nominal {
            duration: plan.grid.tick(plan.grid.segment.into()),
            timescale: Timescale::new(plan.grid.timescale).unwrap_or(of.timescale),
        },
        attributes: Vec::new(),
        elements: Vec::new(),
    }
}

fn template(text: &str) -> Template {
    Template::parse(text).expect("names of ours have no `$` but in identifiers")
}

/// Bits a second, as measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rates {
    pub(super) peak: u64,
    pub(super) average: u64,
}

impl Rates {
    /// Measures segments. The peak is that of any run of segments that lasts half to one and a half of
    /// the longest (RFC 8216bis, 4.4.6.2): a short last one counts with those before it only.
    fn of(segments: &[SegmentFacts], scale: Timescale) -> Self {
        let longest = segments.iter().map(|one| one.duration).max().unwrap_or(0);
        let (mut bytes, mut ticks, mut peak) = (0_u64, 0_u64, 0_u64);
        for (index, segment) in segments.iter().enumerate() {
            bytes += segment.bytes;
            ticks += segment.duration;
            let (mut of_run, mut lasts) = (0_u64, 0_u64);
            for next in &segments[index..] {
                of_run += next.bytes;
                lasts += next.duration;
                if lasts * 2 > longest * 3 {
                    break;
                }
                if lasts * 2 >= longest {
                    peak = peak.max(rate(of_run, lasts, scale));
                }
            }
        }
        Self {
            peak,
            average: rate(bytes, ticks, scale),
        }
    }
}

/// Returns bits a second, rounded up.
pub(super) fn rate(bytes: u64, ticks: u64, scale: Timescale) -> u64 {
    let bits = i64::try_from(bytes.saturating_mul(8)).unwrap_or(i64::MAX);
    let ticks = i64::try_from(ticks.max(1)).unwrap_or(i64::MAX);
    media::time::mul_div(bits, scale.get().into(), ticks, Round::Up).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_last_segment_counts_with_those_before_it() {
        let segment = |duration, bytes| SegmentFacts {
            number: 1,
            start: 0,
            duration,
            frames: 1,
            bytes,
            keys: Vec::new(),
        };
        let rates = |all: &[SegmentFacts]| {
            let rates = Rates::of(all, Timescale::SECONDS);
            (rates.peak, rates.average)
        };
        assert_eq!(rates(&[segment(6, 600), segment(6, 900)]), (1200, 1000));
        // By itself the last one would have four times the rate; both last 8 s.
        assert_eq!(rates(&[segment(6, 600), segment(2, 800)]), (1400, 1400));
        assert_eq!(rates(&[segment(6, 900), segment(2, 0)]), (1200, 900));
        assert_eq!(rates(&[]), (0, 0));
    }
}
