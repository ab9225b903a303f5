//! What does not move with time: from settings and init segments to a [`Shape`].

use std::sync::Arc;

use media::{
    presentation::{Content, Nominal, Shape, SwitchingSet, Track},
    template::Template,
    time::Timescale,
};

use super::{SetSettings, Settings, TrackSettings, track::Rates};
use crate::packager::Init;

/// Names of media segments; an init segment lies beside them.
const MEDIA: &str = "$RepresentationID$/$Number$.m4s";

/// Returns the shape before anything is known of the media: ids and names of segments.
pub(super) fn plain(settings: &Settings) -> Shape {
    with(settings, |_| None, |_| Rates::default())
}

/// Returns the shape of a stretch.
pub(super) fn with<'a>(
    settings: &Settings,
    init: impl Fn(usize) -> Option<&'a Arc<Init>>,
    rates: impl Fn(usize) -> Rates,
) -> Shape {
    let mut number = 0;
    let mut next = |set: &SetSettings, of: &TrackSettings| {
        let made = track(
            settings,
            set,
            of,
            init(number).map(AsRef::as_ref),
            rates(number),
        );
        number += 1;
        made
    };
    Shape {
        min_buffer_time: Some(settings.segment),
        max_segment_duration: Some(settings.longest),
        sets: settings
            .sets
            .iter()
            .map(|set| SwitchingSet {
                id: None,
                content: set.content,
                lang: set.lang.clone(),
                label: set.label.clone(),
                roles: set.roles.clone(),
                attributes: vec![("segmentAlignment".to_owned(), "true".to_owned())],
                elements: Vec::new(),
                tracks: set.tracks.iter().map(|of| next(set, of)).collect(),
            })
            .collect(),
        ..Shape::default()
    }
}

fn track(
    settings: &Settings,
    set: &SetSettings,
    of: &TrackSettings,
    init: Option<&Init>,
    rates: Rates,
) -> Track {
    let known = init.map(|init| &init.track);
    let nominal = settings.segment;
    let name = init.map_or("init.mp4", |init| init.name.as_str());
    Track {
        id: of.id.clone(),
        codecs: known.map_or_else(String::new, |known| known.codec.clone()),
        mime_type: content_type(set.content).to_owned(),
        bandwidth: of.bandwidth.max(rates.declared()).max(1),
        peak_bandwidth: of.peak_bandwidth.max(rates.peak),
        average_bandwidth: of.bandwidth.max(rates.average),
        timescale: known.map_or(Timescale::literal(90_000), |known| known.timescale),
        size: known.and_then(|known| known.size),
        sar: known.and_then(|known| known.sar),
        frame_rate: of
            .frame_rate
            .or(known.and_then(|known| known.frame_rate_hint)),
        sampling_rate: known.and_then(|known| known.sampling_rate),
        channels: known.and_then(|known| known.channels),
        init: Some(template(&format!("$RepresentationID$/{name}"))),
        media: template(MEDIA),
        nominal: Nominal {
            duration: u64::try_from(nominal.ticks).unwrap_or(0),
            timescale: nominal.scale,
        },
        attributes: Vec::new(),
        elements: Vec::new(),
    }
}

/// Type of the segments of a kind of track.
pub(super) fn content_type(content: Content) -> &'static str {
    match content {
        Content::Video => "video/mp4",
        Content::Audio => "audio/mp4",
        Content::Text | Content::Image => "application/mp4",
    }
}

fn template(text: &str) -> Template {
    Template::parse(text).expect("names of ours have no `$` but in identifiers")
}
