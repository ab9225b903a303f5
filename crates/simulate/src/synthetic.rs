//! Assets made in memory, for tests.

use std::sync::Arc;

use asset::{
    Asset,
    model::{AssetManifest, Kind, Segment, TrackIndex},
};
use bytes::Bytes;
use media::{
    presentation::{Addressing, Content, Nominal, Shape, SwitchingSet, Track},
    template::Template,
    time::{Time, Timescale},
};

/// Makes a track whose segments have these durations, from decode time zero. Its name says what it
/// carries: `A…` audio of 1024-tick frames, `T…` images, else video.
pub(crate) fn track(id: &str, timescale: u32, durations: &[u64]) -> TrackIndex {
    let timescale = Timescale::new(timescale).unwrap();
    let content = match id.as_bytes()[0] {
        b'A' => Content::Audio,
        b'T' => Content::Image,
        _ => Content::Video,
    };
    let (codecs, mime_type) = match content {
        Content::Audio => ("mp4a.40.2", "audio/mp4"),
        Content::Image => ("", "image/jpeg"),
        _ => ("avc1.64001e", "video/mp4"),
    };
    let mut start = 0;
    let segments = durations
        .iter()
        .map(|duration| {
            let segment = Segment {
                start,
                offset: 0,
                duration: *duration,
                size: 0,
                file: 0,
            };
            start += duration;
            segment
        })
        .collect();
    TrackIndex {
        id: id.to_owned(),
        content,
        track: Track {
            id: id.to_owned(),
            codecs: codecs.to_owned(),
            mime_type: mime_type.to_owned(),
            bandwidth: 1000,
            peak_bandwidth: 1000,
            average_bandwidth: 1000,
            timescale,
            size: None,
            sar: None,
            frame_rate: None,
            sampling_rate: None,
            channels: None,
            init: Some(Template::parse("$RepresentationID$/init.mp4").unwrap()),
            media: Template::parse("$RepresentationID$/$Number$.m4s").unwrap(),
            nominal: Nominal {
                duration: start / durations.len().max(1) as u64,
                timescale,
            },
            attributes: Vec::new(),
            elements: Vec::new(),
        },
        timescale,
        init: Bytes::new(),
        edit_media_time: 0,
        origin: 0,
        first_number: 0,
        sample_duration: (content == Content::Audio).then_some(1024),
        encrypted: false,
        segments,
        files: Vec::new(),
    }
}

/// Makes an asset of these tracks, each in a set of its own; the first is the reference.
pub(crate) fn asset(name: &str, tracks: Vec<TrackIndex>) -> Asset {
    let sets = tracks
        .iter()
        .map(|index| SwitchingSet {
            id: None,
            content: index.content,
            lang: None,
            label: None,
            roles: Vec::new(),
            attributes: Vec::new(),
            elements: Vec::new(),
            tracks: vec![index.track.clone()],
        })
        .collect();
    let shape = Shape {
        sets,
        ..Shape::default()
    };
    Asset {
        name: name.to_owned(),
        kind: Kind::Dash,
        folder: std::path::PathBuf::new(),
        version: 1,
        manifests: vec![AssetManifest {
            name: "Manifest.mpd".to_owned(),
            shape: Arc::new(shape),
            addressing: Addressing::Number,
            tracks: (0..tracks.len()).collect(),
        }],
        sources: Vec::new(),
        warnings: Vec::new(),
        duration: tracks[0].duration(),
        reference: 0,
        shortest_mean_segment: Time::from_secs(2),
        tracks: tracks.into_iter().map(Arc::new).collect(),
    }
}
